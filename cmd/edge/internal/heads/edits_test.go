package heads

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/wire"
)

func parseRequest(t *testing.T, raw string) *wire.RequestHead {
	t.Helper()
	h := new(wire.RequestHead)
	if n, err := wire.ParseRequestHead([]byte(raw), 0, h); err != nil || n != len(raw) {
		t.Fatalf("%q: %d, %v", raw, n, err)
	}
	return h
}

func parseResponse(t *testing.T, raw string) *wire.ResponseHead {
	t.Helper()
	h := new(wire.ResponseHead)
	if n, err := wire.ParseResponseHead([]byte(raw), 0, h); err != nil || n != len(raw) {
		t.Fatalf("%q: %d, %v", raw, n, err)
	}
	return h
}

// list is the edits, one a line, without the copies.
func list(e *Edits) string {
	var lines []string
	for _, edit := range e.List() {
		if edit.Op != Copy {
			lines = append(lines, fmt.Sprintf("%v %q %v", edit.Op, edit.Octets, edit.Reason))
		}
	}
	return strings.Join(lines, "\n")
}

const via = `insert "Via: 1.1 hopwire\r\n" via`

func TestRequestEdits(t *testing.T) {
	ed := NewEditor(Policy{Name: "hopwire", Authority: "127.0.0.1:9000"})
	for _, test := range []struct{ name, head, edits, want string }{
		{"as it came, and Via",
			"GET / HTTP/1.1\r\nHOST:  a\r\nx-Odd:  \t v  \r\n\r\n",
			via,
			"GET / HTTP/1.1\r\nHOST:  a\r\nx-Odd:  \t v  \r\nVia: 1.1 hopwire\r\n\r\n"},
		{"Via is appended to the list",
			"GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 other\r\nA: b\r\n\r\n",
			via,
			"GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 other\r\nA: b\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"hop-by-hop fields",
			"GET / HTTP/1.1\r\nConnection: keep-alive\r\nHost: a\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nTE: deflate\r\nUpgrade: h2c\r\nAccept: */*\r\n\r\n",
			`drop "Connection: keep-alive\r\n" connection field` + "\n" +
				`drop "Keep-Alive: timeout=5\r\n" hop-by-hop field` + "\n" +
				`drop "Proxy-Connection: close\r\n" hop-by-hop field` + "\n" +
				`drop "TE: deflate\r\n" hop-by-hop field` + "\n" +
				`drop "Upgrade: h2c\r\n" hop-by-hop field` + "\n" + via,
			"GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"Upgrade goes on with its own Connection",
			"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, upgrade, x-a\r\nUpgrade: a/1, b\r\nX-a: 1\r\nA: b\r\n\r\n",
			`drop "Connection: keep-alive, upgrade, x-a\r\n" connection field` + "\n" + `drop "X-a: 1\r\n" named by connection` + "\n" +
				`insert "Connection: upgrade\r\n" upgrade option` + "\n" + via,
			"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: a/1, b\r\nA: b\r\nConnection: upgrade\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"Upgrade to HTTP does not",
			"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
			`drop "Connection: Upgrade, HTTP2-Settings\r\n" connection field` + "\n" + `drop "Upgrade: h2c\r\n" hop-by-hop field` + "\n" +
				`drop "HTTP2-Settings: AAMAAABkAAQAAP__\r\n" hop-by-hop field` + "\n" + via,
			"GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"fields named by Connection, on either side of it, on two lines",
			"GET / HTTP/1.1\r\nX-a: 1\r\nHost: a\r\nConnection: close, x-A\r\nX-B: 2\r\nConnection: ,x-b ,\r\nX-C: 3\r\n\r\n",
			`drop "X-a: 1\r\n" named by connection` + "\n" +
				`drop "Connection: close, x-A\r\n" connection field` + "\n" +
				`drop "X-B: 2\r\n" named by connection` + "\n" +
				`drop "Connection: ,x-b ,\r\n" connection field` + "\n" + via,
			"GET / HTTP/1.1\r\nHost: a\r\nX-C: 3\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"framing stays",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\nExpect: 100-continue\r\n\r\n",
			via,
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\nExpect: 100-continue\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"HTTP/1.0 expects nothing",
			"PUT /x HTTP/1.0\r\nHost: a\r\nexpect:100-Continue\r\nContent-Length: 3\r\n\r\n",
			`drop "HTTP/1.0" own version` + "\n" + `insert "HTTP/1.1" own version` + "\n" +
				`drop "expect:100-Continue\r\n" expectation in HTTP/1.0` + "\n" + `insert "Via: 1.0 hopwire\r\n" via`,
			"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nVia: 1.0 hopwire\r\n\r\n"},
		{"HTTP/1.0 without Host",
			"GET /x HTTP/1.0\r\n\r\n",
			`drop "HTTP/1.0" own version` + "\n" + `insert "HTTP/1.1" own version` + "\n" +
				`insert "Host: 127.0.0.1:9000\r\n" host missing` + "\n" + `insert "Via: 1.0 hopwire\r\n" via`,
			"GET /x HTTP/1.1\r\nHost: 127.0.0.1:9000\r\nVia: 1.0 hopwire\r\n\r\n"},
		{"a later minor version",
			"GET /x HTTP/1.2\r\nHost: a\r\n\r\n",
			`drop "HTTP/1.2" own version` + "\n" + `insert "HTTP/1.1" own version` + "\n" + via,
			"GET /x HTTP/1.1\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"absolute form, same host",
			"GET http://a:80/x?y HTTP/1.1\r\nHost: a:80\r\n\r\n",
			`drop "http://a:80" origin form` + "\n" + via,
			"GET /x?y HTTP/1.1\r\nHost: a:80\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"absolute form, another host",
			"GET http://a/x HTTP/1.1\r\nA: b\r\nhost:evil\r\n\r\n",
			`drop "http://a" origin form` + "\n" + `drop "host:evil\r\n" host of the target` + "\n" +
				`insert "Host: " host of the target` + "\n" + `insert "a" host of the target` + "\n" +
				`insert "\r\n" host of the target` + "\n" + via,
			"GET /x HTTP/1.1\r\nA: b\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"absolute form without a path",
			"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
			`drop "http://a" origin form` + "\n" + `insert "/" origin form` + "\n" + via,
			"GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"absolute form with a query alone",
			"GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n",
			`drop "http://a" origin form` + "\n" + `insert "/" origin form` + "\n" + via,
			"GET /?q HTTP/1.1\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"OPTIONS for the whole server",
			"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
			`drop "http://a" origin form` + "\n" + `insert "*" origin form` + "\n" + via,
			"OPTIONS * HTTP/1.1\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"Max-Forwards counts in OPTIONS",
			"OPTIONS / HTTP/1.1\r\nHost: a\r\nmax-forwards:  10\r\nA: b\r\n\r\n",
			`drop "max-forwards:  10\r\n" hop counted` + "\n" + `insert "Max-Forwards: " hop counted` + "\n" +
				`insert "9" hop counted` + "\n" + `insert "\r\n" hop counted` + "\n" + via,
			"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 9\r\nA: b\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"Max-Forwards means nothing in GET",
			"GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n",
			via,
			"GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"Max-Forwards is no number",
			"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: ten\r\n\r\n",
			via,
			"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: ten\r\nVia: 1.1 hopwire\r\n\r\n"},
		{"absolute form in HTTP/1.0",
			"GET http://a/x HTTP/1.0\r\n\r\n",
			`drop "http://a" origin form` + "\n" + `drop "HTTP/1.0" own version` + "\n" +
				`insert "HTTP/1.1" own version` + "\n" + `insert "Host: " host of the target` + "\n" +
				`insert "a" host of the target` + "\n" + `insert "\r\n" host of the target` + "\n" +
				`insert "Via: 1.0 hopwire\r\n" via`,
			"GET /x HTTP/1.1\r\nHost: a\r\nVia: 1.0 hopwire\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := parseRequest(t, test.head)
			var e Edits
			ed.Request(&e, h, netip.AddrPort{})
			checkEdits(t, &e, test.head, test.edits, test.want)
			parseRequest(t, test.want)
		})
	}
}

