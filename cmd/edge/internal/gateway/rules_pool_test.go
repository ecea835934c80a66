package gateway

import (
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

const (
	evil       = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	helloClose = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
	timeout408 = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)

// What becomes of an origin connection after a response, and while it is idle.
var poolRules = []rule{
	notKept("RFC 9112 9.3: an origin that says so ends its connection", helloClose, "response-closes", Config{}),
	notKept("a pool that keeps none closes", hello, "pool-full", Config{Pool: pool.Limits{Max: -1}}),
	notKept("a connection serves so many requests", hello, "max-uses", Config{Pool: pool.Limits{Uses: 1}}),
	notKept("a connection gets so old", hello, "max-age", Config{Pool: pool.Limits{Age: 1}}),
	whole(notKept("RFC 9112 9.3: octets behind a response make the connection useless", hello+evil, "bytes-behind-response", Config{})),
	whole(rule{
		name:    "RFC 9112 6.3: content behind a response that has none makes it useless, and is not passed on",
		client:  []move{says("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), hears("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), says(get("/")), hears(hello)},
		origins: [][]move{{hears(toOrigin("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")), says(hello), isLeft}, {hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"HEAD / HTTP/1.1" 200 - c1#1 -> o1#1 kept/bytes-behind-response`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/kept`,
		},
	}),
	whileIdle("RFC 9112 9.3: octets that answer nothing make it useless", "bytes-while-idle", shouts(evil), isLeft),
	whileIdle("RFC 9110 15.5.9: a 408 to a request that was not sent answers none", "bytes-while-idle", shouts(timeout408), closes),
	whileIdle("RFC 9110 15.2: nor does an interim response", "bytes-while-idle", shouts(hint), isLeft),
	whileIdle("RFC 9112 9.5: an origin may close it at any time", "ended-while-idle", closes),
	whileIdle("RFC 9112 9.5: or half of it", "ended-while-idle", halfCloses, isEnded),
	whileIdle("RFC 9112 9.5: or reset it", "reset-while-idle", resets),
	{
		name:    "RFC 9112 9.5: it is kept only so long",
		client:  []move{says(get("/")), hears(hello), waits(time.Minute)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), isEnded}},
		log:     []string{`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`},
		also:    "origin-ends.idle-timeout",
		config:  Config{Pool: pool.Limits{Idle: 50 * time.Second}},
	},
	notKept("RFC 2068 19.7.1.1: an origin that keeps it for no time is about to close it", helloFor("0"), "response-closes", Config{}),
	keptFor("RFC 9112 9.5: it is closed before the origin does as it has announced", toOrigin, Config{}),
	keptFor("the same where heads go through untouched", func(request string) string { return request }, Config{Verbatim: true}),
}

// helloFor is hello from an origin that says for how many seconds it keeps its
// connection.
func helloFor(seconds string) string {
	return "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=" + seconds + "\r\nContent-Length: 5\r\n\r\nhello"
}

// keptFor is the rule of a connection that the origin keeps for 20 s, and says so
// once. Before 19 s have passed it is used, and then no more.
func keptFor(name string, sent func(request string) string, config Config) rule {
	request := post("Content-Length: 0", "")
	first := hello
	if config.Verbatim {
		first = helloFor("20")
	}
	return rule{
		name: name, config: config,
		client: []move{says(get("/")), hears(first), waits(15 * time.Second), says(request), hears(hello),
			waits(19500 * time.Millisecond), says(request), hears(hello)},
		origins: [][]move{
			{hears(sent(get("/"))), says(helloFor("20")), hears(sent(request)), says(hello), isEndedWithin(19900 * time.Millisecond)},
			{hears(sent(request)), says(hello)},
		},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"POST / HTTP/1.1" 200 5 c1#2 -> o1#2 kept/kept`,
			`"POST / HTTP/1.1" 200 5 c1#3 -> o2#1 kept/kept`,
		},
		also: "origin-ends.keep-alive-timeout",
	}
}

// notKept is the rule of a connection that is closed after its first response.
func notKept(name, response, cause string, config Config) rule {
	serves := []move{hears(toOrigin(get("/"))), waits(time.Millisecond), says(response), isLeft}
	return rule{
		name: name, config: config,
		client:  []move{says(get("/")), hears(hello), says(get("/")), hears(hello)},
		origins: [][]move{serves, serves},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/` + cause,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/` + cause,
		},
	}
}

func whole(r rule) rule {
	r.whole = true
	return r
}

func long(r rule) rule {
	r.long = true
	return r
}

