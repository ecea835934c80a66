package replay

import (
	"cmp"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// An opening is what it takes to have a connection: attempts, until one succeeds,
// until that is hopeless, or until the run is over.
type opening struct {
	conn  *loop.Conn // of the attempt under way, or nil
	tls   *tlsConn   // on conn, once that is open; nil: none, or not yet
	began loop.Time  // when that did
	since loop.Time  // when the first one did; 0 before it
	last  failure    // of the last one that failed
}

// connect sees to it that there is a connection to send the next request on. While
// one is opened, the worker is parked.
func (w *worker) connect() failure {
	if w.conn != nil && w.stirs() {
		w.stirred()
	}
	w.retire() // it may have been idle for too long
	if w.conn != nil {
		return failure{}
	}
	if w.opening.conn == nil {
		if w.rest(); w.lane.ending() {
			w.gone = true
			return failure{cause: w.unanswered()}
		}
	}
	f := w.open()
	if w.parked {
		return f
	}
	w.opening = opening{}
	if w.lane.run.interrupted() { // also while there were many to open
		w.gone = true
		f.cause = cmp.Or(f.cause, w.unanswered())
	}
	return f
}

// unanswered is what becomes of the request under way where no connection to send it
// on is opened any more. One that was sent before, in vain, the server may know.
func (w *worker) unanswered() Cause {
	if w.times > 0 {
		return Abandoned
	}
	return Unsent
}

// open goes on with the opening. If the run is over before there is a connection, the
// request that waits for it has failed if an attempt has.
func (w *worker) open() failure {
	l, o := w.lane, &w.opening
	for {
		f := w.dial()
		switch {
		case w.parked || f.cause == Answered, f.cause == Abandoned && o.last.cause == Answered:
			return f
		case f.cause == Abandoned:
			return o.last
		}
		o.last, l.connectFailure = f, f
		l.tally.ConnectFailures[f.cause]++
		if f.cause == Certificate && l.tally.Opened == 0 || l.hopeless(o.since) {
			w.gone = true
			l.run.gaveUp.Add(1)
			return f
		}
		w.backOff()
		if w.rest(); l.ending() {
			return f
		}
	}
}

// dial begins an attempt to connect, and parks the worker, or ends the one that is
// under way.
func (w *worker) dial() failure {
	l, o := w.lane, &w.opening
	var err error
	if o.tls != nil {
		return w.shake(false)
	} else if conn := o.conn; conn != nil {
		err = conn.EndDial(w.target, w.deadline)
		w.connecting = w.noticed(o.began).Sub(o.began)
		if err == nil && l.tls != nil {
			o.tls = newTLSConn(conn, l.tls)
			return w.shake(true)
		}
		o.conn = nil
		if err == nil {
			w.conn = conn
			w.opened()
			return failure{}
		}
	} else {
		o.began, w.dialled = l.loop.Clock(), true
		o.since = cmp.Or(o.since, o.began)
		w.deadline = l.loop.Now().Add(l.run.config.Timeout)
		if o.conn, err = l.loop.BeginDial(w.target, w.deadline); err == nil {
			w.park(o.conn)
			return failure{}
		}
	}
	if errors.Is(err, syscall.ECONNRESET) { // the server had accepted it
		w.opened()
		l.tally.ClosedByPeer++
	}
	return w.cutShort(connectFailure(err), ConnectTimeout)
}

// opened counts a connection and how long it took to open it.
func (w *worker) opened() {
	w.born, w.bound = w.lane.loop.Now(), w.lane.run.config.perConnection().Draw(w.lane.random)
	if w.lane.run.config.Aged && !w.reached {
		w.bound = w.lane.aged(w.bound)
	}
	w.reached = true
	w.lane.tally.Opened++
	w.lane.tally.Connect.Record(w.connecting)
}

// unheard is how long an attempt to connect that the end of the run cuts short must
// have waited to have failed: by then TCP has sent its first packet again, since
// nobody had answered (RFC 6298 section 2).
const unheard = time.Second

// cutShort judges an attempt that failed. If only the end of the run had it fail, it
// has done so by the cause unanswered, or is one that was still connecting.
func (w *worker) cutShort(f failure, unanswered Cause) failure {
	if f.cause != Abandoned {
		return f
	}
	if waited := w.lane.loop.Clock().Sub(w.opening.began); waited >= unheard {
		return failure{unanswered, fmt.Errorf("nobody had answered after %s, when the run was over", waited.Round(time.Millisecond))}
	}
	w.lane.tally.Connecting++
	return f
}