// Of TE, that trailers are taken goes on, once, whatever stands beside it.
func TestTE(t *testing.T) {
	ed := NewEditor(Policy{Name: "hopwire"})
	const named, said = `insert "Connection: TE\r\n" trailers are taken` + "\n", `insert "TE: trailers\r\n" trailers are taken` + "\n"
	const named2, said2 = "|Connection: TE", "|TE: trailers|Connection: TE"
	dropped := func(lines ...string) (s string) {
		for _, l := range lines {
			s += `drop "` + l + `\r\n" hop-by-hop field` + "\n"
		}
		return s
	}
	const offer = "Connection: upgrade|Upgrade: b"
	for _, test := range []struct{ name, version, fields, edits, want string }{
		{"alone", "1.1", "te:\tTrailers |A: b", named, "te:\tTrailers |A: b" + named2},
		{"named by the client", "1.1", "Connection: te|TE: trailers", `drop "Connection: te\r\n" connection field` + "\n" + named, "TE: trailers" + named2},
		{"among others", "1.1", "TE: deflate;q=0.5, trailers|A: b", dropped("TE: deflate;q=0.5, trailers") + said + named, "A: b" + said2},
		{"on a line of its own", "1.1", "TE: deflate|TE: trailers", dropped("TE: deflate") + named, "TE: trailers" + named2},
		{"twice", "1.1", "TE: trailers|TE: trailers", dropped("TE: trailers") + named, "TE: trailers" + named2},
		{"among others and alone", "1.1", "TE: trailers, a|TE: trailers", dropped("TE: trailers, a") + named, "TE: trailers" + named2},
		{"not said", "1.1", "TE: deflate, xtrailers, trailers;q=0|A: b", dropped("TE: deflate, xtrailers, trailers;q=0"), "A: b"},
		{"nothing", "1.1", "TE:|A: b", dropped("TE:"), "A: b"},
		{"in a quoted string", "1.1", `TE: a;b="c, trailers, d"|A: b`, dropped(`TE: a;b=\"c, trailers, d\"`), "A: b"},
		{"beside an upgrade", "1.1", offer + "|TE: trailers", `drop "Connection: upgrade\r\n" connection field` + "\n" + `insert "Connection: upgrade\r\n" upgrade option` + "\n" + named,
			"Upgrade: b|TE: trailers|Connection: upgrade" + named2},
		{"in HTTP/1.0", "1.0", "TE: trailers|A: b", dropped("TE: trailers"), "A: b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			head := func(version, fields string) string {
				return "GET / HTTP/" + version + "\r\nHost: a\r\n" + strings.ReplaceAll(fields, "|", "\r\n") + "\r\n"
			}
			via, version := "Via: "+test.version+" hopwire\r\n\r\n", ""
			if test.version == "1.0" {
				version = `drop "HTTP/1.0" own version` + "\n" + `insert "HTTP/1.1" own version` + "\n"
			}
			received := head(test.version, test.fields) + "\r\n"
			var e Edits
			ed.Request(&e, parseRequest(t, received), netip.AddrPort{})
			checkEdits(t, &e, received, version+test.edits+`insert "Via: `+test.version+` hopwire\r\n" via`, head("1.1", test.want)+via)
		})
	}
}

