package loop

import (
	"math/bits"
	"time"
)

// tick is how coarse timers are.
const tick = Time(time.Millisecond)

const (
	wheelBits   = 6
	wheelSlots  = 1 << wheelBits
	wheelLevels = 7 // 64^7 ms, about 139 years
)

// A timer is an entry of a wheel. It stands in a ring of all timers of one
// slot, so that taking it out touches two neighbours and nothing else. The ring is
// no list.List, since the last to leave learns from the head which slot is empty.
type timer struct {
	next, prev *timer
	at         uint64 // in ticks; in the head of a ring: level<<wheelBits | slot
	owner      expirer
}

// An expirer is told when its timer has run out. The timer is out of the wheel
// by then, and may be put in again.
type expirer interface{ expire() }

func (t *timer) armed() bool { return t.next != nil }

// A wheel keeps timers in slots whose width grows 64-fold from level to level.
// A timer stands at the level of the highest digit (to the base 64) in which
// its instant differs from now, so inserting and removing are a few
// instructions however many timers there are; it moves one level down each time
// the wheel reaches its slot.
type wheel struct {
	now      uint64              // in ticks
	occupied [wheelLevels]uint64 // a bit for each slot that is not empty
	rings    [wheelLevels][wheelSlots]timer
}

func (w *wheel) init(now Time) {
	w.now = uint64(now / tick)
	for level := range w.rings {
		for slot := range w.rings[level] {
			head := &w.rings[level][slot]
			head.next, head.prev, head.at = head, head, uint64(level<<wheelBits|slot)
		}
	}
}

// lastTick is the last that the wheel's levels have digits for.
const lastTick = 1<<(wheelLevels*wheelBits) - 1

// tickOf is the first tick at or after the instant.
func tickOf(at Time) uint64 {
	if at <= 0 {
		return 0
	}
	return min(uint64((at-1)/tick+1), lastTick)
}

// set puts t in for the first tick at or after the instant, or moves it there.
func (w *wheel) set(t *timer, at Time) {
	w.remove(t)
	t.at = max(tickOf(at), w.now+1)
	w.insert(t)
}

func (w *wheel) insert(t *timer) {
	level := (63 - bits.LeadingZeros64(w.now^t.at|1)) / wheelBits
	slot := t.at >> (level * wheelBits) % wheelSlots
	head := &w.rings[level][slot]
	t.next, t.prev = head, head.prev
	t.prev.next, head.prev = t, t
	w.occupied[level] |= 1 << slot
}

func (w *wheel) remove(t *timer) {
	if !t.armed() {
		return
	}
	t.prev.next, t.next.prev = t.next, t.prev
	if t.prev == t.next { // only the head of the ring is left
		w.occupied[t.prev.at>>wheelBits] &^= 1 << (t.prev.at % wheelSlots)
	}
	t.next, t.prev = nil, nil
}

// next is the instant at which the wheel has to be advanced: a timer runs out
// then, or moves down a level.
func (w *wheel) next() Time {
	if _, _, at := w.earliest(); at != noTick {
		return Time(at) * tick
	}
	return Never
}

const noTick = 1<<64 - 1

// earliest finds the first slot that is not empty. Every timer differs from now
// first in its level's digit, and is later, so the lowest level that has any
// holds the earliest, in its lowest occupied slot.
func (w *wheel) earliest() (level, slot int, at uint64) {
	for level, set := range w.occupied {
		if set == 0 {
			continue
		}
		slot := bits.TrailingZeros64(set)
		shift := level * wheelBits
		above := w.now >> (shift + wheelBits) << (shift + wheelBits)
		return level, slot, above | uint64(slot)<<shift
	}
	return 0, 0, noTick
}

// advance tells the owners of all timers that have run out by now.
func (w *wheel) advance(now Time) {
	until := uint64(now / tick)
	for {
		level, slot, at := w.earliest()
		if at > until {
			break
		}
		w.now = at
		w.empty(&w.rings[level][slot])
	}
	w.now = max(w.now, until)
}

// empty takes the timers out of a ring one by one, since telling an owner may
// take others out, and puts those back in that are not due yet.
func (w *wheel) empty(head *timer) {
	for head.next != head {
		t := head.next
		w.remove(t)
		if t.at > w.now {
			w.insert(t)
		} else {
			t.owner.expire()
		}
	}
}
