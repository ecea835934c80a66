package events

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"time"
)

// MaxPiece is how many bytes one event has at most: as many as one IPv4 packet has
// room for. Longer reads and writes are several events.
const MaxPiece = 65535 - 20 - 20

// A Track takes what happens on one loop. No method waits, allocates, takes a lock or
// keeps what it is given: everything is copied into a ring for each reader, and where
// that is full it is left out and counted.
type Track struct {
	Spliced bool // as Options.Spliced

	lanes   []*lane // one for each reader
	scratch []byte
	draft   Draft
}

// Open tells that the flow's client connected. ConnID, Client and Server of f must
// have been set.
func (t *Track) Open(f *Flow, at time.Time) {
	f.begin(at)
	for i := range t.lanes {
		t.announce(i, f)
	}
}

// Bytes tells what was sent in direction d by one write or found by one read. The
// comment, if any, goes with the first of them. What is said to be content gives way
// to the rest when memory is short.
func (t *Track) Bytes(f *Flow, d Direction, at time.Time, p []byte, content bool, comment string) {
	if !f.sending(d) {
		return
	}
	for i := range t.lanes {
		t.bytes(i, f, d, at, p, content, comment)
	}
	f.passed[d] += uint64(len(p))
}

func (t *Track) bytes(i int, f *Flow, d Direction, at time.Time, p []byte, content bool, comment string) {
	l := t.lanes[i]
	if !t.announce(i, f) {
		l.lost.Add(Dropped{1, uint64(len(p))})
		return
	}
	e := encoded{kind: Bytes, conn: f.ConnID, dir: d, at: at.UnixNano(), offset: f.passed[d], exchange: f.Exchange, comment: fitting(comment)}
	spare := len(l.ring.memory) / 8
	if content {
		spare *= 4
	}
	for len(p) > 0 {
		e.content = p[:min(len(p), MaxPiece)]
		p = p[len(e.content):]
		e.detail = uint8(min(len(p), 1))
		l.put(&e, spare)
		e.offset += uint64(len(e.content))
		e.comment = ""
	}
}

// Gap tells that n bytes pass in direction d which are not kept.
func (t *Track) Gap(f *Flow, d Direction, at time.Time, n uint64) {
	if !f.sending(d) || n == 0 {
		return
	}
	e := encoded{kind: Gap, conn: f.ConnID, dir: d, at: at.UnixNano(), offset: f.passed[d], exchange: f.Exchange}
	for i, l := range t.lanes {
		told := t.announce(i, f) // in the same memory
		t.scratch = binary.LittleEndian.AppendUint64(t.scratch[:0], n)
		e.content = t.scratch
		if !told || !l.put(&e, len(l.ring.memory)/8) {
			l.lost.Add(Dropped{Events: 1})
		}
	}
	f.passed[d] += n
}

// End tells that direction d ended, or with RST that both did, since the sender of d
// reset the connection.
func (t *Track) End(f *Flow, d Direction, how Means, at time.Time, comment string) {
	switch how {
	case FIN:
		t.end(f, d, Ended, how, at, comment)
	case RST:
		t.end(f, d, Closed, how, at, comment)
	}
}

// Close tells that the sender of d ended that direction and closed the connection:
// what may still arrive is read by nobody, and not told.
func (t *Track) Close(f *Flow, d Direction, at time.Time, comment string) {
	t.end(f, d, Closed, FIN, at, comment)
}

func (t *Track) end(f *Flow, d Direction, kind Kind, how Means, at time.Time, comment string) {
	if !f.sending(d) {
		return
	}
	e := encoded{kind: kind, conn: f.ConnID, dir: d, detail: uint8(how), offset: f.passed[d],
		exchange: f.Exchange, at: at.UnixNano(), comment: fitting(comment)}
	for i, l := range t.lanes {
		if !t.announce(i, f) {
			continue
		}
		if kind == Closed {
			t.scratch = binary.LittleEndian.AppendUint64(t.scratch[:0], f.passed[d.Reverse()])
			e.content = t.scratch
		}
		if l.late.Load() != nil || !l.put(&e, 0) {
			l.putLate(&e) // behind those that are late already
		}
	}
	f.finish(d, kind == Closed)
}

