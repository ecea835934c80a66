package weather

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// A Load is a number of requests to a gateway, by clients that keep step.
type Load struct {
	// Gateway is the address to connect to.
	Gateway string
	// Clients is how many connections there are.
	Clients int
	// Requests is how many are sent, with numbers from 0.
	Requests int
	// Gap is the time between two requests of a client, give or take a tenth.
	Gap time.Duration
	// Posts: the requests are POST instead of GET.
	Posts bool
	// Octets is the size of each response.
	Octets int
	// Seed draws what is given or taken.
	Seed uint64
}

// Run sends the requests and returns what came of them. Nothing is sent twice.
// When ctx ends, what has not been sent yet is not.
func (l *Load) Run(ctx context.Context) Tally {
	var next atomic.Int64
	var all sync.WaitGroup
	tallies := make([]Tally, l.Clients)
	start := time.Now()
	for i := range tallies {
		all.Go(func() {
			pace := ticks{start: start, gap: l.Gap, rng: rand.New(rand.NewPCG(l.Seed, uint64(i)))}
			l.client(ctx, &next, pace, &tallies[i])
		})
	}
	all.Wait()
	var sum Tally
	for _, t := range tallies {
		sum.Add(t)
	}
	return sum
}

func (l *Load) client(ctx context.Context, next *atomic.Int64, pace ticks, tally *Tally) {
	c := newClient(l.Octets)
	defer c.disconnect()
	for pace.wait(ctx) {
		id := next.Add(1) - 1
		if id >= int64(l.Requests) {
			return
		}
		tally[l.one(c, request{id: id, post: l.Posts})]++
	}
}

// one sends a request on the connection that there is, or on a new one.
func (l *Load) one(c *client, q request) Outcome {
	if c.conn == nil && c.connect(l.Gateway) != nil {
		return Unconnected
	}
	o, persists := c.ask(q)
	if !persists {
		c.disconnect()
	}
	return o
}

// ticks are those of a clock that all clients go by.
type ticks struct {
	start time.Time
	gap   time.Duration
	rng   *rand.Rand
}

// wait sleeps until the next tick, and a little longer. It reports false when
// ctx has ended.
func (t *ticks) wait(ctx context.Context) bool {
	until := t.gap - time.Since(t.start)%t.gap + time.Duration(t.rng.Int64N(int64(t.gap)/10+1))
	return sleep(ctx, until)
}
