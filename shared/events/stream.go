package events

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"
)

// A Sink takes events, on one goroutine, which may wait for it; nobody else does.
type Sink interface {
	// Ready reports whether there is room for another event, and makes some if need
	// be.
	Ready() bool
	// Take takes an event, which is valid during the call.
	Take(*Event)
	// Flush hands on what was gathered. While that fails, new events are no reason to
	// try again, only time is.
	Flush() error
	// Close ends it: Flush for the last time. Events that come later, since Ready has
	// refused them, are given to Lose.
	Close() error
	Lose(*Event)
	// Lost counts what was taken and came to nothing, and what was given to Lose. It
	// is called on any goroutine.
	Lost() Dropped
}

// Options are the choices of a Stream.
type Options struct {
	// Memory is what the events may take that a reader has not taken yet, of all
	// tracks together; it is rounded down to what powers of two make of it, and a
	// track has 256 KiB at least. 0 means 4 MiB for each track.
	Memory int
	// Spliced says that bytes which the kernel moves from socket to socket are told as
	// gaps, for readers who need the heads of messages only. Otherwise none are moved so.
	Spliced bool
	// Rouse is how many bytes of a track may wait before a reader is roused. 0 means
	// 128 KiB, which are still in the processor's cache then.
	Rouse int
	// Interval is the longest time that anything is kept from a reader. 0 means
	// 100 ms.
	Interval time.Duration
}

// A Stream leads from loops to readers, none of whom a loop waits for:
//
//	loop 0 ── Track 0 ─┬═ ring ═╗
//	loop 1 ── Track 1 ─┼┬ ring ═╩═▶ Reader's goroutine ── Sink: a recording
//	                   └┼ ring ═╗
//	                    └ ring ═╩═▶ Reader's goroutine ── Sink: a terminal
//	                                oldest first
//
// When a sink cannot keep up, its rings fill and events are left out for it alone.
// They are counted, and the offsets of those behind tell where.
type Stream struct {
	options Options
	tracks  []*Track
	readers []*Reader
}

// NewStream returns a stream with so many tracks, and nobody who reads it.
func NewStream(tracks int, o Options) *Stream {
	s := &Stream{options: o, tracks: make([]*Track, tracks)}
	for i := range s.tracks {
		s.tracks[i] = &Track{Spliced: o.Spliced}
	}
	return s
}

// Track returns track i. Its methods are for one goroutine: that of loop i.
func (s *Stream) Track(i int) *Track { return s.tracks[i] }

// Dropped is the sum of what all readers have lost. Any goroutine may call it.
func (s *Stream) Dropped() (d Dropped) {
	for _, r := range s.readers {
		lost := r.Dropped()
		d.Events += lost.Events
		d.Bytes += lost.Bytes
	}
	return d
}

// Read has a sink take the events of all tracks. It is called before there are any,
// and not more than eight times.
func (s *Stream) Read(sink Sink) *Reader {
	r := &Reader{
		sink:     sink,
		interval: cmp.Or(s.options.Interval, 100*time.Millisecond),
		wake:     make(chan struct{}, 1),
		flush:    make(chan chan error),
		stop:     make(chan struct{}),
		done:     make(chan struct{}),
	}
	share := cmp.Or(s.options.Memory/max(len(s.tracks), 1), 4<<20)
	for _, t := range s.tracks {
		l := &lane{ring: newRing(share), wake: r.wake, rouseAt: cmp.Or(s.options.Rouse, 128<<10)}
		t.lanes, r.lanes = append(t.lanes, l), append(r.lanes, l)
	}
	s.readers = append(s.readers, r)
	go r.run()
	return r
}

// A Reader gives one sink the events of a stream.
type Reader struct {
	sink     Sink
	lanes    []*lane
	late     [][]byte // ends that found no room in a ring
	current  Event    // the one that is taken
	note     Note     // its note
	seq      uint64
	failed   error                 // the last attempt to flush
	failure  atomic.Pointer[error] // the same, for others
	interval time.Duration
	wake     chan struct{}
	flush    chan chan error
	stop     chan struct{}
	stopping sync.Once
	done     chan struct{}
	err      error // of closing; read after done
}