func TestResponseEdits(t *testing.T) {
	ed := NewEditor(Policy{Name: "hopwire"})
	for _, test := range []struct {
		name, head  string
		to          ClientSide
		edits, want string
	}{
		{"as it came", "HTTP/1.1 200  odd  \r\nserver:x\r\n\r\n", ClientSide{}, "",
			"HTTP/1.1 200  odd  \r\nserver:x\r\n\r\n"},
		{"hop-by-hop fields", "HTTP/1.1 200 OK\r\nConnection: close, X-A\r\nKeep-Alive: 1\r\nX-A: 1\r\nContent-Length: 3\r\n\r\n", ClientSide{},
			`drop "Connection: close, X-A\r\n" connection field` + "\n" + `drop "Keep-Alive: 1\r\n" hop-by-hop field` + "\n" +
				`drop "X-A: 1\r\n" named by connection`,
			"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"},
		{"closing", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nA: b\r\n\r\n", ClientSide{Closes: true},
			`drop "Connection: keep-alive\r\n" connection field` + "\n" + `insert "Connection: close\r\n" close announced`,
			"HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n"},
		{"switching protocols", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-A\r\nX-A: 1\r\nUpgrade: b\r\nKeep-Alive: 1\r\n\r\n", ClientSide{},
			`drop "Connection: Upgrade, X-A\r\n" connection field` + "\n" + `drop "X-A: 1\r\n" named by connection` + "\n" +
				`drop "Keep-Alive: 1\r\n" hop-by-hop field` + "\n" + `insert "Connection: upgrade\r\n" upgrade option`,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: b\r\nConnection: upgrade\r\n\r\n"},
		{"kept for HTTP/1.0", "HTTP/1.1 204 No Content\r\n\r\n", ClientSide{KeepAlive: true},
			`insert "Connection: keep-alive\r\n" keep-alive answer`,
			"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n"},
		{"from HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n", ClientSide{},
			`drop "HTTP/1.0" own version` + "\n" + `insert "HTTP/1.1" own version`,
			"HTTP/1.1 200 OK\r\n\r\n"},
		{"decoded", "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\nTrailer: x\r\nA: b\r\n\r\n", ClientSide{HTTP10: true, Closes: true},
			`drop "transfer-encoding: Chunked\r\n" chunked coding removed` + "\n" + `drop "Trailer: x\r\n" chunked coding removed` + "\n" +
				`insert "Connection: close\r\n" close announced`,
			"HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n"},
		{"no content has no length", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nA: b\r\n\r\n", ClientSide{},
			`drop "Content-Length: 0\r\n" length of no content`,
			"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"},
		{"nor has an interim response", "HTTP/1.1 103 Early Hints\r\ncontent-length:7\r\n\r\n", ClientSide{},
			`drop "content-length:7\r\n" length of no content`,
			"HTTP/1.1 103 Early Hints\r\n\r\n"},
		{"nor one that switches protocols", "HTTP/1.1 101 \r\nUpgrade: b\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n", ClientSide{},
			`drop "Connection: upgrade\r\n" connection field` + "\n" + `drop "Content-Length: 0\r\n" length of no content` + "\n" +
				`insert "Connection: upgrade\r\n" upgrade option`,
			"HTTP/1.1 101 \r\nUpgrade: b\r\nConnection: upgrade\r\n\r\n"},
		{"the length of what a 304 would have stays", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", ClientSide{}, "",
			"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"},
		{"an upgrade that is required", "HTTP/1.1 426 Upgrade Required\r\nUpgrade: b\r\nA: b\r\nConnection: upgrade\r\n\r\n", ClientSide{Closes: true},
			`drop "Connection: upgrade\r\n" connection field` + "\n" + `insert "Connection: upgrade\r\n" upgrade option` + "\n" +
				`insert "Connection: close\r\n" close announced`,
			"HTTP/1.1 426 Upgrade Required\r\nUpgrade: b\r\nA: b\r\nConnection: upgrade\r\nConnection: close\r\n\r\n"},
		{"one that Connection does not name", "HTTP/1.1 426 Upgrade Required\r\nupgrade: b\r\n\r\n", ClientSide{},
			`insert "Connection: upgrade\r\n" upgrade option`,
			"HTTP/1.1 426 Upgrade Required\r\nupgrade: b\r\nConnection: upgrade\r\n\r\n"},
		{"one that does not say to what", "HTTP/1.1 426 Upgrade Required\r\n\r\n", ClientSide{}, "",
			"HTTP/1.1 426 Upgrade Required\r\n\r\n"},
		{"one that is only possible", "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", ClientSide{},
			`drop "Upgrade: h2c\r\n" hop-by-hop field` + "\n" + `drop "Connection: upgrade\r\n" connection field`,
			"HTTP/1.1 200 OK\r\n\r\n"},
		{"no space behind the status code", "HTTP/1.1 200\r\nA: b\r\n\r\n", ClientSide{},
			`insert " " space missing`,
			"HTTP/1.1 200 \r\nA: b\r\n\r\n"},
		{"nor in HTTP/1.0", "HTTP/1.0 200\r\n\r\n", ClientSide{},
			`drop "HTTP/1.0" own version` + "\n" + `insert "HTTP/1.1" own version` + "\n" + `insert " " space missing`,
			"HTTP/1.1 200 \r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := parseResponse(t, test.head)
			var e Edits
			ed.Response(&e, h, test.to)
			checkEdits(t, &e, test.head, test.edits, test.want)
			parseResponse(t, test.want)
		})
	}
}

