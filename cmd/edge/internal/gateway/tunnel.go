package gateway

import (
	"errors"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// A tunnel is what an exchange becomes after a 101: bytes both ways, which mean
// nothing to the gateway (RFC 9110 section 7.8).
//
//	                 a byte, from either side
//	     ┌────────────────────────────────────────────────┐
//	     ▼                                                │
//	┌─────────┐    none for a while, either way   ┌───────┴──┐
//	│  busy   ├──────────────────────────────────►│ resting  │
//	└────┬────┘                                   └────┬─────┘
//	     │ both streams have ended, or one side        │ none for the timeout;
//	     │ resets, or takes nothing for the timeout    │ a reset
//	     ▼                                             ▼
//	conclude: both connections are closed, or reset; log, counters
//
// Busy, it has a task for each of its two streams, so that neither waits for the
// other. Resting, it has its two connections, parked, the exchange and this
// struct, but no task, stack or buffer.
//
// An end of stream is carried over as such, and the other stream goes on. A
// reset is carried over as a reset.
type tunnel struct {
	exchange *exchange
	up, down stream    // from the client, and from the origin
	tasks    int       // of the streams
	active   loop.Time // when the last byte went by
	resting  bool      // the tasks are to end, so that the connections can be parked
	over     bool      // the tasks are to end, so that the exchange can be concluded
	cause    Cause     // why it is over
}

// tunnelRest is how long a tunnel keeps its tasks while nothing goes by: long
// enough for an answer that is on its way, and so short that of thousands of
// tunnels with a message a second each, few have any.
const tunnelRest = 100 * time.Millisecond

// tunnelHurry is how often it is looked whether an origin still takes what a client
// sent that has gone.
const tunnelHurry = 2 * time.Second

// openTunnel begins with what the buffers hold: bytes of the client that came
// behind its request. Those that the origin sent behind the 101 have gone out
// with it, and are only counted.
func (x *exchange) openTunnel(behind int) {
	t := &tunnel{exchange: x}
	t.up = stream{tunnel: t, from: &x.clientHop, to: &x.originHop, toOrigin: true}
	t.down = stream{tunnel: t, from: &x.originHop, to: &x.clientHop}
	x.tunnel = t
	x.gateway.counters.Tunnels++
	t.touch()
	t.down.count(int64(behind))
	if len(x.clientHop.unread()) > 0 {
		t.begin()
	} else {
		x.clientHop.release()
		t.rest()
	}
}

// begin makes the tunnel busy.
func (t *tunnel) begin() {
	t.resting = false
	for _, s := range [...]*stream{&t.up, &t.down} {
		s.from.conn.Watch(s)
		if s.state == streamOpen {
			t.tasks++
			t.exchange.loop.Go(s)
		}
	}
}

// rest parks the connections. One whose end of stream was read has nothing more
// to tell than a reset, and is watched for that.
func (t *tunnel) rest() {
	for _, s := range [...]*stream{&t.up, &t.down} {
		if s.state == streamOpen {
			s.from.conn.Park(s, t.idleUntil())
		}
	}
}

// quiet reports whether nothing has gone by for so long that the tunnel is to
// rest, and then has its tasks end. While a stream waits to write, both go on.
func (t *tunnel) quiet() bool {
	now := t.exchange.loop.Now()
	if t.up.writing || t.down.writing || now.Sub(t.active) < t.restAfter() {
		return false
	}
	t.resting = true
	t.up.from.conn.CancelRead()
	t.down.from.conn.CancelRead()
	return true
}

func (t *tunnel) restAfter() time.Duration { return min(tunnelRest, t.timeout()) }

func (t *tunnel) timeout() time.Duration { return t.exchange.gateway.config.TunnelTimeout }

// touch notes that bytes went by, which puts the end off for both streams.
func (t *tunnel) touch() {
	t.active = t.exchange.loop.Now()
	t.up.to.conn.WriteDeadline(t.idleUntil())
	t.down.to.conn.WriteDeadline(t.idleUntil())
}

func (t *tunnel) idleUntil() loop.Time { return t.active.Add(t.timeout()) }

// cut ends the tunnel although its streams have not come to their ends. Whoever
// waits on a connection is woken.
func (t *tunnel) cut(why Cause) {
	if t.over {
		return
	}
	x := t.exchange
	if x.loop.Stopping() {
		why = CutOff // whatever it looks like
	}
	t.over, t.cause = true, why
	x.clientHop.conn.Reset()
	x.originHop.conn.Reset()
	if t.tasks == 0 {
		t.conclude()
	}
}

// finish is called when a stream has come to its end. If the other one had
// before, the tunnel is over.
func (t *tunnel) finish() {
	switch {
	case t.over || t.up.state == streamOpen || t.down.state == streamOpen:
		return
	case t.down.state == streamLost:
		t.cause = ClientReset
	case t.up.state == streamLost:
		t.cause = TunnelReset
	default:
		t.cause = TunnelEnded
	}
	t.over = true
}

// hurry is called when the client takes nothing any more. What it sent before
// still goes to the origin, as long as that gets on: an origin that waits until
// it is heard before it listens again would wait for the timeout.
func (t *tunnel) hurry() {
	if t.over {
		return
	}
	had := t.up.sent
	t.exchange.loop.After(tunnelHurry, func() {
		switch {
		case t.over:
		case t.up.sent == had:
			t.cut(ClientReset)
		default:
			t.hurry()
		}
	})
}

// taskEnded is called by each task as it ends, in a panic's way too.
func (t *tunnel) taskEnded(s *stream) {
	t.tasks--
	s.from.release()
	if s.state == streamOpen && !t.resting {
		t.cut(Broken)
	}
	switch {
	case t.tasks > 0 || t.exchange == nil:
	case t.over:
		t.conclude()
	default:
		t.rest()
	}
}

// conclude ends the exchange, and with it the client connection. The last words
// of an origin are given time to arrive although it took none from the client.
func (t *tunnel) conclude() {
	x := t.exchange
	t.exchange = nil
	x.clientHop.release()
	how := causes[t.cause].mode
	switch t.cause {
	case TunnelEnded:
	case TunnelReset:
		x.upstream.err = errTunnelReset
		if t.down.state == streamEnded {
			how = closeLingering
		}
	default:
		x.end.brokenOff, how = t.cause, closeByReset // as cut has done
	}
	x.end.client, x.response.sent = t.cause, t.down.sent
	x.giveBack()
	x.account()
	c, g := x.client, x.gateway
	x.release()
	x.tunnel = nil
	c.close(t.cause, how)
	g.free.Put(x)
}

// errTunnelReset is what became of an origin connection that was reset, or on
// which the origin does not take what the client sends.
var errTunnelReset = errors.New("gateway: the origin reset the tunnel")
