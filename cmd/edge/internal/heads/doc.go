// Package heads lists what a gateway changes in the heads of messages that go
// through it, and in their trailer sections, and why.
//
//	head as received ──► Editor.Request, Editor.Response ──► Edits ──► head as sent
//	                          │                                │
//	                     Policy: name, Verbatim,          Copy, Drop, Insert,
//	                     what origins are told            each with a Reason
//
// It knows neither gateway nor sockets: every function is one of values, heads of
// package wire among them, and allocates nothing. Edits point into the head that
// was received, so it has to stay where it is until they have been used.
//
//   - request.go and response.go have the edits that RFC 9110 section 7.6 asks
//     for, hop by hop;
//   - fields.go knows fields by their names, te.go what of TE goes on, keepalive.go how
//     long an origin keeps a connection;
//   - trailer.go has those that it asks for in trailer sections;
//   - forwarded.go tells origins for whom a request is forwarded (RFC 7239);
//   - via.go finds requests that go round in circles;
//   - upgrade.go decides whether an origin may be asked to leave HTTP, and whether
//     its 101 answers that;
//   - verbatim.go says what follows when nothing may be changed.
package heads