func TestDate(t *testing.T) {
	ed := NewEditor(Policy{Name: "hopwire", Now: func() time.Time { return time.Unix(784111777, 999) }})
	const own = `insert "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" date missing`
	const line = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	const closing, announced = "Connection: close\r\n", `insert "Connection: close\r\n" close announced`
	for _, test := range []struct {
		name, head  string
		to          ClientSide
		edits, want string
	}{
		{"missing", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", ClientSide{}, own, "HTTP/1.1 200 OK\r\nA: b\r\n" + line + "\r\n"},
		{"missing where there is no field", "HTTP/1.1 404 \r\n\r\n", ClientSide{}, own, "HTTP/1.1 404 \r\n" + line + "\r\n"},
		{"missing, and closing", "HTTP/1.1 500 \r\n\r\n", ClientSide{Closes: true}, own + "\n" + announced, "HTTP/1.1 500 \r\n" + line + closing + "\r\n"},
		{"missing without content", "HTTP/1.1 204 \r\n\r\n", ClientSide{}, own, "HTTP/1.1 204 \r\n" + line + "\r\n"},
		{"there", "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:36 GMT\r\n\r\n", ClientSide{}, "", "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:36 GMT\r\n\r\n"},
		{"there, whatever it says", "HTTP/1.1 200 OK\r\nDate: 0\r\n\r\n", ClientSide{}, "", "HTTP/1.1 200 OK\r\nDate: 0\r\n\r\n"},
		{"there, but not for the client", "HTTP/1.1 200 OK\r\nDate: 0\r\nConnection: date\r\n\r\n", ClientSide{},
			`drop "Date: 0\r\n" named by connection` + "\n" + `drop "Connection: date\r\n" connection field` + "\n" + own, "HTTP/1.1 200 OK\r\n" + line + "\r\n"},
		{"not in interim responses", "HTTP/1.1 103 Early Hints\r\n\r\n", ClientSide{}, "", "HTTP/1.1 103 Early Hints\r\n\r\n"},
		{"nor as protocols switch", "HTTP/1.1 101 \r\nUpgrade: b\r\n\r\n", ClientSide{}, `insert "Connection: upgrade\r\n" upgrade option`,
			"HTTP/1.1 101 \r\nUpgrade: b\r\nConnection: upgrade\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var e Edits
			ed.Response(&e, parseResponse(t, test.head), test.to)
			checkEdits(t, &e, test.head, test.edits, test.want)
		})
	}
}

