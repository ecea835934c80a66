package replay

import (
	"cmp"
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/pace"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/loop"
)

// A Config says how a plan is replayed. Only Target is required.
type Config struct {
	// Target is the server.
	Target *loop.Address
	// TLS, if not nil, has TLS spoken with it: it says who the server is to be, whom
	// one trusts in that, or that one trusts everybody.
	TLS *tls.Config
	// ResumeTLS has handshakes resume the session of one before, where the server
	// gave a ticket for that.
	ResumeTLS bool
	// Connections is how many sessions are under way at once; 0 means 1.
	Connections int
	// Loops is how many event loops share them; 0 means 1. There are never more
	// than connections.
	Loops int
	// Requests ends the run when that many were sent; 0: no such bound.
	Requests int64
	// Duration ends the run after that time; 0: no such bound. Without either
	// bound every session is sent once.
	Duration time.Duration
	// RequestsPerConnection closes a connection after so many requests,
	// whichever sessions they are of; 0: where the recorded connection ended.
	RequestsPerConnection int
	// MostPerConnection, if greater, has the number for each connection drawn from
	// both and those between.
	MostPerConnection int
	// Lifetime is how old a connection may become before its last request; 0: as it
	// will.
	Lifetime time.Duration
	// Idle is how long a connection of a closed loop is idle before its next request.
	Idle pace.Between[time.Duration]
	// IdleAnyway: what is idle for that time is a user, who waits before a request on a
	// new connection as well, but for the first of all.
	IdleAnyway bool
	// Aged: the first of the connections that follow each other carries only a part of
	// its requests, as if it had carried the others before the run. So they do not all
	// end at once, and a run shorter than their life has the part of it that a long one
	// has. Nor do they all begin at once, but at some time in the first half of the
	// warm-up.
	Aged bool
	// Close is how connections end that have carried what they were to carry.
	Close Closing
	// Pipeline is how many requests of a closed loop may be under way on a connection;
	// 0 and 1: one.
	Pipeline int
	// Sources are the addresses that connections are made from, in turns; nil: the
	// kernel chooses.
	Sources []netip.Addr
	// Warmup is for how long what happens does not count, at the beginning.
	// Connections do, and it is no part of Duration.
	Warmup time.Duration
	// Arrivals open the loop, if their rate is not 0: they say when each request is
	// due, over connections that are used in turn. The first of several free ones is
	// that which has been free the shortest time, or with Oldest the longest.
	Arrivals pace.Arrivals
	Oldest   bool
	// Speed, if not 0, replays a recording in its pace, so many times as fast: each
	// request is due when it was recorded.
	Speed float64
	// Timeout is how long opening a connection may take, TLS included, and a whole
	// exchange; 0 means 10 seconds.
	Timeout time.Duration
	// Grace is how long responses are waited for that are outstanding when the
	// run is over before the requests are. Cutting them off at once would hide
	// the slowest ones.
	Grace time.Duration
	// Verify compares status and content of responses with the recorded ones.
	Verify bool
	// VerifyHead, beside Verify, compares the field lines of their heads, too, in
	// their order and byte for byte but for the Volatile ones, and how they are framed.
	VerifyHead bool
	// Volatile are names of fields that may differ, be missing or be added.
	Volatile []string
	// Failures, if not nil, is told of exchanges that failed: what was sent, the first
	// bytes of what came back, and why. It is of NewFailures, for as many loops, and may
	// be told of several runs, one after the other.
	Failures *Failures
	// NoRetry: no request is sent again on a new connection because the server
	// had closed the idle one.
	NoRetry bool
	// NoBackoff: there are no pauses after failures.
	NoBackoff bool
	// Progress, if not nil, is called several times a second, in a goroutine of
	// its own, and not any more once Run has returned.
	Progress func(Progress)
	// Hurry, when closed, ends the run at once, whatever is still under way.
	Hurry <-chan struct{}

	// explain is how many different failures the result describes; 0 means explained.
	explain int
	// patience is how long a worker goes on trying to connect while the server
	// does nothing good to any of the run; 0 means 2 seconds.
	patience time.Duration
}

// explained is how many different failures a result describes.
const explained = 5

func (c Config) perConnection() pace.Between[int] {
	return pace.Between[int]{Least: c.RequestsPerConnection, Most: c.MostPerConnection}
}

func (c Config) withDefaults(p *plan.Plan) Config {
	c.Connections = max(c.Connections, 1)
	c.Loops = min(max(c.Loops, 1), c.Connections)
	if c.Requests == 0 && c.Duration == 0 {
		c.Requests = int64(p.Len())
	}
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.explain = cmp.Or(c.explain, explained)
	c.patience = cmp.Or(c.patience, 2*time.Second)
	return c
}