// whileIdle is the rule of a connection on which something happens between two
// requests. A request that is not safe finds it gone already.
func whileIdle(name, cause string, happens ...move) rule {
	request := post("Content-Length: 0", "")
	return rule{
		name:    name,
		client:  []move{says(get("/")), hears(hello), waits(time.Minute), says(request), hears(hello)},
		origins: [][]move{append([]move{hears(toOrigin(get("/"))), says(hello), waits(time.Second)}, happens...), {hears(toOrigin(request)), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"POST / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/kept`,
		},
		also: "origin-ends." + cause,
	}
}

// Requests that meet a connection which the origin ends at that moment.
var staleRules = []rule{
	replayed("GET", closes, "ended"), replayed("GET", resets, "reset"),
	replayed("HEAD", closes, "ended"), replayed("OPTIONS", closes, "ended"), replayed("TRACE", resets, "reset"),
	abandoned("POST", closes, "ended"), abandoned("POST", resets, "reset"),
	abandoned("PUT", closes, "ended"), abandoned("DELETE", resets, "reset"),
	{
		name:    "RFC 9110 9.2.2: one of which no octet was taken is sent again whatever its method",
		client:  []move{says(get("/")), hears(hello), says(post("Content-Length: 4", "body")), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), waits(25 * time.Millisecond), resets}, {hears(toOrigin(post("Content-Length: 4", "body"))), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"POST / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/kept replayed stale=o1#2 sign=reset`,
		},
		also: "-requests-sent", // on the first connection
		// The gateway is told of the reset after it has been asked.
		world: &simnet.Options{Late: 1, LateBy: simnet.Range{Min: 10 * time.Millisecond}},
	},
	{
		name: "RFC 9112 9.3.1: one that has left the buffer cannot be sent again, whatever its method",
		client: []move{says(get("/")), hears(hello), shouts("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", big),
			isLeft},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), hears(toOrigin("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"), big[:50000]), resets}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" - - c1#2 -> o1#2 origin-stale/failed stale=o1#2 sign=reset`,
		},
		also: "replays.abandoned",
		long: true,
	},
	{
		name:    "RFC 9110 9.2.2: an octet of a response shows that the request was taken, and it is not sent again",
		client:  []move{says(get("/")), hears(hello), says(get("/")), hears(refusal("502 Bad Gateway", "error=http_response_incomplete"))},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), hears(toOrigin(get("/"))), says("H"), closes}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 502 - c1#2 -> o1#2 kept/failed !http_response_incomplete`,
		},
	},
	{
		name:    "a connection that was new was not stale",
		client:  []move{says(get("/")), hears(refusal("502 Bad Gateway", "error=http_response_incomplete"))},
		origins: [][]move{{hears(toOrigin(get("/"))), closes}},
		log:     []string{`"GET / HTTP/1.1" 502 - c1#1 -> o1#1 kept/failed !http_response_incomplete`},
		also:    "replays.reported",
	},
	{
		name:    "RFC 9209 2.3: nor one that is reset",
		client:  []move{says(get("/")), hears(refusal("502 Bad Gateway", "error=connection_terminated"))},
		origins: [][]move{{hears(toOrigin(get("/"))), resets}},
		log:     []string{`"GET / HTTP/1.1" 502 - c1#1 -> o1#1 kept/failed !connection_terminated`},
		also:    "replays.reported",
	},
	{
		name:    "one replay and no more",
		client:  []move{says(get("/")), hears(hello), says(get("/")), hears(refusal("502 Bad Gateway", "error=http_response_incomplete"))},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), hears(toOrigin(get("/"))), closes}, {hears(toOrigin(get("/"))), closes}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 502 - c1#2 -> o2#1 kept/failed replayed stale=o1#2 sign=ended !http_response_incomplete`,
		},
		also: "replays.reported",
	},
	{
		name:    "an origin that is silent is not stale",
		client:  []move{says(get("/")), hears(hello), says(get("/")), hears(refusal("504 Gateway Timeout", "error=http_response_timeout"))},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), hears(toOrigin(get("/"))), isReset}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 504 - c1#2 -> o1#2 kept/failed !http_response_timeout`,
		},
		also: "replays.reported",
	},
	{
		name:    "nor is one that sends interim responses and goes",
		client:  []move{says(get("/")), hears(hello), says(get("/")), hears(hint, refusal("502 Bad Gateway", "error=connection_terminated"))},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), hears(toOrigin(get("/"))), says(hint), waits(time.Second), resets}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 502 - c1#2 -> o1#2 kept/failed !connection_terminated`,
		},
	},
}

// replayed is the rule of a safe request on a connection that ends instead of an
// answer: it is sent again, on a new connection.
func replayed(method string, end move, sign string) rule {
	request := method + " / HTTP/1.1\r\nHost: a\r\n\r\n"
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	return rule{
		name:    "RFC 9110 9.2.2: a safe request is sent again, " + method,
		client:  []move{says(get("/")), hears(hello), says(request), hears(answer)},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), hears(toOrigin(request)), end}, {hears(toOrigin(request)), says(answer)}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"` + method + ` / HTTP/1.1" 200 - c1#2 -> o2#1 kept/kept replayed stale=o1#2 sign=` + sign,
		},
	}
}

// abandoned is the rule of one that is not safe: the client is told nothing, for
// it alone may decide to send it again.
func abandoned(method string, end move, sign string) rule {
	request := method + " / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
	return rule{
		name:    "RFC 9110 9.2.2: a request that is not safe is not, and its client's connection closed without an octet, " + method,
		client:  []move{says(get("/")), hears(hello), says(request), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello), hears(toOrigin(request)), end}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"` + method + ` / HTTP/1.1" - - c1#2 -> o1#2 origin-stale/failed stale=o1#2 sign=` + sign,
		},
		also: "replays.abandoned",
	}
}
