package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/checks"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/tally"
	"github.com/hopwire/hopwire/shared/wire"
)

// Counters are what a gateway has done since it began.
type Counters struct {
	Clients   uint64 // client connections accepted
	Requests  uint64 // of which at least a byte arrived
	Sent      uint64 // requests of which an origin connection took a byte
	SentAgain uint64 // and once more, since the first connection was stale

	ClientEnds        [Causes]uint64      // client connections closed
	ClosedByClients   uint64              // of these, the client sent the first FIN or RST
	ClosedByUs        uint64              // and we did
	RequestEnds       [RequestEnds]uint64 // requests that are over
	Responses         tally.Statuses      // the same ones, by the status with which a response began
	TLSHellos         uint64              // requests that were none, but TLS
	HTTP2Prefaces     uint64              // or HTTP/2
	Refusals          [ProxyErrors]uint64 // of messages, in place of a response or after it had begun
	Replays           [Replays]uint64     // attempts that ended without a response
	OriginEnds        [pool.Causes]uint64 // uses of origin connections
	ClosedByOrigins   uint64              // origin connections on which the origin sent the first FIN or RST
	OriginsClosedByUs uint64              // and we did
	Origins           uint64              // origin connections made
	LogLost           uint64              // lines that the access log lost
	Untold            events.Dropped      // what the readers of the events have lost

	Ejections     uint64 // origins left out for their failures
	Restorations  uint64 // origins that came back
	Queued        uint64 // requests that had to wait for an origin connection
	QueueFull     uint64 // requests that found the queue full
	QueueTimeouts uint64 // requests that waited in vain

	Tunnels        uint64        // opened
	TunnelInbound  uint64        // bytes of tunnels, sent to origins
	TunnelOutbound uint64        // and to clients
	Checks         checks.Totals // of the origins' health
}

// All yields each counter by name, in an order that does not change. The names
// are the words of the log, behind what they are said of: "client-ends.refused".
func (c *Counters) All(yield func(name string, value uint64) bool) {
	var all tally.List
	all.Add("client-connections", c.Clients)
	all.Add("client-connections.closed-by-client", c.ClosedByClients)
	all.Add("client-connections.closed-by-edge", c.ClosedByUs)
	all.Add("requests", c.Requests)
	all.Add("requests-sent", c.Sent)
	all.Add("requests-sent-again", c.SentAgain)
	all.Add("other-protocols.tls-hello", c.TLSHellos)
	all.Add("other-protocols.http2-preface", c.HTTP2Prefaces)
	all.Add("origin-connections", c.Origins)
	all.Add("origin-connections.closed-by-origin", c.ClosedByOrigins)
	all.Add("origin-connections.closed-by-edge", c.OriginsClosedByUs)
	all.Add("log-lines-lost", c.LogLost)
	all.Add("events-lost", c.Untold.Events)
	all.Add("events-lost.bytes", c.Untold.Bytes)
	all.Add("origins.left-out", c.Ejections)
	all.Add("origins.restored", c.Restorations)
	all.Add("queue.waited", c.Queued)
	all.Add("queue.full", c.QueueFull)
	all.Add("queue.timed-out", c.QueueTimeouts)
	all.Add("tunnels.opened", c.Tunnels)
	all.Add("tunnels.bytes-inbound", c.TunnelInbound)
	all.Add("tunnels.bytes-outbound", c.TunnelOutbound)
	all.Add("checks.connections", c.Checks.Connections)
	all.Add("checks.went-down", c.Checks.Downs)
	all.Add("checks.came-up", c.Checks.Ups)
	tally.AddEach[RequestEnd](&all, "request-ends.", c.RequestEnds[:])
	c.Responses.AddTo(&all)
	tally.AddEach[checks.Verdict](&all, "checks.", c.Checks.Findings[:])
	tally.AddEach[Cause](&all, "client-ends.", c.ClientEnds[:])
	tally.AddEach[pool.Cause](&all, "origin-ends.", c.OriginEnds[:])
	tally.AddEach[ProxyError](&all, "refusals.", c.Refusals[:])
	tally.AddEach[Replay](&all, "replays.", c.Replays[:])
	all.All(yield)
}

// countSent counts a request of which an origin connection has taken a byte.
func (c *Counters) countSent(again bool) {
	if again {
		c.SentAgain++
	} else {
		c.Sent++
	}
}

// countRule counts a head that is of another protocol, by the rule that it broke.
func (c *Counters) countRule(rule string) {
	switch wire.Rule(rule) {
	case wire.RuleTLSHello:
		c.TLSHellos++
	case wire.RuleHTTP2Preface:
		c.HTTP2Prefaces++
	}
}

// add sums up the counters of several gateways.
func (c *Counters) add(o *Counters) {
	c.Clients += o.Clients
	c.Requests += o.Requests
	c.Sent += o.Sent
	c.TLSHellos += o.TLSHellos
	c.HTTP2Prefaces += o.HTTP2Prefaces
	c.SentAgain += o.SentAgain
	c.ClosedByClients += o.ClosedByClients
	c.ClosedByUs += o.ClosedByUs
	c.ClosedByOrigins += o.ClosedByOrigins
	c.OriginsClosedByUs += o.OriginsClosedByUs
	c.Responses.Add(&o.Responses)
	for i, n := range o.RequestEnds {
		c.RequestEnds[i] += n
	}
	for i, n := range o.ClientEnds {
		c.ClientEnds[i] += n
	}
	for i, n := range o.Refusals {
		c.Refusals[i] += n
	}
	for i, n := range o.Replays {
		c.Replays[i] += n
	}
	for i, n := range o.OriginEnds {
		c.OriginEnds[i] += n
	}
	c.Origins += o.Origins
	c.Ejections += o.Ejections
	c.Restorations += o.Restorations
	c.Queued += o.Queued
	c.QueueFull += o.QueueFull
	c.QueueTimeouts += o.QueueTimeouts
	c.Tunnels += o.Tunnels
	c.TunnelInbound += o.TunnelInbound
	c.TunnelOutbound += o.TunnelOutbound
	c.Checks.Add(&o.Checks)
}

// snapshot is the gateway's own share, with what its origins have counted.
func (g *Gateway) snapshot(t *origins.Totals) Counters {
	c := g.counters
	c.Origins, c.OriginEnds = t.Connections, t.Ends
	c.ClosedByOrigins, c.OriginsClosedByUs = t.ClosedByOrigins, t.ClosedByUs
	c.Ejections, c.Restorations = t.Ejections, t.Restorations
	c.Queued, c.QueueFull, c.QueueTimeouts = t.Queued, t.QueueFull, t.QueueTimeouts
	if s := g.server; s.checker != nil && g == s.gateways[0] {
		c.Checks = s.checker.Totals()
	}
	return c
}
