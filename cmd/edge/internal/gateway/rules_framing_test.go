package gateway

import (
	"strings"
	"time"
)

// How the end of a response is found, and what goes to the client of it.
var framingRules = []rule{
	{
		name:    "RFC 9112 6.3: a body with a length has that length",
		client:  []move{says(get("/")), hears(hello), says(get("/")), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 6.3: a body of no octets ends with its head",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")}},
		log:     []string{`"GET / HTTP/1.1" 200 - c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9112 7.1: chunks go as they came, with extensions and trailers, both ways",
		client:  []move{says(post("Transfer-Encoding: chunked", oddChunks)), hears(chunkedHead, oddChunks)},
		origins: [][]move{{hears(toOrigin(post("Transfer-Encoding: chunked", oddChunks))), says(chunkedHead, oddChunks)}},
		log:     []string{`"POST / HTTP/1.1" 200 51 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9110 6.5: trailers are passed on although Trailer does not announce them, and the field that does is",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 OK\r\nTrailer: A\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: 1\r\nB: 2\r\n\r\n")},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 200 OK\r\nTrailer: A\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: 1\r\nB: 2\r\n\r\n")}},
		log:     []string{`"GET / HTTP/1.1" 200 17 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9110 10.1.4: that a client takes trailers is said on, and what it says of codings is not",
		client:  []move{says(get("/", "Connection: TE", "TE: trailers")), hears(hello), says(get("/", "TE: deflate, trailers")), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/", "TE: trailers", "Connection: TE"))), says(hello), hears(toOrigin(get("/", "TE: trailers", "Connection: TE"))), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	bodiless("RFC 9112 6.3: a response to HEAD ends with its head, with a length", "HEAD", "200 OK", "Content-Length: 5\r\n"),
	bodiless("RFC 9112 6.3: a response to HEAD ends with its head, with chunks", "HEAD", "200 OK", "Transfer-Encoding: chunked\r\n"),
	bodiless("RFC 9112 6.3: a response to HEAD ends with its head, with neither", "HEAD", "200 OK", ""),
	bodiless("RFC 9112 6.3: a 204 ends with its head", "GET", "204 No Content", ""),
	{
		name:    "RFC 9110 8.6: a 204 ends with its head, whatever length it has, which is not sent on",
		client:  []move{says(get("/")), hears("HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"), says(get("/")), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nA: b\r\n\r\n"), hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 204 - c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 9110 6.6.1: a response without Date is given one, and another one keeps its own",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + someDate + "\r\nhello"), says(get("/")), hears(helloDated)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), hears(toOrigin(get("/"))), says(helloDated)}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 4: a status code with nothing behind it is one, and is sent on with the space that is due",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), says(get("/")), hears("HTTP/1.1 103 \r\n\r\n", hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), hears(toOrigin(get("/"))), says("HTTP/1.1 103\r\n\r\n", hello)}},
		log: []string{
			`"GET / HTTP/1.1" 200 - c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 9110 15.5.22: a 426 says which protocol would do, and Connection names the field",
		client:  []move{says(get("/")), hears(upgradeRequired), says(get("/", "Connection: close")), hears(strings.Replace(upgradeRequired, "upgrade\r\n\r\n", "upgrade\r\nConnection: close\r\n\r\n", 1)), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says(upgradeRequired), hears(toOrigin(get("/"))), says(upgradeRequired)}},
		log: []string{
			`"GET / HTTP/1.1" 426 - c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 426 - c1#2 -> o1#2 client-asked/kept`,
		},
	},
	bodiless("RFC 9112 6.3: a 304 ends with its head", "GET", "304 Not Modified", ""),
	bodiless("RFC 9112 6.3: a 304 ends with its head, whatever length the content would have", "GET", "304 Not Modified", "Content-Length: 5\r\n"),
	bodiless("RFC 9112 6.3: a 304 ends with its head, whatever coding the content would have", "GET", "304 Not Modified", "Transfer-Encoding: chunked\r\n"),
	{
		name:    "RFC 9112 6.3: without a length the response ends with the connection, the client's too",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\nuntil close"), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 200 OK\r\nA: b\r\n\r\nuntil close"), closes}},
		log:     []string{`"GET / HTTP/1.1" 200 11 c1#1 -> o1#1 response-until-close/response-closes`},
	},
	{
		name:    "RFC 9112 6.3: Connection: keep-alive does not give a response without a length an end",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil close"), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nuntil close"), halfCloses, isEnded}},
		log:     []string{`"GET / HTTP/1.1" 200 11 c1#1 -> o1#1 response-until-close/response-closes`},
	},
	{
		name:    "RFC 9112 8: a response with a length that ends before is cut off for the client",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), waits(time.Second), closes}},
		log:     []string{`"GET / HTTP/1.1" 200 4 c1#1 -> o1#1 response-truncated/failed`},
	},
	{
		name:    "RFC 9112 8: so is one that the kernel moved from socket to socket",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", big), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", big), waits(time.Second), closes}},
		log:     []string{`"GET / HTTP/1.1" 200 100000 c1#1 -> o1#1 response-truncated/failed`},
		long:    true,
	},
	{
		name:    "RFC 9112 8: chunks that end without the last one are cut off for the client",
		client:  []move{says(get("/")), hears(chunkedHead, "5\r\nhello\r\n"), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says(chunkedHead, "5\r\nhello\r\n"), waits(time.Second), closes}},
		log:     []string{`"GET / HTTP/1.1" 200 10 c1#1 -> o1#1 response-truncated/failed`},
	},
	{
		name:    "RFC 9112 8: content until close that ends by a reset is cut off for the client",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil"), isReset},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 200 OK\r\n\r\nuntil"), waits(time.Second), resets}},
		log:     []string{`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 response-truncated/failed`},
	},
	{
		name:    "RFC 9112 7.1: a chunk that breaks the grammar is not passed on, but the response cut off before it",
		client:  []move{says(get("/")), hears(chunkedHead, "5\r\nhello\r\n"), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says(chunkedHead, "5\r\nhello\r\n"), waits(time.Second), says("x"), isReset}},
		log:     []string{`"GET / HTTP/1.1" 200 10 c1#1 -> o1#1 response-malformed/failed`},
	},
	{
		name:    "RFC 9110 15.5.9: an origin that stops within a response is waited for only so long",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), isReset}},
		log:     []string{`"GET / HTTP/1.1" 200 4 c1#1 -> o1#1 response-timeout/failed`},
	},
	{
		long:    true,
		name:    "RFC 9112 6.3: a body longer than any buffer goes through",
		client:  []move{says(get("/")), hears("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", big)},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", big)}},
		log:     []string{`"GET / HTTP/1.1" 200 100000 c1#1 -> o1#1 kept/kept`},
	},
}

const (
	chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	// helloDated has a Date in a place where the gateway puts none.
	helloDated      = "HTTP/1.1 200 OK\r\n" + someDate + "Content-Length: 5\r\n\r\nhello"
	upgradeRequired = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
	oddChunks       = "00A;name=\"v\\\"\"\r\n0123456789\r\n1\r\nx\r\n000\r\nX-Sum: 1\r\n\r\n"
)

var big = strings.Repeat("x", 100_000)

// bodiless is the rule of a response that has no content, and goes as it came.
func bodiless(name, method, status, fields string) rule {
	request := method + " / HTTP/1.1\r\nHost: a\r\n\r\n"
	response := "HTTP/1.1 " + status + "\r\n" + fields + "\r\n"
	return rule{
		name:    name,
		client:  []move{says(request), hears(response), says(request), hears(response)},
		origins: [][]move{{hears(toOrigin(request)), says(response), hears(toOrigin(request)), says(response)}},
		log: []string{
			`"` + method + ` / HTTP/1.1" ` + status[:3] + ` - c1#1 -> o1#1 kept/kept`,
			`"` + method + ` / HTTP/1.1" ` + status[:3] + ` - c1#2 -> o1#2 kept/kept`,
		},
	}
}
