package simulation

import (
	"bytes"

	"github.com/hopwire/hopwire/shared/events"
)

// In some worlds the gateway records. The recording has to hold what the network
// saw pass, octet for octet, and to explain it: what its comments list is the
// difference between the two hops, and there is no other one.

// judgeRecording is called when the world has come to its end.
func (w *world) judgeRecording() {
	t := w.tape
	if err := t.recorder.Close(); err != nil {
		w.fail("the recording was not written", "%v", err)
	}
	if w.failure != nil {
		return
	}
	if lost := t.recorder.Dropped(); lost != (events.Dropped{}) {
		w.fail("the recorder was too slow for the judge", "%+v", lost)
	}
	if err := t.read(); err != nil {
		w.fail("the recording is not whole", "%v", err)
	}
	for _, l := range w.lines {
		if r := w.reel(l); r != nil {
			w.judgeReel(l, r)
		} else if len(l.wrote)+int(l.heard) > 0 {
			w.fail("a connection is not recorded", "%v", l)
		}
	}
	for _, r := range w.requests {
		w.judgeEdits(r)
	}
	for id, r := range t.reels {
		for d, comments := range r.comments {
			for at, comment := range comments {
				w.fail("the recording has edits where neither head nor trailer section begins", "%v, byte %d %v: %s", id, at, events.Direction(d), comment)
			}
		}
	}
	if w.one(4) { // which takes longer than all the rest
		w.judgeReading()
	}
}

// reel is the recording of a line, or nil.
func (w *world) reel(l *line) *reel {
	if l.call != nil {
		return w.tape.reels[l.id()]
	}
	return w.tape.by[l.dialer()]
}

// judgeReel compares the octets of a connection, and its ends.
func (w *world) judgeReel(l *line, r *reel) {
	in, out := events.Inbound, events.Outbound // of the gateway
	if l.call == nil {
		in, out = out, in
	}
	heard, most := int(l.heard), int(l.heard)
	tunnels := l.call != nil && l.tunnels()
	if tunnels {
		most = int(l.read) // it reads on behind its own end, and may linger behind that
	}
	if len(l.opening) > 0 {
		delete(r.comments[out], len(l.wrote)-len(l.opening)) // whose head this was to be, nobody can tell
	}
	switch got := r.octets[in]; {
	case len(got) < heard || len(got) > most || !bytes.HasPrefix(l.said, got):
		w.failPassage("the recording has other bytes than the gateway read", l, got, l.said[:most])
	case !bytes.Equal(r.octets[out], l.wrote):
		w.failPassage("the recording has other bytes than the gateway wrote", l, r.octets[out], l.wrote)
	}
	gone := l.reset || l.struck
	switch {
	case r.ends[in] == events.RST && !gone:
		w.fail("the recording has a reset that did not come", "%v", l)
	case r.ends[in] == events.FIN && !l.readEnd && !(l.lateEnd && tunnels):
		w.fail("the recording has an end that the gateway did not read", "%v", l)
	case l.readEnd && r.ends[in] != events.FIN:
		w.fail("the recording lacks an end that the gateway read", "%v", l)
	case r.ends[out] == events.FIN && !l.fin && l.arrived == l.read, r.ends[out] == events.RST && !l.rst && !gone,
		r.ends[out] == events.NotEnded && r.ends[in] != events.RST:
		w.fail("the recording has another end of the gateway's than was seen", "%v: %v", l, r.ends[out])
	}
}

func (w *world) failPassage(what string, l *line, got, want []byte) {
	at := common(got, want)
	w.fail(what, "%v, byte %d: %d bytes, not %d\nwant %.120q\nhas  %.120q", l, at, len(got), len(want), around(want, at), around(got, at))
}
