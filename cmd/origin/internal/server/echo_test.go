package server

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestEcho(t *testing.T) {
	r := start(t, files, Config{})
	ok := func(fields ...string) string { return response("200 OK", fields...) }
	for _, c := range []struct{ name, request, want string }{
		{"nothing", get("POST", "/post"), ok("Content-Length: 0")},
		{"no bytes", get("POST", "/post", "Content-Length: 0"), ok("Content-Length: 0")},
		{"a length", get("POST", "/post", "Content-Length: 5", "Content-Type: text/plain") + "hello", ok("Content-Type: text/plain", "Content-Length: 5") + "hello"},
		{"below the path", get("POST", "/post/a/b?c", "Content-Length: 2") + "ok", ok("Content-Length: 2") + "ok"},
		{"chunks", get("POST", "/post", "Transfer-Encoding: chunked") + "1\r\na\r\n002;x=y\r\nbc\r\n0\r\n\r\n", ok("Transfer-Encoding: chunked") + "1\r\na\r\n002;x=y\r\nbc\r\n0\r\n\r\n"},
		{"a trailer section", get("POST", "/post", "Transfer-Encoding: chunked") + "0\r\nA: b\r\n\r\n", ok("Transfer-Encoding: chunked") + "0\r\nA: b\r\n\r\n"},
		{"HTTP/1.0", "POST /post HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", ok("Content-Length: 2", "Connection: close") + "ab"},
		{"the last request", get("POST", "/post", "Content-Length: 2", "Connection: close") + "ab", ok("Content-Length: 2", "Connection: close") + "ab"},
		{"an expectation with its content", get("POST", "/post", "Content-Length: 2", "Expect: 100-continue") + "ab", ok("Content-Length: 2") + "ab"},
		{"another expectation", get("POST", "/post", "Content-Length: 2", "Expect: miracles") + "ab", response("417 Expectation Failed", "Content-Length: 0", "Connection: close")},
		{"an expectation of HTTP/1.0", "POST /post HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab", ok("Content-Length: 2", "Connection: close") + "ab"},
		{"chunks that are none", get("POST", "/post", "Transfer-Encoding: chunked") + "x\r\n", response("400 Bad Request", "Content-Length: 0", "Connection: close")},
		{"the end of stream before the content", get("POST", "/post", "Content-Length: 2"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := r.converse(c.request); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestExpectation(t *testing.T) {
	r := start(t, files, Config{})
	p := r.dial()
	for range 2 {
		p.send(get("POST", "/post", "Content-Length: 5", "Expect: 100-Continue"))
		p.expect("HTTP/1.1 100 Continue\r\n\r\n")
		p.send("hel", "lo")
		p.expect(response("200 OK", "Content-Length: 5") + "hello")
	}
	// A final response instead: the client need not send the content, so what
	// it sends next cannot be told apart from content.
	p.send(get("POST", "/index.html", "Content-Length: 5", "Expect: 100-continue"))
	p.expect(response("405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS", "Content-Length: 0", "Connection: close"))
	p.expectEnd()
}

// What was posted comes back before the rest is there.
func TestEchoStreams(t *testing.T) {
	r := start(t, files, Config{})
	p := r.dial()
	p.send(get("POST", "/post", "Transfer-Encoding: chunked"), "1\r\na\r\n")
	p.expect(response("200 OK", "Transfer-Encoding: chunked") + "1\r\na\r\n")
	for i := range 20 {
		chunk := fmt.Sprintf("5\r\n%05d\r\n", i)
		p.send(chunk)
		p.expect(chunk)
	}
	p.send("0\r\n", "\r\n")
	p.expect("0\r\n\r\n")
	p.send(get("GET", "/nothing"))
	p.expect(response("404 Not Found", "Content-Length: 0"))
}

// Once a part of the response is out, nothing but a reset tells that the rest
// does not follow.
func TestEchoOfBrokenContent(t *testing.T) {
	r := start(t, files, Config{})
	for name, next := range map[string]string{"malformed": "nonsense\r\n", "the end of stream": ""} {
		t.Run(name, func(t *testing.T) {
			p := r.dial()
			p.send(get("POST", "/post", "Transfer-Encoding: chunked"), "1\r\na\r\n")
			p.expect(response("200 OK", "Transfer-Encoding: chunked") + "1\r\na\r\n")
			p.send(next)
			p.CloseWrite()
			if rest, err := io.ReadAll(p.in); err == nil {
				t.Errorf("%q and the end of stream; want a reset", rest)
			}
		})
	}
}

// A client that sends without reading is not read from either.
func TestBackpressure(t *testing.T) {
	r := start(t, files, Config{})
	p := r.dial()
	const size = 256 << 20
	p.send(get("POST", "/post", fmt.Sprint("Content-Length: ", size)))
	p.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	block, sent := make([]byte, 1<<20), 0
	for sent < size {
		n, err := p.Write(block)
		if sent += n; err != nil {
			break
		}
	}
	if sent == size {
		t.Errorf("all of %d bytes were taken from a client that reads nothing", size)
	}
}

// net/http's client checks framing, and runs both directions at once.
func TestEchoOfMuch(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 100 MB")
	}
	r := start(t, files, Config{})
	const size = 100 << 20
	for _, length := range []int64{size, -1} {
		t.Run(fmt.Sprintf("length %d", length), func(t *testing.T) {
			sent, got := sha256.New(), sha256.New()
			source := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{}), size), sent)
			request, err := http.NewRequest("POST", "http://"+r.addr+"/post", source)
			if err != nil {
				t.Fatal(err)
			}
			request.ContentLength = length
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			n, err := io.Copy(got, answer.Body)
			if err != nil || n != size || answer.ContentLength != length {
				t.Errorf("%d bytes, content length %d, %v", n, answer.ContentLength, err)
			}
			if !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
				t.Error("the content came back changed")
			}
		})
	}
	http.DefaultClient.CloseIdleConnections()
}

