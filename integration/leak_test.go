package integration

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/hopwire/hopwire/integration/internal/browse"
)

// However connections end, none stays behind: when the clients are gone, origin
// and edge have as many descriptors as before they came.
func TestDescriptorsAreGivenBack(t *testing.T) {
	const rounds = 40
	// Each loop opens files for itself, so there is one, to know what is open.
	origin := startOrigin(t, writeSite(t), "--loops", "1")
	edge := startEdge(t, origin.Addr, "--loops", "1")
	get := func(name string) string { return "GET " + name + " HTTP/1.1\r\nHost: a\r\n\r\n" }
	ends := map[string]func(c *rawConn){
		"silence":     func(c *rawConn) {},
		"half a head": func(c *rawConn) { c.send("GET / HT") },
		"half a body": func(c *rawConn) { c.send("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc") },
		"half a chunk": func(c *rawConn) {
			c.send("POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
		},
		"nonsense":              func(c *rawConn) { c.send("nonsense\r\n\r\n"); c.rest() },
		"answer not read":       func(c *rawConn) { c.send(get(largeFile)) },
		"answer partly read":    func(c *rawConn) { c.send(get(largeFile)); c.r.Peek(1000) },
		"reset":                 func(c *rawConn) { c.send(get(largeFile)); c.Conn.(*net.TCPConn).SetLinger(0) },
		"half-closed":           func(c *rawConn) { c.send(get(smallFile)); c.Conn.(*net.TCPConn).CloseWrite(); c.rest() },
		"idle":                  func(c *rawConn) { c.send(get(smallFile)); c.response("GET") },
		"more than it asks for": func(c *rawConn) { c.send(get(smallFile) + get(smallFile) + "GET"); c.response("GET") },
	}
	for _, s := range []*server{origin, edge} {
		// Files that were served stay open for a while.
		for name := range site {
			rawAnswer(t, s.Addr, "GET "+name+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		}
		before := descriptors(t, s)
		for end, use := range ends {
			t.Run(fmt.Sprint(end, " to ", s.Name), func(t *testing.T) {
				var wg sync.WaitGroup
				for range rounds {
					c := dialRaw(t, s.Addr)
					wg.Go(func() {
						use(c)
						c.Close()
					})
				}
				wg.Wait()
			})
		}
		if s == edge {
			// Its pool keeps connections for a while, but not without an origin.
			if err := origin.Stop(patience); err != nil {
				t.Error(err)
			}
		}
		eventually(t, func() string {
			if after := descriptors(t, s); after > before {
				return fmt.Sprintf("%s has %d descriptors, and had %d before", s.Name, after, before)
			}
			return ""
		})
	}
}

// Nor does it leave any behind that a site is visited and an origin is not there.
func TestDescriptorsAreGivenBackWithoutOrigin(t *testing.T) {
	origin := startOrigin(t, "")
	edge := startEdge(t, origin.Addr)
	before := descriptors(t, edge)
	for range 10 {
		if _, err := browse.Visit(t.Context(), edge.url("/"), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := origin.Stop(patience); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		response, err := http.Get(edge.url("/"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	eventually(t, func() string {
		if after := descriptors(t, edge); after > before {
			return fmt.Sprintf("the edge has %d descriptors, and had %d before", after, before)
		}
		return ""
	})
}

func descriptors(t *testing.T, s *server) int {
	t.Helper()
	n, err := s.Descriptors()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
