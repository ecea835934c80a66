package simulation

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/gateway"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A temper is what a seed draws for a world as a whole.
type temper struct {
	kind      string // of network
	config    gateway.Config
	limits    pool.Limits
	name      string // of the gateway
	authority string // of the first origin
	origins   int
	clients   int
	places    int // for clients; 0: as many as there are
	quota     int // requests of each client
	largest   int // octets of a body
	room      int // octets in a buffer of the network

	rude struct {
		clients int // one connection in so many; 0: none
		origins int // one answer in so many
	}
	idleClose   bool    // origins end connections that are not used
	announces   bool    // origins say how long they keep connections that are not used, and end them then
	churns      bool    // origins come and go
	records     bool    // the gateway does
	unread      bool    // nobody takes what it says and records
	wellBehaved bool    // neither rude nor hostile
	limited     bool    // connections or slowness are, and some requests fall victim to that
	faults      float64 // of each direction of a connection
	faultWithin int
	refuse      float64
	hang        float64
	drainAfter  time.Duration // 0: not before the clients have gone

	late     time.Duration // by which the network's reports are late
	think    time.Duration // between two messages, at most
	haste    time.Duration // within one
	long     time.Duration // longer than the gateway waits
	patience time.Duration // for an exchange
}

// draw decides on everything that the world is set up with.
func (w *world) draw() simnet.Options {
	options := w.drawNetwork()
	w.drawGateway()
	w.drawManners()
	w.late = 0
	if options.Late > 0 {
		w.late = options.LateBy.Max + time.Nanosecond
	}
	return options
}

func (w *world) drawNetwork() (o simnet.Options) {
	w.largest = 8 << 10
	switch n := w.rng.IntN(20); {
	case n < 9:
		w.kind, w.quota = "smooth", 60
		w.largest = pick(w.rng, 1000, 20<<10, 20<<10)
	case n < 13:
		w.kind, w.quota = "far", 40
		o.Delay = simnet.Range{Max: time.Duration(1 + w.rng.IntN(int(20*time.Millisecond)))}
		o.Piece, o.Buffer = pick(w.rng, 0, 1000, 1460), pick(w.rng, 0, 4096, 64<<10)
	case n < 18:
		w.kind, w.quota, w.largest = "rough", 30, 4000
		o = simnet.Rough(w.rng.Uint64())
		o.Delay.Min, o.Delay.Max = o.Delay.Min/10, o.Delay.Max/10
		o.Piece, o.Buffer = pick(w.rng, 7, 64, 1000, 0), pick(w.rng, 100, 200, 1000, 4096)
	default:
		w.kind, w.quota, w.largest = "tiny", 5, 300
		o.Piece, o.Buffer = pick(w.rng, 1, 3), pick(w.rng, 1, 10)
		o.Delay = simnet.Range{Max: time.Duration(w.rng.IntN(int(50 * time.Microsecond)))}
	}
	w.room = cmp.Or(o.Buffer, 64<<10)
	o.ResetDiscards = pick[float64](w.rng, 0, 1)
	return o
}

// size draws the length of a content. In some worlds there are long ones, which
// the gateway handles otherwise.
func (w *world) size() int {
	switch {
	case w.one(3):
		return 0
	case w.largest > 4000 && w.one(100):
		return 64<<10 + w.rng.IntN(200<<10)
	}
	return w.magnitude(w.largest)
}

// sizeFor is that of one that a client sends, or is sent. Where it reads nothing before
// it has sent all, each may be longer than what finds room on its way.
func (w *world) sizeFor(c *call) int {
	if c.sendsFirst && w.room <= 4096 && w.one(2) {
		return 5*w.room + w.magnitude(5*w.room)
	}
	return w.size()
}

