package gateway

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A talker is one end of a tunnel that does what a seed says: it sends octets,
// pauses, and ends its stream, or the whole connection, where it likes.
type talker struct {
	conn  *loop.Conn
	rng   *rand.Rand
	sends []byte

	received []byte
	whole    bool // what it has received ended in order
	ended    bool // it has ended its own stream in order, after all that it sends
	quiet    loop.Signal
	speaking bool
}

// talk goes on until nothing more is received.
func (k *talker) talk(c *loop.Conn) {
	k.conn, k.speaking = c, true
	c.Loop().Go(loop.Func(k.speak))
	p := make([]byte, 1+k.rng.IntN(20_000))
	for {
		n, err := c.Read(p)
		k.received = append(k.received, p[:n]...)
		if err != nil {
			k.whole = err.Error() == "EOF"
			break
		}
		if k.rng.IntN(10) == 0 {
			c.Loop().Sleep(time.Duration(k.rng.IntN(int(time.Second))))
		}
	}
	for k.speaking && k.quiet.Wait(c.Loop(), 0) == nil {
	}
}

func (k *talker) speak() {
	defer k.quiet.FireAll()
	defer func() { k.speaking = false }()
	left := k.sends
	for len(left) > 0 {
		n := 1 + k.rng.IntN(len(left))
		if _, err := k.conn.Write(left[:n]); err != nil {
			return
		}
		left = left[n:]
		switch k.rng.IntN(30) {
		case 0:
			k.conn.Reset()
			return
		case 1, 2, 3:
			k.conn.Loop().Sleep(time.Duration(k.rng.IntN(int(3 * tunnelRest))))
		}
	}
	k.ended = k.conn.CloseWrite() == nil
}

// someReset resets one connection in five.
func someReset(rng *rand.Rand) (c simnet.Cut) {
	if rng.IntN(10) == 0 {
		c = simnet.Cut{Kind: simnet.CutReset, At: 1 + rng.Int64N(1<<(4+rng.IntN(14)))}
	}
	return c
}

// Whatever becomes of a tunnel, what arrives is the beginning of what was sent,
// and it ends in order only if it is all of it: a reset on one side never becomes
// an end of stream on the other. Nothing is left open or hangs.
func TestTunnelsInHostileWorlds(t *testing.T) {
	ends, whole := make(map[Cause]int), 0
	for seed := range seeds(300) {
		rng := rand.New(rand.NewPCG(seed, 8))
		o := simnet.Rough(seed)
		o.Fate = func(simnet.Dial) simnet.Fate { return simnet.Fate{Up: someReset(rng), Down: someReset(rng)} }
		o.Lifetime = 100 * time.Hour
		client := &talker{rng: rng, sends: randomOctets(rng.IntN(1<<rng.IntN(18)), 1)}
		origin := &talker{rng: rng, sends: randomOctets(rng.IntN(1<<rng.IntN(18)), 2)}
		g := new(Gateway)
		err := actWith(t, simnet.New(seed, o), Config{TunnelTimeout: time.Hour}, &g, func(c *loop.Conn) {
			c.Write([]byte(asked))
			if hear(c, "\r\n\r\n") == switching {
				client.talk(c)
			}
			c.Close()
			c.Loop().Sleep(3 * time.Hour)
		}, func(c *loop.Conn) {
			if hear(c, "\r\n\r\n") == passedOn {
				c.Write([]byte(switching))
				origin.talk(c)
			}
		})
		if err != nil || g.clients.Len() != 0 || g.counters.ClientEnds[Broken]+g.counters.ClientEnds[CutOff] > 0 {
			t.Errorf("seed %d: %v, %d clients are left, ends %v", seed, err, g.clients.Len(), g.counters.ClientEnds)
		}
		for _, s := range [...]struct{ from, to *talker }{{client, origin}, {origin, client}} {
			switch {
			case !bytes.HasPrefix(s.from.sends, s.to.received):
				t.Errorf("seed %d: other octets arrived than were sent", seed)
			case s.to.whole && (!s.from.ended || len(s.to.received) < len(s.from.sends)):
				t.Errorf("seed %d: %d octets of %d ended in order (sent whole: %v)", seed, len(s.to.received), len(s.from.sends), s.from.ended)
			case s.to.whole:
				whole++
			}
		}
		for cause, n := range g.counters.ClientEnds {
			ends[Cause(cause)] += int(n)
		}
	}
	if ends[TunnelEnded] == 0 || ends[TunnelReset] == 0 || ends[ClientReset] == 0 || whole == 0 {
		t.Errorf("the worlds were not hostile, or nothing but: %v, %d streams arrived whole", ends, whole)
	}
}
