package gateway

import (
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// A pace says how slow a client may be at sending the body of a request, or at
// taking a response: a bound on each wait for it, and a lowest rate. A total
// timeout would do in neither's place. One long enough for a large body on a
// slow line is long enough, too, for a client that sends an octet a minute to
// hold a connection, and an origin's, for hours.
//
//	waiting for the client     takes the time waited from the allowance
//	octets that went by        add the time that they may take at the lowest rate
//	waiting for the origin     changes nothing
//
// The zero value bounds nothing.
type pace struct {
	idle     time.Duration // of each wait
	perOctet time.Duration // that it may take at the lowest rate; 0: no such rate
	grace    time.Duration // what an allowance begins with
	most     time.Duration // what it comes to at most
}

// burst is how many octets may be ahead of the lowest rate. It is what tells a
// stall, which anybody's line may have, from a client that sends much once in
// order to be slow for hours.
const burst = loop.BufferSize

// newPace is for a lowest rate in octets a second, where 0 is none.
func newPace(idle time.Duration, rate int, grace time.Duration) pace {
	p := pace{idle: idle, grace: grace}
	if rate > 0 {
		p.perOctet = max(time.Second/time.Duration(rate), 1)
		p.most = grace + burst*p.perOctet
	}
	return p
}

// An allowance is how much longer a client may keep the gateway waiting,
// whatever it does with the time. One that is used up means: too slow.
type allowance time.Duration

// begin is the allowance of a client of which nothing is known yet.
func (p *pace) begin() allowance { return allowance(p.grace) }

// deadline is when a wait that begins now has lasted too long.
func (p *pace) deadline(a allowance, now loop.Time) loop.Time {
	if p.perOctet == 0 {
		return now.Add(p.idle)
	}
	return now.Add(min(p.idle, time.Duration(a)))
}

// reckon is the allowance after a wait, and what went by at its end.
func (p *pace) reckon(a allowance, waited time.Duration, octets int) allowance {
	if p.perOctet == 0 {
		return a
	}
	gained := time.Duration(octets) * p.perOctet
	return min(a-allowance(waited)+allowance(gained), allowance(p.most))
}

// tooSlow tells a client that did not keep to the rate from one that stalled,
// after a wait that was in vain.
func (p *pace) tooSlow(a allowance) bool { return p.perOctet != 0 && a <= 0 }

// await begins to wait for more of the body. A client that holds it back until
// it is told to go on (RFC 9110 section 10.1.1) waits for the origin.
func (u *upload) await(x *exchange) {
	p := &x.gateway.pace
	u.since = x.loop.Now()
	if u.heldBack {
		x.conn.ReadDeadline(u.since.Add(p.idle))
	} else {
		x.conn.ReadDeadline(p.deadline(u.left, u.since))
	}
}

// heard ends the wait.
func (u *upload) heard(x *exchange, octets int) {
	if !u.heldBack {
		u.left = x.gateway.pace.reckon(u.left, x.loop.Now().Sub(u.since), octets)
	}
	u.heldBack = u.heldBack && octets == 0
}

// invite is called when the client is told to go on. The time of one that has
// waited for that begins now.
func (u *upload) invite(x *exchange) {
	waited := u.heldBack
	if u.heldBack = false; waited && u.running {
		u.await(x)
	}
}

// late says what a deadline that has passed in a wait for the body means.
func (u *upload) late(x *exchange) (Cause, Refusal) {
	if x.gateway.pace.tooSlow(u.left) {
		return RequestTooSlow, badRequest(408, "body-rate")
	}
	return RequestStalled, badRequest(408, "body-timeout")
}
