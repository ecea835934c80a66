package replay

import (
	"bytes"
	"errors"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/loop"
)

// A pipeline is what a worker has sent before the response to the request under way
// was there (RFC 9112 section 9.3.2). Responses come in the order of the requests:
//
//	request under way ─ ahead[0] ─ ahead[1] ─ …   at most Config.Pipeline together
//	│                   └ each becomes the one under way when that before it has ended
//	└ whose response is read
//
// A request that is not idempotent goes alone: nothing is to be sent behind it, and
// behind others it could not be sent again if the connection ended with them. So does
// the first on a connection: what was the first of an earlier one may have broken that.
type pipeline struct {
	ahead   []flying
	bytes   [][]byte // to be written
	turned  bool     // the request under way was ahead, and has not been looked at yet
	session *plan.Session
	index   int      // of the request under way in its session
	held    *reading // in which there are bytes of the next response
}

// flying is a request that was sent ahead.
type flying struct {
	session  *plan.Session
	index    int
	request  *plan.Request
	position int // on the connection, from 1
	size     int // bytes that were sent
	began    loop.Time
	ends     bool // it is the last of its turn
	last     bool
	lost     bool // its connection is gone
}

// place is of which session the request under way is, and where in it.
func (w *worker) place() (*plan.Session, int) {
	if w.pipe != nil {
		return w.pipe.session, w.pipe.index
	}
	return w.session, w.taken - 1
}

// behind is how many requests have been sent behind the one under way.
func (w *worker) behind() int {
	if w.pipe == nil {
		return 0
	}
	return len(w.pipe.ahead)
}

// sendAhead sends what may be sent behind what was, in one write.
func (w *worker) sendAhead() {
	p, l := w.pipe, w.lane
	if p == nil || w.sent-len(p.ahead) < 2 || w.uploading() || w.unwritten.cause != Answered || l.ending() {
		return
	}
	p.bytes = p.bytes[:0]
	size, now := 0, l.loop.Clock()
	last := flying{request: w.request, last: w.last}
	if n := len(p.ahead); n > 0 {
		last = p.ahead[n-1]
	}
	for len(p.ahead)+1 < l.run.config.Pipeline && last.request.Idempotent && !last.last && !last.lost && !last.request.Closes {
		if w.taken == len(w.turn) && !w.hasTurn() || !w.turn[w.taken].Idempotent {
			break
		}
		last = flying{session: w.session, index: w.taken, request: &w.turn[w.taken], position: w.sent + 1, began: now}
		w.taken++
		last.ends = w.taken == len(w.turn)
		bytes := last.request.Bytes
		if last.last = w.isLast(last.ends); last.last {
			bytes = w.final(last.request)
		}
		last.size = len(bytes)
		w.sent++
		size += len(bytes)
		p.ahead, p.bytes = append(p.ahead, last), append(p.bytes, bytes)
	}
	if size > 0 {
		w.writeAhead(size)
	}
}

func (w *worker) writeAhead(size int) {
	w.conn.WriteDeadline(w.lane.loop.Now().Add(w.lane.run.config.Timeout))
	if w.tls != nil {
		all := bytes.Join(w.pipe.bytes, nil)
		if n := w.write(w.conn, w.tls, all); w.unwritten.cause == Answered && n < size {
			w.startUpload(all[n:])
		}
		return
	}
	n, err := w.conn.WritevOnce(w.pipe.bytes)
	w.wrote(n, n, err)
	if err != nil || n == size {
		return
	}
	var rest []byte
	for _, b := range w.pipe.bytes {
		skip := min(n, len(b))
		n -= skip
		rest = append(rest, b[skip:]...)
	}
	w.startUpload(rest)
}

// next makes the first that was sent ahead the one under way. One whose connection is
// gone is sent again, alone; false: there is none.
func (w *worker) next() bool {
	p := w.pipe
	for p != nil && len(p.ahead) > 0 {
		f := p.ahead[0]
		p.ahead = append(p.ahead[:0], p.ahead[1:]...)
		if f.lost && (w.gone || w.lane.ending()) {
			w.lane.failed(f.session, f.index, failure{cause: Abandoned})
			continue
		}
		p.session, p.index, p.turned = f.session, f.index, !f.lost
		w.request, w.asked, w.times, w.ends, w.last = f.request, !f.lost, 1, f.ends, f.last && !f.lost
		w.isFirst, w.began, w.took, w.received = false, f.began, f.size, 0
		w.deadline = f.began.Add(w.lane.run.config.Timeout)
		w.position = f.position
		w.keep(f.request.Bytes)
		return true
	}
	return false
}

// waitsForTurn is for a request that was sent ahead: unless its response has begun to arrive
// with that before it, there is time to send others, and to wait.
func (w *worker) waitsForTurn() bool {
	p := w.pipe
	if p == nil || !p.turned {
		return false
	}
	p.turned = false
	if p.held != nil {
		return false
	}
	return w.waitsAhead()
}

// waitsAhead sends what may be sent ahead, and parks the worker, unless part of that
// has still to be written.
func (w *worker) waitsAhead() bool {
	if w.sendAhead(); w.uploading() || w.tls != nil && w.tls.speaks(false) {
		return false
	}
	w.park(w.conn)
	return true
}

var errBehind = errors.New("the connection ended with the request before it")

// lose is for what was sent ahead on a connection that has ended. It is sent again, as
// what meets a stale connection.
func (w *worker) lose() {
	p := w.pipe
	if p == nil {
		return
	}
	if p.held != nil {
		w.lane.returnReading(p.held)
		p.held = nil
	}
	kept := p.ahead[:0]
	for _, f := range p.ahead {
		switch {
		case f.lost:
		case w.lane.ending():
			w.lane.failed(f.session, f.index, failure{cause: Abandoned})
			continue
		default:
			w.lane.tally.Stale++
			if w.lane.run.config.NoRetry {
				w.lane.failed(f.session, f.index, failure{ClosedBeforeResponse, errBehind})
				continue
			}
		}
		f.lost = true
		kept = append(kept, f)
	}
	p.ahead = kept
}

// takeReading gives what it takes to read the response, and what is there of it.
func (w *worker) takeReading() *reading {
	p := w.pipe
	if p == nil || p.held == nil {
		return w.lane.borrowReading()
	}
	rd := p.held
	p.held = nil
	w.received, w.first = int64(rd.buf.Len()), w.noticed(w.began)
	return rd
}

// leaveReading keeps it if there is more in it.
func (w *worker) leaveReading(rd *reading) {
	if w.behind() > 0 && w.conn != nil && rd.buf.Len() > 0 {
		w.pipe.held = rd
		return
	}
	w.lane.returnReading(rd)
}
