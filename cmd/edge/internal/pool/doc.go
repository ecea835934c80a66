// Package pool keeps the connections to one origin that wait for their next
// request. Take gives the one that was used last, Dial makes a new one. After an
// exchange Decide says whether the connection may serve another, and Give ends its
// use accordingly.
//
//	    Dial                      Take: most recently used first
//	      │                    ┌──────────────────────────────────┐
//	      ▼                    ▼                                  │
//	┌───────────┐  exchange  ┌───────────┐  Give: Kept       ┌────┴─────┐
//	│    new    ├───────────►│  in use   ├──────────────────►│   idle   │
//	└───────────┘            └─────┬─────┘                   └────┬─────┘
//	                               │                              │ ended, sent octets, reset,
//	                               │ Give: any other Cause        │ idle too long, displaced,
//	                               ▼                              ▼ or the origin was removed
//	                         every end has a Cause, and is counted by it
//
// A Pool belongs to one loop: every loop has its own pool for each origin, so
// that nothing here is shared and nothing takes a lock. Whether a connection may
// be kept is decided by a function of values that a table tests; the rest of the
// package only does what was decided.
package pool
