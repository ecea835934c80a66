package server

import (
	"io"
	"os"

	"github.com/hopwire/hopwire/cmd/origin/internal/upload"
	"github.com/hopwire/hopwire/shared/wire"
)

// maxDiscard is how many octets of content nobody asked for are read to save
// the connection.
const maxDiscard = 256 << 10

// disregardContent is called before the head of a response is made that does
// not depend on the request's content. It ends the persistence of the
// connection if the content is known to be more than will be discarded, or if
// it may never come: a client that expects 100 Continue need not send it after
// another response (RFC 9110 section 10.1.1), and then its next request would
// be taken for content.
func (x *exchange) disregardContent() {
	if x.framing.Kind != wire.None && (x.framing.Length > maxDiscard || !x.body.Done() && x.expects100()) {
		x.persists = false
	}
}

// expects100 says whether the client waits for 100 Continue before it sends
// content. HTTP/1.0 does not know the field.
func (x *exchange) expects100() bool {
	_, ok := x.head.Field(wire.FieldExpect)
	return ok && x.head.Minor > 0
}

// expectsOther says whether the client expects something that we do not know,
// and therefore do not do (417, RFC 9110 section 10.1.1).
func (x *exchange) expectsOther() bool {
	value, ok := x.head.Field(wire.FieldExpect)
	return ok && x.head.Minor > 0 && !wire.EqualFold(value, "100-continue")
}

// invite has a client that waits for it send its content.
func (x *exchange) invite() {
	if !x.body.Done() && x.in.Len() == 0 && x.expects100() {
		x.out = append(x.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
	}
}

// settle ends an exchange whose response was made; err is what was wrong with
// sending it. Content that nobody has read is discarded if it is not too much.
func (x *exchange) settle(err error) outcome {
	end := endOf(err)
	if x.strike != nil {
		end, err = x.endStrike(err)
	}
	x.account(end)
	if err != nil {
		x.endBy(ClientReset) // if nothing else is known
		return x.broken(err)
	}
	if x.persists && x.body.Done() {
		return onward
	}
	if x.persists {
		return x.discard()
	}
	x.endBy(x.whyLast())
	if x.last && x.body.Done() && x.in.Len() == 0 && !x.conn.Readable() {
		return x.flushed(hangUp)
	}
	return x.flushed(linger)
}

// discard reads what is left of the request's content. The response has been
// sent, so the only answer to content that is malformed or too long is the end
// of the connection.
func (x *exchange) discard() outcome {
	for read := 0; read <= maxDiscard; {
		part, err := x.readPart()
		if err == io.EOF {
			return x.flushed(hangUp)
		}
		if err != nil {
			break
		}
		x.in.Consume(len(part))
		if x.body.Done() {
			return onward
		}
		read += len(part)
	}
	x.endBy(RequestUnread)
	return x.flushed(linger)
}

// whyLast is why a connection does not persist.
func (x *exchange) whyLast() Cause {
	switch {
	case x.last:
		return ClientAsked
	case x.planned != Broken:
		return x.planned
	case x.worker.draining:
		return Drained
	}
	return RequestUnread
}

// readPart gives the next octets of the request's body, unconsumed: at least
// one, unless the body is complete. What is pending is written before it waits.
func (x *exchange) readPart() ([]byte, error) {
	if err := x.awaitBody(); err != nil {
		return nil, err
	}
	n, unread := 0, x.in.Unread()
	for {
		content, taken, done, err := x.body.Content(unread[n:])
		n += taken
		if err == nil {
			err = x.count(content)
		}
		if err != nil {
			x.endBy(Refused)
		}
		if done || err != nil || n == len(unread) {
			return unread[:n], err
		}
	}
}

// readContent gives the next bytes of the request's content, consumed, without the
// framing: at least one, unless the content is complete. They are the caller's until
// it reads again.
func (x *exchange) readContent() ([]byte, error) {
	for !x.body.Done() {
		if err := x.awaitBody(); err != nil {
			return nil, err
		}
		unread, kept := x.in.Unread(), 0
		for x.in.Len() > 0 && !x.body.Done() {
			content, taken, _, err := x.body.Content(x.in.Unread())
			x.in.Consume(taken)
			if err == nil {
				err = x.count(content)
			}
			if err != nil {
				x.endBy(Refused)
				return nil, err
			}
			kept += copy(unread[kept:], content)
		}
		if kept > 0 {
			return unread[:kept], nil
		}
	}
	return nil, nil
}

// count counts bytes of content.
func (x *exchange) count(content []byte) error {
	x.came += int64(len(content))
	if x.most > 0 && x.came > x.most {
		return upload.ErrTooLarge
	}
	return nil
}

// awaitBody waits until bytes of the body are there, or it is complete. What is
// pending is written before.
func (x *exchange) awaitBody() error {
	for x.in.Len() == 0 && !x.body.Done() {
		if err := x.flush(); err != nil {
			return err
		}
		if err := x.fillBody(); err != nil {
			return err
		}
	}
	return nil
}

// turnDown answers a request by its head alone.
func (x *exchange) turnDown(status int) outcome {
	x.disregardContent()
	x.answerEmpty(status)
	return x.settle(nil)
}

// refuseBody answers a request whose content could not be read, or is not taken, when
// nothing of the response has been sent yet.
func (x *exchange) refuseBody(err error) outcome {
	switch err {
	case io.EOF:
		return x.flushed(hangUp)
	case os.ErrDeadlineExceeded:
		return x.refuse(408)
	}
	switch err := err.(type) {
	case *wire.Error:
		return x.refuseBy(err)
	case *upload.Error:
		x.persists = x.persists && x.body.Done()
		x.answerEmpty(err.Status)
		return x.settle(nil)
	}
	return x.broken(err)
}

// minProgress is how many octets of content have to come within BodyTimeout, so
// that a client cannot hold a connection with one octet a minute.
const minProgress = 1 << 10

func (x *exchange) fillBody() error {
	if x.owed <= 0 {
		x.owed = minProgress
		x.by = x.worker.loop.Now().Add(x.worker.config.BodyTimeout)
	}
	err := x.fill(x.by)
	x.owed -= x.in.Len()
	if err != nil {
		x.endBy(notRead(err))
	}
	return err
}