// checkEdits compares a list with what it should be, and with what Edits
// promises of every list.
func checkEdits(t *testing.T, e *Edits, head, edits, want string) {
	t.Helper()
	if got := list(e); got != edits {
		t.Errorf("edits\n%s\nwant\n%s", got, edits)
	}
	if got := string(e.AppendTo(nil)); got != want {
		t.Errorf("sent %q\nwant %q", got, want)
	}
	var received string
	for _, edit := range e.List() {
		if edit.Op != Insert {
			received += string(edit.Octets)
		}
	}
	if received != head {
		t.Errorf("copied and dropped bytes are %q\nreceived was %q", received, head)
	}
	if e.Untouched() != (edits == "") {
		t.Errorf("untouched: %v", e.Untouched())
	}
}

func TestEditsAllocateNothing(t *testing.T) {
	ed := NewEditor(Policy{Name: "hopwire", Authority: "127.0.0.1:9000", Now: time.Now})
	h := parseRequest(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-a\r\nx-a: 1\r\nTE: a, trailers\r\nVia: 1.1 b\r\n\r\n")
	r := parseResponse(t, "HTTP/1.1 426 Upgrade Required\r\nUpgrade: b\r\n\r\n")
	var e Edits
	var sent []byte
	edit := func() {
		ed.Request(&e, h, netip.AddrPort{})
		sent = e.AppendTo(sent[:0])
		ed.Response(&e, r, ClientSide{Closes: true})
		sent = e.AppendTo(sent[:0])
	}
	edit()
	if n := testing.AllocsPerRun(100, edit); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMisspelledFraming(t *testing.T) {
	for name, want := range map[string]bool{
		"Transfer_Encoding": true, "transfer.encoding": true, "TRANSFER~ENCODING": true, "Content_Length": true, "content!length": true,
		"TransferxEncoding": false, "Content0Length": false,
		"Transfer_Encodin": false, "Transfer__Encoding": false, "Transfer_Encodings": false, "Content_Lengths": false, "Kontent_Length": false, "": false,
	} {
		if got := isMisspelled([]byte(name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for c := range 256 { // of all, those that CGI knows apart from a hyphen
		want := !isLetterOrDigit(byte(c))
		if got := isMisspelled([]byte("Content" + string([]byte{byte(c)}) + "Length")); got != want {
			t.Errorf("%q: %v", rune(c), got)
		}
	}
}

func TestTooManyOptions(t *testing.T) {
	for _, test := range []struct {
		options string
		want    bool
	}{
		{"close", false},
		{"a" + strings.Repeat(",a", MaxOptions-1), false},
		{"a" + strings.Repeat(",a", MaxOptions), true},
	} {
		h := parseRequest(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: "+test.options+"\r\n\r\n")
		if got := TooManyOptions(h.Members(wire.FieldConnection)); got != test.want {
			t.Errorf("%.40s: %v", test.options, got)
		}
	}
}

func TestEditsInWords(t *testing.T) {
	ed := NewEditor(Policy{Name: "hopwire"})
	h := parseRequest(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	var e Edits
	ed.Request(&e, h, netip.AddrPort{})
	want := "drop Connection: close (connection field, RFC 9110 section 7.6.1)\n" +
		"insert Via: 1.1 hopwire (via, RFC 9110 section 7.6.3)"
	if e.String() != want {
		t.Errorf("%s\nwant\n%s", e.String(), want)
	}
}

func TestValuesHaveNames(t *testing.T) {
	seen := make(map[string]bool)
	name := func(s string) {
		if s == "" || seen[s] {
			t.Errorf("the name %q", s)
		}
		seen[s] = true
	}
	for u := range Upgrades {
		name(u.String())
	}
	for r := range reasons {
		name(Reason(r).String())
		if !strings.HasPrefix(Reason(r).Section(), "RFC ") {
			t.Errorf("%v stands in %q", Reason(r), Reason(r).Section())
		}
	}
}
