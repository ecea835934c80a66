package simulation

import (
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/gateway"
)

// judgeRoom looks at a client's connection that the gateway closes: was it to give
// way to another one?
func (w *world) judgeRoom(l *line) {
	if l.call == nil || w.places == 0 || w.failure != nil {
		return
	}
	n := w.server.Census().Counters.ClientEnds[gateway.GaveWay]
	if n == w.gaveWay {
		return
	}
	w.gaveWay = n
	w.tally.causes["gave-way"]++
	idle := w.net.Now().Sub(l.idleAt)
	switch {
	case w.draining:
		w.fail("a client gives way although the gateway drains", "%v", l)
	case !w.somebodyWaits():
		w.fail("a client gives way to nobody", "%v", l)
	case !l.idles():
		w.fail("a client gives way in the middle of a request", "%v", l)
	case idle < time.Second-time.Millisecond:
		w.fail("a client gives way that was idle for a moment only", "%v, %v", l, idle)
	}
	for _, o := range w.accepted {
		if w.reportsLate() || o == l || o.closed || !o.idles() || w.net.Now().Sub(o.idleAt) < time.Second+time.Millisecond {
			continue
		}
		if o.silent() && !l.silent() || o.silent() == l.silent() && o.idleAt.Add(time.Millisecond) < l.idleAt {
			w.fail("a client gives way before another whose turn it is", "%v, idle since %v, silent %v; %v since %v, %v",
				l, l.idleAt, l.silent(), o, o.idleAt, o.silent())
		}
	}
}

// judgeDrain wants idle clients of a draining gateway to go soon.
func (w *world) judgeDrain(l *line) {
	since := max(w.drainedAt, l.idleAt)
	if w.draining && !w.reportsLate() && l.idles() && w.net.Now() > since.Add(w.config.DrainIdle+time.Millisecond) {
		w.fail("an idle client stays although the gateway drains", "%v, since %v", l, since)
	}
}

// reportsLate says that the gateway may know less than the judge, or have been told
// what is not so.
func (w *world) reportsLate() bool { return w.late > 0 || w.kind == "rough" }

// somebodyWaits reports whether all places are taken, and a client waits.
func (w *world) somebodyWaits() bool {
	taken, waits := 0, false
	for _, l := range w.lines {
		switch {
		case l.call == nil:
		case l.serial == 0:
			waits = true
		case !l.gone:
			taken++
		}
	}
	return waits && taken >= w.places
}

// idles reports whether nothing of a further request has come, on a connection that
// is to have one.
func (l *line) idles() bool {
	c := l.call
	before := int64(0)
	if c.logged > 0 {
		before = c.requests[c.logged-1].to()
	}
	return l.read <= before && l.arrived == l.read && (c.end == "" || c.end == "kept") && !l.ended && !l.reset && !l.struck
}

// silent reports whether a client has never sent a request.
func (l *line) silent() bool { return l.call.logged == 0 }
