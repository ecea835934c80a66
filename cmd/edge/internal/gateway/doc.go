// Package gateway is the connection's code of the edge: it takes requests from
// clients, sends them on to origins, and the responses back (RFC 9110 section
// 3.7).
//
// A [Server] has a [Gateway] on each loop, and nothing is shared between them.
//
// # The life of one exchange
//
//	client                      gateway                                  origin
//	  │   idle: a struct of 64 octets, no task, no buffer                   │
//	  │ GET /a HTTP/1.1            │                                        │
//	  ├───────────────────────────►│ readRequest    one read, one head      │
//	  │                            │ admit          framing, rules, edits   │
//	  │                            │ connect        an origin, a place there│
//	  │                            │                (or the queue for one), │
//	  │                            │                pool, or a new one      │
//	  │                            │ transmit       one write ─────────────►│
//	  │                            │   └─ upload    the rest of the body, a │
//	  │ ═══════════ body ═════════►│                task of its own ═══════►│
//	  │                            │ fromOrigin     no octet comes: replay? │
//	  │                            │◄───────────────────────────────────────┤
//	  │◄─ 1xx ─────────────────────┤ readResponse   the final head, framing │
//	  │◄───────────────────────────┤ sendResponse   edits, one write        │
//	  │◄══════════ body ═══════════┤ relayResponse  as it comes             │
//	  │                            │ conclude:      giveBack ─► pool        │
//	  │                            │                log, counters           │
//	  │  kept: idle, or the next request, which is here already             │
//	  │  or closed: quietly, lingering, or by a reset                       │
//
// A response of 101 ends HTTP on both connections: the exchange becomes a
// tunnel, which tunnel.go draws. What origins are told of the client is in
// forwarded.go, and in verbatim.go what changes when heads may not be touched.
//
// That is the order of the code too: exchange.go has the steps, and each step's
// code is in the file of its noun: request.go, connect.go, origin.go, upload.go,
// response.go, relay.go; upgrade.go, tunnel.go, stream.go. How slow the two
// others may be is in pace.go and outlet.go.
//
// # Decisions are values
//
//	framing      wire.Framing     of request and response
//	edits        Edits            what is changed in a head; nothing else is
//	admission    Refusal          an answer of the gateway's own
//	upgrade      Upgrade          whether the origin is asked to leave HTTP
//	origin       origins.Placing  who gets the request, or whether it waits
//	replay       Replay           of a request whose connection was stale
//	health       origins.Verdict  what the exchange tells of the origin
//	pool         pool.Cause       what becomes of the origin connection
//	persistence  Cause            what becomes of the client connection
//
// They are made by functions of values, which tables test, and are what the log,
// the counters and a recording print.
//
// # Who owns what
//
// A client connection is a client. While a request is under way it borrows an
// exchange, which has up to two buffers, and while a head is read and sent on, a
// pad to do that with. The octets of a head stay where they were read until the
// head has been sent: the request's in the buffer in, the response's in the
// buffer out. The origin connection belongs to its pool, and to the exchange
// between connect and giveBack; so does the place at the origin, by the exchange's
// ticket.
package gateway