// Draft begins a note, a warning or not, which Tell tells. There is one at a time.
func (t *Track) Draft(kind, text string, warning bool) *Draft {
	t.draft.begin(kind, text, warning)
	return &t.draft
}

// Tell tells what Draft began: a decision about a flow and what it is used for; nil:
// about none.
func (t *Track) Tell(f *Flow, at time.Time) {
	e := encoded{kind: Noted, at: at.UnixNano(), content: t.draft.b}
	if f != nil {
		e.conn, e.exchange = f.ConnID, f.Exchange
	}
	for _, l := range t.lanes {
		if !l.put(&e, len(l.ring.memory)/8) {
			l.lost.Add(Dropped{Events: 1})
		}
	}
}

// Note tells a note that is whole.
func (t *Track) Note(f *Flow, at time.Time, n *Note) {
	d := t.Draft(n.Kind, n.Text, n.Warning)
	for _, p := range n.Params {
		d.String(p.Name, p.Value)
	}
	t.Tell(f, at)
}

// announce tells reader i of the opening of f, unless it was told: its ring may have
// been full when the flow was opened, and nothing of a flow means anything without
// its addresses.
func (t *Track) announce(i int, f *Flow) bool {
	told := uint8(1) << i
	if f.announced&told == 0 {
		t.scratch = appendAddress(t.scratch[:0], f.Client)
		t.scratch = appendAddress(t.scratch, f.Server)
		l := t.lanes[i]
		e := encoded{kind: Opened, conn: f.ConnID, at: f.opened.UnixNano(), content: t.scratch}
		if !l.put(&e, len(l.ring.memory)/16) {
			l.lost.Add(Dropped{Events: 1})
			return false
		}
		f.announced |= told
	}
	return true
}

// A lane is one track's way to one reader.
type lane struct {
	ring *ring
	wake chan<- struct{}
	// rouseAt is how many bytes may wait before the reader is roused.
	rouseAt int

	// The reader's: the oldest event, and where the events end that are taken this
	// time.
	head  []byte
	until uint64

	late atomic.Pointer[lateEnd] // the last of them
	lost Losses
}

// put copies e into the ring, unless less than so much more is free. The last of the
// room is kept for the ends of connections, and the last but one for their openings:
// they are small, and to lose one of them misleads a reader more than to lose
// bytes does. Content goes first, since a head tells more than as many bytes of a
// body do. Bytes that are lost are counted here.
func (l *lane) put(e *encoded, spare int) bool {
	room := l.ring.reserve(e.size(), spare)
	if room == nil {
		if e.kind == Bytes {
			l.lost.Add(Dropped{1, uint64(len(e.content))})
		}
		l.rouse()
		return false
	}
	e.encode(room)
	l.ring.publish()
	if l.ring.used() > l.rouseAt {
		l.rouse()
	}
	return true
}

// rouse has the reader look now.
func (l *lane) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// A lateEnd is an end that found no room in the ring. It is kept beside it, or the
// reader would remember for ever a connection that nobody has any more. There are no
// more of them than connections whose opening it was told of.
type lateEnd struct {
	event  []byte
	before *lateEnd
}

func (l *lane) putLate(e *encoded) {
	late := &lateEnd{event: make([]byte, e.size()), before: l.late.Load()}
	e.encode(late.event)
	for !l.late.CompareAndSwap(late.before, late) {
		late.before = l.late.Load() // the reader has taken them
	}
}

// takeLate appends the ends that found no room to all, in their order.
func (l *lane) takeLate(all [][]byte) [][]byte {
	n := len(all)
	for late := l.late.Swap(nil); late != nil; late = late.before {
		all = append(all, late.event)
	}
	slices.Reverse(all[n:])
	return all
}

// fitting cuts a comment that would take much of the ring for itself.
func fitting(comment string) string { return comment[:min(len(comment), MaxPiece)] }
