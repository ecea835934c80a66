package server

import (
	"io"
	"os"

	"github.com/hopwire/hopwire/cmd/origin/internal/study"
	"github.com/hopwire/hopwire/shared/wire"
)

// openWebSocket switches protocols and sends every message back while it comes, until
// one side closes. No more of a message is held than fits a buffer, so a message may
// come back in more frames than it was sent in.
func (x *exchange) openWebSocket(a *study.Answer) error {
	x.persists, x.planned = false, TunnelEnded // it is HTTP no longer
	x.begin(a.Status)
	x.appendFields(a.Fields)
	x.out = wire.AppendHeadEnd(x.out)
	err := x.echoMessages()
	if failure, ok := err.(*study.Failure); ok {
		x.out = study.AppendClose(x.out, failure)
		return x.flush()
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// echoMessages returns nil when the client has closed the WebSocket and has been
// answered, and a *study.Failure when it is to be told why it is closed.
func (x *exchange) echoMessages() error {
	var messages study.Messages
	for {
		f, err := x.readFrame(&messages)
		switch {
		case err != nil:
			return err
		case !f.Opcode.Control():
			if err := x.echoFrame(&messages, &f); err != nil {
				return err
			}
		default:
			if err := x.control(&f); err != nil || f.Opcode == study.CloseFrame {
				return err
			}
		}
	}
}

// readFrame reads the header of the next frame.
func (x *exchange) readFrame(messages *study.Messages) (study.Frame, error) {
	for {
		f, n, err := messages.Begin(x.in.Unread())
		if err != nil || n > 0 {
			x.in.Consume(n)
			return f, err
		}
		if err := x.fillFrame(); err != nil {
			return f, err
		}
	}
}

// fillFrame reads once, after what is pending was written.
func (x *exchange) fillFrame() error {
	if err := x.flush(); err != nil {
		return err
	}
	err := x.fill(x.worker.loop.Now().Add(x.worker.config.IdleTimeout))
	if err == os.ErrDeadlineExceeded {
		return &study.Failure{Code: 1001, Reason: "nothing came for too long"}
	}
	return err
}

// echoFrame sends the payload of a frame back, piece by piece.
func (x *exchange) echoFrame(messages *study.Messages, f *study.Frame) error {
	opcode := f.Opcode
	for at, more := int64(0), true; more; opcode = study.Continuation {
		if x.in.Len() == 0 && f.Length > 0 {
			if err := x.fillFrame(); err != nil {
				return err
			}
		}
		part := x.in.Unread()
		part = part[:min(int64(len(part)), f.Length-at)]
		x.in.Consume(len(part))
		f.Unmask(part, at)
		at += int64(len(part))
		more = at < f.Length
		if err := messages.Payload(part, f.Fin && !more); err != nil {
			return err
		}
		x.out = study.AppendFrame(x.out, f.Fin && !more, opcode, len(part))
		if err := x.put(part); err != nil {
			return err
		}
		x.sent += int64(len(part))
	}
	return nil
}

// control answers a ping or a close.
func (x *exchange) control(f *study.Frame) (err error) {
	for int64(x.in.Len()) < f.Length {
		if err := x.fillFrame(); err != nil {
			return err
		}
	}
	payload := x.in.Unread()[:f.Length]
	x.in.Consume(len(payload))
	f.Unmask(payload, 0)
	answer := study.Pong
	switch f.Opcode {
	case study.Pong:
		return nil
	case study.CloseFrame:
		answer = study.CloseFrame
		if payload, err = study.Closing(payload); err != nil {
			return err
		}
	}
	x.out = study.AppendFrame(x.out, true, answer, len(payload))
	return x.put(payload)
}
