// Package lexer says of each byte that goes one way on a connection what it is: its
// role, by the RFC's name and with the section where that stands. It is for those who
// show messages to people; nothing here is on the way of a message.
//
// # A message and its roles
//
//	POST /notes HTTP/1.1 CRLF                method SP request-target SP HTTP-version CRLF
//	Host:␣example.com CRLF                   field-name colon OWS field-value CRLF
//	Transfer-Encoding:chunked␣ CRLF          field-name colon field-value OWS CRLF
//	CRLF                                     empty line
//	5 ;source=pen CRLF                       chunk-size chunk-ext CRLF
//	hello CRLF                               chunk-data CRLF
//	0 CRLF                                   last-chunk CRLF
//	Signature:␣1f2e CRLF                     field-name colon OWS field-value CRLF, all marked Trailer
//	CRLF                                     empty line
//
// A status line is HTTP-version SP status-code SP reason-phrase CRLF. A body without
// the chunked coding is content. The spans of an interim response are marked Interim.
// What stands in no message is a role as well: bytes without frame, which are those of
// a tunnel, those behind the last message of a connection, and what a server sends
// unasked; and error, from the byte on where package wire refuses the message.
//
// # One grammar
//
// What is a message, and where it ends, package wire alone decides: a head or the
// framing of a body is split only as far as wire has let it through, and then its
// delimiters say all, since none of them may stand within what it delimits. The error
// begins at the Offset that [wire.Error] gives, and goes on to the end: nobody knows
// where the next message would begin.
//
// # Bytes come in pieces
//
// A Lexer is fed with whatever has arrived, and answers with the spans that are
// settled: however the bytes were cut, they are the same, and never change. What is
// open beyond them [Lexer.AppendOpen] tells as it looks so far:
//
//   - A head is open until it is whole or refused. What is refused may lie far back,
//     such as a Transfer-Encoding beside a Content-Length. Interim is not known before
//     the status code is.
//   - In the framing of a body the last part is open. Zeros look like a last chunk
//     before another digit comes, and spaces in a value like the OWS behind it.
//
// Beyond the bytes of one unfinished head a Lexer keeps none: content costs a span,
// however much it is. That a message goes on beyond the bytes that there are is no
// error.
package lexer
