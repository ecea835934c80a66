package replay

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/pace"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
	"github.com/hopwire/hopwire/shared/wire"
)

// A servedConn is what its origin saw of it.
type servedConn struct {
	requests, last int           // last of them say Connection: close
	before         loop.Time     // when the last request came
	shortest       time.Duration // between two
}

// mixed draws ways to keep connections that are chosen together.
func mixed(random *rand.Rand) Config {
	c := Config{
		Connections: 1 + random.IntN(4), Requests: 40, Verify: true, Pipeline: 1,
		Close:   Closing(random.IntN(int(CloseHeader) + 1)),
		NoRetry: random.IntN(4) == 0,
		Aged:    random.IntN(4) == 0,
	}
	if random.IntN(3) > 0 {
		c.RequestsPerConnection = 2 + random.IntN(5)
		c.MostPerConnection = c.RequestsPerConnection + random.IntN(5)
	}
	if random.IntN(2) == 0 {
		c.Lifetime = time.Duration(1+random.IntN(500)) * ms
	}
	if random.IntN(4) == 0 {
		c.Warmup = time.Duration(1+random.IntN(500)) * ms
	}
	switch random.IntN(4) {
	case 0:
		c.Idle.Least = time.Duration(random.IntN(50)) * ms
		c.Idle.Most = c.Idle.Least + time.Duration(1+random.IntN(100))*ms
		c.IdleAnyway = random.IntN(2) == 0
	case 1:
		c.Arrivals = pace.Arrivals{PerSecond: 20 + 500*random.Float64(), Poisson: random.IntN(2) == 0}
		c.Oldest = random.IntN(2) == 0
	default:
		c.Pipeline = 1 + random.IntN(6)
	}
	return c
}

// TestMixed: however connections are kept, each request comes to one end, no connection
// carries more than it may, nor less without a reason, gaps are as long as they were to
// be, and who ends connections is who was to.
func TestMixed(t *testing.T) {
	t.Parallel()
	recorded, asked := simPlan(t), planned(t, plantest.Gets("/a", "/chunked", "/b"))
	asked.Joined = true
	for i := range asked.Sessions[0].Requests {
		r := &asked.Sessions[0].Requests[i]
		r.Final, r.Expect = finalOf(r.Bytes), nil
	}
	for seed := range simSeeds() {
		random := rand.New(rand.NewPCG(seed, 0))
		config, p, network, hostile := mixed(random), asked, simnet.Rough(seed), random.IntN(3) == 0
		if random.IntN(2) == 0 {
			p = recorded
		}
		config.Timeout = time.Hour
		if hostile {
			network, config.Timeout = simnet.Hostile(seed), time.Second
		}
		var seen []*servedConn
		r, err := watched(t, seed, network, p, config, func(o *simOrigin) {
			c := &servedConn{shortest: time.Hour}
			seen = append(seen, c)
			o.before = func(string) {
				now := o.loop.Clock()
				if c.requests++; c.requests > 1 {
					c.shortest = min(c.shortest, now.Sub(c.before))
				}
				if !wire.RequestPersists(&o.head) {
					c.last++
				}
				c.before = now
			}
		}, nil)
		world := fmt.Sprintf("seed %d, hostile %t, recorded %t: %+v: %s, %+v, %v", seed, hostile, p == recorded, config, r.Ending, countsOf(r), r.Explanations)
		if err != nil {
			t.Errorf("%s: %v", world, err)
		}
		if r.Warmup+r.Requests+r.Unfinished+r.Unsent != config.Requests || !hostile && (r.Errors+r.Unfinished+r.Unsent != 0 || r.Ending != Complete) {
			t.Errorf("%s: requests are missing or have failed", world)
		}
		if config.Warmup == 0 {
			checkBooks(t, seed, r)
		}
		checkConnections(t, world, config, p, r, seen, hostile)
	}
}

func checkConnections(t *testing.T, world string, config Config, p *plan.Plan, r *Result, seen []*servedConn, hostile bool) {
	t.Helper()
	few := 0
	for _, c := range seen {
		if most := config.perConnection().Greatest(); most > 0 && c.requests > most {
			t.Errorf("%s: a connection carried %d requests", world, c.requests)
		}
		if c.requests < config.RequestsPerConnection {
			few++
		}
		if c.shortest < config.Idle.Least {
			t.Errorf("%s: a connection was idle for no more than %s", world, c.shortest)
		}
		if c.last > 1 || c.last > 0 && (config.Close == CloseFIN || config.Close == CloseRST) {
			t.Errorf("%s: %d of %d requests of a connection asked for its end", world, c.last, c.requests)
		}
	}
	if hostile || !p.Joined {
		return
	}
	aged := 0
	if config.Aged {
		aged = config.Connections
	}
	if config.Lifetime == 0 && few > config.Connections+aged {
		t.Errorf("%s: %d of %d connections carried less than they should", world, few, len(seen))
	}
	switch config.Close {
	case CloseFIN, CloseRST:
		if r.ClosedByPeer > 0 {
			t.Errorf("%s: %d connections were closed by the server, which nobody had asked for it", world, r.ClosedByPeer)
		}
	case CloseHeader:
		if r.ClosedByUs > int64(config.Connections) {
			t.Errorf("%s: %d connections were closed by us, although the server was asked to", world, r.ClosedByUs)
		}
	}
}