func (w *world) drawGateway() {
	w.name = pick(w.rng, "hopwire", "edge-1")
	w.origins = pick(w.rng, 1, 1, 2, 3)
	w.limits = limitsOf(w.rng)
	w.config = gateway.Config{
		Name: w.name, Pool: w.limits, LogOrigins: w.origins > 1,
		HeadTimeout: 10 * time.Second, Linger: time.Hour, ConnectTimeout: pick(w.rng, 5*time.Second, time.Second/2), DrainIdle: time.Second, TunnelTimeout: time.Minute,
		IdleTimeout:     pick(w.rng, 75, 20*time.Second/time.Second) * time.Second,
		BodyTimeout:     pick(w.rng, 30, 5*time.Second/time.Second) * time.Second,
		ResponseTimeout: pick(w.rng, 60, 10*time.Second/time.Second) * time.Second,
		StreamTimeout:   pick(w.rng, 300, 10*time.Second/time.Second) * time.Second,
	}
	w.config.NoVia = w.one(8)
	if w.config.Verbatim = w.one(8); !w.config.Verbatim && w.one(3) {
		w.config.Forwarded, w.config.XForwarded = w.one(2), w.one(2)
		if w.one(2) {
			w.config.Trusted = everybody
		}
	}
	w.config.Balance, _ = origins.ParseBalance(pick(w.rng, "round-robin", "least-connections", "two-choices", "hash:target", "hash:x-odd"))
	w.config.Eject = origins.Ejection{After: w.rng.IntN(4), For: time.Second, Max: 10 * time.Second}
	w.config.Seed = w.rng.Uint64()
	if w.one(3) {
		w.config.OriginMaxConnections = 1 + w.rng.IntN(4)
		w.config.QueueMax = pick(w.rng, 0, 2, 10000, 10000)
		w.config.QueueTimeout = pick(w.rng, time.Millisecond, 5*time.Second, 100*time.Hour, 100*time.Hour)
		w.limited = w.config.QueueMax < 10000 || w.config.QueueTimeout < time.Hour
	}
	if w.one(8) {
		w.config.MinRate, w.config.MinRateGrace = 1000, time.Second/4
		w.limited = true
	}
	w.long = 4 * w.config.IdleTimeout
	w.patience = 10 * (w.config.IdleTimeout + w.config.ResponseTimeout + w.config.StreamTimeout)
	w.think, w.haste = time.Second/2, 20*time.Millisecond
	if w.one(4) {
		w.think = time.Millisecond // everything meets
	}
}

func (w *world) drawManners() {
	w.clients = 1 + w.rng.IntN(12)
	w.idleClose = w.one(3)
	w.announces = w.one(3)
	w.churns = w.one(4)
	if w.one(2) {
		w.rude.clients = pick(w.rng, 2, 10)
	}
	if w.one(2) {
		w.rude.origins = pick(w.rng, 4, 20)
	}
	if w.one(4) {
		w.faults = pick(w.rng, 0.02, 0.1, 0.3)
		w.faultWithin = pick(w.rng, 64, 1024, 64<<10)
		w.refuse = pick(w.rng, 0, 0.05, 0.3)
		w.hang = pick(w.rng, 0, 0.02)
	}
	if w.one(6) {
		w.drainAfter = 1 + w.within(10*w.think)
	}
	w.records = w.one(16)
	w.unread = !w.records && w.one(8)
	if w.clients > 3 && w.one(4) {
		w.places = 1 + w.rng.IntN(3)
	}
	w.wellBehaved = w.rude.clients+w.rude.origins == 0 && w.faults == 0
}

// calm reports whether every request has to be answered by an origin.
func (w *world) calm() bool { return w.wellBehaved && !w.limited && w.drainAfter == 0 }

// String says what the world is like, each thing only if it is so.
func (w *world) String() string {
	var all []string
	say := func(so bool, format string, args ...any) {
		if so {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	c := &w.config
	say(true, "%s network, clients: %d", w.kind, w.clients)
	say(w.places > 0, "places for them: %d", w.places)
	say(true, "origins: %d", w.origins)
	say(w.rude.clients > 0, "one client connection of %d is rude", w.rude.clients)
	say(w.rude.origins > 0, "one origin's answer of %d is rude", w.rude.origins)
	say(w.idleClose, "origins end idle connections")
	say(w.announces, "origins announce for how long they keep them")
	say(w.churns, "origins come and go")
	say(w.records, "the gateway records")
	say(w.unread, "nobody reads what it says and records")
	say(w.faults > 0, "a direction of a connection breaks with probability %v within %d bytes", w.faults, w.faultWithin)
	say(w.refuse > 0, "a connect is refused with %v", w.refuse)
	say(w.hang > 0, "it hangs with %v", w.hang)
	say(w.drainAfter > 0, "a drain after %v", w.drainAfter)
	say(c.Verbatim, "verbatim")
	say(c.OriginMaxConnections > 0, "connections to an origin: %d, queue of %d for %v", c.OriginMaxConnections, c.QueueMax, c.QueueTimeout)
	say(c.MinRate > 0, "at least %d bytes a second", c.MinRate)
	say(true, "\npool: %+v", w.limits)
	say(true, "timeouts: idle %v, body %v, response %v, stream %v", c.IdleTimeout, c.BodyTimeout, c.ResponseTimeout, c.StreamTimeout)
	return strings.ReplaceAll(strings.Join(all, ", "), ", \n", ",\n")
}
