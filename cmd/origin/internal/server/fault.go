package server

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/origin/internal/fault"
	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/cmd/origin/internal/study"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// Faults are the numbers of strikes by the faults' names. Any goroutine may ask.
func (s *Server) Faults() map[string]uint64 {
	if s.config.Faults == nil {
		return nil
	}
	return s.config.Faults.Counts()
}

// meetFault has a fault strike the response, if one is to. Some answer at once.
func (x *exchange) meetFault() (o outcome, answered bool) {
	f, err := x.chooseFault()
	if err != nil {
		return x.refuseWith(400, err.Error()), true
	}
	if f == nil {
		return onward, false
	}
	if err := x.flush(); err != nil { // the responses before it are as they should be
		return abort, true
	}
	x.strike = f.Strike(x.head.Method, x.head.Minor)
	if f.Answer == 0 {
		return onward, false
	}
	return x.answerAfter(f.Answer, f.AnswerAfter), true
}

// chooseFault asks the connection, the request and the script in this order.
func (x *exchange) chooseFault() (f *fault.Fault, err error) {
	c := x.client
	c.requests++
	if c.fault != nil {
		if f := c.fault.Last(int64(c.requests)); f != nil {
			return f, nil
		}
	}
	path, query := x.target()
	if x.scratch, err = site.AppendPath(x.scratch[:0], path); err == nil {
		path = x.scratch
	}
	if x.worker.config.Study && below(path, study.Path) {
		if text := faultsAskedFor(query); text != "" {
			return x.worker.faults.Query(text)
		}
	}
	return x.worker.faults.Response(x.head.Method, path, int64(c.requests), x.worker.age()), nil
}

// faultsAskedFor is what the parameter fault says, decoded.
func faultsAskedFor(query []byte) string {
	var asked []string
	for parameter := range bytes.SplitSeq(bytes.TrimPrefix(query, []byte("?")), []byte("&")) {
		if text, ok := strings.CutPrefix(string(parameter), "fault="); ok {
			if decoded, err := url.QueryUnescape(text); err == nil {
				text = decoded
			}
			asked = append(asked, text)
		}
	}
	return strings.Join(asked, ";")
}

// refuseWith is refuse with a line of text for the content.
func (x *exchange) refuseWith(status int, text string) outcome {
	x.persists = false
	x.begin(status)
	x.out = wire.AppendField(x.out, "Content-Type", "text/plain; charset=utf-8")
	x.out = wire.AppendFieldInt(x.out, "Content-Length", int64(len(text)+len("\n")))
	x.endHead()
	if !x.head.Is("HEAD") {
		x.out = append(append(x.out, text...), '\n')
		x.sent = int64(len(text) + len("\n"))
	}
	x.account(Declined)
	x.endBy(Refused)
	return x.flushed(linger)
}

// answerAfter answers when that much of the content was read, or all of it.
func (x *exchange) answerAfter(status int, read int64) outcome {
	if read > 0 {
		x.invite()
	}
	for read > 0 && !x.body.Done() {
		part, err := x.readPart()
		if err != nil {
			return x.refuseBody(err)
		}
		x.in.Consume(len(part))
		read -= int64(len(part))
	}
	x.disregardContent()
	x.answerEmpty(status)
	return x.settle(nil)
}

// errStruck says that a fault has ended the response, and with it the connection.
var errStruck = errors.New("a fault has ended the response")

