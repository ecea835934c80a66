package gateway

import (
	"net"
	"net/netip"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/cmd/edge/internal/tap"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/tally"
)

// A Gateway is the part of a Server that lives on one loop. Nothing of it is
// touched from anywhere else, so nothing here takes a lock.
type Gateway struct {
	server *Server
	config *Config
	loop   *loop.Loop
	tap    *tap.Tap // nil: nobody looks

	origins    *origins.Set
	missing    ProxyError // why there are none, if there are none
	editor     *heads.Editor
	clientPace pace // what is asked of clients
	originPace pace // what is asked of origins as they take requests
	free       *loop.FreeList[*exchange]
	pads       *loop.FreeList[*pad]
	counters   Counters
	durations  tally.Durations // of requests from their first byte to their end, but for tunnels

	idle       *loop.Idlers[*client]
	busy       list.List[*client] // the other clients
	lastClient uint64
	lastOrigin uint64
	draining   bool
	closed     bool // to further clients
	emptied    bool // and the last one has left

	log *accesslog.Batch // nil: nothing is logged
}

func newGateway(s *Server, l *loop.Loop) *Gateway {
	g := &Gateway{
		server:     s,
		config:     &s.config,
		loop:       l,
		editor:     heads.NewEditor(s.config.headPolicy(l.Wall)),
		clientPace: newPace(s.config.IdleTimeout, s.config.MinRate, s.config.MinRateGrace),
		originPace: newPace(s.config.ResponseTimeout, 0, 0),
		idle:       loop.NewIdlers[*client](l),
		free:       loop.NewFreeList[*exchange](l),
		pads:       loop.NewFreeList[*pad](l),
		log:        s.config.Log.Batch(l),
	}
	if s := s.config.Events; s != nil {
		g.tap = tap.New(s.Track(l.Index()), l.Wall)
	}
	g.origins = newOrigins(g)
	return g
}

// accept takes a new client connection. It is idle until its first request begins
// to arrive.
func (g *Gateway) accept(conn *loop.Conn) {
	c := &client{gateway: g, conn: conn, serial: g.nextSerial(&g.lastClient), since: milliseconds(g.loop.Now())}
	if g.tap != nil {
		c.flow = g.tap.Client(c.serial, conn.Remote(), addrPort(conn.LocalAddr()))
	}
	g.busy.PushFront(c)
	g.counters.Clients++
	c.idle()
}

// forget drops a client connection that is about to be closed.
func (g *Gateway) forget(c *client, cause Cause) {
	g.busy.Remove(c)
	g.counters.ClientEnds[cause]++
	if c.conn.Ended() {
		g.counters.ClosedByClients++
	} else {
		g.counters.ClosedByUs++
	}
	if g.logsConnections() {
		g.logClient(c, cause)
	}
	g.reportEmpty()
}

// clients is how many there are.
func (g *Gateway) clients() int { return g.idle.Len() + g.busy.Len() }

// reportEmpty tells the server, once, that the last client has left.
func (g *Gateway) reportEmpty() {
	if g.closed && g.clients() == 0 && !g.emptied {
		g.emptied = true
		g.server.emptied()
	}
}

// nextSerial numbers connections so that no number comes twice in a program,
// although every loop counts for itself.
func (g *Gateway) nextSerial(last *uint64) uint64 {
	*last++
	loops := uint64(len(g.server.gateways))
	return (*last-1)*loops + uint64(g.loop.Index()) + 1
}

// idleUntil is how long a client connection may stay idle from now on.
func (g *Gateway) idleUntil() loop.Time {
	if g.draining {
		return g.loop.Now().Add(g.config.DrainIdle)
	}
	return g.loop.Now().Add(g.config.IdleTimeout)
}

// drain lets what is under way come to its end: responses tell the clients not
// to send more, and idle clients may send one last request within a bound, since
// one may be on its way already.
func (g *Gateway) drain() {
	if g.draining {
		return
	}
	g.draining = true
	for c := range g.idle.All {
		c.wait()
	}
}

// close is called when no further client will come.
func (g *Gateway) close() {
	g.closed = true
	g.reportEmpty()
}

// cutOff ends what no task would end when the loop is stopped: tunnels, since one that
// rests has none, and idle connections.
func (g *Gateway) cutOff() {
	for c := range g.busy.All() {
		if x := c.exchange; x != nil && x.tunnel != nil {
			x.tunnel.cut(CutOff)
		}
	}
	for c := range g.idle.All {
		c.closeIdle(CutOff, closeQuietly)
	}
	for o := range g.origins.All() {
		o.Pool().Drain()
	}
}

// originEnds is told of the end of each use of an origin connection.
func (g *Gateway) originEnds(c *pool.Conn, cause pool.Cause) {
	if cause != pool.Kept && g.logsConnections() {
		g.logOrigin(c, cause)
	}
	if g.tap == nil {
		return
	}
	if cause == pool.Kept {
		c.Flow.Exchange = events.Exchange{}
		return
	}
	came, err := c.IdleRead()
	g.tap.Read(c.Flow, came, err, false)
	read, written := c.Passed()
	g.tap.Passed(c.Flow, read, written)
	c.Flow.PeerReset = c.Flow.PeerReset || cause == pool.Reset
	g.tap.Closed(c.Flow, cause.Resets(), cause.String())
}

// takeExchange is for a client whose request begins.
func (g *Gateway) takeExchange(c *client) *exchange {
	x, ok := g.free.Get()
	if !ok {
		x = newExchange(g)
	}
	x.client = c
	c.exchange = x
	c.conn.Watch(c)
	return x
}

// putExchange takes it back when the task ends. If that has panicked, or the loop
// has been stopped under it, the exchange is not used again: the upload's task may
// still use it.
func (g *Gateway) putExchange(x *exchange) {
	switch {
	case x.tunnel != nil:
		// It has become the exchange's owner.
	case x.client == nil:
		g.free.Put(x)
	case x.loop.Stopping():
		x.cleanUp(CutOff)
	default:
		x.cleanUp(Broken)
	}
}

// addrPort is the address of a TCP socket; the zero value for a Unix socket.
func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}
