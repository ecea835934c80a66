package gateway

import "time"

const (
	get10      = "GET / HTTP/1.0\r\nHost: a\r\n\r\n"
	getKept10  = "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
	get10Sent  = "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 hopwire\r\n\r\n"
	head10     = "HEAD / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
	head10Sent = "HEAD / HTTP/1.1\r\nHost: a\r\nVia: 1.0 hopwire\r\n\r\n"
	helloLast  = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
	helloKept  = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"
)

// Clients and origins of HTTP/1.0.
var versionRules = []rule{
	{
		name:    "RFC 9112 6.1: HTTP/1.0 gets chunks decoded, without trailers, and the end of the connection for their end",
		client:  []move{says(get10), hears("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789x"), isEnded},
		origins: [][]move{{hears(get10Sent), says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n", oddChunks)}},
		log:     []string{`"GET / HTTP/1.0" 200 11 c1#1 -> o1#1 client-asked/kept`},
	},
	{
		name:    "RFC 9112 6.1: so does a client of HTTP/1.0 that would keep the connection",
		client:  []move{says(getKept10), hears("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789x"), isEnded},
		origins: [][]move{{hears(get10Sent), says(chunkedHead, oddChunks)}},
		log:     []string{`"GET / HTTP/1.0" 200 11 c1#1 -> o1#1 response-until-close/kept`},
	},
	{
		name:    "RFC 9112 6.1: a response to HEAD has no chunks to decode, and its connection can be kept",
		client:  []move{says(head10), hears("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n"), says(head10), hears("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n")},
		origins: [][]move{{hears(head10Sent), says(chunkedHead), hears(head10Sent), says(chunkedHead)}},
		log: []string{
			`"HEAD / HTTP/1.0" 200 - c1#1 -> o1#1 kept/kept`,
			`"HEAD / HTTP/1.0" 200 - c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 8: chunks that are decoded and end without the last one are cut off",
		client:  []move{says(get10), hears("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"), isReset},
		origins: [][]move{{hears(get10Sent), says(chunkedHead, "5\r\nhello\r\n"), waits(time.Second), closes}},
		log:     []string{`"GET / HTTP/1.0" 200 5 c1#1 -> o1#1 response-truncated/failed`},
	},
	{
		name:    "RFC 9112 7.1: a chunk to be decoded that breaks the grammar is answered by 502 if it came with the head",
		client:  []move{says(get10), hears(refusal("502 Bad Gateway", `error=http_protocol_error; details="chunk-size"`, "Connection: close")), isEnded},
		origins: [][]move{{hears(get10Sent), says(chunkedHead, "5\r\nhello\r\nx"), isReset}},
		log:     []string{`"GET / HTTP/1.0" 502 - c1#1 -> o1#1 client-asked/response-unfinished !http_protocol_error:chunk-size`},
		whole:   true,
	},
	{
		name:    "RFC 9112 7.1: and the response is cut off before it if it came later",
		client:  []move{says(get10), hears("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"), isReset},
		origins: [][]move{{hears(get10Sent), says(chunkedHead, "5\r\nhello\r\n"), waits(time.Second), says("x"), isReset}},
		log:     []string{`"GET / HTTP/1.0" 200 5 c1#1 -> o1#1 response-malformed/failed`},
	},
	{
		name:    "RFC 9112 8: content until close that ends by a reset is cut off for HTTP/1.0 too",
		client:  []move{says(get10), hears("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil"), isReset},
		origins: [][]move{{hears(get10Sent), says("HTTP/1.0 200 OK\r\n\r\nuntil"), waits(time.Second), resets}},
		log:     []string{`"GET / HTTP/1.0" 200 5 c1#1 -> o1#1 response-truncated/failed`},
	},
	{
		name:    "RFC 9112 9.3: HTTP/1.0 is closed after one response",
		client:  []move{says(get10), hears(helloLast), isEnded},
		origins: [][]move{{hears(get10Sent), says(hello)}},
		log:     []string{`"GET / HTTP/1.0" 200 5 c1#1 -> o1#1 client-asked/kept`},
	},
	{
		name:    "RFC 9112 9.3: unless it asks to be kept, and then it is told so",
		client:  []move{says(getKept10), hears(helloKept), says(getKept10), hears(helloKept)},
		origins: [][]move{{hears(get10Sent), says(hello), hears(get10Sent), says(hello)}},
		log: []string{
			`"GET / HTTP/1.0" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.0" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name: "RFC 9112 9.3: by the gateway's own answers too",
		client: []move{says(getKept10), hears(refusal("502 Bad Gateway", "error=http_response_incomplete", "Connection: keep-alive")),
			says(getKept10), hears(helloKept)},
		origins: [][]move{{hears(get10Sent), closes}, {hears(get10Sent), says(hello)}},
		log: []string{
			`"GET / HTTP/1.0" 502 - c1#1 -> o1#1 kept/failed !http_response_incomplete`,
			`"GET / HTTP/1.0" 200 5 c1#2 -> o2#1 kept/kept`,
		},
		also: "replays.reported",
	},
	{
		name:    "RFC 9112 9.3: an origin of HTTP/1.0 ends its connection after one response, which is told in HTTP/1.1",
		client:  []move{says(get("/")), hears(hello), says(get("/")), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello10), isEnded}, {hears(toOrigin(get("/"))), says(hello10), isEnded}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/response-closes`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/response-closes`,
		},
	},
	{
		name:    "RFC 9112 9.3: unless it says that it keeps it",
		client:  []move{says(get("/")), hears(hello), says(get("/")), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello10Kept), hears(toOrigin(get("/"))), says(hello10Kept)}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 2.3: a later minor version is HTTP/1.1, both ways",
		client:  []move{says("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.9 200 OK\r\nContent-Length: 5\r\n\r\nhello")}},
		log:     []string{`"GET / HTTP/1.2" 200 5 c1#1 -> o1#1 kept/kept`},
	},
}

const (
	hello10     = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	hello10Kept = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"
)
