package replay

import (
	"cmp"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// A worker is one of the connections that are in use at once: a task that takes
// turns at the sessions for the whole run.
type worker struct {
	lane    *lane
	conn    *loop.Conn // nil between connections
	isFirst bool       // the request under way is the first one on conn
	sent    int        // requests that went out on conn
	full    bool       // the last read filled its buffer, so that Readable may err
	gone    bool       // the worker has given up

	// ended is when the last exchange on conn did, which is when the next one
	// begins; 0 when there was none, or something came between them.
	ended loop.Time

	// What is measured, beside that.
	connecting time.Duration // how long it took to open conn
	began      loop.Time     // when the exchange under way did
	first      loop.Time     // when the first octet of its responses came

	// The exchange under way.
	took      int     // octets of the request that the kernel took
	unwritten failure // why it did not take all
	upload    *upload // nil: never needed so far
	received  int64   // octets of its response so far
	head      wire.ResponseHead
	body      wire.BodyScanner
	verdict   comparison

	// Trouble: how long to wait before the next attempt to connect.
	pause time.Duration
}

// Run is the worker's task.
func (w *worker) Run() {
	defer w.lane.leave()
	for !w.done() {
		session, requests := w.lane.nextTurn()
		if len(requests) == 0 {
			break
		}
		w.replay(session, requests)
	}
	w.hangUp()
}

func (w *worker) done() bool { return w.gone || w.lane.stopping }

// replay sends the requests of one session, and ends the connection where the
// recorded one ended.
func (w *worker) replay(s *plan.Session, requests []plan.Request) {
	for i := range requests {
		if w.done() {
			return
		}
		w.exchange(s, i)
		if w.enough(w.sent) {
			w.hangUp()
		}
	}
	if w.lane.run.config.RequestsPerConnection == 0 && !w.lane.run.plan.Joined {
		w.hangUp()
	}
}

// enough says that a connection which has carried n requests is to be closed.
func (w *worker) enough(n int) bool {
	bound := w.lane.run.config.RequestsPerConnection
	return bound > 0 && n >= bound
}

// hangUp closes the connection, if there is one. Who was first to end it the socket
// knows.
func (w *worker) hangUp() {
	if w.conn == nil {
		return
	}
	if w.conn.Ended() {
		w.lane.tally.ClosedByPeer++
	} else {
		w.lane.tally.ClosedByUs++
	}
	w.conn.Close()
	w.awaitUpload() // which this wakes
	w.conn, w.sent, w.full = nil, 0, false
}

// connect sees to it that there is a connection to send the next request on.
func (w *worker) connect() failure {
	if w.conn != nil && w.conn.Readable() && !w.full {
		w.stirred()
	}
	if w.conn != nil {
		return failure{}
	}
	w.rest()
	f := failure{cause: Unsent}
	if !w.lane.ending() {
		f = w.open()
	}
	if w.lane.run.interrupted() { // also while there were many to open
		w.gone = true
		return failure{cmp.Or(f.cause, Unsent), f.err}
	}
	return f
}

// stirred looks at what arrived while no request was outstanding: the end of
// the connection, or octets that answer nothing. Either way it is not used
// again; a response to nothing must not be taken for one to the next request
// (RFC 9112 section 9.2).
func (w *worker) stirred() {
	buf := w.lane.loop.Buffer()
	defer buf.Release()
	n, _ := buf.FillFrom(w.conn)
	w.lane.tally.BytesIn += int64(n)
	w.hangUp()
}

// open tries to connect until it succeeds, until that is hopeless, or until the run
// is over. Then the request that waits for it has failed if an attempt has.
func (w *worker) open() failure {
	l := w.lane
	since := l.loop.Clock()
	var last failure
	for {
		f := w.dial()
		switch {
		case f.cause == Answered, f.cause == Abandoned && last.cause == Answered:
			return f
		case f.cause == Abandoned:
			return last
		}
		last, l.connectFailure = f, f
		l.tally.ConnectFailures[f.cause]++
		if l.hopeless(since) {
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

// unheard is how long an attempt to connect that the end of the run cuts short must
// have waited to have failed: by then TCP has sent its first packet again, since
// nobody had answered (RFC 6298 section 2).
const unheard = time.Second

// dial tries to connect once.
func (w *worker) dial() failure {
	l := w.lane
	began := l.loop.Clock()
	conn, err := l.loop.Dial(l.run.config.Target, l.loop.Now().Add(l.run.config.Timeout))
	if err == nil {
		l.tally.Opened++
		w.conn, w.connecting = conn, w.noticed(began).Sub(began)
		l.tally.Connect.Record(w.connecting)
		return failure{}
	}
	if errors.Is(err, syscall.ECONNRESET) { // the server had accepted it
		l.tally.Opened++
		l.tally.ClosedByPeer++
		l.tally.Connect.Record(w.noticed(began).Sub(began))
	}
	f := connectFailure(err)
	if waited := l.loop.Clock().Sub(began); f.cause == Abandoned && waited >= unheard {
		f = failure{ConnectTimeout, fmt.Errorf("nobody had answered after %s, when the run was over", waited.Round(time.Millisecond))}
	}
	return f
}

// The pause after a failure doubles from the first to the longest, so that a server
// in trouble is not kept in it, and our processor not busy with nothing.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 500 * time.Millisecond
)

func (w *worker) backOff() { w.pause = min(max(2*w.pause, firstPause), longestPause) }

// rest pauses if there was a failure. Where pauses are switched off, the others have
// their turn all the same.
func (w *worker) rest() {
	l := w.lane
	switch {
	case w.pause == 0:
		return
	case l.run.config.NoBackoff:
		l.loop.Sleep(0)
		return
	}
	began := l.loop.Clock()
	l.loop.Sleep(w.pause)
	l.tally.Pauses++
	l.tally.Paused += l.loop.Clock().Sub(began)
}

// heardOf notes that the server does its work.
func (w *worker) heardOf(now loop.Time) {
	w.lane.heard = now
	w.pause = 0
}
