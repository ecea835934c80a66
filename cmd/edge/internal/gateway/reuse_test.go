package gateway

import (
	"testing"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

func TestUses(t *testing.T) {
	o := scripted(t, answering(hello))
	c := start(t, Config{Pool: pool.Limits{Uses: 2}}, o.address).dial()
	for range 4 {
		c.send(get("/"))
		c.expect(hello)
	}
	if n := o.connections(); n != 2 {
		t.Errorf("%d connections for 4 requests of 2 each", n)
	}
}

func TestPoolIsBoundedAndLastInFirstOut(t *testing.T) {
	const clients = 4
	asked, answer := make(chan bool, clients), make(chan bool)
	o := scripted(t, func(i int, p *peer) {
		for {
			if _, err := p.in.Peek(1); err != nil {
				return
			}
			p.head()
			asked <- true
			<-answer
			p.send(hello)
		}
	})
	r := start(t, Config{Pool: pool.Limits{Max: 2}}, o.address)
	var all [clients]*peer
	for i := range all {
		all[i] = r.dial()
		all[i].send(get("/"))
		<-asked
	}
	for range all {
		answer <- true
	}
	for _, c := range all {
		c.expect(hello)
	}
	ends := r.server.Counters().OriginEnds
	if ends[pool.Kept] != clients || ends[pool.Displaced] != clients-2 {
		t.Errorf("ends %v", ends)
	}
	close(answer)
	for range 3 {
		all[0].send(get("/"))
		all[0].expect(hello)
	}
	if o.connections() != clients {
		t.Error("no connection of the pool was used")
	}
}
