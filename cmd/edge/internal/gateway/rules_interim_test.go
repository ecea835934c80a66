package gateway

import (
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/loop/simnet"
)

const (
	hint      = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	goOn      = "HTTP/1.1 100 Continue\r\n\r\n"
	expecting = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
)

// Interim responses, and the expectation of one.
var interimRules = []rule{
	{
		name:    "RFC 9110 15.2: interim responses are sent on at once, several of them, without what is for one hop only",
		client:  []move{says(post("Content-Length: 4", "")), hears(hint, goOn, hint), says("seen"), hears(hello)},
		origins: [][]move{{hears(toOrigin(post("Content-Length: 4", ""))), says("HTTP/1.1 103 Early Hints\r\nConnection: x\r\nLink: </a>\r\nX: y\r\n\r\n", goOn, hint), hears("seen"), says(hello)}},
		log:     []string{`"POST / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9110 15.2: one with a status that is not known is one nevertheless, and has no length (RFC 9110 8.6)",
		client:  []move{says(get("/")), hears("HTTP/1.1 199 Huh\r\nA: b\r\n\r\n", hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 199 Huh\r\nContent-Length: 5\r\nA: b\r\n\r\n", hello)}},
		log:     []string{`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9110 15.2: HTTP/1.0 gets none",
		client:  []move{says(get10), hears(helloLast), isEnded},
		origins: [][]move{{hears(get10Sent), says(hint, goOn, hello)}},
		log:     []string{`"GET / HTTP/1.0" 200 5 c1#1 -> o1#1 client-asked/kept`},
	},
	{
		name:    "their octets are bounded together",
		client:  []move{says(get("/")), hears(strings.Repeat(longHint, 16)), hears(refusal("502 Bad Gateway", `error=http_protocol_error; details="interim-responses-too-large"`))},
		origins: [][]move{{hears(toOrigin(get("/"))), shouts(strings.Repeat(longHint, 17)), isReset}},
		log:     []string{`"GET / HTTP/1.1" 502 - c1#1 -> o1#1 kept/response-unfinished !http_protocol_error:interim-responses-too-large`},
	},
	{
		name:    "RFC 9112 6.1: one that says how its content is coded is refused, since it has none",
		client:  []move{says(get("/")), hears(refusal("502 Bad Gateway", `error=http_protocol_error; details="transfer-encoding-without-content"`))},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n"), isReset}},
		log:     []string{`"GET / HTTP/1.1" 502 - c1#1 -> o1#1 kept/response-unfinished !http_protocol_error:transfer-encoding-without-content`},
	},
	{
		name:    "RFC 9112 6.3: so is one with two lengths",
		client:  []move{says(get("/")), hears(refusal("502 Bad Gateway", `error=http_protocol_error; details="content-length-repeated"`))},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n"), isReset}},
		log:     []string{`"GET / HTTP/1.1" 502 - c1#1 -> o1#1 kept/response-unfinished !http_protocol_error:content-length-repeated`},
	},
	{
		name:    "RFC 9110 15.2: an origin that ends after one has not answered",
		client:  []move{says(get("/")), hears(hint, refusal("502 Bad Gateway", "error=http_response_incomplete"))},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hint), closes}},
		log:     []string{`"GET / HTTP/1.1" 502 - c1#1 -> o1#1 kept/failed !http_response_incomplete`},
	},
	{
		name:    "RFC 9110 10.1.1: an expectation is the origin's to meet, and the client's to wait for",
		client:  []move{says(expecting), hears(goOn), says("body"), hears(hello), says(expecting), hears(goOn), says("body"), hears(hello)},
		origins: [][]move{{hears(toOrigin(expecting)), says(goOn), hears("body"), says(hello), hears(toOrigin(expecting)), says(goOn), hears("body"), says(hello)}},
		log: []string{
			`"POST / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"POST / HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:    "RFC 9110 10.1.1: a client need not wait, and the body is not held back for an origin that is silent",
		client:  []move{says(expecting), waits(time.Second), says("body"), hears(hello)},
		origins: [][]move{{hears(toOrigin(expecting)), hears("body"), says(hello)}},
		log:     []string{`"POST / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9110 10.1.1: a final status in place of 100 ends the connection, for nobody knows whether the body comes",
		client:  []move{says(expecting), hears("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), isEnded},
		origins: [][]move{{hears(toOrigin(expecting)), says("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"), isReset}},
		log:     []string{`"POST / HTTP/1.1" 413 - c1#1 -> o1#1 request-unread/request-unfinished`},
	},
	{
		name:    "RFC 9110 10.1.1: also if the gateway says it",
		client:  []move{says(expecting), hears(refusal("502 Bad Gateway", "error=http_response_incomplete", "Connection: close")), isEnded},
		origins: [][]move{{hears(toOrigin(expecting)), closes}},
		log:     []string{`"POST / HTTP/1.1" 502 - c1#1 -> o1#1 request-unread/failed !http_response_incomplete`},
		also:    "replays.reported",
	},
	{
		name:    "RFC 9110 10.1.1: but not after the 100, nor once the body has come",
		client:  []move{says(expecting), hears(goOn), says("body"), hears("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")},
		origins: [][]move{{hears(toOrigin(expecting)), says(goOn), hears("body"), says("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")}},
		log:     []string{`"POST / HTTP/1.1" 413 - c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9110 10.1.1: HTTP/1.0 does not wait, and its expectation is not sent on",
		client:  []move{says("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody"), hears(helloLast), isEnded},
		origins: [][]move{{hears("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nVia: 1.0 hopwire\r\n\r\n", "body"), says(goOn, hello)}},
		log:     []string{`"POST / HTTP/1.0" 200 5 c1#1 -> o1#1 client-asked/kept`},
	},
}

var longHint = "HTTP/1.1 103 Early Hints\r\nLink: " + strings.Repeat("x", 4096-len("HTTP/1.1 103 Early Hints\r\nLink: \r\n\r\n")) + "\r\n\r\n"

const tooLarge = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nbig!"

const (
	tooLargeLast  = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbig!"
	longHead      = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
	longLastHead  = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n"
	aMillionBytes = "Content-Length: 1000000"
)

var allOfIt = strings.Repeat(big, 10)

// early begins a request whose response comes before its body, which has n octets.
func early(n string, then ...move) []move {
	head := post("Content-Length: "+n, "")
	return append([]move{hears(toOrigin(head)), says(tooLarge)}, then...)
}

// Responses that come before the request has been sent.
var earlyRules = []rule{
	{
		name:    "RFC 9112 9.5: a response that comes early is sent on, and the rest of the request goes to the origin all the same",
		client:  []move{says(post("Content-Length: 20000", "")), hears(tooLarge), says(big[:20000], get("/")), hears(hello)},
		long:    true,
		origins: [][]move{early("20000", hears(big[:20000]), isEnded), {hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 kept/response-early`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 9.5: also if the kernel moves the body from socket to socket",
		long:    true,
		client:  []move{says(post("Content-Length: 200000", "")), hears(tooLarge), says(big, big, get("/")), hears(hello)},
		origins: [][]move{early("200000", hears(big, big), isEnded), {hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 kept/response-early`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 9.5: a response that ends behind the request came in time",
		client:  []move{says(post("Content-Length: 4", "")), hears(chunkedHead), says("body"), hears("0\r\n\r\n")},
		origins: [][]move{{hears(toOrigin(post("Content-Length: 4", ""))), says(chunkedHead), hears("body"), says("0\r\n\r\n")}},
		log:     []string{`"POST / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9112 9.6: if the origin ends behind it, so does the client's connection, and what the client still sends is read",
		long:    true,
		client:  []move{says(post(aMillionBytes, "")), hears(tooLarge), isEnded, says(allOfIt)},
		origins: [][]move{early("1000000", waits(time.Second), closes)},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 request-unread/request-unfinished`},
	},
	{
		name:    "RFC 9112 9.6: which is announced if the end has come with it",
		client:  []move{says(post(aMillionBytes, "")), hears(tooLargeLast), isEnded, says(allOfIt)},
		origins: [][]move{early("1000000", closes)},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 request-unread/request-unfinished`},
		whole:   true,
	},
	{
		name:    "RFC 9112 9.6: or has more to say than an answer",
		client:  []move{says(post(aMillionBytes, "")), hears(tooLarge), isEnded, says(allOfIt)},
		long:    true,
		origins: [][]move{early("1000000", waits(time.Second), says("HTTP/1.1 200 "), isReset)},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 request-unread/request-unfinished`},
	},
	{
		name:    "RFC 9112 9.6: if the origin says that it will end, the client is told, and may send the rest first",
		long:    true,
		client:  []move{says(post(aMillionBytes, allOfIt)), hears(tooLargeLast), isEnded},
		origins: [][]move{{hears(toOrigin(post(aMillionBytes, ""))), says(tooLargeLast), isReset}},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 origin-asked/request-unfinished`},
	},
	{
		name:    "RFC 9112 9.6: also of chunks without end",
		long:    true,
		client:  []move{says(post("Transfer-Encoding: chunked", strings.Repeat("2710\r\n"+big[:10000]+"\r\n", 100))), hears(tooLargeLast), isEnded},
		origins: [][]move{{hears(toOrigin(post("Transfer-Encoding: chunked", ""))), says(tooLargeLast), isReset}},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 origin-asked/request-unfinished`},
	},
	{
		name:    "RFC 9112 9.6: until it does, the rest goes on to it",
		long:    true,
		client:  []move{says(post(aMillionBytes, allOfIt)), hears("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "done"), isEnded},
		origins: [][]move{{hears(toOrigin(post(aMillionBytes, ""))), says("HTTP/1.1 200 OK\r\n\r\n"), hears(allOfIt), says("done"), closes}},
		log:     []string{`"POST / HTTP/1.1" 200 4 c1#1 -> o1#1 response-until-close/response-closes`},
	},
	{
		name:    "RFC 9112 9.6: a client that sends all before it reads gets a long response nevertheless, whole",
		long:    true,
		client:  []move{inTime(10*time.Second, says(post(aMillionBytes, allOfIt)), hears(longLastHead, allOfIt)), isEnded},
		origins: [][]move{{hears(toOrigin(post(aMillionBytes, ""))), says(longLastHead, allOfIt), isReset}},
		log:     []string{`"POST / HTTP/1.1" 200 1000000 c1#1 -> o1#1 origin-asked/request-unfinished`},
	},
	{
		name:    "RFC 9112 9.6: also from an origin that stops reading, and says nothing of it",
		long:    true,
		client:  []move{says(post(aMillionBytes, allOfIt)), hears(longHead, allOfIt), isEnded},
		origins: [][]move{{hears(toOrigin(post(aMillionBytes, ""))), says(longHead, allOfIt), isReset}},
		log:     []string{`"POST / HTTP/1.1" 200 1000000 c1#1 -> o1#1 request-unread/request-unfinished`},
	},
	{
		name:    "RFC 9112 9.6: even one that did so long before, of whose response not even the head finds room",
		client:  []move{says(post("Content-Length: 4000", big[:4000])), hears(tooLargeLast), isEnded},
		world:   &simnet.Options{Buffer: 10},
		origins: [][]move{{hears(toOrigin(post("Content-Length: 4000", ""))), waits(90 * time.Second), says(tooLarge), isReset}},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 request-unread/request-unfinished`},
	},
	{
		name:    "RFC 9112 9.6: and if the client wanted it to end, it does no earlier than that",
		client:  []move{says(post("Connection: close\r\nContent-Length: 4", "")), waits(time.Second), says("body"), waits(time.Second), hears(tooLargeLast), isEnded},
		world:   &simnet.Options{ResetDiscards: 1},
		origins: [][]move{early("4", hears("body"), isEnded)},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 client-asked/response-early`},
	},
	{
		name:    "RFC 9112 9.5: that the origin does not take the request is no reason not to read what it says",
		long:    true,
		client:  []move{says(post(aMillionBytes, strings.Repeat(big, 3))), hears(tooLarge), isEnded, says(strings.Repeat(big, 7))},
		origins: [][]move{{hears(toOrigin(post(aMillionBytes, ""))), says(tooLarge), waits(time.Minute), closes}},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 request-unread/request-unfinished`},
	},
	{
		name:    "RFC 9112 7.1: a rest that breaks the grammar ends both connections",
		client:  []move{says(post("Transfer-Encoding: chunked", "")), hears(tooLarge), says("x"), isEnded},
		origins: [][]move{{hears(toOrigin(post("Transfer-Encoding: chunked", ""))), says(tooLarge), isReset}},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 refused/aborted`},
	},
	{
		name:    "RFC 9112 8: a rest that does not come whole is a request that was truncated",
		client:  []move{says(post("Content-Length: 4", "")), hears(tooLarge), says("bo"), halfCloses, isEnded},
		origins: [][]move{early("4", isReset)},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 request-truncated/aborted`},
		also:    "request-ends.answered -request-ends.broken-off", // the response was whole
	},
	{
		name:    "RFC 9110 15.5.9: a rest that does not come in time ends both connections",
		client:  []move{says(post("Content-Length: 4", "")), hears(tooLarge), says("bo"), isEnded},
		origins: [][]move{early("4", isReset)},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 request-timeout/aborted`},
	},
	{
		name:    "a client that resets in place of the rest is named",
		client:  []move{says(post("Content-Length: 4", "")), hears(tooLarge), waits(time.Second), resets},
		origins: [][]move{early("4", isReset)},
		log:     []string{`"POST / HTTP/1.1" 413 4 c1#1 -> o1#1 client-reset/aborted`},
		also:    "request-ends.answered -request-ends.broken-off", // the response was whole
	},
}
