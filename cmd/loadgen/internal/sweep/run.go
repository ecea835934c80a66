package sweep

import (
	"context"
	"fmt"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/delay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/pace"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
)

// A Sweep is what is to be measured.
type Sweep struct {
	Axes
	Plan *plan.Plan
	// Servers are one or two: the target, and what it is held against. What they are
	// asked, and how, is the same but for Target and TLS.
	Servers []replay.Config
	Rounds  int
	Seed    uint64
	// Processes are those whose processor time is told.
	Processes []Process
	// Progress, if not nil, is told before each run which of how many it is, and how
	// long it and those that follow take.
	Progress func(run, of int, left time.Duration)
	// Replay makes one run; nil: replay.Run does. Tests have others, in simulated worlds.
	Replay func(context.Context, *plan.Plan, replay.Config) (*replay.Result, error)
}

// sides are those of the servers.
func (s *Sweep) sides() []Side { return []Side{Target, Against}[:len(s.Servers)] }

// Runs is how many there are.
func (s *Sweep) Runs() int { return len(s.Places(s.sides()...)) * s.Rounds }

// Takes is about how long the whole takes.
func (s *Sweep) Takes() (all time.Duration) {
	for _, p := range s.Places(s.sides()...) {
		all += s.takes(p)
	}
	return all * time.Duration(s.Rounds)
}

func (s *Sweep) takes(p Place) time.Duration {
	c := s.config(p)
	return c.Warmup + c.Duration
}

// config is how a place is measured. The connections of a run are opened in its warm-up,
// and are of all ages when that is over.
func (s *Sweep) config(p Place) replay.Config {
	c := s.Servers[0]
	if p.To == Against {
		c = s.Servers[1]
	}
	idle, delay := time.Duration(p.Idle), time.Duration(p.Delay)
	c.RequestsPerConnection, c.Connections = p.RequestsPerConnection, p.Connections
	c.Idle, c.IdleAnyway, c.Aged = pace.Between[time.Duration]{Least: idle}, true, true
	c.Warmup = c.Duration/10 + 2*idle + 6*delay // in a half of it they begin, and TCP, TLS and a request take three round trips
	c.Loops = min(c.Loops, c.Connections)
	return c
}

// Run measures all cells, each as often as there are rounds, and tells what the rounds
// of each have given. With an error it tells what there is by then: a cancelled context
// is one, as a server that cannot be reached at all or a process that is gone.
func (s *Sweep) Run(ctx context.Context) ([]Cell, error) {
	if s.Replay == nil {
		s.Replay = replay.Run
	}
	hops, err := s.openHops()
	defer hops.close()
	if err != nil {
		return nil, err
	}
	places := s.Places(s.sides()...)
	rounds := make([][]Round, len(places))
	left, run := s.Takes(), 0
	for i := range s.Rounds {
		for _, cell := range Order(len(places), len(s.Servers), i, s.Seed) {
			if run++; s.Progress != nil {
				s.Progress(run, len(places)*s.Rounds, left)
			}
			left -= s.takes(places[cell])
			r, err := s.measure(ctx, places[cell], hops)
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if err != nil {
				return s.cells(places, rounds), err
			}
			rounds[cell] = append(rounds[cell], r)
		}
	}
	return s.cells(places, rounds), nil
}

// cells are those that have been measured.
func (s *Sweep) cells(places []Place, rounds [][]Round) (all []Cell) {
	for i, p := range places {
		if len(rounds[i]) > 0 {
			all = append(all, CellOf(p, rounds[i], s.Processes))
		}
	}
	return all
}

// measure makes one run.
func (s *Sweep) measure(ctx context.Context, p Place, through hops) (Round, error) {
	c := s.config(p)
	hop := through[place{p.To, p.Delay}]
	if hop != nil {
		c.Target = hop.Address()
		hop.Late()
	}
	before, err := s.used(hop)
	if err != nil {
		return Round{}, err
	}
	result, err := s.Replay(ctx, s.Plan, c)
	if err != nil {
		return Round{}, err
	}
	if result.Opened == 0 && result.LastConnectError != nil {
		return Round{}, fmt.Errorf("%s: no connection could be opened: %w", p.To, result.LastConnectError)
	}
	after, err := s.used(hop)
	if err != nil {
		return Round{}, err
	}
	r := roundOf(result, after.since(before))
	if hop != nil {
		r.HopLate = hop.Late()
	}
	return r, nil
}

// used is what has been taken so far.
func (s *Sweep) used(hop *delay.Hop) (u usage, err error) {
	if hop != nil {
		u.hop = hop.CPU()
	}
	for i := range s.Processes {
		cpu, err := s.Processes[i].CPU()
		if err != nil {
			return u, err
		}
		u.processes = append(u.processes, cpu)
	}
	u.timeWait = timeWaits()
	return u, nil
}

func (u usage) since(before usage) usage {
	for i := range u.processes {
		u.processes[i] -= before.processes[i]
	}
	return usage{u.hop - before.hop, u.processes, u.timeWait - before.timeWait}
}

// hops are those that delay, one for each server and delay.
type hops map[place]*delay.Hop

type place struct {
	to    Side
	delay Seconds
}

func (s *Sweep) openHops() (hops, error) {
	all := hops{}
	for _, d := range s.Delay {
		for i, to := range s.sides() {
			if d == 0 {
				continue
			}
			hop, err := delay.Start(s.Servers[i].Target, time.Duration(d))
			if err != nil {
				return all, err
			}
			all[place{to, d}] = hop
		}
	}
	return all, nil
}

func (h hops) close() {
	for _, hop := range h {
		hop.Close()
	}
}
