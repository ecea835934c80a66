package gateway

import (
	"errors"
	"io"
	"os"

	"github.com/hopwire/hopwire/cmd/edge/internal/tap"
	"github.com/hopwire/hopwire/shared/loop"
)

// A stream is one direction of a tunnel:
//
//	await ─► read ─► write ─► await ─► ... end of stream ─► closed for writing on the other side
//	      └► splice ────────┘
//
// It is the task that does this, and the handler of the connection that it reads.
type stream struct {
	tunnel   *tunnel
	other    *stream
	from, to *loop.Conn
	buffer   *loop.Buffer // what is still to be written; nil when there is nothing
	octets   int64        // that were written
	state    streamState
	inbound  bool // it goes to the origin
	writing  bool
	bulk     bool // the last read found as much as it had room for
}

// A streamState is how far a stream has come.
type streamState uint8

const (
	flowing streamState = iota
	ended               // its end was read, and carried over
	lost                // it has octets that the other side does not take
)

// Run is the stream's task.
func (s *stream) Run() {
	defer s.tunnel.left(s)
	for !s.tunnel.resting && !s.tunnel.over && s.step() {
	}
}

// step reads once and writes what was read.
func (s *stream) step() bool {
	if s.buffer == nil {
		if err := s.await(); err != nil {
			return s.notRead(err)
		}
		if x := s.tunnel.exchange; s.bulk && x.gateway.tap == nil && !x.unspliced {
			return s.splice()
		}
		if err := s.read(); err != nil {
			return s.notRead(err)
		}
	}
	return s.write()
}

// await waits until there is something to read. A buffer is borrowed only then.
func (s *stream) await() error {
	for {
		s.from.ReadDeadline(s.from.Loop().Now().Add(s.tunnel.restAfter()))
		err := s.from.WaitReadable()
		if err != os.ErrDeadlineExceeded || s.tunnel.quiet() {
			return err
		}
	}
}

func (s *stream) read() error {
	s.buffer = s.from.Loop().Buffer()
	n, err := s.buffer.FillFrom(s.from)
	s.record(s.from, s.buffer.Unread(), err)
	if err != nil {
		s.release()
		return err
	}
	s.bulk = n == loop.BufferSize
	s.tunnel.touch()
	return nil
}

// write writes what the buffer holds, which may take longer than the timeout as
// long as it gets on.
func (s *stream) write() bool {
	for s.buffer.Len() > 0 {
		s.writing = true
		n, err := s.to.WriteOnce(s.buffer.Unread())
		s.writing = false
		s.record(s.to, s.buffer.Unread()[:n], nil)
		s.buffer.Consume(n)
		s.count(int64(n))
		if err != nil {
			return s.notWritten(err)
		}
	}
	s.release()
	return true
}

// splice moves octets from socket to socket, when there are so many of them that
// this is cheaper than to copy them.
func (s *stream) splice() bool {
	var pipe loop.Splice
	defer pipe.End()
	n, err := pipe.From(s.from, spliceOctets)
	switch {
	case noPipe(err):
		s.tunnel.exchange.unspliced = true
		return true
	case err != nil:
		return s.notRead(err)
	}
	s.bulk = n >= loop.BufferSize
	s.tunnel.touch()
	for pipe.Held() > 0 {
		s.writing = true
		n, err := pipe.To(s.to)
		s.writing = false
		s.count(int64(n))
		if err != nil {
			return s.notWritten(err)
		}
	}
	return true
}

// count is told of octets that were written.
func (s *stream) count(n int64) {
	if n == 0 {
		return
	}
	s.octets += n
	s.tunnel.touch()
	c := &s.tunnel.exchange.gateway.counters
	if s.inbound {
		c.TunnelInbound += uint64(n)
	} else {
		c.TunnelOutbound += uint64(n)
	}
}

func (s *stream) release() {
	if s.buffer != nil {
		s.buffer.Release()
		s.buffer = nil
	}
}

// notRead says what it means that reading gave nothing.
func (s *stream) notRead(err error) bool {
	switch {
	case s.tunnel.resting || s.tunnel.over:
	case errors.Is(err, os.ErrDeadlineExceeded):
		return true // the loop was told of octets that were not there
	case err == io.EOF:
		s.end()
	default:
		s.cut()
	}
	return false
}

// end carries the end of the stream over.
func (s *stream) end() {
	s.state = ended
	s.to.CloseWrite() // if that fails, the other stream meets the failure too
	s.tunnel.finish()
}

// notWritten says what it means that the other side does not take an octet. It
// may have sent something before it stopped reading, so the other stream goes on
// until that is read.
func (s *stream) notWritten(err error) bool {
	switch {
	case s.tunnel.over:
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.tunnel.cut(TunnelIdle)
	default:
		s.state = lost
		s.tunnel.finish()
		if !s.inbound {
			s.tunnel.hurry()
		}
	}
	return false
}

// cut ends the tunnel because the side that the stream comes from has reset it.
func (s *stream) cut() {
	if s.inbound {
		s.tunnel.cut(ClientReset)
	} else {
		s.tunnel.cut(TunnelReset)
	}
}

// Readable is called when a resting tunnel gets something to do.
func (s *stream) Readable(*loop.Conn) { s.tunnel.begin() }

// Expired is called when nothing has gone by for the timeout.
func (s *stream) Expired(*loop.Conn) { s.tunnel.cut(TunnelIdle) }

// Aborted is called when the side that the stream comes from resets it. If the
// tunnel rests, what arrived before is read first.
func (s *stream) Aborted(*loop.Conn) {
	if s.tunnel.tasks == 0 && s.state == flowing {
		s.tunnel.begin()
	} else {
		s.cut()
	}
}

// record tells the recording, if there is one, of octets read or written on c.
func (s *stream) record(c *loop.Conn, octets []byte, err error) {
	x := s.tunnel.exchange
	if x.gateway.tap == nil {
		return
	}
	flow, data := x.client.flow, (*tap.Tap).Outbound
	if c == x.origin.Conn {
		flow = x.origin.Flow
	}
	if s.inbound {
		data = (*tap.Tap).Inbound
	}
	data(x.gateway.tap, flow, octets, "")
	x.gateway.tap.PeerEnded(flow, err)
}
