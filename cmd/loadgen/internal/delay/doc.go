// Package delay puts a distance between a client and a server that are close together:
// a hop in between, on this machine, that holds back whatever passes.
//
//	client ── loopback ──► hop ── as before ──► server
//	          SYN           │  half the round trip later: connect
//	          first bytes   │  one and a half later: written
//	          further bytes │  half later
//	  ◄─────────────────────┤  half later: bytes, end of stream, reset
//
// What it can: each direction takes half of the round-trip time, to about 0.1 ms, in
// whatever pieces the bytes come, and the ends of streams and resets do, too. The first
// bytes of a connection reach the server as late as if its handshake had crossed the
// distance before them.
//
// What it cannot: connecting itself is answered by this machine's kernel, at once. So
// the time for it is part of the first request's latency, and the sum of both is right.
// Connecting to a server that refuses succeeds, and is reset after. There is neither
// loss nor a bottleneck, and TCP's windows grow as on loopback: large content arrives
// sooner than over a real distance, where slow start takes round trips.
//
// A hop has one thread of its own, which takes processor time: see [Hop.CPU]. When that
// runs short, bytes are held longer than they should be: see [Hop.Late].
package delay
