// Package events has what can be seen of HTTP that passes through a gateway, as
// values in one order. Whoever makes them (the gateway's tap, a recording that is
// read, a simulated world) and whoever looks at them (the recorder, a terminal) agree
// here and nowhere else.
//
//	c3  opened    by 10.0.0.1:40122 to 10.0.0.2:8080
//	c3  bytes     inbound, at 0: "GET /a HTTP/1.1\r\n…"     c3#1
//	o1  note      pool: which connections were passed over   c3#1 -> o1#7
//	o1  bytes     inbound, at 512, with the edits            c3#1 -> o1#7
//	o1  bytes     outbound, at 4096                          c3#1 -> o1#7
//	c3  bytes     outbound, at 0                             c3#1 -> o1#7
//	c3  note      exchange: how it ended                     c3#1 -> o1#7
//	o1  gap       outbound, 65536 bytes that passed and were not kept
//	c3  ended     inbound, by FIN
//	c3  closed    outbound, by FIN: client-closed
//
// # Connections and exchanges
//
// A connection has a name for people: c3 is the third that clients opened, o1 the
// first to an origin. An exchange is named by its place on both: c3#2 -> o1#7 is the
// second request on c3, sent as the seventh on o1. Before the origin's connection is
// known it is c3#2.
//
// # Notes
//
// A note is something decided, with parameters that have stable names. The lists are
// in the order of preference, separated by commas, each with why it was not taken:
// "o4 ended-while-idle, o2 idle-timeout".
//
//	kind            params
//	exchange        the end of one: exchange, method, target, status, sent (bytes of
//	                content to the client), request-framing, response-framing, client-connection
//	                and origin-connection (what became of them), refusal (and its rule),
//	                queued, replayed, and the phases read, queue, connect, send, wait,
//	                relay and total in microseconds; of a capture by others, the status
//	origin          who was chosen: exchange, origin (address), by (the rule), passed-over
//	pool            which connection: exchange, connection, taken (idle or new), idle
//	                (how many others wait), passed-over
//	queue           a request waits: exchange, position
//	replay          what is done about a connection that gave no response: exchange,
//	                decision (replayed, abandoned, reported), sign (by what the
//	                connection was seen to be stale)
//	failure         why loadgen holds that an exchange has failed: cause, session and
//	                request (where it stands in what was to be sent); the text is what
//	                differs, if that is why
//	recording.gap   direction, bytes
//	recording.…     what else a recording says of itself
package events
