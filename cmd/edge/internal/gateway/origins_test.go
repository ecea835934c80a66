package gateway

import (
	"testing"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
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
