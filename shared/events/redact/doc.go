// Package redact blanks the values of fields that hold secrets, before anybody sees
// them or writes them down. It stands between a stream of events and a sink:
//
//	events.Reader ──▶ Sink ──▶ the sink of a recording, or of a trace
//	                   │
//	                   └ Cookie: id=1f2e  becomes  Cookie: *******
//
// # What is blanked
//
// The values of Authorization, Cookie, Set-Cookie and Proxy-Authorization, and of the
// fields that are named besides: in heads and trailer sections, of requests, interim and
// final responses, on both hops, and in the edits that stand beside them. Each byte of
// a value becomes an asterisk, which is allowed in every value (RFC 9110 section 5.5).
// So lengths stay, and offsets, and the framing of messages. Spaces between the colon
// and the value stay, too.
//
// Nothing waits for the rest of a head, or of a message: what has come goes on at once,
// with all blanked that is part of such a value, however the bytes were cut, and
// whether or not the head is ever whole or is refused.
//
// # Rather too much
//
// Whether a line is one of these is decided by its name alone, of which only letters and
// digits count, in either case (so the reverse of RFC 3875 section 4.1.18 does no harm):
//
//	Set-Cookie: a       set_cookie: a       Set-Cookie : a       ␣Set-Cookie: a
//	Set\0Cookie: a      SetCookie:a         Set-Cookie a (but for the first line of a head)
//
// A line begins behind CR or LF. A value ends only at a CRLF behind which the line is
// not folded (RFC 9112 section 5.2), for nobody knows what a lenient recipient makes of
// a CR or LF alone. Where bytes are missing, the rest of the line behind them is blanked,
// unless that is the first line of a message.
//
// # What is not
//
// Content is left as it is, and so are targets with their queries, and names. Content
// is what package lexer takes for it, as long as no byte is missing, and of a response
// only if its request has been seen. All else is looked through line by line: after a
// gap, in what is refused, in chunk extensions, in tunnels.
package redact