// do takes a strike's steps.
func (x *exchange) do(steps iter.Seq[fault.Step]) (err error) {
	for step := range steps {
		switch step.Kind {
		case fault.Write:
			x.writeSoon()
			var n int
			n, err = x.conn.Write(step.Bytes)
			err = x.wrote(int64(n), err)
		case fault.Wait:
			err = x.waitUntil(x.worker.loop.Now().Add(step.Time))
		case fault.FIN:
			x.ending, err = cut, errStruck
		case fault.Reset:
			x.ending, err = abort, errStruck
		case fault.Stop:
			x.ending, err = hold, errStruck
		}
		if err == errStruck {
			x.endBy(Faulted)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// endStrike does what is left to do when the response was made, with err if
// something was wrong with sending it, and tells what the request has come to.
func (x *exchange) endStrike(err error) (RequestEnd, error) {
	if err == nil {
		err = x.flush()
	}
	end := endOf(err)
	if err == nil {
		err = x.do(x.strike.End())
	}
	x.sent = x.strike.Sent()
	if x.strike.Struck() {
		x.strike.Count()
		x.struckBy = x.strike.Name()
	}
	if !x.strike.Begun() {
		x.status = 0
	}
	x.strike = nil
	return end, err
}

// broken is what becomes of a connection after err.
func (x *exchange) broken(err error) outcome {
	if err == errStruck {
		return x.ending
	}
	return abort
}

// sendRead sends a piece of a file as sendfile would, but through the strike.
func (x *exchange) sendRead(f *site.File, offset, length int64) (int64, error) {
	piece := make([]byte, min(length, gather))
	n, err := f.Source().ReadAt(piece, offset)
	if n == 0 && err != nil {
		return 0, x.wrote(0, io.ErrUnexpectedEOF)
	}
	return int64(n), x.write(piece[:n])
}

// age is how long the worker has been there.
func (w *worker) age() time.Duration { return w.loop.Now().Sub(w.began) }

// welcome does what a script wants to happen to a connection from the beginning, and
// reports whether it did.
func (c *client) welcome() bool {
	c.fault = c.worker.faults.Connection(c.worker.age())
	switch f := c.fault; {
	case f == nil:
		return false
	case f.Refuse:
		c.account(0) // before the client can know
		c.worker.left(c.conn, Faulted)
		c.conn.Reset()
		return true
	case f.NeverRead:
		c.worker.busy++
		c.worker.loop.Go(loop.Func(func() { c.follow(hold, Faulted) }))
	case f.SlowAccept > 0:
		c.worker.busy++
		c.worker.loop.After(f.SlowAccept, func() { c.follow(onward, Broken) })
	default:
		return false
	}
	c.account(0)
	return true
}

// meetsEnd decides the stale race: it ends a connection that was idle just as a
// request comes in, which nobody reads. The client sees what it would see if the
// server had closed while the request was on its way: FIN, and RST for what came
// behind that, or RST alone. Only in the numbers that TCP acknowledges it could be
// told, and these no program sees.
func (c *client) meetsEnd() bool {
	if !c.used || c.conn.Ended() || !c.worker.faults.Stale(c.fault) {
		return false
	}
	c.account(0)
	c.worker.busy++
	if c.fault.StaleReset {
		c.follow(abort, Faulted)
	} else {
		c.follow(cut, Faulted)
	}
	return true
}

// actIdle is the task for what happens on an idle connection.
func (c *client) actIdle() {
	switch c.fault.IdleAct {
	case fault.IdleReset:
		c.account(0)
		c.follow(abort, Faulted)
	case fault.IdleTimeout:
		c.account(408)
		c.say(408, "Content-Length: 0\r\nConnection: close\r\n\r\n")
		c.follow(cut, Faulted)
	case fault.IdleResponse:
		c.account(200)
		if c.say(200, "Content-Length: 8\r\n\r\nunasked\n") != nil {
			c.follow(abort, ClientReset)
			return
		}
		c.follow(onward, Broken)
	default:
		c.account(0)
		c.follow(cut, Faulted)
	}
}

// say sends a response that nobody asked for.
func (c *client) say(status int, rest string) error {
	c.conn.WriteDeadline(c.worker.loop.Now().Add(c.worker.config.WriteTimeout))
	n, err := c.conn.Write(append(c.worker.appendStart(nil, status), rest...))
	c.worker.counters.BytesOut += uint64(n)
	return err
}

// cut closes as a program does that has nothing more to do with a connection: FIN,
// and then RST for what was not read, or still comes.
func (c *client) cut() {
	c.conn.CloseWrite()
	c.conn.Close()
}

// How long a connection is held at most on which nothing more is said, and how often
// is looked whether the client has gone.
const (
	holdTime  = 10 * time.Minute
	holdCheck = 50 * time.Millisecond
)

// hold says nothing until the client goes, which its half of the stream tells.
func (c *client) hold() {
	l := c.worker.loop
	for until := l.Now().Add(holdTime); l.Now() < until && !c.worker.draining && !c.conn.Ended(); {
		if l.Sleep(holdCheck) != nil {
			break
		}
	}
}
