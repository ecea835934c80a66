package gateway

import (
	"strings"
	"time"
)

// How a client connection goes on, and how it ends.
var clientRules = []rule{
	{
		name:    "RFC 9112 9.3.2: requests that are sent ahead are answered in their order",
		client:  []move{pipelines("\r\n", get("/1"), post("Content-Length: 4", "body"), "\r\n", get("/3")), hears(hello, evil, hello)},
		origins: [][]move{{hears(toOrigin(get("/1"))), says(hello), hears(toOrigin(post("Content-Length: 4", "body"))), says(evil), hears(toOrigin(get("/3"))), says(hello)}},
		log: []string{
			`"GET /1 HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"POST / HTTP/1.1" 200 4 c1#2 -> o1#2 kept/kept`,
			`"GET /3 HTTP/1.1" 200 5 c1#3 -> o1#3 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 9.6: behind a request with close none is looked at, and its origin connection is kept nevertheless",
		client:  []move{pipelines(get("/", "Connection: close"), get("/next")), hears(helloLast), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello)}},
		log:     []string{`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 client-asked/kept`},
	},
	{
		name:    "RFC 9112 9.6: a client that has ended its sending direction gets its response first",
		client:  []move{says(get("/")), halfCloses, hears(hello), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), waits(time.Second), says(hello)}},
		log:     []string{`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9112 9.6: or is told that there is none",
		client:  []move{says(get("/")), halfCloses, hears(refusal("502 Bad Gateway", "error=http_response_incomplete")), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), waits(time.Second), closes}},
		log:     []string{`"GET / HTTP/1.1" 502 - c1#1 -> o1#1 kept/failed !http_response_incomplete`},
		also:    "replays.reported",
	},
	{
		name:    "RFC 9112 9.6: or all of them",
		client:  []move{pipelinesLast(get("/1"), get("/2")), hears(hello, hello), isEnded},
		origins: [][]move{{hears(toOrigin(get("/1"))), says(hello), hears(toOrigin(get("/2"))), says(hello)}},
		log: []string{
			`"GET /1 HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET /2 HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
		},
	},
	{
		name:   "RFC 9112 8: a stream that ends within a head is a request that was truncated",
		client: []move{says("GET /abc HTTP/1.1\r\nHo"), halfCloses, isEnded},
		log:    []string{`"GET /abc HTTP/1.1" - - c1#1 -> - request-truncated/-`},
	},
	{
		name:    "RFC 9112 8: within a body, both connections end",
		client:  []move{says(post("Content-Length: 4", "bo")), waits(5 * time.Second), halfCloses, isEnded},
		origins: [][]move{{hears(toOrigin(post("Content-Length: 4", "bo"))), isReset}},
		log:     []string{`"POST / HTTP/1.1" - - c1#1 -> o1#1 request-truncated/aborted`},
	},
	{
		name:    "RFC 9112 8: and a response that had begun is cut off",
		client:  []move{says(post("Content-Length: 4", "bo")), hears(chunkedHead), halfCloses, isEnded},
		origins: [][]move{{hears(toOrigin(post("Content-Length: 4", "bo"))), says(chunkedHead), isReset}},
		log:     []string{`"POST / HTTP/1.1" 200 - c1#1 -> o1#1 request-truncated/aborted`},
	},
	{
		name:    "a client that resets within a body ends both connections",
		client:  []move{says(post("Content-Length: 4", "bo")), waits(5 * time.Second), resets},
		origins: [][]move{{hears(toOrigin(post("Content-Length: 4", "bo"))), isReset}},
		log:     []string{`"POST / HTTP/1.1" - - c1#1 -> o1#1 client-reset/aborted`},
	},
	{
		name:    "so does one that resets while it waits for the response",
		client:  []move{says(get("/")), waits(5 * time.Second), resets},
		origins: [][]move{{hears(toOrigin(get("/"))), isReset}},
		log:     []string{`"GET / HTTP/1.1" - - c1#1 -> o1#1 client-reset/aborted`},
	},
	{
		name:    "or within it",
		client:  []move{says(get("/")), hears(chunkedHead), resets},
		origins: [][]move{{hears(toOrigin(get("/"))), says(chunkedHead), isReset}},
		log:     []string{`"GET / HTTP/1.1" 200 - c1#1 -> o1#1 client-reset/aborted`},
	},
	{
		name:   "or within a head",
		client: []move{says("GET /abc HTTP"), waits(5 * time.Second), resets},
		log:    []string{`"GET /abc HTTP" - - c1#1 -> - client-reset/-`},
	},
	{
		name:    "one that resets while idle is named",
		client:  []move{says(get("/")), hears(hello), waits(5 * time.Second), resets},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello)}},
		log:     []string{`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
		also:    "client-ends.client-reset",
	},
	{
		name:    "RFC 9112 9.5: one that takes no more of a response is given up",
		client:  []move{says(get("/")), waits(2 * time.Minute)},
		origins: [][]move{{hears(toOrigin(get("/"))), shouts("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", strings.Repeat(big, 10)), isReset}},
		log:     []string{`"GET / HTTP/1.1" 200 130991 c1#1 -> o1#1 client-stalled/aborted`},
		whole:   true,
	},
	{
		name:    "RFC 9112 9.5: also of one whose end is that of the connection",
		client:  []move{says(get("/")), waits(2 * time.Minute)},
		origins: [][]move{{hears(toOrigin(get("/"))), shouts("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat(big, 10)), isReset}},
		log:     []string{`"GET / HTTP/1.1" 200 130997 c1#1 -> o1#1 client-stalled/aborted`},
		whole:   true,
	},
	{
		name:   "RFC 9112 9.5: one that sends nothing is closed after a time",
		client: []move{isEnded},
		also:   "client-ends.idle-timeout",
	},
	{
		name:    "RFC 9112 9.5: so is one that sends no further request",
		client:  []move{says(get("/")), hears(hello), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello)}},
		log:     []string{`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
		also:    "client-ends.idle-timeout",
	},
	{
		name:    "RFC 9112 2.2: an empty line behind a body is no request, and is not answered",
		client:  []move{says(post("Content-Length: 4", "body\r\n")), hears(hello), isEnded},
		origins: [][]move{{hears(toOrigin(post("Content-Length: 4", "body"))), says(hello)}},
		log:     []string{`"POST / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
		also:    "client-ends.idle-timeout",
	},
	{
		name:    "RFC 9112 2.2: nor is it a part of one if the client closes",
		client:  []move{says(post("Content-Length: 4", "body\r\n")), hears(hello), halfCloses, isEnded},
		origins: [][]move{{hears(toOrigin(post("Content-Length: 4", "body"))), says(hello)}},
		log:     []string{`"POST / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:   "RFC 9110 15.5.9: a head has to come in time, however little is missing",
		client: []move{mumbles("GET / HTTP", 1100*time.Millisecond), hears(refusal("408 Request Timeout", `error=http_request_error; details="head-timeout"`, "Connection: close")), isEnded},
		log:    []string{`"GET / HTTP" 408 - c1#1 -> - request-timeout/- !http_request_error:head-timeout`},
	},
	{
		name:    "RFC 9110 15.5.9: one that comes slowly, but in time, is as good as any",
		client:  []move{mumbles(get("/"), 100*time.Millisecond), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello)}},
		log:     []string{`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
	},
	{
		name:    "RFC 9110 15.5.9: the rest of a body has to come in time",
		client:  []move{says(post("Content-Length: 4", "bo")), hears(refusal("408 Request Timeout", `error=http_request_error; details="body-timeout"`, "Connection: close")), isEnded},
		origins: [][]move{{hears(toOrigin(post("Content-Length: 4", "bo"))), isReset}},
		log:     []string{`"POST / HTTP/1.1" 408 - c1#1 -> o1#1 request-timeout/aborted !http_request_error:body-timeout`},
	},
	{
		name:    "while draining, responses say that the connection ends",
		client:  []move{says(get("/")), hears(helloLast), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), drains, waits(time.Millisecond), says(hello), isEnded}},
		log:     []string{`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 draining/draining`},
	},
	{
		name:    "while draining, so do refusals",
		client:  []move{says(get("/")), hears(refusal("502 Bad Gateway", "error=http_response_incomplete", "Connection: close")), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), drains, waits(time.Millisecond), closes}},
		log:     []string{`"GET / HTTP/1.1" 502 - c1#1 -> o1#1 draining/failed !http_response_incomplete`},
		also:    "replays.reported",
	},
	{
		name:    "while draining, an idle client may send one last request, which may be on its way",
		client:  []move{says(get("/")), hears(hello), drains, waits(900 * time.Millisecond), says(get("/last")), hears(helloLast), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), hears(toOrigin(get("/last"))), says(hello), isEnded}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET /last HTTP/1.1" 200 5 c1#2 -> o1#2 draining/draining`,
		},
		whole: true,
	},
	{
		name:    "while draining, an idle client that sends none is closed soon",
		client:  []move{says(get("/")), hears(hello), drains, isEndedWithin(2 * time.Second)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello)}},
		log:     []string{`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
		also:    "client-ends.draining",
	},
}
