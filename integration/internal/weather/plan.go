package weather

import (
	"math/rand/v2"
	"time"
)

// A Climate is how an origin treats its connections. The zero value keeps them
// for ever and answers everything.
type Climate struct {
	// Idle is how long a connection may be idle, give or take a fifth. Zero
	// means for ever.
	Idle time.Duration
	// Told: a third of the idle connections ends by a 408 (RFC 9110 section
	// 15.5.9), as some servers do it, which a request may meet on its way.
	Told bool
	// Goodbyes is the share of responses that end their connection, and say so.
	Goodbyes float64
	// Strikes is the share of requests, of those on reused connections, at
	// which the origin closes the connection instead of answering.
	Strikes float64
	// Early, if not nil, is how POSTs are answered.
	Early *Early
}

// An Ending is how the origin ended a connection.
type Ending uint8

const (
	// Departed: the gateway closed it.
	Departed Ending = iota

	// After the idle time.

	IdleFIN // by an end of stream
	IdleRST // by a reset
	Idle408 // by a response to nothing, and an end of stream

	// When a request arrived on a reused connection.

	Unread     // closed with the request in the kernel's buffer, which resets it
	Unanswered // read and executed the request, then closed without an octet

	// After a response that said so.

	Goodbye

	// Endings is how many there are.
	Endings
)

// A Plan is what the origin will do with one period of waiting for a request.
type Plan struct {
	Wait   time.Duration // until then; 0: for ever
	Idle   Ending        // how it ends if no request comes in that time
	Strike Ending        // how it ends if one does; Departed: it is answered
	Last   bool          // the answer says that it is the last one
}

// plan draws what is done about the request that is the use-th on its
// connection. The first one is always waited for and answered: an origin that
// refused new connections would be a broken one, which is another matter.
func (c Climate) plan(rng *rand.Rand, use int) (p Plan) {
	p.Last = rng.Float64() < c.Goodbyes
	if use == 1 {
		return p
	}
	if c.Idle > 0 {
		p.Wait = time.Duration(float64(c.Idle) * (0.8 + 0.4*rng.Float64()))
		p.Idle = pick(rng, IdleFIN, IdleRST)
		if c.Told && rng.IntN(3) == 0 {
			p.Idle = Idle408
		}
	}
	if rng.Float64() < c.Strikes {
		p.Strike = pick(rng, Unread, Unanswered)
	}
	return p
}

func pick(rng *rand.Rand, a, b Ending) Ending {
	if rng.Uint64()&1 == 0 {
		return a
	}
	return b
}
