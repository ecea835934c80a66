// Package wire parses the heads of HTTP/1.1 messages, says where their bodies
// end and whether their connections go on, takes the content out of bodies, and
// writes heads (RFC 9110, RFC 9112). It opens no socket, reads no clock and
// holds no lock: octets come in, decisions go out.
//
// # A message
//
//	                 +- RequestHead.Raw ------------------------------------+
//	request line     | POST /notes?draft=1 HTTP/1.1 CRLF                    |
//	                 | Method Target        Minor                           |
//	header section   | Host: example.com CRLF                   FieldLine   |
//	                 | Transfer-Encoding:  chunked  CRLF        FieldLine   |
//	                 | Name                Value                            |
//	empty line       | CRLF                                                 |
//	                 +------------------------------------------------------+
//	                 +- body: what a BodyScanner passes --------------------+
//	chunk            | 5;source=pen CRLF       size and extensions          |
//	                 | hello CRLF              content                      |
//	last chunk       | 0 CRLF                                               |
//	trailer section  | Signature: 1f2e CRLF                                 |
//	empty line       | CRLF                                                 |
//	                 +------------------------------------------------------+
//	                   the next message, octets that nobody here looks at
//
// A head is the start-line and the header section with the empty line. A body
// is all that follows up to the end of the message; the content is what is left
// of it without the chunked coding. A response differs in its first line, and
// in that its body may end with the connection.
//
// # The life of a message
//
//	octets -> ParseRequestHead --ErrIncomplete--> read more, call again
//	              |         \-----*Error--------> answer Error.Status, close
//	              v
//	          RequestFraming ------*Error-------> answer Error.Status, close
//	              |
//	              v
//	          BodyScanner.Scan ... done --------> RequestPersists? the next one
//
// Three outcomes are three values: a number of octets consumed,
// [ErrIncomplete], or an [*Error] that names the rule that was broken, its
// section, the offending octet, and the status code to answer with. After an
// Error nobody knows where the next message begins, so that the connection must
// be closed.
//
// # Strictness
//
// A message that two recipients could read in two ways is refused and never
// repaired, because the gateway forwards the octets that it was given: whatever
// it tolerated, the next recipient would read in its own way. So only CRLF ends
// a line; there is no folding, no space before a colon, no control character in
// a value; Content-Length stands alone and is digits; Transfer-Encoding is
// chunked and nothing else. The rules are named in error.go.
//
// # Who owns the octets
//
// Parsing is pointing: a head's slices point into the buffer that it was parsed
// from, and are valid until the owner of that buffer reuses it. Nothing here
// keeps a buffer beyond that. Who parses an incomplete head again, with more
// octets behind it, says how many of them were seen, wherever they have moved
// since. A BodyScanner wants each octet once. Heads and scanners are made to be used again: then parsing,
// framing, scanning and appending allocate nothing, unless a message is
// refused.
//
// # Reading order
//
// head.go is a request's head, top down; it uses target.go and version.go for
// the request line and fields.go for the field lines, which recognises names by
// fieldid.go and takes down in noted.go what matters later. response.go is the
// same for responses. framing.go decides where the body ends, persist.go
// whether the connection goes on. body.go, chunked.go and extension.go pass the
// body, and trailer.go reads the fields of a trailer section that was held for
// that. append.go, date.go and status.go write. octet.go has the classes of octets
// and the arithmetic that examines eight of them at a time.
package wire
