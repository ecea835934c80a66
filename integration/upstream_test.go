package integration

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An upstream is net/http as an origin.
type upstream struct {
	*httptest.Server
	// Accepted counts its connections.
	Accepted atomic.Int64
}

func startUpstream(t *testing.T, handler http.HandlerFunc) *upstream {
	u := &upstream{Server: httptest.NewUnstartedServer(handler)}
	u.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			u.Accepted.Add(1)
		}
	}
	u.Start()
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) addr() string { return u.Listener.Addr().String() }

// echo answers with the content it is sent, while it is still being sent.
func echo(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Framing", fmt.Sprint(r.ContentLength, r.TransferEncoding))
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		if _, err := io.Copy(w, r.Body); err != nil {
			t.Errorf("origin: %v", err)
		}
	}
}

// behindEdge starts an edge in front of net/http with the given handler, and
// returns its URL and a client's transport of its own.
func behindEdge(t *testing.T, handler http.HandlerFunc) (u *upstream, edge *server, transport *http.Transport) {
	t.Helper()
	u = startUpstream(t, handler)
	edge = startEdge(t, u.addr())
	transport = &http.Transport{ExpectContinueTimeout: patience}
	t.Cleanup(transport.CloseIdleConnections)
	return u, edge, transport
}

// Connections to the origin are shared: clients that come one after the other
// need one between them.
func TestOriginConnectionIsShared(t *testing.T) {
	u, edge, _ := behindEdge(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "here") })
	const clients = 20
	for range clients {
		c := dialRaw(t, edge.Addr)
		c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if _, body := c.response("GET"); body != "here" {
			t.Fatalf("body %q", body)
		}
		c.Close()
	}
	// Each loop has a pool of its own.
	if n := u.Accepted.Load(); n > int64(clients/2) {
		t.Errorf("%d clients one after the other took %d connections to the origin", clients, n)
	}
}

// What a request carries arrives, whatever way its body is framed, and the
// response comes back while the request is still on its way.
func TestUploads(t *testing.T) {
	_, edge, transport := behindEdge(t, echo(t))
	for _, size := range []int{0, 1, 4096, 1 << 20, 7<<20 + 3} {
		for _, framing := range []string{"length", "chunked"} {
			t.Run(fmt.Sprint(framing, " ", size), func(t *testing.T) {
				sent := noise(size)
				var body io.Reader = bytes.NewReader(sent)
				if framing == "chunked" {
					body = io.MultiReader(body) // hides the length
				}
				request, err := http.NewRequestWithContext(t.Context(), "PUT", edge.url("/"), body)
				if err != nil {
					t.Fatal(err)
				}
				response, received := roundTrip(t, transport, request)
				if !bytes.Equal(sent, received) {
					t.Errorf("%d bytes came back as %d others", len(sent), len(received))
				}
				want := fmt.Sprint(size, " []")
				if framing == "chunked" {
					want = "-1 [chunked]"
				}
				if got := response.Header.Get("X-Framing"); got != want {
					t.Errorf("the origin saw framing %s, want %s", got, want)
				}
			})
		}
	}
}

// Each way in which a response can be framed, with and without a body.
func TestResponses(t *testing.T) {
	content := noise(300_000)
	_, edge, transport := behindEdge(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/length":
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content)
		case "/chunked":
			for piece := range slices.Chunk(content, 10_000) {
				w.Write(piece)
				w.(http.Flusher).Flush()
			}
		case "/trailer":
			w.Header().Set("Trailer", "X-Sum")
			w.Write(content)
			w.(http.Flusher).Flush()
			w.Header().Set("X-Sum", "42")
		case "/until-close":
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n\r\n%s", content)
			c.Close()
		case "/no-content":
			w.WriteHeader(http.StatusNoContent)
		case "/not-modified":
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(http.StatusNotModified)
		}
	})
	for _, test := range []struct {
		method, path string
		status       int
		body         []byte
		trailer      string
	}{
		{"GET", "/length", 200, content, ""},
		{"GET", "/chunked", 200, content, ""},
		{"GET", "/trailer", 200, content, "42"},
		{"GET", "/until-close", 200, content, ""},
		{"GET", "/no-content", 204, nil, ""},
		{"GET", "/not-modified", 304, nil, ""},
		{"HEAD", "/length", 200, nil, ""},
		{"HEAD", "/chunked", 200, nil, ""},
	} {
		t.Run(test.method+test.path, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), test.method, edge.url(test.path), nil)
			if err != nil {
				t.Fatal(err)
			}
			response, body := roundTrip(t, transport, request)
			if response.StatusCode != test.status || !bytes.Equal(body, test.body) {
				t.Errorf("%s with %d bytes, want %d with %d", response.Status, len(body), test.status, len(test.body))
			}
			if got := response.Trailer.Get("X-Sum"); got != test.trailer {
				t.Errorf("trailer X-Sum: %q, want %q", got, test.trailer)
			}
		})
	}
}

