package heads

import "github.com/hopwire/hopwire/shared/wire"

// With Policy.Verbatim heads go through as they were received, in both
// directions, for study: the list of edits is one Copy. Then what the messages
// say of persistence is said to the other side of the gateway too, and holds on
// both connections:
//
//	client                          gateway                          origin
//	  │ Connection: close              │ Connection: close               │
//	  ├───────────────────────────────►├────────────────────────────────►│
//	  │                                │   this connection is not pooled │
//	  │                                │               Connection: close │
//	  │◄───────────────────────────────┤◄────────────────────────────────┤
//	  │   nor is that one kept         │
//
// What would be wrong without an edit is refused, closed or left as it is:
//
//   - The framing of every message is decided and checked as ever, and no field goes
//     on that could frame it for an origin alone.
//   - HTTP/1.0 goes as HTTP/1.0, also without Host. Its connection is kept if
//     request and response both say so. A chunked response, which no origin
//     should give it, is not decoded, since Transfer-Encoding says that it is.
//     Interim responses are left out: the client would take one for the answer.
//   - Trailer sections go as they come, a name that only looks like that of a
//     field that frames the message among them.
//   - Max-Forwards is not counted, and Via not added, so a loop is not noticed.
//   - Upgrade goes through, h2c too, but a 101 that switches to h2c is refused.
//   - A response without Date stays without, and Content-Length where no content is.
//   - Where the gateway closes for reasons of its own, it cannot announce it.

// PersistsAsSaid reports whether a client that reads the response as the origin
// wrote it goes on using its connection. One that speaks HTTP/1.0 does only when
// it is told so (RFC 9112 section 9.3).
func PersistsAsSaid(h *wire.ResponseHead, f wire.Framing, clientMinor uint8) bool {
	if clientMinor == 0 && !hasOption(h.Members(wire.FieldConnection), "keep-alive") {
		return false
	}
	return wire.ResponsePersists(h, f)
}
