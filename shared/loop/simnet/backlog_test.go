package simnet_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// Clients come while a listener closes, and another one takes its place a moment
// after. Every one of them is served, by the first or by the second; none is
// lost, and over TCP none is refused.
func TestCloseHandsOver(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "unix:/socket"} {
		var all handover
		seeds(t, 200, func(seed uint64) error {
			h := handover{rng: rand.New(rand.NewPCG(seed, 9))}
			err := simnet.New(seed, simnet.Rough(seed)).Run(loop.Config{MaxConns: 2}, func(g *loop.Group) error { return h.begin(g, address) })
			all.served[0] += h.served[0]
			all.served[1] += h.served[1]
			all.refused += h.refused
			return errors.Join(append(h.failures, err)...)
		})
		if all.served[0] == 0 || all.served[1] == 0 {
			t.Errorf("%s: the listeners served %d clients", address, all.served)
		}
		if all.refused > 0 && address[:4] != "unix" {
			t.Errorf("%s: %d clients were refused", address, all.refused)
		}
	}
}

// A handover is a group whose listener closes while clients come.
type handover struct {
	rng      *rand.Rand
	group    *loop.Group
	clients  int
	served   [2]int // by each listener
	refused  int
	failures []error
}

func (h *handover) begin(g *loop.Group, address string) error {
	const clients = 30
	h.group = g
	l := g.Loop(0)
	first, err := g.Listen(address, greet("1"))
	if err != nil {
		return err
	}
	at := first.Address()
	l.After(h.sometime(), func() {
		first.CloseThen(func() {
			if l.Stopping() {
				return // all have been here
			}
			if _, err := g.Listen(at.String(), greet("2")); err != nil {
				h.failures = append(h.failures, err)
			}
		})
	})
	for h.clients = range clients {
		l.After(h.sometime(), func() { l.Go(loop.Func(func() { h.visit(l, at) })) })
	}
	return nil
}

func (h *handover) sometime() time.Duration { return time.Duration(h.rng.IntN(int(time.Second / 5))) }

// greet tells each client who has accepted it.
func greet(name string) func(*loop.Conn) {
	return func(c *loop.Conn) {
		c.Loop().Go(loop.Func(func() {
			defer c.Close()
			c.Loop().Sleep(10 * time.Millisecond) // while others wait
			c.Write([]byte(name))
		}))
	}
}

func (h *handover) visit(l *loop.Loop, at *loop.Address) {
	defer func() {
		if h.clients--; h.clients < 0 {
			h.group.Stop()
		}
	}()
	c, err := l.Dial(at, 0)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		h.refused++
		return
	}
	if err != nil {
		h.failures = append(h.failures, err)
		return
	}
	defer c.Close()
	var by [1]byte
	if _, err := c.Read(by[:]); err != nil {
		h.failures = append(h.failures, fmt.Errorf("a client that had connected was not served: %w", err))
		return
	}
	h.served[by[0]-'1']++
}
