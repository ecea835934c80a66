// Package origins finds the origin server for each request: Place gives its Ticket
// a place at one of a Set, Wait has it wait in a queue when all have as many
// connections as they may, and Leave gives the place back and says how the origin
// has done. An origin that keeps failing is left out for a while.
//
//	 a request's Ticket
//	       │ Place
//	       ▼
//	┌──────────────┐ some fit, with room  ┌──────────────┐ Leave: how it went  ┌────────┐
//	│ who is fit   ├─────────────────────►│ has a place  ├────────────────────►│ health │
//	│ & reachable? │    Balance picks     │ at an Origin │                     └───┬────┘
//	└──┬────────┬──┘                      └──────────────┘                         │
//	   │ none   │ all at their bound             ▲       failures in a row: ejected│
//	   ▼        ▼                                │       a success: back again     │
//	 Nobody    Wait ──► [ first | ... | last ] ──┘                                 │
//	 (or the            the queue: whoever leaves a place, or comes back, ◄────────┘
//	  last resort)      gives it to the first
//
// A Set belongs to one loop: every loop has its own, with its own counts, turns
// and queue, so nothing here is shared and nothing takes a lock.
//
// # Places
//
// A place at an origin is the right to have one connection to it in use. It is
// held from Place until Leave, whether the connection comes from the pool, is
// being made, or is replaced by another one. With a bound there are as many
// places as the bound says; what becomes free while others wait is given to the
// first of them before anybody who comes later sees it.
//
// # Priorities
//
// Origins may be in reserve: they get requests only while nobody of a lower
// priority is fit, or could be connected to. One that is at its bound is fit, and
// has its requests wait in the queue.
//
// # Ejection
//
// An origin that failed several times in a row is ejected: it gets no requests
// for a while, and then one, on trial. If that succeeds the origin is back, if not
// it is ejected for twice as long. This is decided from the requests that clients
// send anyway. What an active check finds is told by SetHealth, and lasts until
// the check finds otherwise.
//
// Neither makes the gateway refuse what it could try. A single origin is never
// ejected. When no origin is fit, the one whose ejection ends first is used, and
// when all are down by their checks, all are, as if none were: a check that fails
// everywhere more likely says something about the check. Trying costs a connect;
// not trying costs the request.
package origins
