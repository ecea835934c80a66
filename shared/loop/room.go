package loop

import (
	"errors"
	"fmt"
	"time"

	"github.com/hopwire/hopwire/shared/list"
)

// When the group has as many connections as it may and somebody waits to be
// accepted, an idle connection gives way:
//
//	the listener is full ──► each loop: which of your Idlers is the first?
//	     ▲                                    │ how long is it idle?
//	     │                                    ▼
//	     │             the loop that has the first of all: GiveWay
//	     └─ a connection has closed ◄─────────┘
//
// Loops do not share a clock, so they tell ages and not instants. By the time that
// a loop is told, its first one may be in use, so that another of its own gives
// way; or there is a place, and nobody does.

// leastIdle is how long a connection is idle before it gives way: its next request
// may be on its way.
const leastIdle = time.Second

// An Idler owns a connection on which no request is under way. What is in the
// middle of sending one is not idle, however slow it is.
type Idler[E any] interface {
	list.Element[E]
	// IdleSince is when the connection was accepted, or became idle again.
	IdleSince() Time
	// GiveWay ends the connection, and takes it out of the Idlers.
	GiveWay()
}

// Idlers are those of one loop, in the order in which they give way: first those
// that never sent a request, and of the others, as of these, the one that has been
// idle for longest.
type Idlers[E Idler[E]] struct {
	loop         *Loop
	silent, used list.List[E]
}

// NewIdlers are empty. A loop has only one of them, since they are what it is asked
// about.
func NewIdlers[E Idler[E]](l *Loop) *Idlers[E] {
	i := &Idlers[E]{loop: l}
	l.firstToGo = i.first
	return i
}

// Add puts in one that becomes idle now; used says that it has sent a request.
func (i *Idlers[E]) Add(e E, used bool) {
	if used {
		i.used.PushBack(e)
	} else {
		i.silent.PushBack(e)
	}
}

// Remove takes one out that is in use from now on, with the same word as for Add.
func (i *Idlers[E]) Remove(e E, used bool) {
	if used {
		i.used.Remove(e)
	} else {
		i.silent.Remove(e)
	}
}

// Len is how many there are.
func (i *Idlers[E]) Len() int { return i.silent.Len() + i.used.Len() }

// All yields each of them. Meanwhile the one that was yielded may be taken out.
func (i *Idlers[E]) All(yield func(E) bool) {
	for e := range i.silent.All() {
		if !yield(e) {
			return
		}
	}
	i.used.All()(yield)
}

// first is the one that gives way before all others; none has no giveWay.
func (i *Idlers[E]) first() (c candidate) {
	if e := i.silent.First(); i.silent.Len() > 0 {
		c = candidate{silent: true, idle: i.loop.now.Sub(e.IdleSince()), giveWay: e.GiveWay}
	}
	if e := i.used.First(); i.used.Len() > 0 {
		if used := (candidate{idle: i.loop.now.Sub(e.IdleSince()), giveWay: e.GiveWay}); used.before(c) {
			return used
		}
	}
	return c
}

// A candidate is the first of the Idlers of one loop.
type candidate struct {
	loop    *Loop
	silent  bool // it has never sent a request
	idle    time.Duration
	giveWay func() // nil: there is nobody
}

func (c candidate) mayGo() bool { return c.giveWay != nil && c.idle >= leastIdle }

// before reports whether c gives way before other.
func (c candidate) before(other candidate) bool {
	switch {
	case c.mayGo() != other.mayGo():
		return c.mayGo()
	case c.silent != other.silent && c.mayGo():
		return c.silent
	}
	return c.idle > other.idle
}

// An inquiry is a listener's search for the connection that is to give way.
type inquiry struct {
	listener *Listener
	missing  int // answers
	first    candidate
}

// makeRoom has a connection give way to the one that waits, or looks again later:
// when all are busy now, one that becomes idle may go after leastIdle.
func (ln *Listener) makeRoom() {
	loops := ln.loop.group.loops
	q := &inquiry{listener: ln, missing: len(loops)}
	ln.inquiry = q
	ln.retry.Reset(leastIdle)
	for _, l := range loops {
		l.Post(func() {
			c := candidate{}
			if l.firstToGo != nil {
				c = l.firstToGo()
			}
			c.loop = l
			ln.loop.Post(func() { q.hear(c) })
		})
	}
}

// ErrFull is reported, now and then, while idle connections give way.
var ErrFull = errors.New("all places for connections are taken")

func (ln *Listener) sayGaveWay() {
	if now := ln.loop.now; now >= ln.muteFullUntil {
		ln.muteFullUntil = now.Add(muteFor)
		ln.loop.report(fmt.Errorf("%w: idle ones gave way to those that wait, %d so far; --max-connections bounds them", ErrFull, ln.loop.group.gaveWay.Load()))
	}
}

// hear takes one loop's answer. With the last one, the first of all is told to go.
func (q *inquiry) hear(c candidate) {
	if c.before(q.first) {
		q.first = c
	}
	ln := q.listener
	if q.missing--; q.missing > 0 || ln.inquiry != q || !ln.paused {
		return
	}
	first := q.first
	if !first.mayGo() {
		ln.retry.Reset(leastIdle - first.idle)
		return
	}
	g := ln.loop.group
	first.loop.Post(func() {
		if now := first.loop.firstToGo(); now.mayGo() && g.full() && g.paused.Load() > 0 {
			now.giveWay()
			g.gaveWay.Add(1)
			ln.loop.Post(ln.sayGaveWay)
		}
	})
}
