// Package replay sends recorded requests to a server, as fast as the server
// answers or when they are due, and measures what comes back.
//
//	plan.Plan   sessions of requests: the bytes to send, what to expect
//	     │  pace.Schedule
//	     ▼
//	   turns    session 0, session 1, … and again, until the count is reached
//	     │
//	     ├──────────────┬── … one lane per loop          (run.go, lane.go)
//	     ▼              ▼
//	   worker         worker … one per connection (worker.go)
//	     │  for each request of its turns:
//	     │
//	     │      connect ─ ─► send ─ ─► receive ──► judge ──► conclude
//	     │   (connect.go)       (exchange.go)        │           │
//	     │         ▲                                 │           ▼
//	     │         └──────── again if stale ◄────────┘   Tally (tally.go)
//	     ▼                                               one per lane, merged: Result
//	   closes the connection where the recording did
//
// At the broken arrows the server has its turn: the worker is parked, which costs a
// few hundred bytes, and goes on in a new task, that passes by what is done already.
// Only for the rest of a response, and in pauses after failures, a task waits.
//
// A connection has one request outstanding, unless more are wanted (pipeline.go), and the next one goes out when the
// whole response was read. Where the loop is closed, it does so at once: the rate
// is the server's, and a server that stalls is asked less often; the latencies are
// those of the requests that were sent, not those that a stream of independent
// users would have seen. These a pacer makes, whose requests are due at a rate or
// as they were recorded, and wait for a connection that is free (pacing.go). Of a
// request that is too large for one write, the rest goes out
// while the response comes in (upload.go). Whether this machine allows so many
// connections is looked at before (limits.go).
//
// How many requests a connection carries, how old it becomes, how long it is idle
// and how it ends can be chosen (keepalive.go); what happens before a warm-up is over
// does not count (warmup.go).
//
// With TLS (tls.go), the handshake is part of connecting, and there are records between
// the connection and the other steps, which do not know of it.
//
// What goes out is the bytes of the plan. Nothing is added, changed or
// re-encoded, but for "Connection: close" where that is asked for.
package replay
