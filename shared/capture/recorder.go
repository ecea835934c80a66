package capture

import (
	"cmp"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Recorder lets event loops record without waiting: each has a Track of its
// own, and one goroutine makes packets of what the tracks hold.
//
//	loop 0 ── Track 0 ═ring═╗
//	loop 1 ── Track 1 ═ring═╬═▶ goroutine ── writer ── file
//	loop 2 ── Track 2 ═ring═╝   oldest first
//
// When the file cannot keep up, a track's ring fills and octets are left out.
// They are counted, and the recording shows where: a hole in the sequence
// numbers, as of a lost segment, and a note with its size.
type Recorder struct {
	writer   *writer
	failure  atomic.Pointer[error] // of the last attempt to write
	tracks   []*Track
	late     []event // ends that found no room in a ring
	current  event   // the one that is taken
	interval time.Duration
	wake     chan struct{}
	flush    chan chan error
	stop     chan struct{}
	stopping sync.Once
	done     chan struct{}
	err      error // of closing; read after done
}

// NewRecorder writes the head of the recording to sink and returns a recorder
// with so many tracks. The caller closes sink, after Close.
func NewRecorder(sink io.Writer, tracks int, o Options) (*Recorder, error) {
	w, err := newWriter(sink, o)
	if err != nil {
		return nil, err
	}
	r := &Recorder{
		writer:   w,
		interval: cmp.Or(o.Interval, 100*time.Millisecond),
		wake:     make(chan struct{}, 1),
		flush:    make(chan chan error),
		stop:     make(chan struct{}),
		done:     make(chan struct{}),
	}
	for range tracks {
		r.tracks = append(r.tracks, &Track{ring: newRing(cmp.Or(o.Buffer, 4<<20)), wake: r.wake})
	}
	go r.run()
	return r, nil
}

// Track returns track i. Its methods are for one goroutine: that of loop i.
func (r *Recorder) Track(i int) *Track { return r.tracks[i] }

// Flush waits until everything recorded before the call is in the file, and
// returns the first error that writing it met. Any goroutine may call it.
func (r *Recorder) Flush() error {
	answer := make(chan error)
	select {
	case r.flush <- answer:
		return <-answer
	case <-r.done:
		return r.err
	}
}

// Close writes what the tracks hold and ends the recording. Call it when the
// loops have ended; what is recorded later is not written.
func (r *Recorder) Close() error {
	r.stopping.Do(func() { close(r.stop) })
	<-r.done
	return r.err
}

// Dropped counts what was left out, since a ring was full or the file is not to
// be had.
type Dropped struct {
	Events uint64 // of any kind
	Octets uint64 // of content
}

func (d *Dropped) add(e *event) {
	d.Events++
	if e.kind == dataEvent {
		d.Octets += uint64(len(e.content))
	}
}

// losses are a Dropped that several goroutines may look at.
type losses struct{ events, octets atomic.Uint64 }

func (l *losses) add(d Dropped) {
	l.events.Add(d.Events)
	l.octets.Add(d.Octets)
}

// Dropped returns the sum of all that was left out. Any goroutine may call it.
func (r *Recorder) Dropped() (d Dropped) {
	d.Events, d.Octets = r.writer.lost.events.Load(), r.writer.lost.octets.Load()
	for _, t := range r.tracks {
		d.Events += t.lost.events.Load()
		d.Octets += t.lost.octets.Load()
	}
	return d
}

// Failing returns why the file does not take what is recorded; nil: it does. Any
// goroutine may call it.
func (r *Recorder) Failing() error {
	if err := r.failure.Load(); err != nil {
		return *err
	}
	return nil
}

func (r *Recorder) run() {
	defer close(r.done)
	tick := time.NewTicker(r.interval)
	defer tick.Stop()
	for {
		wake := r.wake
		if r.writer.err != nil {
			wake = nil // the next attempt has time
		}
		select {
		case <-tick.C:
			r.drain()
		case <-wake:
			r.drain()
		case answer := <-r.flush:
			answer <- r.drain()
		case <-r.stop:
			r.drain()
			r.err = r.writer.close()
			for r.take(r.writer.lose) { // what the file did not take
			}
			return
		}
	}
}

// drain writes all that the tracks hold now, the oldest event first, so that
// the packets in the file stand in the order of time. What the loops record
// meanwhile waits for the next time, or a busy loop would keep the octets of
// this one from the file. What the file does not take stays in the rings.
func (r *Recorder) drain() error {
	for _, t := range r.tracks {
		r.late = t.takeLate(r.late) // before the tail is read: what they end is in front of it
		t.until = t.ring.tail.Load()
	}
	write := r.writer.write
	for r.writer.ready() && r.take(write) {
	}
	err := r.writer.flush()
	r.failure.Store(&err)
	return err
}

// take has the oldest event used of those that are to be written now, the ends that
// found no room behind the others; false: there is none.
func (r *Recorder) take(use func(*event)) bool {
	t := r.oldest()
	switch {
	case t != nil:
		r.current = decodeEvent(t.head)
		use(&r.current)
		t.ring.release(r.current.size())
	case len(r.late) > 0:
		use(&r.late[0])
		r.late = r.late[1:]
	default:
		r.late = nil
		return false
	}
	return true
}

// oldest returns the track whose next event is the oldest of all, and leaves
// that event in its head; nil if there is none to write now.
func (r *Recorder) oldest() (oldest *Track) {
	var first int64
	for _, t := range r.tracks {
		if t.ring.head.Load() == t.until {
			continue
		}
		t.head = t.ring.next()
		if at := eventTime(t.head); oldest == nil || at < first {
			oldest, first = t, at
		}
	}
	return oldest
}

// A Track records what happens on one loop. No method waits, allocates, takes
// a lock or keeps what it is given: the octets are copied into the track's
// ring, and when that is full they are left out and counted.
type Track struct {
	ring    *ring
	wake    chan<- struct{}
	scratch []byte

	// The recorder's: the oldest event, and where the events end that it writes
	// this time.
	head  []byte
	until uint64

	late atomic.Pointer[lateEnd] // the last of them
	lost losses
}

// Open records that the flow's client connected. FlowID, Client and Server of f
// must have been set.
func (t *Track) Open(f *Flow, at time.Time) {
	f.begin(at)
	t.announce(f)
}

// Data records octets sent in direction d by one write or found by one read.
// The comment, if any, goes to the first of their packets, and is cut at 64 KiB.
func (t *Track) Data(f *Flow, d Direction, at time.Time, p []byte, comment string) {
	if !f.sending(d) {
		return
	}
	if !t.announce(f) {
		t.lost.add(Dropped{1, uint64(len(p))})
		f.passed[d] += uint64(len(p))
		return
	}
	e := event{kind: dataEvent, flow: f.FlowID, dir: d, at: at.UnixNano(), comment: fitting(comment)}
	for len(p) > 0 {
		e.content, e.offset = p[:min(len(p), maxSegment)], f.passed[d]
		p = p[len(e.content):]
		if len(p) == 0 {
			e.detail = 1 // push
		}
		t.put(&e)
		f.passed[d] += uint64(len(e.content))
		e.comment = ""
	}
}

// End records that direction d ended, or with RST that both did, since the
// sender of d reset the connection.
func (t *Track) End(f *Flow, d Direction, how Ending, at time.Time, comment string) {
	if how != NotEnded {
		t.end(f, d, how, how == RST, at, comment)
	}
}

// Close records that the sender of d ended that direction and closed the
// connection: what may still arrive is read by nobody, and not recorded.
func (t *Track) Close(f *Flow, d Direction, at time.Time, comment string) {
	t.end(f, d, FIN, true, at, comment)
}

func (t *Track) end(f *Flow, d Direction, how Ending, whole bool, at time.Time, comment string) {
	if !f.sending(d) {
		return
	}
	if t.announce(f) {
		e := event{kind: endEvent, flow: f.FlowID, dir: d, detail: uint8(how), offset: f.passed[d],
			at: at.UnixNano(), comment: fitting(comment)}
		if whole {
			e.kind = closeEvent
		}
		t.put(&e)
	}
	f.finish(d, whole)
}

// Note records n.
func (t *Track) Note(n *Note) {
	t.scratch = n.appendBody(t.scratch[:0])
	t.put(&event{kind: noteEvent, detail: uint8(n.Severity), at: n.At.UnixNano(), content: t.scratch})
}

// announce records the opening of f, unless it is recorded: the ring may have
// been full when the flow was opened, and nothing of a flow is readable without
// its addresses.
func (t *Track) announce(f *Flow) bool {
	if !f.announced {
		t.scratch = appendAddress(t.scratch[:0], f.Client)
		t.scratch = appendAddress(t.scratch, f.Server)
		f.announced = t.put(&event{kind: openEvent, flow: f.FlowID, at: f.opened.UnixNano(), content: t.scratch})
	}
	return f.announced
}

// put copies e into the ring. The last of its room is kept for the ends of
// connections, and the last but one for their openings: they are small, and to
// lose one of them misleads a reader more than to lose content does.
func (t *Track) put(e *event) bool {
	eighth := len(t.ring.memory) / 8
	spare := [...]int{dataEvent: eighth, noteEvent: eighth, openEvent: eighth / 2, endEvent: 0, closeEvent: 0}[e.kind]
	room := t.ring.reserve(e.size(), spare)
	if room == nil {
		if e.kind == endEvent || e.kind == closeEvent {
			t.putLate(e)
		} else {
			var d Dropped
			d.add(e)
			t.lost.add(d)
		}
		t.rouse()
		return false
	}
	e.encode(room)
	t.ring.publish()
	if t.ring.used() > len(t.ring.memory)/4 {
		t.rouse()
	}
	return true
}

// A lateEnd is an end that found no room in the ring. It is kept beside it, or
// the recorder would remember for ever a connection that nobody has any more.
// There are no more of them than connections whose opening is recorded.
type lateEnd struct {
	event
	before *lateEnd
}

func (t *Track) putLate(e *event) {
	late := &lateEnd{event: *e, before: t.late.Load()}
	for !t.late.CompareAndSwap(late.before, late) {
		late.before = t.late.Load() // the recorder has taken them
	}
}

// takeLate appends the ends that found no room to all, in their order.
func (t *Track) takeLate(all []event) []event {
	n := len(all)
	for late := t.late.Swap(nil); late != nil; late = late.before {
		all = append(all, late.event)
	}
	slices.Reverse(all[n:])
	return all
}

// rouse has the recorder drain now.
func (t *Track) rouse() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// fitting cuts a comment that would take much of the ring for itself.
func fitting(comment string) string { return comment[:min(len(comment), maxSegment)] }
