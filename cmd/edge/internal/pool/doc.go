// Package pool keeps the connections to one origin that wait for their next
// request.
//
//	    Dial                      Take: most recently used first
//	      │                    ┌──────────────────────────────────┐
//	      ▼                    ▼                                  │
//	┌───────────┐  exchange  ┌───────────┐  Decide == Kept   ┌────┴─────┐
//	│    new    ├───────────►│  in use   ├──────────────────►│   idle   │
//	└───────────┘            └─────┬─────┘  Keep             └────┬─────┘
//	                               │                              │ ended, sent octets, reset,
//	                               │ Decide says why not          │ idle too long, displaced,
//	                               ▼ Discard                      ▼ or the origin was removed
//	                         every end has a Cause, and is counted by it
//
// A Pool belongs to one loop: every loop has its own pool for each origin, so
// that nothing here is shared and nothing takes a lock. Whether a connection may
// be kept is decided by Decide, a function of values that a table tests; the
// rest of the package only does what was decided.
package pool