// Flush waits until everything told before the call is with the sink, and returns the
// first error that this met. Any goroutine may call it.
func (r *Reader) Flush() error {
	answer := make(chan error)
	select {
	case r.flush <- answer:
		return <-answer
	case <-r.done:
		return r.err
	}
}

// Close gives the sink what is there and closes it. Call it when the loops have ended;
// what is told later is not heard.
func (r *Reader) Close() error {
	r.stopping.Do(func() { close(r.stop) })
	<-r.done
	return r.err
}

// Dropped counts what was left out.
type Dropped struct {
	Events uint64 // of any kind
	Bytes  uint64 // of connections
}

// Add adds an event.
func (d *Dropped) Add(e *Event) {
	d.Events++
	d.Bytes += uint64(len(e.Content))
}

// Losses are a Dropped that several goroutines may look at.
type Losses struct{ events, bytes atomic.Uint64 }

// Add adds what was left out.
func (l *Losses) Add(d Dropped) {
	l.events.Add(d.Events)
	l.bytes.Add(d.Bytes)
}

// Sum is all of it.
func (l *Losses) Sum() Dropped { return Dropped{l.events.Load(), l.bytes.Load()} }

// Dropped returns the sum of all that was left out: what found no room in the rings,
// and what the sink has lost. Any goroutine may call it.
func (r *Reader) Dropped() Dropped {
	d := r.sink.Lost()
	for _, l := range r.lanes {
		lost := l.lost.Sum()
		d.Events += lost.Events
		d.Bytes += lost.Bytes
	}
	return d
}

// Failing returns why the sink takes nothing; nil: it does. Any goroutine may call it.
func (r *Reader) Failing() error {
	if err := r.failure.Load(); err != nil {
		return *err
	}
	return nil
}

func (r *Reader) run() {
	defer close(r.done)
	tick := time.NewTicker(r.interval)
	defer tick.Stop()
	for {
		wake := r.wake
		if r.failed != nil {
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
			r.err = r.sink.Close()
			for r.take(r.sink.Lose) { // what the sink did not take
			}
			return
		}
	}
}

// drain gives the sink all that the rings hold now, the oldest event first, so that
// they come in the order of time. What the loops tell meanwhile waits for the next
// time, or a busy loop would keep the events of this one from being flushed. What the
// sink does not take stays in the rings.
func (r *Reader) drain() error {
	for _, l := range r.lanes {
		r.late = l.takeLate(r.late) // before the tail is read: what they end is in front of it
		l.until = l.ring.tail.Load()
	}
	for r.sink.Ready() && r.take(r.sink.Take) {
	}
	err := r.sink.Flush()
	r.failed = err
	r.failure.Store(&err)
	return err
}

// take has the oldest event used of those that are to be taken now, the ends that
// found no room behind the others; false: there is none.
func (r *Reader) take(use func(*Event)) bool {
	l := r.oldest()
	switch {
	case l != nil:
		r.use(l.head, use)
		l.ring.release(sizeOf(l.head))
	case len(r.late) > 0:
		r.use(r.late[0], use)
		r.late = r.late[1:]
	default:
		r.late = nil
		return false
	}
	return true
}

func (r *Reader) use(encoded []byte, use func(*Event)) {
	decode(encoded, &r.current, &r.note)
	r.seq++
	r.current.Seq = r.seq
	use(&r.current)
}

// oldest returns the lane whose next event is the oldest of all, and leaves that
// event in its head; nil if there is none to take now.
func (r *Reader) oldest() (oldest *lane) {
	var first int64
	for _, l := range r.lanes {
		if l.ring.head.Load() == l.until {
			continue
		}
		l.head = l.ring.next()
		if at := timeOf(l.head); oldest == nil || at < first {
			oldest, first = l, at
		}
	}
	return oldest
}
