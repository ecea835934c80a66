package gateway

import (
	"testing"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

// An update reaches the clients of every loop, and what the origin that left has
// counted is not forgotten.
func TestSetOriginsReachesEveryLoop(t *testing.T) {
	a := scripted(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"))
	b := scripted(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"))
	r := startLoops(t, 3, Config{}, a.address)
	var clients []*peer
	for range 6 {
		clients = append(clients, r.dial())
	}
	ask := func(want string) {
		t.Helper()
		for _, c := range clients {
			c.send(get("/"))
			if _, content := c.response("GET"); content != want {
				t.Errorf("%s answered, want %s", content, want)
			}
		}
	}
	ask("a")
	before := r.server.Counters()
	r.server.SetOrigins(0, []origins.Member{{Address: mustParse(t, b.address)}})
	after := r.server.Counters() // every loop has had its turn
	if after.Origins != before.Origins || after.Origins == 0 {
		t.Errorf("%d connections had been made, now %d", before.Origins, after.Origins)
	}
	ask("b")
}

// A request that is sent again, and finds its origin gone, goes to another one on
// a new connection: one that waits there may be as stale as the first.
func TestSentAgainElsewhereOnANewConnection(t *testing.T) {
	var dying *origin
	dying = scripted(t, func(_ int, p *peer) {
		p.head()
		p.send(hello)
		dying.ln.Close()
		p.head() // and ends without an answer
	})
	served := make(chan int, 2)
	other := scripted(t, func(i int, p *peer) {
		for {
			if _, err := p.in.Peek(1); err != nil {
				return
			}
			p.head()
			served <- i
			p.send(hello)
		}
	})
	r := start(t, Config{}, dying.address, other.address)
	c := r.dial()
	for range 3 {
		c.send(get("/"))
		c.expectStatus(200)
	}
	if first, second := <-served, <-served; first != 0 || second != 1 {
		t.Errorf("served on connections %d and %d of the other origin", first, second)
	}
	if ends := r.server.Counters().OriginEnds; ends[pool.MadeRoom] != 1 {
		t.Errorf("ends %v", ends)
	}
}
