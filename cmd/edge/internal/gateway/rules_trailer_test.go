package gateway

import (
	"net/netip"
	"strings"
	"time"
)

// What becomes of the fields behind the last chunk.
var trailerRules = []rule{
	{
		name:    "RFC 9110 7.6.1: fields that Connection names, and those that are for one hop only, do not go on in trailer sections, to origins",
		client:  []move{says(post(namingChunks, "1\r\nx\r\n0\r\n"+mixed)), hears(hello)},
		origins: [][]move{{hears(chunkedToOrigin, "1\r\nx\r\n0\r\n"+unmixed), says(hello)}},
		log:     []string{`"POST / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9110 7.6.1: nor to clients",
		client:  []move{says(get("/")), hears(chunkedHead, "1\r\nx\r\n0\r\n"+unmixed)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(namingHead, "1\r\nx\r\n0\r\n"+mixed)}},
		log:     []string{`"GET / HTTP/1.1" 200 43 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9110 7.6.1: and the Connection of one message says nothing of another",
		client:  []move{says(post(namingChunks, "0\r\nX-A: 1\r\n\r\n")), hears(hints, chunkedHead, "0\r\nX-A: 1\r\n\r\n"), says(post(chunks, "0\r\nX-A: 2\r\n\r\n")), hears(hello)},
		origins: [][]move{{hears(chunkedToOrigin, "0\r\n\r\n"), says(namingHints, chunkedHead, "0\r\nX-A: 1\r\n\r\n"), hears(chunkedToOrigin, "0\r\nX-A: 2\r\n\r\n"), says(hello)}},
		log: []string{
			`"POST / HTTP/1.1" 200 13 c1#1 -> o1#1 kept/kept`,
			`"POST / HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 7.1.2: a trailer section of which nothing is left is an empty line, and the next message follows it",
		client:  []move{pipelines(post(chunks, "0\r\nTE: a\r\n\r\n"), get("/")), hears(chunkedHead, "0\r\n\r\n", hello)},
		origins: [][]move{{hears(chunkedToOrigin, "0\r\n\r\n"), says(chunkedHead, "0\r\nKeep-Alive: 5\r\n\r\n"), hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"POST / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 7239 8.1: with forwarded, claims of a client do not go on there either, but those of an origin",
		config:  Config{Forwarded: true},
		client:  []move{says(post(chunks, "0\r\nX_Forwarded_For: a\r\nForwarded: for=a\r\nA: b\r\n\r\n")), hears(chunkedHead, "0\r\nForwarded: for=a\r\n\r\n")},
		origins: [][]move{{hears(forwardedChunks, "0\r\nA: b\r\n\r\n"), says(chunkedHead, "0\r\nForwarded: for=a\r\n\r\n")}},
		log:     []string{`"POST / HTTP/1.1" 200 23 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 7239 8.1: and those of a client that is trusted",
		config:  Config{Forwarded: true, Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		client:  []move{says(post(chunks, "0\r\nForwarded: for=a\r\n\r\n")), hears(hello)},
		origins: [][]move{{hears(forwardedChunks, "0\r\nForwarded: for=a\r\n\r\n"), says(hello)}},
		log:     []string{`"POST / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9110 6.5: a trailer section goes on when it is whole, and what stands before it when it comes, to origins",
		client:  []move{says(post(namingChunks, "1\r\n")), waits(time.Second), says("x\r\n0\r\n"), waits(time.Second), says("X"), waits(time.Second), says("-A: 1\r\nB: c\r"), waits(time.Second), says("\n\r\n"), hears(hello), says(get("/")), hears(evil)},
		origins: [][]move{{hears(chunkedToOrigin, "1\r\nx\r\n0\r\n"), hears("B: c\r\n\r\n"), says(hello), hears(toOrigin(get("/"))), says(evil)}},
		log: []string{
			`"POST / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 200 4 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 9110 6.5: and to clients",
		client:  []move{says(get("/")), hears(chunkedHead, "1\r\nx\r\n0\r\n"), hears("B: c\r\n\r\n"), says(get("/2")), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(namingHead, "1\r\n"), waits(time.Second), says("x\r\n0\r\n"), waits(time.Second), says("X"), waits(time.Second), says("-A: 1\r\nB: c\r"), waits(time.Second), says("\n\r\n"), hears(toOrigin(get("/2"))), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 200 17 c1#1 -> o1#1 kept/kept`,
			`"GET /2 HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 8: a response that ends within its trailer section is cut off before it",
		client:  []move{says(get("/")), hears(chunkedHead, "1\r\nx\r\n0\r\n"), isReset},
		origins: [][]move{{hears(toOrigin(get("/"))), says(chunkedHead, "1\r\nx\r\n0\r\nX-Sum: 1\r\n"), waits(time.Second), closes}},
		log:     []string{`"GET / HTTP/1.1" 200 9 c1#1 -> o1#1 response-truncated/failed`},
	},
	{
		name:    "RFC 9112 8: also if all its fields would have been left out",
		client:  []move{says(get("/")), hears(chunkedHead, "0\r\n"), isReset},
		origins: [][]move{{hears(toOrigin(get("/"))), says(chunkedHead, "0\r\nTE: a\r\n"), waits(time.Second), closes}},
		log:     []string{`"GET / HTTP/1.1" 200 3 c1#1 -> o1#1 response-truncated/failed`},
	},
	{
		name:    "RFC 9112 8: or if the origin says no more",
		client:  []move{says(get("/")), hears(chunkedHead, "0\r\n"), isReset},
		origins: [][]move{{hears(toOrigin(get("/"))), says(chunkedHead, "0\r\nX-Sum: 1\r\n\r"), isReset}},
		log:     []string{`"GET / HTTP/1.1" 200 3 c1#1 -> o1#1 response-timeout/failed`},
	},
	{
		name:    "RFC 9112 8: of a request that ends within its trailer section, the origin gets nothing of that",
		client:  []move{says(post(chunks, "1\r\nx\r\n0\r\nX-Sum: 1\r\n")), waits(5 * time.Second), halfCloses, isEnded},
		origins: [][]move{{hears(chunkedToOrigin, "1\r\nx\r\n0\r\n"), isReset}},
		log:     []string{`"POST / HTTP/1.1" - - c1#1 -> o1#1 request-truncated/aborted`},
	},
	{
		name:    "RFC 9110 15.5.9: the rest of a trailer section has to come in time",
		client:  []move{says(post(chunks, "0\r\nX-Sum: 1\r\n")), hears(refusal("408 Request Timeout", `error=http_request_error; details="body-timeout"`, "Connection: close")), isEnded},
		origins: [][]move{{hears(chunkedToOrigin, "0\r\n"), isReset}},
		log:     []string{`"POST / HTTP/1.1" 408 - c1#1 -> o1#1 request-timeout/aborted !http_request_error:body-timeout`},
	},
	{
		name:    "RFC 6585 5: a trailer section of 8 KiB goes through, both ways",
		client:  []move{says(post(namingChunks, "0\r\n"+longest)), hears(chunkedHead, "0\r\n"+longestLeft)},
		origins: [][]move{{hears(chunkedToOrigin, "0\r\n"+longestLeft), says(namingHead, "0\r\n"+longest)}},
		log:     []string{`"POST / HTTP/1.1" 200 8189 c1#1 -> o1#1 kept/kept`},
	},
	{
		name: "RFC 6585 5: a larger one is refused",
		client: []move{says(post(chunks, "0\r\n")), waits(time.Second), shouts("X" + longest),
			hears(refusal("431 Request Header Fields Too Large", `error=http_request_error; details="trailer-too-large"`, "Connection: close")), isLeft},
		origins: [][]move{{hears(chunkedToOrigin, "0\r\n"), isReset}},
		log:     []string{`"POST / HTTP/1.1" 431 - c1#1 -> o1#1 refused/aborted !http_request_error:trailer-too-large`},
	},
	{
		name:    "RFC 6585 5: and one of a response cut off",
		client:  []move{says(get("/")), hears(chunkedHead, "0\r\n"), isReset},
		origins: [][]move{{hears(toOrigin(get("/"))), says(chunkedHead, "0\r\n"), waits(time.Second), shouts("X" + longest), isReset}},
		log:     []string{`"GET / HTTP/1.1" 200 3 c1#1 -> o1#1 response-malformed/failed`},
	},
	{
		name:    "RFC 9110 6.5.1: a trailer field that frames the message and came with the head",
		client:  []move{says(post(chunks, "0\r\nA: b\r\nContent-Length: 5\r\n\r\n")), hears(refusedTrailer), isEnded},
		origins: nil,
		log:     []string{`"POST / HTTP/1.1" 400 - c1#1 -> - refused/- !http_request_error:trailer-field`},
		whole:   true,
	},
	{
		name:    "RFC 9110 6.5.1: one that came later ends what is under way",
		client:  []move{says(post(chunks, "0\r\nA: b\r\n")), waits(time.Second), says("Content-Length:"), hears(refusedTrailer), isEnded},
		origins: [][]move{{hears(chunkedToOrigin, "0\r\n"), isReset}},
		log:     []string{`"POST / HTTP/1.1" 400 - c1#1 -> o1#1 refused/aborted !http_request_error:trailer-field`},
	},
	{
		name:   "RFC 3875 4.1.18: one that some take for such a field and came with the head",
		client: []move{says(post(chunks, "0\r\nA: b\r\nTransfer_Encoding: chunked\r\n\r\n")), hears(misspelledTrailer), isEnded},
		log:    []string{`"POST / HTTP/1.1" 400 - c1#1 -> - refused/- !http_request_error:framing-field-misspelled`},
		whole:  true,
	},
	{
		name:    "RFC 3875 4.1.18: one that came later ends what is under way, too",
		client:  []move{says(post(chunks, "0\r\nTransfer_Encoding: ")), waits(time.Second), says("chunked\r\n\r\n"), hears(misspelledTrailer), isEnded},
		origins: [][]move{{hears(chunkedToOrigin, "0\r\n"), isReset}},
		log:     []string{`"POST / HTTP/1.1" 400 - c1#1 -> o1#1 refused/aborted !http_request_error:framing-field-misspelled`},
	},
	{
		name:    "RFC 9110 6.5.1: a response cannot be taken for another by it",
		client:  []move{says(get("/")), hears(chunkedHead, "0\r\nContent.Length: 5\r\n\r\n")},
		origins: [][]move{{hears(toOrigin(get("/"))), says(chunkedHead, "0\r\nContent.Length: 5\r\n\r\n")}},
		log:     []string{`"GET / HTTP/1.1" 200 24 c1#1 -> o1#1 kept/kept`},
	},
	whole(unusable("RFC 9110 6.5.1: a trailer field of a response that frames it and came with the head", chunkedHead+"0\r\nA: b\r\nContent-Length: 5\r\n\r\n", "http_protocol_error", "trailer-field")),
	{
		name:    "RFC 9112 9.5: behind an early response the trailer section goes on, too, and the next request is served",
		client:  []move{says(post(chunks, "1\r\nx\r\n")), hears(tooLarge), says("0\r\nX-Sum: 1\r\n\r\n", get("/")), hears(hello)},
		origins: [][]move{{hears(chunkedToOrigin, "1\r\nx\r\n"), says(tooLarge), hears("0\r\nX-Sum: 1\r\n\r\n"), isEnded}, {hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 kept/response-early`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 9.5: also if its beginning was held",
		client:  []move{says(post(chunks, "0\r\nX-Sum: 1\r\n\r")), hears(tooLarge), says("\n", get("/")), hears(hello)},
		origins: [][]move{{hears(chunkedToOrigin, "0\r\n"), waits(time.Second), says(tooLarge), hears("X-Sum: 1\r\n\r\n"), isEnded}, {hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 kept/response-early`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/kept`,
		},
	},
	{
		name:    "verbatim, a trailer section goes on as it comes",
		config:  Config{Verbatim: true, Forwarded: true},
		client:  []move{says(post(namingChunks, "0\r\nX-A: 1\r\nTE: ")), hears(namingHead, "0\r\nX-A: 1\r\nTE: "), says("a\r\nForwarded: b\r\nContent_Length: 5\r\n\r\n"), hears("a\r\n\r\n")},
		origins: [][]move{{hears(post(namingChunks, "0\r\nX-A: 1\r\nTE: ")), says(namingHead, "0\r\nX-A: 1\r\nTE: "), hears("a\r\nForwarded: b\r\nContent_Length: 5\r\n\r\n"), says("a\r\n\r\n")}},
		log:     []string{`"POST / HTTP/1.1" 200 20 c1#1 -> o1#1 kept/kept`},
	},
}

const (
	chunks       = "Transfer-Encoding: chunked"
	namingChunks = "Connection: X-A, keep-alive\r\n" + chunks
	namingHead   = "HTTP/1.1 200 OK\r\nConnection: x-a,X-B\r\nTransfer-Encoding: chunked\r\n\r\n"
	hints        = "HTTP/1.1 103 Early Hints\r\n\r\n"
	namingHints  = "HTTP/1.1 103 Early Hints\r\nConnection: X-A\r\n\r\n"

	mixed   = "X-Sum:  1\r\nX-a: 1\r\nte: trailers\r\nX-AB: 1\r\nProxy-Connection:\r\nVia: 1.1 a\r\n\r\n"
	unmixed = "X-Sum:  1\r\nX-AB: 1\r\nVia: 1.1 a\r\n\r\n"
)

var (
	chunkedToOrigin   = toOrigin(post(chunks, ""))
	forwardedChunks   = toOrigin(post(chunks+"\r\nForwarded: for=127.0.0.1;host=\"a\";proto=http", ""))
	refusedTrailer    = refusal("400 Bad Request", `error=http_request_error; details="trailer-field"`, "Connection: close")
	misspelledTrailer = refusal("400 Bad Request", `error=http_request_error; details="framing-field-misspelled"`, "Connection: close")
	longestLeft       = "X-Sum: " + strings.Repeat("1", 8<<10-len("X-A: 1\r\nX-Sum: \r\n")) + "\r\n\r\n"
	longest           = "X-A: 1\r\n" + longestLeft
)
