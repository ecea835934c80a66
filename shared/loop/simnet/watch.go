package simnet

import (
	"syscall"

	"github.com/hopwire/hopwire/shared/loop"
)

// A watch is what an engine knows of a socket: under which token to report it,
// what its loop waits for, and what there is to report.
type watch struct {
	world *World
	conn  uint64 // for the history
	side  Side

	engine  *Engine // nil: not registered
	token   uint64
	awaited loop.Ready // what the loop has found impossible
	pending loop.Ready // what the next Wait reports
	place   int        // in engine.ready, while something is pending
}

// everything is what a dead connection is ready for, since every operation will
// say so at once.
const everything = loop.ReadyRead | loop.ReadyWrite | loop.ReadyEnd | loop.ReadyReset

// await notes that the loop has found out that r is not possible, so that it has
// to be told when that changes.
func (s *watch) await(r loop.Ready) { s.awaited |= r }

// became reports r as far as it is awaited. The ends of a direction and of a
// connection happen once and are always told.
func (s *watch) became(r loop.Ready) {
	const always = loop.ReadyEnd | loop.ReadyReset
	if r&always == 0 {
		r &= s.awaited
	}
	if s.engine == nil || r == 0 {
		return // Register looks at what is possible then
	}
	s.awaited &^= r
	if o := &s.world.options; s.world.chance.happens(o.Late) {
		s.world.after(o.LateBy, action{what: lateReport, watch: s, ready: r})
		return
	}
	s.post(r)
}

// post has the next Wait report r.
func (s *watch) post(r loop.Ready) {
	if s.engine == nil {
		return // closed before a late report came
	}
	if s.pending == 0 {
		s.place = len(s.engine.ready)
		s.engine.ready = append(s.engine.ready, s)
	}
	s.pending |= r
}

// unpost takes the watch out of those to report.
func (s *watch) unpost() {
	all := s.engine.ready
	last := len(all) - 1
	all[s.place] = all[last]
	all[s.place].place = s.place
	all[last] = nil
	s.engine.ready = all[:last]
	s.pending = 0
}

// register begins to report to an engine, what is possible already first.
func (s *watch) register(e *Engine, token uint64, possible loop.Ready) error {
	if s.engine != nil {
		return syscall.EEXIST
	}
	s.engine, s.token = e, token
	s.awaited = loop.ReadyRead | loop.ReadyWrite
	s.became(possible)
	return nil
}

// unregister ends the reports. Nothing that was to report is, but for a stale one.
func (s *watch) unregister() {
	if s.engine == nil {
		return
	}
	if s.pending != 0 {
		s.unpost()
	}
	s.reportStale()
	s.engine = nil
}

// reportStale reports the socket once more after its end, as an engine does that
// has fetched a report, or has begun an operation, before.
func (s *watch) reportStale() {
	w := s.world
	if w.chance.happens(w.options.Spurious) {
		stale := *s
		r := pick(w.chance, loop.ReadyRead, loop.ReadyWrite, everything)
		w.after(w.options.Delay, action{what: lateReport, watch: &stale, ready: r})
	}
}

// reportSpuriously reports some socket that has nothing to report.
func (w *World) reportSpuriously() {
	if !w.chance.happens(w.options.Spurious) {
		return
	}
	if s := w.sockets[w.chance.index(len(w.sockets))]; s != nil {
		s.reportSpuriously()
	}
}

func (s *socket) reportSpuriously() { s.post(pick(s.world.chance, loop.ReadyRead, loop.ReadyWrite)) }

func (l *listener) reportSpuriously() { l.post(loop.ReadyRead) }
