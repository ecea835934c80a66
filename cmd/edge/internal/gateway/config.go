package gateway

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/checks"
	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/loop"
)

// Config is what a Server is set up with. Only Origins, or Authority, has to be
// given.
type Config struct {
	// Origins are those that are known from the beginning, the Set's source 0;
	// see Server.SetOrigins for others.
	Origins []*loop.Address
	// Authority is the host of requests that name none. Empty means the first of
	// Origins.
	Authority string
	// Balance says which of the origins gets a request. Zero: all in turn.
	Balance origins.Balance
	// Eject says when an origin is left out for its failures. Zero: never.
	Eject origins.Ejection
	// Name is the token by which the gateway calls itself in Via and
	// Proxy-Status. Empty means "hopwire".
	Name string
	// NoVia leaves Via out of requests. Then one that goes round in circles is not
	// noticed.
	NoVia bool

	// HeadTimeout bounds the time from the first byte of a request to the end
	// of its head. Zero means 10 seconds.
	HeadTimeout time.Duration
	// IdleTimeout bounds how long a client connection waits for its next
	// request, how long the gateway waits for more of a request's body, and
	// how long a client may take none of a response. Zero means 75 seconds.
	IdleTimeout time.Duration
	// BodyTimeout bounds how long the gateway waits for the first byte of a
	// request's body, from the end of its head or from the 100 that the client
	// has waited for. Zero means 30 seconds.
	BodyTimeout time.Duration
	// MinRate is how many bytes a second a client has to send of a request's
	// body, and to take of a response, in the time that the gateway waits for
	// it. What lies in the buffers of the two kernels counts as taken. Zero
	// means any number.
	MinRate int
	// MinRateGrace is how long a client may be slower than MinRate at first,
	// and how far behind it may fall later. Zero means 5 seconds.
	MinRateGrace time.Duration
	// ConnectTimeout bounds connecting to an origin. Zero means 5 seconds.
	ConnectTimeout time.Duration
	// ResponseTimeout bounds how long an origin may take none of a request, and
	// the time from the end of that to a whole head of a response; an interim
	// response begins it anew. Zero means 60 seconds.
	ResponseTimeout time.Duration
	// StreamTimeout bounds how long an origin may give no byte of a response that
	// is under way. Zero means 5 minutes.
	StreamTimeout time.Duration
	// Linger bounds how long a client that still sends when its connection is to
	// be closed is listened to, so that it can read its last response. Zero means
	// 30 seconds.
	Linger time.Duration

	// TunnelTimeout bounds how long no byte goes by in either direction of a
	// tunnel. Zero means 1 hour.
	TunnelTimeout time.Duration

	// Pool bounds the idle origin connections, of each loop for each origin.
	Pool pool.Limits
	// OriginMaxConnections bounds the connections, idle and in use, to each
	// origin. It is shared out among the loops, each of which has at least one.
	// Zero means no bound.
	OriginMaxConnections int
	// OriginDescriptors is for how many connections to all origins together, idle
	// and in use, there are descriptors, shared out likewise. Where all are taken, a
	// new connection takes the place of an idle one. Zero means no bound.
	OriginDescriptors int
	// QueueMax bounds the requests that wait when all origins are at that bound,
	// shared out likewise. Zero means that none waits.
	QueueMax int
	// QueueTimeout is how long one waits. Zero means 5 seconds.
	QueueTimeout time.Duration
	// Seed is that of the chance by which origins are chosen and come back.
	Seed uint64
	// Check says what origins are asked for to see whether they are up. Its Host
	// needs to know only those that have another one than their address; its
	// Health and Seed are the Server's. Without a Target nothing is checked.
	Check checks.Config
	// Report is told when an origin is left out for its failures, and when it is
	// back; on the loops, several at once. Nil means that nobody wants to know.
	Report func(origins.Change)

	// Verbatim sends heads and trailer sections on as they were received, in both
	// directions.
	Verbatim bool

	// Forwarded and XForwarded tell origins for whom a request is forwarded, in
	// the field of RFC 7239 and in those that came before it.
	Forwarded, XForwarded bool
	// Trusted are the clients whose own such fields are believed, and sent on;
	// TrustUnix adds those that come by a Unix socket. None means that nobody is.
	Trusted   []netip.Prefix
	TrustUnix bool

	// DrainIdle is how long a client may send one last request after Drain.
	// Zero means 1 second.
	DrainIdle time.Duration

	// Log gets a line for each exchange. Nil means no log.
	Log *accesslog.Log
	// LogOrigins has each line say which origin the request went to. Where there
	// is only one, that goes without saying.
	LogOrigins bool
	// LogConnections adds a line for each connection, of clients and to origins, when it
	// ends.
	LogConnections bool
	// Events is told of every byte of both hops, and of what is decided; it has a
	// track for each loop. Nil means that nobody looks.
	Events *events.Stream
}

// headPolicy is what is done to heads, by that clock.
func (c *Config) headPolicy(now func() time.Time) heads.Policy {
	p := heads.Policy{
		Name: c.Name, Authority: c.Authority, Now: now, Verbatim: c.Verbatim,
		Forwarded: c.Forwarded, XForwarded: c.XForwarded, Trusted: c.Trusted, TrustUnix: c.TrustUnix,
	}
	if c.NoVia {
		p.Name = ""
	}
	return p
}

// withDefaults fills in what zero means.
func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "hopwire")
	c.HeadTimeout = cmp.Or(c.HeadTimeout, 10*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 75*time.Second)
	c.BodyTimeout = cmp.Or(c.BodyTimeout, 30*time.Second)
	c.MinRateGrace = cmp.Or(c.MinRateGrace, 5*time.Second)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 5*time.Second)
	c.ResponseTimeout = cmp.Or(c.ResponseTimeout, 60*time.Second)
	c.StreamTimeout = cmp.Or(c.StreamTimeout, 5*time.Minute)
	c.Linger = cmp.Or(c.Linger, 30*time.Second)
	c.TunnelTimeout = cmp.Or(c.TunnelTimeout, time.Hour)
	c.DrainIdle = cmp.Or(c.DrainIdle, time.Second)
	c.QueueTimeout = cmp.Or(c.QueueTimeout, 5*time.Second)
	return c
}
