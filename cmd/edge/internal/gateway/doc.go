// Package gateway is the connection's code of the edge: it takes requests from
// clients, sends them on to origins, and the responses back (RFC 9110 section
// 3.7).
//
// A [Server] has a [Gateway] on each loop, and nothing is shared between them. New
// sets one up, Listen lets clients in, and Drain lets them finish.
//
// # The life of one exchange
//
//	client                      gateway                                  origin
//	  │   idle: a loop.Conn and 64 bytes, no task, no buffer                │
//	  │ GET /a HTTP/1.1            │                                        │
//	  ├───────────────────────────►│ readRequest    one read, one head      │
//	  │                            │ admit          framing, rules, edits   │
//	  │                            │ sendRequest                            │
//	  │                            │   connect      an origin, a place there│
//	  │                            │                (or the queue for one), │
//	  │                            │                pool, or a new one      │
//	  │                            │   transmit     one write ─────────────►│
//	  │                            │   └─ upload    the rest of the body, a │
//	  │ ═══════════ body ═════════►│                task of its own ═══════►│
//	  │                            │   readOrigin   nothing comes: replay?  │
//	  │                            │◄───────────────────────────────────────┤
//	  │◄─ 1xx ─────────────────────┤ readResponse   the final head, framing │
//	  │◄───────────────────────────┤ sendResponse   edits, one write        │
//	  │◄══════════ body ═══════════┤ relayResponse  as it comes             │
//	  │ ═══ the rest, if any ═════►│ conclude       upload.goOn ═══════════►│
//	  │◄─ a refusal, if nothing ───┤                giveBack ─► pool        │
//	  │   else was sent            │                                        │
//	  │                            │ account        log, counters           │
//	  │  kept: idle, or the next request, which is here already             │
//	  │  or closed: quietly, lingering, or by a reset                       │
//
// Where to read on:
//
//	client.go, gateway.go  a client connection, idle or with an exchange
//	exchange.go            the steps above, and how an exchange ends
//	exchange_request.go    requestState: the head, its framing, what forbids to forward it
//	exchange_connect.go    upstreamState: an origin, a place there, a connection, and its return
//	exchange_send.go       the request goes out, and again if a connection was stale
//	exchange_upload.go     the rest of its body, beside the response
//	exchange_response.go   responseState: waiting < started < relaying < complete
//	exchange_relay.go      the rest of the response's body
//	exchange_trailer.go    the fields behind a chunked body, either way
//	exchange_upgrade.go    101: the exchange becomes a tunnel, which tunnel.go draws, of
//	                       two streams: tunnel_stream.go
//	exchange_account.go    log and counters; logline.go has the line, and logconn.go that
//	                       of a connection
//	exchange_tell.go       what those are told who look
//	counters.go, census.go what has been counted, what there is now, and the sums that
//	                       have to come out
//	hop.go, hop_write.go   reading and writing on one of the two connections
//	pace.go                how slow their peers may be
//	pad.go                 what heads are parsed and edited on
//	replay.go, health.go   decisions: is a request sent again, how has the origin done
//	refuse.go, cause.go    answers of the gateway's own, whose words are in refuse_words.go; what
//	                       becomes of a client connection
//
// What is changed in heads and trailer sections is decided in package heads, who
// gets a request in package origins, and which connection in package pool.
//
// # A response that comes early
//
// While the upload sends the body, the exchange's own task waits for the origin
// as it does for any request, but without a bound of time, which begins when the
// upload ends; only a client that waits for 100 waits for the origin. So a response
// may come before the request is whole: it is relayed at once, and the upload goes on
// beside it for as long as the origin reads:
//
//	the origin                    response's head      behind the response
//	keeps its connection          as it is             the rest goes up; response-early
//	says that it will close it    Connection: close    nobody takes the rest
//	has closed it                 Connection: close    nobody takes the rest
//
// If it closes only later, or takes nothing for Config.ResponseTimeout, nobody takes
// the rest either.
//
// What nobody takes is read all the same, and thrown away: by the upload's task
// while a response goes out (upload.drop), and after that by loop.Conn.Linger. A
// client may send all that it has before it reads an answer.
//
// # How an exchange ends
//
// An ending has what was decided: the gateway's own answer, if it gives one; why
// the exchange was broken off, if it was; and what becomes of the two connections,
// each by a cause that is its word in the log.
//
//	planClose  the exchange goes on, the client connection is closed after it
//	endBy      a step ends the exchange and the client connection, whatever was planned
//	refuse     a step ends it by an answer; the client connection may go on
//	breakOff   the client's reset or the upload ends it, whatever the steps come to
//
// conclude settles it: the end of the program goes before a break, and a break
// before what the steps have said. It gives the origin connection back, by a
// pool.Cause; and answers the client, if there is something to tell it and no
// response has begun. A tunnel has a conclude of its own. What a panic, or the end of
// the program, leaves behind is ended by cleanUp.
//
// # Decisions are values
//
//	framing      wire.Framing     of request and response
//	edits        heads.Edits      what is changed in a head or trailer section; nothing else is
//	admission    Refusal          an answer of the gateway's own
//	upgrade      heads.Upgrade    whether the origin is asked to leave HTTP
//	origin       origins.Placing  who gets the request, or whether it waits
//	replay       Replay           of a request whose connection was stale
//	health       origins.Verdict  what the exchange tells of the origin
//	pool         pool.Cause       what becomes of the origin connection
//	persistence  Cause            what becomes of the client connection
//
// Most are made by functions of values, which tables test, and what was decided is
// what the log, the counters and a recording print.
//
// # Who owns what
//
// A client connection is a client. While a request is under way it borrows an
// exchange, whose hops have a buffer each while there is something to hold, and,
// while a head or trailer section is read and sent on, a pad to do that with. The
// bytes of a head stay where they were read until the head has been sent: the
// request's in the buffer of the client's hop, the response's in that of the
// origin's. The origin connection belongs to its pool, and to the exchange between
// connect and giveBack; so does the place at the origin, by the exchange's ticket.
package gateway