// Content that nobody reads is discarded up to a bound, so that the next request
// is found behind it.
func TestContentNobodyAskedFor(t *testing.T) {
	r := start(t, files, Config{})
	bad := response("405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS", "Content-Length: 0")
	chunks := func(n int) string {
		return strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", n/1024) + "0\r\n\r\n"
	}
	next := response("404 Not Found", "Content-Length: 0")
	for _, c := range []struct{ name, request, want string }{
		{"a little", get("POST", "/", "Content-Length: 5") + "hello", bad + next},
		{"as much as is discarded", get("POST", "/", fmt.Sprint("Content-Length: ", maxDiscard)) + strings.Repeat("x", maxDiscard), bad + next},
		{"more", get("POST", "/", fmt.Sprint("Content-Length: ", maxDiscard+1)) + strings.Repeat("x", maxDiscard+1), closing(bad)},
		{"some chunks", get("POST", "/", "Transfer-Encoding: chunked") + chunks(100_000), bad + next},
		{"too many chunks", get("POST", "/", "Transfer-Encoding: chunked") + chunks(2*maxDiscard), bad},
		{"chunks that are none", get("POST", "/", "Transfer-Encoding: chunked") + "x\r\n", bad},
		{"content of a GET", get("GET", "/nothing", "Content-Length: 5") + "hello", next + next},
		{"too much of a PUT", get("PUT", "/", "Content-Length: 10000000"), closing(response("405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS", "Content-Length: 0"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := r.dial()
			go func() {
				io.WriteString(p, c.request+get("GET", "/nothing"))
				p.CloseWrite()
			}()
			got, err := io.ReadAll(p.in)
			if text := undated(t, string(got)); err != nil || text != c.want {
				t.Errorf("got\n%s (%v)\nwant\n%s", text, err, c.want)
			}
		})
	}
}

// Every request of a connection is answered by net/http's idea of a response.
func TestNetHTTPReadsTheResponses(t *testing.T) {
	r := start(t, files, Config{})
	p := r.dial()
	for _, c := range []struct {
		method, target string
		status         int
		content        string
	}{
		{"GET", "/", 200, hello}, {"HEAD", "/", 200, ""}, {"GET", "/nothing", 404, ""}, {"OPTIONS", "*", 204, ""},
		{"GET", "/large.bin", 200, large}, {"PUT", "/", 405, ""}, {"GET", "/folder", 301, ""}, {"GET", "/style.css", 200, files["style.css"]},
	} {
		p.send(get(c.method, c.target))
		answer, err := http.ReadResponse(p.in, &http.Request{Method: c.method})
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != c.status || string(content) != c.content || answer.Close {
			t.Errorf("%s %s: %d, %d bytes, close %v, %v", c.method, c.target, answer.StatusCode, len(content), answer.Close, err)
		}
	}
}
