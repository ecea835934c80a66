package integration

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Through the edge a client sees what the origin says, octet for octet, but for
// Via and what concerns the one connection only.
func TestEdgeChangesNothing(t *testing.T) {
	origin := startOrigin(t, writeSite(t))
	edge := startEdge(t, origin.Addr)
	for _, test := range []struct{ name, method, target, fields, body string }{
		{"file", "GET", smallFile, "", ""},
		{"larger file", "GET", mediumFile, "", ""},
		{"large file", "GET", largeFile, "", ""},
		{"head of a file", "HEAD", mediumFile, "", ""},
		{"no such file", "GET", "/nowhere", "", ""},
		{"head of no file", "HEAD", "/nowhere", "", ""},
		{"way out of the site", "GET", "/../../etc/passwd", "", ""},
		{"range", "GET", mediumFile, "Range: bytes=10-29\r\n", ""},
		{"last bytes", "GET", largeFile, "Range: bytes=-100000\r\n", ""},
		{"range behind the end", "GET", smallFile, "Range: bytes=1000-\r\n", ""},
		{"conditional", "GET", smallFile, "If-Modified-Since: Fri, 31 Dec 2100 23:59:59 GMT\r\n", ""},
		{"post to a file", "POST", smallFile, "Content-Length: 3\r\n", "a=b"},
		{"post", "POST", "/post", "Content-Length: 3\r\nContent-Type: application/x-www-form-urlencoded\r\n", "a=b"},
		{"post in chunks", "POST", "/post", "Transfer-Encoding: chunked\r\n", "3\r\na=b\r\n5\r\n&c=de\r\n0\r\n\r\n"},
		{"empty post", "POST", "/post", "Content-Length: 0\r\n", ""},
		{"options", "OPTIONS", smallFile, "", ""},
		{"options of the server", "OPTIONS", "*", "", ""},
		{"delete", "DELETE", smallFile, "", ""},
		{"method of no standard", "FROBNICATE", "/", "", ""},
		{"fields of any name", "GET", smallFile, "x-a: 1\r\nX-A: 2\r\nAccept: */*\r\nCookie: a=b\r\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := test.method + " " + test.target + " HTTP/1.1\r\nHost: example.test\r\n" +
				test.fields + "Connection: close\r\n\r\n" + test.body
			direct := rawAnswer(t, origin.Addr, request)
			relayed := rawAnswer(t, edge.Addr, request)
			if !strings.HasPrefix(direct, "HTTP/1.1 ") {
				t.Fatalf("the origin answers %.100q", direct)
			}
			status1, fields1, body1 := splitAnswer(direct, "Date")
			status2, fields2, body2 := splitAnswer(relayed, "Date", "Via")
			if status1 != status2 || body1 != body2 || !slices.Equal(fields1, fields2) {
				t.Errorf("origin: %s\n%q\n%d bytes\nedge: %s\n%q\n%d bytes",
					status1, fields1, len(body1), status2, fields2, len(body2))
			}
		})
	}
}

func TestStatusOfMethods(t *testing.T) {
	origin := startOrigin(t, writeSite(t))
	edge := startEdge(t, origin.Addr)
	for _, test := range []struct {
		method, target string
		status         int
		allow          bool
	}{
		{"GET", smallFile, 200, false},
		{"HEAD", smallFile, 200, false},
		{"GET", "/nowhere", 404, false},
		{"POST", smallFile, 405, true},
		{"DELETE", smallFile, 405, true},
		{"OPTIONS", smallFile, 0, true},
	} {
		t.Run(test.method+" "+test.target, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), test.method, edge.url(test.target), nil)
			if err != nil {
				t.Fatal(err)
			}
			response, _ := roundTrip(t, http.DefaultTransport, request)
			if test.status != 0 && response.StatusCode != test.status || test.status == 0 && response.StatusCode/100 != 2 {
				t.Errorf("%s, want %d", response.Status, test.status)
			}
			if allow := response.Header.Get("Allow"); (allow != "") != test.allow {
				t.Errorf("Allow: %q", allow)
			}
		})
	}
}