// What the origin flushes arrives before the origin goes on.
func TestResponseIsNotHeldBack(t *testing.T) {
	read := make(chan struct{})
	_, edge, transport := behindEdge(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first")
		w.(http.Flusher).Flush()
		select {
		case <-read:
		case <-time.After(patience):
			t.Error("the first part did not arrive while the second was not sent")
		}
		fmt.Fprint(w, "second")
	})
	response, err := (&http.Client{Transport: transport}).Get(edge.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, len("first"))
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "first" {
		t.Fatalf("%q, %v", first, err)
	}
	close(read)
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "second" {
		t.Fatalf("%q, %v", rest, err)
	}
}

// Interim responses reach the client, and 100 Continue is the origin's to say.
func TestInterimResponses(t *testing.T) {
	_, edge, transport := behindEdge(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		body, err := io.ReadAll(r.Body) // has net/http send 100 Continue
		if err != nil {
			t.Error(err)
		}
		w.Write(body)
	})
	var mu sync.Mutex
	var interim []int
	trace := &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			mu.Lock()
			defer mu.Unlock()
			interim = append(interim, code)
			return nil
		},
	}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "POST", edge.url("/"), strings.NewReader("content"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Expect", "100-continue")
	response, body := roundTrip(t, transport, request)
	if response.StatusCode != 200 || string(body) != "content" {
		t.Errorf("%s, %q", response.Status, body)
	}
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(interim) != "[103 100]" {
		t.Errorf("interim responses %v, want [103 100]", interim)
	}
}

// What the client offers to upgrade to is sent on, unless requests would be
// hidden in it. An origin that declines answers in HTTP, and both connections
// persist (RFC 9110 section 7.8).
func TestUpgradeDeclined(t *testing.T) {
	u, edge, _ := behindEdge(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Upgrade: %q, Connection: %q, settings: %d", r.Header.Get("Upgrade"), r.Header.Get("Connection"), len(r.Header["Http2-Settings"]))
	})
	c := dialRaw(t, edge.Addr)
	for _, test := range []struct{ fields, want string }{
		{"Connection: Upgrade\r\nUpgrade: echo\r\n", `Upgrade: "echo", Connection: "upgrade", settings: 0`},
		{"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", `Upgrade: "", Connection: "", settings: 0`},
		{"Upgrade: echo\r\n", `Upgrade: "", Connection: "", settings: 0`},
	} {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n" + test.fields + "\r\n")
		if response, body := c.response("GET"); response.StatusCode != 200 || body != test.want {
			t.Errorf("%q: %s, %q", test.fields, response.Status, body)
		}
	}
	if n := u.Accepted.Load(); n != 1 {
		t.Errorf("%d origin connections, want 1", n)
	}
}

// When there is no origin the edge answers in its place.
func TestNoOrigin(t *testing.T) {
	u, edge, transport := behindEdge(t, func(w http.ResponseWriter, r *http.Request) {})
	u.Close()
	response, err := (&http.Client{Transport: transport}).Get(edge.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 502 && response.StatusCode != 503 || response.Header.Get("Proxy-Status") == "" {
		t.Errorf("%s, Proxy-Status: %q", response.Status, response.Header.Get("Proxy-Status"))
	}
}

// What the edge sends to the origin: the client's lines in their order and
// spelling, without those that concern the connection, and with Via.
func TestWhatTheOriginSees(t *testing.T) {
	heads := make(chan string, 1)
	origin := listenRaw(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
		}
		heads <- head.String()
		io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
	})
	edge := startEdge(t, origin)
	c := dialRaw(t, edge.Addr)
	c.send("GET /a?b HTTP/1.1\r\nhOsT: a\r\nX-Hop: 1\r\nConnection: close, x-hop\r\nZ: last\r\nAccept:*/*\r\n\r\n")
	c.response("GET")
	head := <-heads
	lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	var kept []string
	via := 0
	for _, line := range lines {
		if strings.HasPrefix(line, "Via: 1.1 ") {
			via++
			continue
		}
		kept = append(kept, line)
	}
	want := "GET /a?b HTTP/1.1|hOsT: a|Z: last|Accept:*/*"
	if got := strings.Join(kept, "|"); got != want || via != 1 {
		t.Errorf("the origin got %q, want %q and one Via", head, want)
	}
}

// listenRaw serves each connection with serve and returns the address.
func listenRaw(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			wg.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(patience))
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}
