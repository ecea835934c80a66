package gateway

import (
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// A pace says how slow a client may be at sending the body of a request, or at
// taking a response, and an origin at taking a request: a bound on each wait for
// it, and a lowest rate. A total timeout would do in neither's place. One long
// enough for a large body on a slow line is long enough, too, for a client that
// sends a byte a minute to hold a connection, and an origin's, for hours.
//
//	waiting for the client     takes the time waited from the allowance
//	bytes that went by         add the time that they may take at the lowest rate
//	waiting for the origin     changes nothing
//
// Without a rate it bounds each wait alone.
type pace struct {
	idle    time.Duration // of each wait
	perByte time.Duration // that it may take at the lowest rate; 0: no such rate
	grace   time.Duration // what an allowance begins with
	most    time.Duration // what it comes to at most
}

// burst is how many bytes may be ahead of the lowest rate. It is what tells a
// stall, which anybody's line may have, from a client that sends much once in
// order to be slow for hours.
const burst = loop.BufferSize

// newPace is for a lowest rate in bytes a second, where 0 is none.
func newPace(idle time.Duration, rate int, grace time.Duration) pace {
	p := pace{idle: idle, grace: grace}
	if rate > 0 {
		p.perByte = max(time.Second/time.Duration(rate), 1)
		p.most = grace + burst*p.perByte
	}
	return p
}

// An allowance is how much longer a peer may keep the gateway waiting,
// whatever it does with the time. One that is used up means: too slow.
type allowance time.Duration

// begin is the allowance of a peer of which nothing is known yet.
func (p *pace) begin() allowance { return allowance(p.grace) }

// deadline is when a wait that begins now has lasted too long.
func (p *pace) deadline(a allowance, now loop.Time) loop.Time {
	if p.perByte == 0 {
		return now.Add(p.idle)
	}
	return now.Add(min(p.idle, time.Duration(a)))
}

// reckon is the allowance after a wait, and what went by at its end.
func (p *pace) reckon(a allowance, waited time.Duration, n int) allowance {
	if p.perByte == 0 {
		return a
	}
	gained := time.Duration(n) * p.perByte
	return min(a-allowance(waited)+allowance(gained), allowance(p.most))
}

// tooSlow tells a peer that did not keep to the rate from one that stalled,
// after a wait that was in vain.
func (p *pace) tooSlow(a allowance) bool { return p.perByte != 0 && a <= 0 }
