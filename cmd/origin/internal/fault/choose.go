package fault

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// A selector says which responses or connections something happens to.
type selector struct {
	path   string
	below  bool   // what begins with path and a slash; not path itself
	method string // empty: any
	share  float64
	every  int64
	first  int64

	during, of time.Duration // the last part of each period

	seen atomic.Int64 // those that were asked about, for every
}

// ways is in how many ways some are chosen among those that match.
func (s *selector) ways() (n int) {
	for _, used := range []bool{s.share > 0, s.every > 0, s.first > 0} {
		if used {
			n++
		}
	}
	return n
}

// matches says whether the request is one of those.
func (s *selector) matches(method, path []byte) bool {
	if s.method != "" && s.method != string(method) {
		return false
	}
	if !s.below {
		return string(path) == s.path
	}
	return len(path) > len(s.path) && string(path[:len(s.path)]) == s.path && path[len(s.path)] == '/'
}

// strikes decides on what is the nth, and comes so long after the start.
func (s *selector) strikes(random *rand.Rand, nth int64, after time.Duration) bool {
	if s.of > 0 && after%s.of < s.of-s.during {
		return false
	}
	switch {
	case s.share > 0:
		return random.Float64() < s.share
	case s.every > 0:
		return s.seen.Add(1)%s.every == 0
	case s.first > 0:
		return nth <= s.first
	}
	return true
}

// A Player chooses for one loop.
type Player struct {
	*Script
	random *rand.Rand
}

// Player makes the player of the loop with that index.
func (s *Script) Player(loop int) *Player {
	return &Player{s, rand.New(rand.NewPCG(s.seed, uint64(loop)))}
}

// Response is the fault that strikes the response to a request, nil if none does: the
// first in the script that is to. The request is the nth of its connection, counted
// from 1, and comes so long after the start.
func (p *Player) Response(method, path []byte, nth int64, after time.Duration) *Fault {
	for _, f := range p.faults {
		if f.when.matches(method, path) && f.when.strikes(p.random, nth, after) {
			return f
		}
	}
	return nil
}

// Connection is what goes wrong with a new connection, nil if nothing does: the first
// in the script that is to.
func (p *Player) Connection(after time.Duration) *Connection {
	nth := p.accepted.Add(1)
	for _, c := range p.connections {
		if c.when.strikes(p.random, nth, after) {
			return c
		}
	}
	return nil
}

// Stale says whether the request that comes in now meets the end of the connection.
func (p *Player) Stale(c *Connection) bool { return p.random.Float64() < c.stale }
