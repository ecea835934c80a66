package gateway

import (
	"slices"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// Requests that are refused: the client is told by which rule, the connection
// ends, and no origin hears of them.
var requestRules = []rule{
	refused("RFC 9112 3: no line of HTTP", "hello\r\n\r\n", "400 Bad Request", "target-missing", "hello"),
	whole(spoken(refused("RFC 9112 3: octets of another protocol, of which the log shows no more than a part", "\x16\x03\x01\x02\x00\x01\x00\"\\"+strings.Repeat("\x00", 2000), "400 Bad Request", "tls-hello",
		`\x16\x03\x01\x02\x00\x01\x00\"\\`+strings.Repeat(`\x00`, 256-9)))),
	refused("RFC 9110 9.3.6: a tunnel", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "501 Not Implemented", "connect", "CONNECT a:443 HTTP/1.1"),
	refused("RFC 9112 3: no target", "GET\r\n", "400 Bad Request", "target-missing", "GET"),
	refused("RFC 9112 2.3: HTTP/0.9", "GET /\r\n", "400 Bad Request", "version", "GET /"),
	whole(spoken(refused("RFC 9113 3.4: HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 HTTP Version Not Supported", "http2-preface", "PRI * HTTP/2.0"))),
	refused("RFC 9110 2.5: another major version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported", "version-major", "GET / HTTP/2.0"),
	refused("RFC 9112 2.2: a bare CR", "GET / HTTP/1.1\rX", "400 Bad Request", "bare-cr", "GET / HTTP/1.1"),
	refused("RFC 9112 2.2: bare LFs", "GET / HTTP/1.1\nHost: a\n\n", "400 Bad Request", "bare-lf", "GET / HTTP/1.1"),
	refused("RFC 9112 2.2: two empty lines before it", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request", "empty-line", ""),
	refused("RFC 9112 3.2: no Host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "host-missing", "GET / HTTP/1.1"),
	refused("RFC 9112 3.2: two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request", "host-repeated", "GET / HTTP/1.1"),
	refused("RFC 9112 5.1: a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 Bad Request", "field-name-space", "GET / HTTP/1.1"),
	refused("RFC 9112 5.2: a folded field line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "400 Bad Request", "obs-fold", "GET / HTTP/1.1"),
	long(refused("RFC 6585 5: a head too large", "GET / HTTP/1.1\r\nHost: a\r\nA: "+strings.Repeat("a", 20000)+"\r\n\r\n", "431 Request Header Fields Too Large", "head-too-large", "GET / HTTP/1.1")),
	long(refused("RFC 9112 3: a target too long", "GET /"+strings.Repeat("a", 9000)+" HTTP/1.1\r\nHost: a\r\n\r\n", "414 URI Too Long", "target-too-long", "GET /"+strings.Repeat("a", 256-5))),
	refused("RFC 9112 6.1: a length and chunks, which is how requests are smuggled", post("Content-Length: 3\r\nTransfer-Encoding: chunked", ""), "400 Bad Request", "content-length-and-transfer-encoding", "POST / HTTP/1.1"),
	refused("RFC 9112 6.3: two lengths", post("Content-Length: 3\r\nContent-Length: 4", "abcd"), "400 Bad Request", "content-length-repeated", "POST / HTTP/1.1"),
	refused("RFC 9112 6.3: two equal lengths", post("Content-Length: 3\r\nContent-Length: 3", "abc"), "400 Bad Request", "content-length-repeated", "POST / HTTP/1.1"),
	refused("RFC 9110 8.6: a length with a sign", post("Content-Length: +3", "abc"), "400 Bad Request", "content-length", "POST / HTTP/1.1"),
	refused("RFC 9112 6.1: a coding that is not known", post("Transfer-Encoding: gzip, chunked", ""), "501 Not Implemented", "transfer-encoding-unknown", "POST / HTTP/1.1"),
	refused("RFC 9112 6.3: a coding that is not chunked, and so has no end", post("Transfer-Encoding: gzip", ""), "400 Bad Request", "transfer-encoding-chunked-not-last", "POST / HTTP/1.1"),
	refused("RFC 9112 6.1: chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 Bad Request", "transfer-encoding-http-1.0", "POST / HTTP/1.0"),
	refused("RFC 9110 7.6.1: a Connection that names what frames the message", post("Connection: Content-Length\r\nContent-Length: 3", "abc"), "400 Bad Request", "connection-option", "POST / HTTP/1.1"),
	refused("RFC 3875 4.1.18: a coding for origins that make underscores of hyphens", post("Content-Length: 3\r\nTransfer_Encoding: chunked", "abc"), "400 Bad Request", "framing-field-misspelled", "POST / HTTP/1.1"),
	refused("RFC 3875 4.1.18: and of dots; a length", post("content.length: 3", "abc"), "400 Bad Request", "framing-field-misspelled", "POST / HTTP/1.1"),
	whole(refused("RFC 9112 7.1: a chunk that breaks the grammar and came with the head", post("Transfer-Encoding: chunked", "3\r\nabc\r\nx\r\n"), "400 Bad Request", "chunk-size", "POST / HTTP/1.1")),
	{
		name: "RFC 9112 7.1: one that came later ends what is under way",
		client: []move{says(post("Transfer-Encoding: chunked", "3\r\nabc\r\n")), waits(time.Second), says("x"),
			hears(refusal("400 Bad Request", `error=http_request_error; details="chunk-size"`, "Connection: close")), isEnded},
		origins: [][]move{{hears(toOrigin(post("Transfer-Encoding: chunked", "3\r\nabc\r\n"))), isReset}},
		log:     []string{`"POST / HTTP/1.1" 400 - c1#1 -> o1#1 refused/aborted !http_request_error:chunk-size`},
	},
	{
		name:    "RFC 9112 7.1: and cuts off a response that had begun",
		client:  []move{says(post("Transfer-Encoding: chunked", "3\r\nabc\r\n")), hears(chunkedHead), says("x"), isEnded},
		origins: [][]move{{hears(toOrigin(post("Transfer-Encoding: chunked", "3\r\nabc\r\n"))), says(chunkedHead), isReset}},
		log:     []string{`"POST / HTTP/1.1" 200 - c1#1 -> o1#1 refused/aborted !http_request_error:chunk-size`},
	},
	{
		name:    "RFC 9112 9.6: the requests before it are answered, those behind it are not looked at",
		client:  []move{pipelines(get("/"), "GET / HTTP/1.1\r\n\r\n", get("/secret")), hears(hello, refusal("400 Bad Request", `error=http_request_error; details="host-missing"`, "Connection: close")), isEnded},
		origins: [][]move{{hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 400 - c1#2 -> - refused/- !http_request_error:host-missing`,
		},
	},
	{
		name: "RFC 9110 9.3.2: the answer to HEAD has the length of the content, and not that",
		client: []move{says("HEAD https://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), hears(withoutContent(refusal("421 Misdirected Request", `error=http_request_error; details="target-scheme"`))),
			says("HEAD / HTTP/1.1\r\n\r\n"), hears(withoutContent(refusal("400 Bad Request", `error=http_request_error; details="host-missing"`, "Connection: close"))), isEnded},
		log: []string{
			`"HEAD https://a/ HTTP/1.1" 421 - c1#1 -> - kept/- !http_request_error:target-scheme`,
			`"HEAD / HTTP/1.1" 400 - c1#2 -> - refused/- !http_request_error:host-missing`,
		},
	},
	{
		name:   "RFC 9110 7.4: a request that is meant for another origin is refused, and the connection kept, since its end is known",
		client: []move{says("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), hears(refusal("421 Misdirected Request", `error=http_request_error; details="target-scheme"`))},
		log:    []string{`"GET https://a/ HTTP/1.1" 421 - c1#1 -> - kept/- !http_request_error:target-scheme`},
	},
	{
		name:   "RFC 9110 7.6.1: a Connection with more options than anybody needs is refused",
		client: []move{says(get("/", "Connection: x"+strings.Repeat(",x", heads.MaxOptions))), hears(refusal("400 Bad Request", `error=http_request_error; details="connection-options-too-many"`))},
		log:    []string{`"GET / HTTP/1.1" 400 - c1#1 -> - kept/- !http_request_error:connection-options-too-many`},
	},
	{
		name: "RFC 9110 7.6.2: a request that is to go no further is answered here",
		client: []move{says("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"), hears(refusal("200 OK", `details="max-forwards"`)),
			says("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"), hears(refusal("501 Not Implemented", `error=http_request_error; details="max-forwards"`))},
		log: []string{
			`"OPTIONS * HTTP/1.1" 200 65 c1#1 -> - kept/-`,
			`"TRACE / HTTP/1.1" 501 - c1#2 -> - kept/- !http_request_error:max-forwards`,
		},
		also: "refusals.none request-ends.refused -request-ends.answered",
	},
	looping("in one line", get("/", "Via: 1.1 hopwire"+strings.Repeat(", 1.1 hopwire", 7)), get("/", "Via: 1.1 hopwire"+strings.Repeat(", 1.1 hopwire", 8))),
	looping("in several", get("/", slices.Repeat([]string{"Via: HTTP/1.1 hopwire (a, b)"}, 8)...), get("/", slices.Repeat([]string{"Via: HTTP/1.1 hopwire (a, b)"}, 9)...)),
}

// looping is the rule of requests that have been here before, the second once too
// often.
func looping(name, some, tooMany string) rule {
	return rule{
		name: "RFC 9110 7.6.3: a request that has been here nine times goes round in circles; " + name,
		client: []move{says(some), hears(hello), says(tooMany), hears(refusal("502 Bad Gateway", `error=proxy_loop_detected; details="via"`)),
			says(get("/")), hears(hello)},
		origins: [][]move{{hears(toOrigin(some)), says(hello), hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 200 5 c1#1 -> o1#1 kept/kept`,
			`"GET / HTTP/1.1" 502 - c1#2 -> - kept/- !proxy_loop_detected:via`,
			`"GET / HTTP/1.1" 200 5 c1#3 -> o1#2 kept/kept`,
		},
	}
}

// refused is the rule of a request that ends its connection.
func refused(name, request, status, rule_, line string) rule {
	return rule{
		name:   name,
		client: []move{pipelines(request), hears(refusal(status, `error=http_request_error; details="`+rule_+`"`, "Connection: close")), isLeft},
		log:    []string{`"` + line + `" ` + status[:3] + ` - c1#1 -> - refused/- !http_request_error:` + rule_},
	}
}

// spoken is a rule of a request that is counted as one of another protocol.
func spoken(r rule) rule {
	_, rule, _ := strings.Cut(r.log[0], " !http_request_error:")
	r.also = "other-protocols." + rule
	return r
}

// Responses that the gateway cannot send on: the client is told so, and keeps its
// connection, while the origin's is of no use any more.
var responseRules = []rule{
	unreachable("RFC 9209 2.3.7: an origin that refuses the connection", "502 Bad Gateway", "connection_refused", &simnet.Options{Fate: dialing(simnet.ConnectRefused)}),
	unreachable("RFC 9209 2.3.9: one that does not answer", "504 Gateway Timeout", "connection_timeout", &simnet.Options{Fate: dialing(simnet.ConnectHangs)}),
	unreachable("RFC 9209 2.3.12: one that there is no descriptor for", "503 Service Unavailable", "connection_limit_reached", &simnet.Options{MaxSockets: 4}),
	unusable("RFC 9110 15.2.2: a 101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "http_protocol_error", "switching-protocols-unasked"),
	unusable("RFC 9112 4: no status line", "220 mail.example ESMTP\r\n", "http_protocol_error", "version"),
	unusable("RFC 9112 4: an empty line before it", "\r\n"+hello, "http_protocol_error", "version"),
	unusable("RFC 9112 2.3: another major version", "HTTP/2.0 200 OK\r\n\r\n", "http_protocol_error", "version-major"),
	unusable("RFC 9112 4: a status code of two digits", "HTTP/1.1 20 OK\r\n\r\n", "http_protocol_error", "status-code"),
	unusable("RFC 9110 15: a status code below 100", "HTTP/1.1 099 No\r\n\r\n", "http_protocol_error", "status-code"),
	unusable("RFC 9112 4: something else than a space behind the status code", "HTTP/1.1 200\tOK\r\n\r\n", "http_protocol_error", "status-code"),
	unusable("RFC 9112 2.2: bare LFs", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "http_protocol_error", "bare-lf"),
	unusable("RFC 9112 5.1: a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", "http_protocol_error", "field-name-space"),
	unusable("RFC 9112 5.2: a folded field line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "http_protocol_error", "obs-fold"),
	unusable("RFC 9112 6.3: two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "http_protocol_error", "content-length-repeated"),
	unusable("RFC 9112 6.3: two equal lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "http_protocol_error", "content-length-repeated"),
	unusable("RFC 9112 6.3: a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx", "http_protocol_error", "content-length"),
	unusable("RFC 9112 6.1: a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "http_protocol_error", "content-length-and-transfer-encoding"),
	unusable("RFC 9112 6.1: a coding that is not known", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "http_protocol_error", "transfer-encoding-unknown"),
	unusable("RFC 9112 6.3: chunks that are not the last coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "http_protocol_error", "transfer-encoding-chunked-not-last"),
	unusable("RFC 9112 6.1: chunks twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "http_protocol_error", "transfer-encoding-chunked-not-last"),
	unusable("RFC 9112 6.1: chunks from HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "http_protocol_error", "transfer-encoding-http-1.0"),
	unusable("RFC 9112 6.1: chunks in a 204", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "http_protocol_error", "transfer-encoding-without-content"),
	unusable("RFC 9110 7.6.1: a Connection that names what frames the message", "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 1\r\n\r\nx", "http_protocol_error", "connection-option"),
	unusable("RFC 9110 7.6.1: a Connection with more options than anybody needs", "HTTP/1.1 200 OK\r\nConnection: x"+strings.Repeat(",x", heads.MaxOptions)+"\r\nContent-Length: 1\r\n\r\nx", "http_protocol_error", "connection-options-too-many"),
	long(unusable("RFC 9209 2.3: a head too large", "HTTP/1.1 200 OK\r\nA: "+strings.Repeat("a", 20000)+"\r\n\r\n", "http_response_header_section_size", "head-too-large")),
	unusable("RFC 9209 2.3: too many fields", "HTTP/1.1 200 OK\r\n"+strings.Repeat("A: b\r\n", 200)+"\r\n", "http_response_header_section_size", "fields-too-many"),
	whole(unusable("RFC 9112 7.1: a chunk that breaks the grammar and came with the head", chunkedHead+"5\r\nhello\r\nx", "http_protocol_error", "chunk-size")),
	{
		name:   "RFC 9112 9.6: a client whose request is refused before all of it has come is told that the connection ends, and may send the rest first",
		client: []move{says(post(aMillionBytes, allOfIt)), hears(refusal("502 Bad Gateway", "error=connection_refused", "Connection: close")), isEnded},
		log:    []string{`"POST / HTTP/1.1" 502 - c1#1 -> - request-unread/- !connection_refused`},
		world:  &simnet.Options{Fate: dialing(simnet.ConnectRefused)},
	},
	{
		name:    "RFC 9112 8: half a head",
		client:  []move{says(get("/")), hears(refusal("502 Bad Gateway", "error=http_response_incomplete")), says(get("/")), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 404 Not Found\r\nContent-"), closes}, {hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 502 - c1#1 -> o1#1 kept/failed !http_response_incomplete`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/kept`,
		},
	},
	{
		name:    "RFC 9112 8: half a head, and silence",
		client:  []move{says(get("/")), hears(refusal("504 Gateway Timeout", "error=http_response_timeout")), says(get("/")), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), says("HTTP/1.1 404 Not Found\r\nContent-"), isReset}, {hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 504 - c1#1 -> o1#1 kept/failed !http_response_timeout`,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/kept`,
		},
	},
}

// unreachable is the rule of an origin that no connection can be made to.
func unreachable(name, status, proxyError string, world *simnet.Options) rule {
	return rule{
		name: name, world: world,
		client: []move{says(post("Content-Length: 4", "body")), hears(refusal(status, "error="+proxyError))},
		log:    []string{`"POST / HTTP/1.1" ` + status[:3] + ` - c1#1 -> - kept/- !` + proxyError},
	}
}

// dialing is what becomes of the second connection, the gateway's.
func dialing(fate simnet.ConnectFate) func(simnet.Dial) simnet.Fate {
	return func(d simnet.Dial) (f simnet.Fate) {
		if d.Number == 2 {
			f.Connect = fate
		}
		return f
	}
}

// unusable is the rule of a response that is answered by 502. Nothing of it is
// left over for the next one.
func unusable(name, response, proxyError, detail string) rule {
	return rule{
		name: name,
		client: []move{says(get("/")), hears(refusal("502 Bad Gateway", "error="+proxyError+`; details="`+detail+`"`)),
			says(get("/")), hears(hello)},
		origins: [][]move{{hears(toOrigin(get("/"))), shouts(response), isReset}, {hears(toOrigin(get("/"))), says(hello)}},
		log: []string{
			`"GET / HTTP/1.1" 502 - c1#1 -> o1#1 kept/response-unfinished !` + proxyError + ":" + detail,
			`"GET / HTTP/1.1" 200 5 c1#2 -> o2#1 kept/kept`,
		},
	}
}
