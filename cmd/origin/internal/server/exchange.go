package server

import (
	"io"
	"os"

	"github.com/hopwire/hopwire/cmd/origin/internal/fault"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// An exchange is what a task works with: the requests that a connection has for
// us at the moment, and their responses. It is used again for other connections.
type exchange struct {
	worker *worker
	client *client
	conn   *loop.Conn
	in     *loop.Buffer // what was read; the octets before Unread still hold the head
	out    []byte       // responses, or parts of one, that are not written yet
	vector [2][]byte

	head     wire.RequestHead
	framing  wire.Framing
	body     wire.BodyScanner
	came     int64  // bytes of its content
	most     int64  // that may come; 0: any number
	scratch  []byte // the path, decoded
	begun    loop.Time
	open     bool  // the request is not over, as far as is counted
	why      Cause // the connection is closed; Broken: no reason is known yet
	planned  Cause // the one that the response is a reason for; Broken: it is none
	last     bool  // the client says that it sends no further request
	persists bool  // the connection does, as far as is known

	// The client's time for the octets of content that it owes.
	owed int
	by   loop.Time

	// What strikes the response; nil: nothing does.
	strike *fault.Strike
	ending outcome // of the connection, if the strike has ended it

	// For the access log.
	line        []byte // the request line
	traceparent []byte // by what it belongs to a trace; empty: it does not, or the log does not say
	status      int
	sent        int64     // octets of content
	struckBy    string    // the fault's name; empty: none
	broke       wire.Rule // the rule that the request broke; empty: none
}

const (
	// gather is how many octets of responses to pipelined requests are
	// collected for one write.
	gather = 16 << 10
	// maxOut is how far out may have grown to be used again.
	maxOut = 64 << 10
)

// serve answers requests until there is nothing more to read.
func (x *exchange) serve() outcome {
	for {
		if o := x.readHead(); o != onward {
			return o
		}
		o := x.respond()
		x.giveUp()
		if o != onward {
			return o
		}
		if x.in.Len() == 0 {
			return x.flushed(onward)
		}
	}
}

// readHead reads until there is a whole request head. Its octets are consumed,
// but stay where they are until fill is called the next time.
func (x *exchange) readHead() outcome {
	x.begun = x.worker.loop.Now()
	by := x.begun.Add(x.worker.config.HeadTimeout)
	seen := 0
	for {
		if x.in.Len() > 0 {
			n, err := wire.ParseRequestHead(x.in.Unread(), seen, &x.head)
			if err == nil {
				x.in.Consume(n)
				return onward
			}
			if err != wire.ErrIncomplete {
				// Where the next request would begin nobody knows, so there is none.
				x.nameless()
				return x.refuseBy(err)
			}
			if o := x.flushed(onward); o != onward {
				return o
			}
		}
		seen = x.in.Len()
		if err := x.fill(by); err != nil {
			return x.headEnds(err)
		}
	}
}

// headEnds decides what to do when no more octets of a head come.
func (x *exchange) headEnds(err error) outcome {
	late, begun := err == os.ErrDeadlineExceeded, x.in.Len() > 0
	switch {
	case late && begun:
		x.nameless()
		return x.refuse(408)
	case late:
		x.endBy(ClientIdle)
	case err == io.EOF && !begun:
		x.endBy(ClientClosed)
	default:
		x.endBy(notRead(err))
	}
	if begun {
		x.received(methodUnread)
		x.giveUp()
	}
	return hangUp
}

// refuse answers with an error and closes the connection.
func (x *exchange) refuse(status int) outcome {
	x.persists = false
	x.answerEmpty(status)
	if x.strike != nil {
		if _, err := x.endStrike(nil); err != nil {
			x.account(Declined)
			return x.broken(err)
		}
	}
	x.account(Declined)
	if status == 408 {
		x.endBy(RequestStalled)
	}
	x.endBy(Refused)
	return x.flushed(linger)
}

// refuseBy answers as wire would, and the log has the rule that was broken.
func (x *exchange) refuseBy(err error) outcome {
	e, ok := err.(*wire.Error)
	if !ok {
		return x.refuse(400)
	}
	x.broke = e.Rule
	x.worker.counters.countRule(e.Rule)
	return x.refuse(e.Status)
}

// minSpace is the room for a read below which it is better to move what is
// unread to the front.
const minSpace = 4 << 10

// fill reads once. It may move the unread octets, and then those of the head
// are lost.
func (x *exchange) fill(by loop.Time) error {
	if x.in.Len() == 0 || len(x.in.Space()) < minSpace {
		x.in.Compact()
	}
	x.conn.ReadDeadline(by)
	n, err := x.in.FillFrom(x.conn)
	x.worker.counters.BytesIn += uint64(n)
	return err
}

// flushed writes what is pending before the connection comes to its outcome.
func (x *exchange) flushed(o outcome) outcome {
	if err := x.flush(); err != nil {
		return x.broken(err)
	}
	return o
}

// flush writes what is pending.
func (x *exchange) flush() error {
	if len(x.out) == 0 {
		return nil
	}
	err := x.write(x.out)
	x.out = x.out[:0]
	return err
}

// put sends p behind what is pending. If more requests wait in the buffer, a
// small p waits for their responses: they travel together. The octets of p are
// not needed any longer when put returns.
func (x *exchange) put(p []byte) error {
	if len(x.out) == 0 && (x.in.Len() == 0 || len(p) >= gather) {
		return x.write(p)
	}
	if len(x.out)+len(p) <= gather {
		x.out = append(x.out, p...)
		return nil
	}
	if x.strike != nil {
		if err := x.flush(); err != nil {
			return err
		}
		return x.write(p)
	}
	x.writeSoon()
	x.vector = [2][]byte{x.out, p}
	n, err := x.conn.Writev(x.vector[:])
	x.vector = [2][]byte{}
	x.out = x.out[:0]
	return x.wrote(int64(n), err)
}

func (x *exchange) write(p []byte) error {
	if x.strike != nil {
		return x.do(x.strike.Pass(p))
	}
	x.writeSoon()
	n, err := x.conn.Write(p)
	return x.wrote(int64(n), err)
}

// writeSoon gives the client a new term for accepting the next octets.
func (x *exchange) writeSoon() {
	x.conn.WriteDeadline(x.worker.loop.Now().Add(x.worker.config.WriteTimeout))
}
