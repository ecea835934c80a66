package origins

import (
	"iter"
	"math"
	"slices"

	"github.com/hopwire/hopwire/shared/loop"
)

// A Placing says what came of looking for an origin.
type Placing uint8

const (
	// Placed: the ticket has a place at its Origin.
	Placed Placing = iota
	// Full: whoever could be asked has as many connections as it may; see Wait.
	Full
	// Nobody is left to be asked.
	Nobody
)

// Place finds an origin for a request that has none: the one that Balance picks
// of those that are fit, have a place left, and have not failed it yet. When
// none is fit, it is the last resort.
func (s *Set) Place(t *Ticket) Placing {
	if len(s.members) == 1 && len(t.unreachable) == 0 {
		return s.takeOnly(t)
	}
	free, full := s.candidates(t)
	if len(free) > 0 {
		o := s.pick(free, t)
		if o.ejected {
			return s.take(t, o, trial)
		}
		return s.take(t, o, ordinary)
	}
	if full {
		return Full
	}
	return s.placeUnfit(t)
}

// takeOnly gives it one at the only origin there is, which was ejected, if it was,
// when there were others.
func (s *Set) takeOnly(t *Ticket) Placing {
	o := s.members[0]
	if o.ejected {
		return s.take(t, o, lastResort)
	}
	return s.take(t, o, ordinary)
}

// take gives the ticket a place at o, if one is left.
func (s *Set) take(t *Ticket, o *Origin, m mode) Placing {
	if o.full(s.config.MaxConnections) {
		return Full
	}
	if m == trial {
		o.onTrial = true
	}
	o.busy++
	t.origin, t.mode = o, m
	return Placed
}

// candidates are the fit origins with a place left, and whether there are others
// without: of the lowest priority that has any fit ones, so that those in reserve
// take over from origins that are not well, and not from those that are busy. The
// slice is valid until the next call.
func (s *Set) candidates(t *Ticket) (free []*Origin, full bool) {
	free = s.scratch[:0]
	lowest := math.MaxInt
	for _, o := range s.members {
		if o.priority > lowest || !o.fit(s.loop.Now()) || t.couldNotReach(o) {
			continue
		}
		if o.priority < lowest {
			lowest, free, full = o.priority, free[:0], false
		}
		if o.full(s.config.MaxConnections) {
			full = true
		} else {
			free = append(free, o)
		}
	}
	s.scratch = free
	return free, full
}

// placeUnfit is for a request to which nobody fit is left. See Ejection in the
// package's comment for why that is not the end of it.
func (s *Set) placeUnfit(t *Ticket) Placing {
	s.scratch = s.scratch[:0]
	for _, o := range s.members {
		if !t.couldNotReach(o) {
			s.scratch = append(s.scratch, o)
		}
	}
	o := soonest(s.scratch)
	switch {
	case len(s.scratch) == 0:
		return Nobody
	case o == nil:
		o = s.pick(foremost(s.scratch), t)
	}
	return s.take(t, o, lastResort)
}

// PassedOver iterates over the origins that did not get the request which the ticket
// is of, with why not.
func (s *Set) PassedOver(t *Ticket) iter.Seq2[*loop.Address, string] {
	return func(yield func(*loop.Address, string) bool) {
		for _, o := range s.members {
			if o != t.origin && !yield(o.address, s.whyNot(o, t)) {
				return
			}
		}
	}
}

func (s *Set) whyNot(o *Origin, t *Ticket) string {
	switch {
	case t.couldNotReach(o):
		return "unreachable"
	case o.down:
		return "down"
	case !o.fit(s.loop.Now()):
		return "ejected"
	case o.full(s.config.MaxConnections):
		return "full"
	case o.priority > t.origin.priority:
		return "reserve"
	}
	return "not-its-turn"
}

// foremost are those of the lowest priority. They take the place of all.
func foremost(all []*Origin) []*Origin {
	lowest := math.MaxInt
	for _, o := range all {
		lowest = min(lowest, o.priority)
	}
	return slices.DeleteFunc(all, func(o *Origin) bool { return o.priority > lowest })
}

// soonest is the origin whose ejection ends first of those that only their own
// failures have put out; nil when checks say that all are down.
func soonest(unfit []*Origin) (first *Origin) {
	for _, o := range unfit {
		if !o.down && (first == nil || o.until < first.until) {
			first = o
		}
	}
	return first
}

// A Verdict is what an exchange tells of its origin's health.
type Verdict uint8

const (
	// Unknown: the exchange came to its end by no doing of the origin's.
	Unknown Verdict = iota
	// Success: a whole response.
	Success
	// Failure: no connection, or no valid response in time, or not all of it.
	Failure
)

func (v Verdict) String() string { return [...]string{"unknown", "success", "failure"}[v] }

// Answered says that the origin has begun a valid response, which is enough to
// end an ejection: the rest may take hours.
func (s *Set) Answered(t *Ticket) {
	if t.origin != nil && t.origin.ejected && t.mode != ordinary {
		s.restore(t.origin)
	}
}

// Leave gives the place back, after what the verdict says, and why if that is a
// failure. A ticket without a place is left as it is.
func (s *Set) Leave(t *Ticket, v Verdict, why string) {
	o := t.origin
	if o == nil {
		return
	}
	if v == Success {
		s.Answered(t)
		o.succeed()
	}
	if t.mode == trial {
		o.onTrial = false
	}
	if v == Failure {
		s.failed(o, t.mode, why)
	}
	t.origin = nil
	o.busy--
	if o.gone {
		s.forget(o)
	}
	s.serveQueue()
}

// Unreachable is Leave for a place at an origin that no connection could be made
// to. The request will not come back to it.
func (s *Set) Unreachable(t *Ticket, v Verdict, why string) {
	t.unreachable = append(t.unreachable, t.origin)
	s.Leave(t, v, why)
}

// SetHealth says what a check found out about the origin at an address. One
// that is down gets no requests, and one that comes up has its ejection
// forgotten. Addresses that are not those of members are ignored.
func (s *Set) SetHealth(at *loop.Address, up bool) {
	for _, o := range s.members {
		if *o.address != *at || o.down != up {
			continue
		}
		o.down = !up
		if up && o.ejected {
			o.ejections = 0
			s.restore(o)
		}
		s.serveQueue()
	}
}
