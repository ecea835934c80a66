package origins

import (
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
)

// Config is what a Set is set up with. The zero value works.
type Config struct {
	// Balance says who gets the next request. Zero: all in turn.
	Balance Balance
	// Eject says when an origin is left out for its failures. Zero: never.
	Eject Ejection
	// MaxConnections bounds the connections to each origin, idle and in use.
	// Zero: no bound.
	MaxConnections int
	// Descriptors is how many connections to all origins together, idle and in use,
	// there may be before an idle one makes room for each further one. Zero: any
	// number.
	Descriptors int
	// QueueMax is how many requests wait when all origins are at that bound.
	// Zero: none.
	QueueMax int
	// QueueTimeout is how long one waits at most. Zero: without bound.
	QueueTimeout time.Duration
	// Pool bounds the idle connections to each origin.
	Pool pool.Limits
	// Seed makes the set's chance that of another set. Sets with one seed, on
	// loops of one index, draw the same.
	Seed uint64
	// ConnectionEnds is told of every end of a connection's use; see pool.New.
	// Nil: nobody is.
	ConnectionEnds func(*pool.Conn, pool.Cause)
	// Report is told when an origin is ejected, and when it is back. Nil: nobody
	// is.
	Report func(Change)
}

// A Member is an origin that requests may go to.
type Member struct {
	Address *loop.Address
	// Weight is this origin's part of the requests, in relation to those of the
	// others. 0 means 1.
	Weight int
	// Priority is who is asked first: while an origin of a lower number is fit,
	// those of higher ones are in reserve (RFC 2782).
	Priority int
}

func (m Member) weight() int { return max(m.Weight, 1) }

// A Watcher is told which origins there are, so that it can look after them. It
// is called on the Set's loop.
type Watcher interface {
	Joined(*Origin)
	Left(*Origin)
}

// A Set has the origins of one loop. All its methods are called on that loop.
type Set struct {
	loop    *loop.Loop
	config  Config
	watcher Watcher // may be nil
	random  *rand.Rand

	sources [][]Member // what each source said last
	members []*Origin
	leaving []*Origin // no longer members, with connections in use

	scratch []*Origin          // memory for candidates
	queue   list.List[*Ticket] // those who wait, the first come first
	totals  Totals             // without what members and leaving have counted
}

// New returns a Set without members.
func New(l *loop.Loop, config Config) *Set {
	return &Set{loop: l, config: config, random: rand.New(rand.NewPCG(config.Seed, uint64(l.Index())))}
}

// Watch has w told of the origins that are there, and of those that come and go
// from here on.
func (s *Set) Watch(w Watcher) {
	s.watcher = w
	for _, o := range s.members {
		w.Joined(o)
	}
}

// Len is how many origins there are.
func (s *Set) Len() int { return len(s.members) }

// All iterates over the origins that are members.
func (s *Set) All() iter.Seq[*Origin] { return slices.Values(s.members) }

// Update replaces the members that came from this source; sources are numbered
// from 0, densely. An address that was a member already stays what it is, with
// its connections and its health, whichever source it came from. One that no
// source has any more gets no further request; those under way come to their
// end. An address that several sources have is one member, with the weight that
// the source of the lowest number gives it.
func (s *Set) Update(source int, members []Member) {
	for len(s.sources) <= source {
		s.sources = append(s.sources, nil)
	}
	s.sources[source] = slices.Clone(members)
	wanted := union(s.sources)
	s.withdraw(wanted)
	for _, m := range wanted {
		s.admit(m)
	}
	s.serveQueue()
}

// union has each address once.
func union(sources [][]Member) (all []Member) {
	for _, members := range sources {
		for _, m := range members {
			if !slices.ContainsFunc(all, m.isAt) {
				all = append(all, m)
			}
		}
	}
	return all
}

// isAt reports whether both are the same origin.
func (m Member) isAt(other Member) bool { return *m.Address == *other.Address }

// withdraw lets go of the members that are not wanted. The others keep their
// order, so that an update does not begin rotation anew.
func (s *Set) withdraw(wanted []Member) {
	var gone []*Origin
	s.members = slices.DeleteFunc(s.members, func(o *Origin) bool {
		stays := slices.ContainsFunc(wanted, o.is)
		if !stays {
			gone = append(gone, o)
		}
		return !stays
	})
	for _, o := range gone {
		s.leaving = append(s.leaving, o)
		o.gone = true
		o.pool.Retire()
		if s.watcher != nil {
			s.watcher.Left(o)
		}
		s.forget(o)
	}
}

// admit makes sure that m is a member.
func (s *Set) admit(m Member) {
	if i := slices.IndexFunc(s.members, func(o *Origin) bool { return o.is(m) }); i >= 0 {
		s.members[i].weight, s.members[i].priority = m.weight(), m.Priority
		return
	}
	o := s.returned(m)
	if o == nil {
		o = s.newOrigin(m)
	}
	o.weight, o.priority = m.weight(), m.Priority
	s.members = append(s.members, o)
	if s.watcher != nil {
		s.watcher.Joined(o)
	}
}

// MakeRoom is called before a connection is made. If there are as many as there are
// descriptors for, it closes an idle one, at the origin that has most of them.
func (s *Set) MakeRoom() {
	if s.config.Descriptors == 0 {
		return
	}
	var most *pool.Pool
	open := 0
	for _, all := range [...][]*Origin{s.members, s.leaving} {
		for _, o := range all {
			if open += o.pool.Open(); most == nil || o.pool.Idle() > most.Idle() {
				most = o.pool
			}
		}
	}
	if open >= s.config.Descriptors {
		most.MakeRoom()
	}
}

// returned is the origin that has been at this address until a moment ago, and
// still has connections, which count against its bound.
func (s *Set) returned(m Member) *Origin {
	i := slices.IndexFunc(s.leaving, func(o *Origin) bool { return o.is(m) })
	if i < 0 {
		return nil
	}
	o := s.leaving[i]
	s.leaving = slices.Delete(s.leaving, i, i+1)
	o.gone = false
	o.pool.Reinstate()
	return o
}

// forget drops an origin that is gone, once nothing of it is left but what it
// has counted.
func (s *Set) forget(o *Origin) {
	if !o.gone || o.busy > 0 || o.pool.Open() > 0 {
		return
	}
	if i := slices.Index(s.leaving, o); i >= 0 {
		s.leaving = slices.Delete(s.leaving, i, i+1)
		s.totals.addPool(o.pool)
	}
}
