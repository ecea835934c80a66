package replay

import (
	"os"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
)

// A worker is one of the connections that are in use at once: it takes turns at the
// sessions for the whole run. While it waits for a response, or for its connection to
// be opened, that is parked, and the worker is this struct and nothing more: no task,
// no stack, no buffer.
type worker struct {
	list.Links[*worker] // among those that are free
	lane                *lane
	parked              bool
	gone                bool // the worker has given up
	// The worker has asked for a connection, and has had one.
	dialled, reached bool

	// The turn, and the request under way.
	session *plan.Session
	turn    []plan.Request
	taken   int           // how many of the turn have been begun
	request *plan.Request // nil between requests
	asked   bool          // it has been sent, as far as the kernel takes it
	times   int           // how often it was sent

	// When the request under way was to go out. See pacer.
	due    loop.Time // 0: as soon as there is a connection
	ready  loop.Time // when there was
	passes int64     // how often the recordings had been gone through before this turn
	until  loop.Time // what the worker waits for, or has waited for; 0: nothing

	// The connection.
	target  *loop.Address
	conn    *loop.Conn // nil between connections
	tls     *tlsConn   // on conn; nil: none
	born    loop.Time  // when it was opened
	bound   int        // how many requests it may carry; 0: no bound
	ends    bool       // the request under way is the last of its turn
	last    bool       // the request under way is the last one on conn
	sent    int        // requests that went out on conn
	isFirst bool       // the request under way is the first one on conn
	full    bool       // the last read filled its buffer, so that Readable may err
	opening opening

	// ended is when the last exchange on conn did, which is when the next one
	// begins; 0 when there was none, or something came between them.
	ended loop.Time
	// before is when the last exchange on conn ended, also where ended is 0.
	before loop.Time

	// What is measured, beside that.
	connecting time.Duration // how long it took to open conn, TLS included
	began      loop.Time     // when the exchange under way did
	first      loop.Time     // when the first byte of its responses came

	// The exchange under way.
	deadline  loop.Time
	position  int       // of the request on its connection, from 1
	took      int       // bytes of the request that the kernel took
	unwritten failure   // why it did not take all
	upload    *upload   // nil: never needed so far
	pipe      *pipeline // nil: one request at a time
	received  int64     // bytes of its response so far
	keeping   *keeping  // nil: failing exchanges are not saved

	// Trouble: how long to wait before the next attempt to connect.
	pause time.Duration
}

// Run is the worker's task: from one wait for the server to the next. What was waited
// for starts a new task, which comes by here again and goes on.
func (w *worker) Run() {
	for w.hasRequest() {
		f := w.proceed()
		if w.parked {
			return
		}
		w.conclude(f)
	}
	if w.parked { // until it is its turn
		return
	}
	w.hangUp()
	w.lane.leave()
}

// park ends the task, once that has returned to Run, until something happens to the
// connection. What that is the next task is told by the connection.
func (w *worker) park(conn *loop.Conn) {
	w.parked = true
	conn.Park(w, w.deadline)
}

// Readable is told to a worker whose connection has something to read, or is open.
func (w *worker) Readable(*loop.Conn) { w.goOn() }

// Expired is for a connection on which nothing happened in time.
func (w *worker) Expired(*loop.Conn) { w.goOn() }

// Aborted is for a connection that was reset, or could not be opened.
func (w *worker) Aborted(*loop.Conn) { w.goOn() }

func (w *worker) goOn() {
	w.parked = false
	w.lane.loop.Go(w)
}

// hasRequest takes the next request unless one is under way; false: it is not time for
// one, and the worker is parked, or there is nothing left to do.
func (w *worker) hasRequest() bool {
	if w.request != nil || w.next() {
		return true
	}
	if w.gone || w.lane.stopping || w.lane.loop.Stopping() {
		return false
	}
	if w.taken == len(w.turn) && !w.hasTurn() || w.isEarly() {
		return false
	}
	w.request = &w.turn[w.taken]
	if w.pipe != nil {
		w.pipe.session, w.pipe.index = w.session, w.taken
	}
	w.taken++
	w.ends = w.taken == len(w.turn)
	if w.due != 0 {
		w.takeUp()
	}
	return true
}

