package server

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/cmd/origin/internal/study"
	"github.com/hopwire/hopwire/shared/accesslog"
)

// said is the head and text of a response in text/plain.
func said(status, text string, fields ...string) string {
	return response(status, append([]string{fmt.Sprint("Content-Length: ", len(text)), "Content-Type: text/plain; charset=utf-8"}, fields...)...) + text
}

// uploaded is the answer to an upload.
func uploaded(content string) string {
	text := fmt.Sprintf("{\n  \"length\": %d,\n  \"sha256\": \"%x\"\n}\n", len(content), sha256.Sum256([]byte(content)))
	return response("200 OK", fmt.Sprint("Content-Length: ", len(text)), "Content-Type: application/json") + text
}

func TestStudy(t *testing.T) {
	r := start(t, files, Config{Study: true})
	random := string(study.AppendRandom(nil, 7, 0, 3000))
	const octets = "Content-Type: application/octet-stream"
	const tag, ranges = `ETag: "7-bb8"`, "Accept-Ranges: bytes"
	const digest = "sha-256=:n97nj9P18Xj+k5Namx3d4HYScezG+HWN8309jD/0Zq8=:"
	const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
	const came = "before this one came 3 interim responses, unless it is HTTP/1.0\n"
	const closing = "this was the last response on its connection\n"
	head := get("GET", "/_/echo/head", "A:  b ", "a: \xff")
	old := func(target string) string { return "GET " + target + " HTTP/1.0\r\nHost: test\r\n\r\n" }
	for _, c := range []struct{ name, request, want string }{
		{"a status", get("GET", "/_/status/418"), said("418 ", "418\n")},
		{"a status of a POST", get("POST", "/_/status/503", "Content-Length: 1") + "x", said("503 Service Unavailable", "503 Service Unavailable\n")},
		{"a status whose content is not to be", get("GET", "/_/status/204"), response("204 No Content")},
		{"not modified", get("GET", "/_/status/304"), response("304 Not Modified")},
		{"reset content", get("GET", "/_/status/205"), response("205 Reset Content", "Content-Length: 0")},
		{"a redirection", get("HEAD", "/_/status/302"), response("302 Found", "Content-Length: 10", "Content-Type: text/plain; charset=utf-8", "Location: /_/")},
		{"a mistake", get("GET", "/_/status/99"), said("400 Bad Request", "the status is a code from 200 to 599, not \"99\"\n")},
		{"no endpoint", get("GET", "/_/nothing"), said("404 Not Found", "there is no endpoint \"/_/nothing\"; /_/ lists those that there are\n")},
		{"another method", get("POST", "/_/bytes/1", "Content-Length: 1") + "x", said("405 Method Not Allowed", "/_/bytes/1 is for GET, HEAD, OPTIONS\n", "Allow: GET, HEAD, OPTIONS")},
		{"options", get("OPTIONS", "/_/upload"), response("204 No Content", "Allow: POST, PUT, OPTIONS")},
		{"no slash", get("GET", "/_"), response("301 Moved Permanently", "Content-Length: 0", "Location: /_/")},
		{"another spelling", get("GET", "/a/../%5f//status/204?"), response("204 No Content")},
		{"an absolute target", get("GET", "http://test/_/status/204"), response("204 No Content")},

		{"bytes", get("GET", "/_/bytes/3000?seed=7"), response("200 OK", "Content-Length: 3000", octets, tag, ranges) + random},
		{"bytes, the head", get("HEAD", "/_/bytes/3000?seed=7"), response("200 OK", "Content-Length: 3000", octets, tag, ranges)},
		{"a range of bytes", get("GET", "/_/bytes/3000?seed=7", "Range: bytes=1001-2000"), response("206 Partial Content", "Content-Length: 1000", octets, tag, ranges, "Content-Range: bytes 1001-2000/3000") + random[1001:2001]},
		{"a range of the same bytes", get("GET", "/_/bytes/3000?seed=7", "Range: bytes=-5", `If-Range: "7-bb8"`), response("206 Partial Content", "Content-Length: 5", octets, tag, ranges, "Content-Range: bytes 2995-2999/3000") + random[2995:]},
		{"a range of other bytes", get("GET", "/_/bytes/3000?seed=7", "Range: bytes=-5", `If-Range: "8-bb8"`), response("200 OK", "Content-Length: 3000", octets, tag, ranges) + random},
		{"a range behind all bytes", get("GET", "/_/bytes/3000?seed=7", "Range: bytes=3000-"), response("416 Range Not Satisfiable", "Content-Length: 0", octets, tag, ranges, "Content-Range: bytes */3000")},
		{"bytes that the client has", get("GET", "/_/bytes/3000?seed=7", `If-None-Match: "7-bb8"`), response("304 Not Modified", tag, ranges)},
		{"bytes without a date", get("GET", "/_/bytes/3000?seed=7", "If-Modified-Since: Fri, 31 Dec 2100 23:59:59 GMT", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"), response("200 OK", "Content-Length: 3000", octets, tag, ranges) + random},

		{"a stream", get("GET", "/_/stream/2500?chunk=1KiB&seed=7"), response("200 OK", "Transfer-Encoding: chunked", octets) + "400\r\n" + random[:1024] + "\r\n400\r\n" + random[1024:2048] + "\r\n1c4\r\n" + random[2048:2500] + "\r\n0\r\n\r\n"},
		{"a stream of nothing", get("GET", "/_/stream/0"), response("200 OK", "Transfer-Encoding: chunked", octets) + "0\r\n\r\n"},
		{"a stream, the head", get("HEAD", "/_/stream/1"), response("200 OK", "Transfer-Encoding: chunked", octets)},
		{"a stream for HTTP/1.0", old("/_/stream/2500?seed=7"), response("200 OK", octets, "Connection: close") + random[:2500]},
		{"a drip", get("GET", "/_/drip?bytes=3&duration=3ms&status=404"), response("404 Not Found", "Content-Length: 3", octets) + "***"},
		{"events", get("GET", "/_/sse?count=2&every=0"), response("200 OK", "Transfer-Encoding: chunked", "Content-Type: text/event-stream", "Cache-Control: no-store") + "1a\r\nid: 1\ndata: event 1 of 2\n\n\r\n1a\r\nid: 2\ndata: event 2 of 2\n\n\r\n0\r\n\r\n"},
		{"trailers", get("GET", "/_/trailers"), response("200 OK", "Transfer-Encoding: chunked", "Trailer: Repr-Digest", "Content-Type: text/plain; charset=utf-8") + "2a\r\nThe digest of this line stands behind it.\n\r\n0\r\nRepr-Digest: " + digest + "\r\n\r\n"},
		{"trailers for HTTP/1.0", old("/_/trailers"), response("200 OK", "Content-Type: text/plain; charset=utf-8", "Connection: close") + "The digest of this line stands behind it.\n"},

		{"fields", get("GET", "/_/headers", "A: b"), response("200 OK", "Content-Length: 56", "Content-Type: application/json") + "{\n  \"headers\": {\n    \"Host\": \"test\",\n    \"A\": \"b\"\n  }\n}\n"},
		{"a head", head, response("200 OK", fmt.Sprint("Content-Length: ", len(head)), "Content-Type: text/plain") + head},
		{"interim responses", get("GET", "/_/interim?100&103x2"), interim + said("200 OK", came)},
		{"interim responses for HTTP/1.0", old("/_/interim?100&103x2"), said("200 OK", came, "Connection: close")},
		{"the end", get("GET", "/_/close"), said("200 OK", closing, "Connection: close")},

		{"an upload", get("POST", "/_/upload", "Content-Length: 5") + "hello", uploaded("hello")},
		{"an upload in chunks", get("PUT", "/_/upload", "Transfer-Encoding: chunked") + "2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n", uploaded("hello")},
		{"an upload of nothing", get("POST", "/_/upload"), uploaded("")},
		{"an upload in bad chunks", get("POST", "/_/upload", "Transfer-Encoding: chunked") + "x", response("400 Bad Request", "Content-Length: 0", "Connection: close")},
		{"an upload that ends too early", get("POST", "/_/upload", "Content-Length: 5") + "hell", ""},
		{"an early answer", get("POST", "/_/early/413?after=10", "Content-Length: 1000000") + strings.Repeat("x", 10), said("413 Content Too Large", "413 Content Too Large\n", "Connection: close")},
		{"an early answer to content that is all there", get("POST", "/_/early/413?after=10", "Content-Length: 5") + "hello", said("413 Content Too Large", "413 Content Too Large\n")},
		{"an early answer that reads on", get("POST", "/_/early/202?then=read", "Content-Length: 1000000") + strings.Repeat("x", 1000000), said("202 Accepted", "202 Accepted\n")},
		{"no WebSocket", get("GET", "/_/websocket"), said("426 Upgrade Required", "here is a WebSocket: ask by GET, with Connection: Upgrade and Upgrade: websocket\n", "Upgrade: websocket", "Connection: Upgrade")},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Where the answer ends shows by the next one.
			request, want := c.request, c.want
			if strings.Contains(want, "keep-alive") {
				request += get("GET", "/nothing")
				want += response("404 Not Found", "Content-Length: 0")
			}
			if got := r.converse(request); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Content is read to where the request's head was, and is not taken for it.
func TestUploadInPlaceOfTheHead(t *testing.T) {
	r := start(t, files, Config{Study: true})
	content := strings.Repeat("HEAD", 5000)
	for _, field := range []string{"A: 1", "A: 12", "A: 123", "A: 1234"} { // one of them has HEAD where POST was
		if got := r.converse(get("POST", "/_/upload", "Content-Length: 20000", field) + content); got != uploaded(content) {
			t.Errorf("got\n%s", got)
		}
	}
}

// Endpoints go before files, and are there only if they are asked for.
func TestStudyIsOffUnlessAskedFor(t *testing.T) {
	shadowed := map[string]string{"_/status/204": "a file\n"}
	off, on := start(t, shadowed, Config{}), start(t, shadowed, Config{Study: true})
	if got := off.converse(get("GET", "/_/status/204")); !strings.HasSuffix(got, "\r\n\r\na file\n") {
		t.Errorf("without study: %s", got)
	}
	if got := on.converse(get("GET", "/_/status/204")); got != response("204 No Content") {
		t.Errorf("with study: %s", got)
	}
}

func TestStudyInvites(t *testing.T) {
	r := start(t, files, Config{Study: true})
	p := r.dial()
	const expecting = "Expect: 100-continue"
	p.send(get("POST", "/_/upload", "Content-Length: 5", expecting))
	p.expect("HTTP/1.1 100 Continue\r\n\r\n")
	p.send("hello")
	p.expect(uploaded("hello"))
	p.send(get("POST", "/_/early/202?then=read", "Content-Length: 5", expecting))
	p.expect("HTTP/1.1 100 Continue\r\n\r\n" + said("202 Accepted", "202 Accepted\n"))
	p.send("hello")
	p.send(get("POST", "/_/early/413?after=3", "Content-Length: 5000", expecting))
	p.expect("HTTP/1.1 100 Continue\r\n\r\n")
	p.send("hel")
	p.expect(said("413 Content Too Large", "413 Content Too Large\n", "Connection: close"))
	p.expectEnd()
	p = r.dial()
	p.send(get("POST", "/_/early/413", "Content-Length: 5", expecting))
	p.expect(said("413 Content Too Large", "413 Content Too Large\n", "Connection: close"))
	p.expectEnd()
}

// Times are those of a simulated clock, and so exact to a tick of it.
func TestStudyTakesItsTime(t *testing.T) {
	dir := lay(t, files)
	const octets = "Content-Type: application/octet-stream"
	final := "Connection: close"
	events := "id: 1\ndata: event 1 of 3\n\n\r\n1a\r\nid: 2\ndata: event 2 of 3\n\n\r\n1a\r\nid: 3\ndata: event 3 of 3\n\n"
	for _, c := range []struct {
		target, want string
		takes        time.Duration
	}{
		{"/_/delay/5m", said("200 OK", "this took 5m\n", final), 5 * time.Minute},
		{"/_/delay/1.5", said("200 OK", "this took 1.5\n", final), 1500 * time.Millisecond},
		{"/_/drip?bytes=5&duration=50s&delay=100s", response("200 OK", "Content-Length: 5", octets, final) + "*****", 140 * time.Second},
		{"/_/stream/8?chunk=2&every=10m", response("200 OK", "Transfer-Encoding: chunked", octets, final) + chunksOf(string(study.AppendRandom(nil, 0, 0, 8)), 2), 30 * time.Minute},
		{"/_/sse?count=3&every=1s", response("200 OK", "Transfer-Encoding: chunked", "Content-Type: text/event-stream", "Cache-Control: no-store", final) + "1a\r\n" + events + "\r\n0\r\n\r\n", 2 * time.Second},
	} {
		s := simulate(t, dir, []step{{0, get("GET", c.target, final)}}, false)
		if text := undatedAt(s.got); s.err != nil || text != c.want {
			t.Errorf("%s: got\n%s (%v)\nwant\n%s", c.target, text, s.err, c.want)
		}
		if s.ended < c.takes || s.ended > c.takes+time.Second {
			t.Errorf("%s took %v, want %v", c.target, s.ended, c.takes)
		}
	}
}

func chunksOf(content string, n int) (text string) {
	for i := 0; i < len(content); i += n {
		text += fmt.Sprintf("%x\r\n%s\r\n", n, content[i:i+n])
	}
	return text + "0\r\n\r\n"
}

// Each piece goes out when it is made.
func TestStudyHoldsNothingBack(t *testing.T) {
	p := start(t, files, Config{Study: true}).dial()
	p.send(get("GET", "/_/drip?bytes=3&duration=10m"))
	p.expect(response("200 OK", "Content-Length: 3", "Content-Type: application/octet-stream") + "*")
	p = start(t, files, Config{Study: true}).dial()
	p.send(get("GET", "/_/stream/9?chunk=1&every=10m") + get("GET", "/"))
	p.expect(response("200 OK", "Transfer-Encoding: chunked", "Content-Type: application/octet-stream") + "1\r\n\xaf\r\n")
}

// A client that resets its connection is not waited for, and has its line in the log.
func TestStudyNoticesWhoIsGone(t *testing.T) {
	for _, target := range []string{"/_/delay/10m", "/_/drip?bytes=2&duration=10m", "/_/sse?every=10m"} {
		for _, next := range []string{"", get("GET", "/")} { // with and without more to read
			var out page
			log := accesslog.New(&out, nil)
			r := start(t, files, Config{Study: true, AccessLog: log})
			p := r.dial()
			// What is pending goes out when the pause begins.
			p.send(get("GET", "/nothing") + get("GET", target) + next)
			p.expect(response("404 Not Found", "Content-Length: 0"))
			p.SetLinger(0)
			p.Close()
			for began := time.Now(); r.group.Conns() > 0 && time.Since(began) < patience; {
				time.Sleep(time.Millisecond)
			}
			if r.group.Conns() > 0 {
				t.Errorf("%s goes on without its client", target)
			}
			r.stop()
			log.Close()
			if lines := out.String(); !strings.Contains(lines, `"GET `+target+` HTTP/1.1" 200 `) || strings.Count(lines, "\n") != 2 {
				t.Errorf("%s: logged %q", target, lines)
			}
		}
	}
}

// What would go on for long ends with draining.
func TestStudyObeysTheDrainTimeout(t *testing.T) {
	for _, target := range []string{"/_/delay/10m", "/_/drip?bytes=2&duration=10m", "/_/websocket"} {
		var told reports
		r := start(t, files, Config{Study: true, DrainTimeout: 50 * time.Millisecond, Report: told.add})
		p := r.dial()
		p.send(get("GET", "/nothing") + get("GET", target, upgrade...))
		p.expect(response("404 Not Found", "Content-Length: 0"))
		r.signal()
		r.await()
		if text := strings.Join(told.texts, "\n"); !strings.HasPrefix(text, "1 connections were cut off") {
			t.Errorf("%s: reported %q", target, text)
		}
	}
}

// The last response of a drained connection says so, even if it was asked for before.
func TestDelayedAnswersWhileDraining(t *testing.T) {
	r := start(t, files, Config{Study: true})
	p := r.dial()
	p.send(get("GET", "/nothing") + get("GET", "/_/delay/300ms"))
	p.expect(response("404 Not Found", "Content-Length: 0"))
	r.signal()
	p.expect(said("200 OK", "this took 300ms\n", "Connection: close"))
	p.expectEnd()
}

// Much is not held, and comes as it is to be.
func TestStudyOfMuch(t *testing.T) {
	r := start(t, files, Config{Study: true})
	const size = 20<<20 + 3
	for _, target := range []string{"/_/bytes/20971523?seed=9", "/_/stream/20971523?seed=9&chunk=64KiB", "/_/stream/20971523?seed=9&chunk=5001"} {
		answer, err := http.Get("http://" + r.addr + target)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !bytes.Equal(got, study.AppendRandom(nil, 9, 0, size)) {
			t.Errorf("%s: %d bytes, %v", target, len(got), err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// The example's page names the address that it was reached by, if that can stand in
// HTML and in a shell; its validators are those of what is sent.
func TestThePageNamesItsAddress(t *testing.T) {
	r := startFolder(t, "", Config{Site: site.Example(study.Section(site.Address)), Study: true})
	ask := func(request string) (head, page string) {
		head, page, _ = strings.Cut(r.converse(request), "\r\n\r\n")
		return head, page
	}
	from := func(host string, fields ...string) string {
		return "GET / HTTP/1.1\r\nHost: " + host + "\r\n" + lines(fields) + "\r\n"
	}
	for _, c := range []struct{ request, address string }{
		{from("example.test:81"), "example.test:81"},
		{from("[::1]:80"), "[::1]:80"},
		{from("a'b"), r.addr},
		{from("a;id"), r.addr},
		{from("$(id)"), r.addr},
		{from("a&lt"), r.addr},
		{from("%41"), r.addr},
		{"GET / HTTP/1.0\r\n\r\n", r.addr},
		{get("GET", "http://other:1/"), "other:1"},
		{get("GET", "/index.html"), "test"},
	} {
		head, page := ask(c.request)
		if !strings.HasPrefix(head, "HTTP/1.1 200 ") || strings.Count(page, "http://"+c.address+"/") < 10 || strings.Contains(page, site.Address) ||
			!strings.Contains(head, fmt.Sprint("Content-Length: ", len(page))) || strings.Contains(head, "Last-Modified") {
			t.Errorf("%q: %s\n%s\nwant %s in it", c.request, head, page, c.address)
		}
	}
	head, whole := ask(from("a"))
	tag := head[strings.Index(head, `"`) : strings.LastIndex(head, `"`)+1]
	if head, _ := ask(from("a", "If-None-Match: "+tag)); !strings.HasPrefix(head, "HTTP/1.1 304 ") {
		t.Errorf("the same page is %s", head)
	}
	if head, _ := ask(from("b", "If-None-Match: "+tag)); !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		t.Errorf("the page of another address is %s", head)
	}
	if head, part := ask(from("a", "Range: bytes=100-200", "If-Range: "+tag)); !strings.HasPrefix(head, "HTTP/1.1 206 ") || part != whole[100:201] {
		t.Errorf("a part of the page is %s\n%s", head, part)
	}
	// The others stay what they are, and with their dates.
	if head, _ := ask(get("GET", "/style.css")); !strings.Contains(head, "Last-Modified") {
		t.Errorf("the style sheet is %s", head)
	}
}