// net/http as a client: many requests at once, each answered with its own file.
func TestManyRequestsAtOnce(t *testing.T) {
	const clients, requests = 32, 60
	origin := startOrigin(t, writeSite(t))
	edge := startEdge(t, origin.Addr)
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()

	names := []string{smallFile, mediumFile, smallFile, largeFile, smallFile}
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			for i := range requests {
				name := names[(client+i)%len(names)]
				if name == largeFile && i > len(names) {
					name = smallFile
				}
				if err := fetch(transport, edge.url(name), site[name]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// One connection carries as many requests as the client likes.
func TestConnectionIsKept(t *testing.T) {
	const requests = 200
	origin := startOrigin(t, writeSite(t))
	edge := startEdge(t, origin.Addr)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()

	reused := 0
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if info.Reused {
			reused++
		}
	}}
	for range requests {
		ctx := httptrace.WithClientTrace(t.Context(), trace)
		request, err := http.NewRequestWithContext(ctx, "GET", edge.url(smallFile), nil)
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, transport, request)
	}
	if reused != requests-1 {
		t.Errorf("%d of %d requests went over a connection that was used before, want all but the first", reused, requests)
	}
}

// Requests sent in one piece are answered one after the other.
func TestPipelining(t *testing.T) {
	origin := startOrigin(t, writeSite(t))
	edge := startEdge(t, origin.Addr)
	for _, s := range []*server{origin, edge} {
		t.Run(s.Name, func(t *testing.T) {
			get := func(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n" }
			post := "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
			c := dialRaw(t, s.Addr)
			c.send(get(smallFile) + get(mediumFile) + post + "\r\n" + get("/nowhere") + get(smallFile))
			for _, want := range []struct {
				status int
				body   []byte
			}{{200, site[smallFile]}, {200, site[mediumFile]}, {0, nil}, {404, nil}, {200, site[smallFile]}} {
				response, body := c.response("GET")
				if want.status != 0 && response.StatusCode != want.status || want.body != nil && body != string(want.body) {
					t.Fatalf("%s and %d bytes, want %d and %d bytes", response.Status, len(body), want.status, len(want.body))
				}
			}
		})
	}
}

// A message that two readers could take for different ones reaches no origin.
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	origin := startOrigin(t, writeSite(t))
	edge := startEdge(t, origin.Addr)
	for _, test := range []struct{ name, request, status string }{
		{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400"},
		{"length and chunks", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", "400"},
		{"unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "400"},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
		{"space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
		{"folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "400"},
		{"bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", "400"},
		{"version", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505"},
	} {
		for _, s := range []*server{origin, edge} {
			t.Run(test.name+" to "+s.Name, func(t *testing.T) {
				answer := rawAnswer(t, s.Addr, test.request)
				status, _, _ := splitAnswer(answer)
				if !strings.HasPrefix(status, "HTTP/1.1 "+test.status+" ") {
					t.Errorf("answer %.200q, want status %s", answer, test.status)
				}
			})
		}
	}
}

// roundTrip sends a request that has to be answered and reads the answer.
func roundTrip(t *testing.T, transport http.RoundTripper, request *http.Request) (*http.Response, []byte) {
	t.Helper()
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: read body: %v", request.Method, request.URL, err)
	}
	return response, body
}

// fetch gets a URL and compares what comes.
func fetch(transport http.RoundTripper, url string, want []byte) error {
	client := http.Client{Transport: transport, Timeout: patience}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 || !bytes.Equal(body, want) {
		return fmt.Errorf("%s: %s, %d bytes with sum %.8x, %v; want %d with %.8x",
			url, response.Status, len(body), sha256.Sum256(body), err, len(want), sha256.Sum256(want))
	}
	return nil
}
