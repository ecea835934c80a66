package replay

import (
	"container/heap"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/pace"
	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
)

// A pacer has the workers of a lane wait: for something that is due, of which there is
// none yet, or for an instant, such as that of the next request of their connection.
// They are parked meanwhile, without a task, and one alarm of the loop serves them all.
//
//	next thing due ──────────┐
//	free     workers         ├─ earliest ─► loop.Alarm ─► Run: these workers go on
//	waiting  workers, until ─┘
//
// What is due while no worker is free stays with its source, and goes to the next that
// is. So there is no queue that could grow.
type pacer struct {
	lane    *lane
	source  source // nil: the loop is closed
	free    list.List[*worker]
	waiting instants
}

// A source knows what is due, in the order in which it is.
type source interface {
	// next is when the next thing is due, since the run began; loop.Never if there
	// is nothing any more.
	next() loop.Time
	// take gives it to a worker, unless another lane has come before.
	take(w *worker) bool
}

// seed is that of all that is random in a run: the same run is the same again.
const seed = 1

func newPacer(l *lane, workers int) pacer {
	p := pacer{lane: l, waiting: make(instants, 0, workers)}
	r := l.run
	switch c := r.config; {
	case c.Arrivals.PerSecond > 0:
		part := pace.Part{Index: l.loop.Index(), Of: c.Loops, Places: c.Connections}
		p.source = &requestsDue{l, c.Arrivals.Part(part, c.Requests, seed)}
	case c.Speed > 0:
		p.source = &sessionsDue{l}
	}
	return p
}

// requestsDue are those of an open loop, each by itself.
type requestsDue struct {
	lane   *lane
	stream *pace.Stream
}

func (s *requestsDue) next() loop.Time {
	_, due, more := s.stream.Next()
	if !more {
		return loop.Never
	}
	return s.lane.began.Add(due)
}

func (s *requestsDue) take(w *worker) bool {
	n, _, _ := s.stream.Next()
	w.due = s.next()
	s.stream.Advance()
	session, i := s.lane.run.schedule.Locate(n)
	w.session = &s.lane.run.plan.Sessions[session]
	w.turn, w.taken = w.session.Requests[:i+1], i
	return true
}

// sessionsDue are those of recordings in their pace: a session is due when its first
// request is. All lanes have the same ones before them.
type sessionsDue struct{ lane *lane }

func (s *sessionsDue) next() loop.Time { return s.due(s.lane.run.turns.Load()) }

// due is when the session of a turn is.
func (s *sessionsDue) due(turn int64) loop.Time {
	r := s.lane.run
	session, n := r.schedule.Turn(turn)
	if n == 0 {
		return loop.Never
	}
	passes := turn / int64(len(r.plan.Sessions))
	return s.lane.began.Add(r.tempo.Due(passes, r.plan.Sessions[session].Requests[0].At))
}

func (s *sessionsDue) take(w *worker) bool {
	r := s.lane.run
	turn := r.turns.Load()
	if s.due(turn) > s.lane.loop.Clock() || !r.turns.CompareAndSwap(turn, turn+1) {
		return false
	}
	i, n := r.schedule.Turn(turn)
	w.session = &r.plan.Sessions[i]
	w.turn, w.taken = w.session.Requests[:n], 0
	w.passes = turn / int64(len(r.plan.Sessions))
	return true
}

// claim gives the worker what is due, or sets it aside until something is; false: not
// now, or if it is not parked either, never again.
func (p *pacer) claim(w *worker) bool {
	waited := p.free.Len() > 0 // something else was free before
	for {
		next := p.source.next()
		switch {
		case next == loop.Never:
			p.dismiss()
			return false
		case next > p.lane.loop.Clock():
			p.setAside(w)
			return false
		case p.source.take(w):
			if waited {
				w.ready = 0
			}
			return true
		}
	}
}

// setAside keeps a free worker. The newest has had a connection last; one without any
// is for when there is no other.
func (p *pacer) setAside(w *worker) {
	w.parked = true
	if w.conn == nil && !p.lane.run.config.Oldest {
		p.free.PushFront(w)
	} else {
		p.free.PushBack(w)
	}
	p.setAlarm()
}

// chosen takes the free worker that is to go on.
func (p *pacer) chosen() *worker {
	w := p.free.Last()
	if p.lane.run.config.Oldest {
		w = p.free.First()
	}
	p.free.Remove(w)
	return w
}

// dismiss has those go on, and leave, for whom nothing will be due any more.
func (p *pacer) dismiss() {
	for p.free.Len() > 0 {
		p.chosen().goOn()
	}
}

// wait parks a worker until an instant.
func (p *pacer) wait(w *worker, until loop.Time) {
	w.parked, w.until, w.ended = true, until, 0
	heap.Push(&p.waiting, w)
	p.setAlarm()
}

func (p *pacer) setAlarm() {
	at := loop.Never
	if p.free.Len() > 0 && p.source != nil {
		at = p.source.next()
	}
	if len(p.waiting) > 0 {
		at = min(at, p.waiting[0].until)
	}
	p.lane.loop.Alarm(at, p)
}

// Run is told that it is time for some.
func (p *pacer) Run() {
	now := p.lane.loop.Clock()
	for len(p.waiting) > 0 && p.waiting[0].until <= now {
		heap.Pop(&p.waiting).(*worker).goOn()
	}
	for p.free.Len() > 0 && p.source != nil {
		next := p.source.next()
		if next == loop.Never {
			p.dismiss()
		} else if next > now {
			break
		} else if w := p.chosen(); p.source.take(w) {
			w.goOn()
		} else {
			p.free.PushBack(w)
		}
	}
	p.setAlarm()
}

// stop has all go on, to see that the run is over.
func (p *pacer) stop() {
	p.dismiss()
	for _, w := range p.waiting {
		w.goOn()
	}
	p.waiting = p.waiting[:0]
	p.lane.loop.Alarm(loop.Never, p)
}

// overdue is how many requests of an open loop should have gone out by now.
func (p *pacer) overdue(now loop.Time) (n int64) {
	if s, open := p.source.(*requestsDue); open {
		for ; s.next() <= now; s.stream.Advance() {
			n++
		}
	}
	return n
}

// instants are workers with what they wait for, as a heap: the earliest is first.
type instants []*worker

func (h instants) Len() int           { return len(h) }
func (h instants) Less(i, j int) bool { return h[i].until < h[j].until }
func (h instants) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *instants) Push(w any)        { *h = append(*h, w.(*worker)) }
func (h *instants) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return w
}