// hasTurn takes the next turn, with the outcomes of hasRequest.
func (w *worker) hasTurn() bool {
	if w.lane.pacer.source != nil {
		return w.lane.pacer.claim(w)
	}
	w.session, w.turn = w.lane.nextTurn()
	w.taken = 0
	return len(w.turn) > 0
}

// isEarly says that it is not time for the next request of the turn yet. The worker is
// parked until it is.
func (w *worker) isEarly() bool {
	l := w.lane
	if l.run.config.Speed == 0 {
		return w.hasGap()
	}
	w.due = l.began.Add(l.run.tempo.Due(w.passes, w.turn[w.taken].At))
	if w.due <= l.loop.Clock() {
		return false
	}
	l.pacer.wait(w, w.due)
	return true
}

// takeUp records how late a request goes out by our own fault: waiting for a
// connection to be free is not. It goes out now.
func (w *worker) takeUp() {
	w.ended = w.lane.loop.Clock()
	w.lane.lastDue, w.lane.lastTaken = w.due, w.ended
	w.lane.tally.Lateness.Record(w.ended.Sub(max(w.due, w.ready)))
}

// proceed takes the request under way to its end, or to the next wait.
func (w *worker) proceed() failure {
	for {
		if !w.asked {
			if f := w.connect(); w.parked || f.cause != Answered {
				return f
			}
			if w.send() && w.waitsAhead() {
				return failure{}
			}
		}
		if w.waitsForTurn() {
			return failure{}
		}
		f := w.receive()
		if !w.isStale(f) {
			return f
		}
		w.lane.tally.Stale++
		if !w.mayRetry() {
			return f
		}
		w.hangUp()
		w.asked = false
	}
}

// conclude counts what came of the request under way, and ends the connection where
// the recorded one ended.
func (w *worker) conclude(f failure) {
	now := w.lane.loop.Clock()
	if f.cause == Answered {
		w.heardOf(now)
		w.answered(now)
		w.ended = now
	} else {
		session, i := w.place()
		w.lane.failed(session, i, f)
		w.afterFailure(f, now)
	}
	w.before = now
	w.finishUpload()
	if f.cause != Answered {
		w.save(f, now)
	}
	w.request, w.asked, w.times, w.ready = nil, false, 0, now
	if w.retire(); w.last { // and that may have taken a while
		w.last, w.ready = false, w.lane.loop.Clock()
	}
}

// hangUp closes the connection, if there is one. Who was first to end it the socket
// knows.
func (w *worker) hangUp() {
	if w.conn == nil {
		return
	}
	ours := !w.conn.Ended() && (w.tls == nil || !w.tls.over)
	if ours {
		w.lane.tally.ClosedByUs++
	} else {
		w.lane.tally.ClosedByPeer++
	}
	w.end(ours)
	w.awaitUpload() // which this wakes
	w.conn, w.tls, w.sent, w.full = nil, nil, 0, false
	w.lose()
}

// stirs says that something came while no request was outstanding.
func (w *worker) stirs() bool {
	if w.tls != nil {
		return w.tls.speaks(false)
	}
	return w.conn.Readable() && !w.full
}

// stirred looks at what arrived while no request was outstanding: the end of
// the connection, or bytes that answer nothing. Either way it is not used
// again; a response to nothing must not be taken for one to the next request
// (RFC 9112 section 9.2). If nothing did, which is a mistake of the engine, it is.
func (w *worker) stirred() {
	buf := w.lane.loop.Buffer()
	defer buf.Release()
	w.conn.ReadDeadline(w.lane.loop.Now().Add(time.Millisecond))
	n, err := w.read(buf)
	w.lane.tally.BytesIn += int64(n)
	if w.ended = 0; err != os.ErrDeadlineExceeded {
		w.hangUp()
	}
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
