package gateway

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A talker is one end of a tunnel that does what a seed says: it sends octets,
// pauses, and ends its stream, or the whole connection, where it likes.
type talker struct {
	rng   *rand.Rand
	sends string

	received []byte
	whole    bool // what it has received ended in order
	ended    bool // it has ended its own stream in order, after all that it sends
	quiet    bool // it sends no more
}

// talk goes on until nothing more is received.
func (k *talker) talk(p *peer) {
	p.start(func() { k.speak(p) })
	b := make([]byte, 1+k.rng.IntN(20_000))
	for {
		n, err := p.Read(b)
		k.received = append(k.received, b[:n]...)
		if err != nil {
			k.whole = err == io.EOF
			break
		}
		if k.rng.IntN(10) == 0 {
			k.pause(p, time.Second)
		}
	}
	for !k.quiet && p.sleep(time.Second) == nil {
	}
}

func (k *talker) speak(p *peer) {
	defer func() { k.quiet = true }()
	for left := k.sends; left != ""; {
		n := 1 + k.rng.IntN(len(left))
		if _, err := p.Write([]byte(left[:n])); err != nil {
			return
		}
		left = left[n:]
		switch k.rng.IntN(30) {
		case 0:
			p.Reset()
			return
		case 1, 2, 3:
			k.pause(p, 3*tunnelRest)
		}
	}
	k.ended = p.CloseWrite() == nil
}

func (k *talker) pause(p *peer, d time.Duration) { p.sleep(time.Duration(k.rng.IntN(int(d)))) }

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
		client := &talker{rng: rng, sends: randomOctets(rng.IntN(1<<rng.IntN(18)), 1)}
		origin := &talker{rng: rng, sends: randomOctets(rng.IntN(1<<rng.IntN(18)), 2)}
		stage{world: o, seed: seed}.visit(t, Config{TunnelTimeout: time.Hour}, func(c *peer) {
			c.offer(asked)
			if c.until("\r\n\r\n") == switching {
				client.talk(c)
			}
			c.Close()
			c.sleep(3 * time.Hour)
			c.checkEnds()
			for _, way := range [...]struct{ from, to *talker }{{client, origin}, {origin, client}} {
				switch {
				case !strings.HasPrefix(way.from.sends, string(way.to.received)):
					c.errorf("other octets arrived than were sent")
				case way.to.whole && (!way.from.ended || len(way.to.received) < len(way.from.sends)):
					c.errorf("%d octets of %d ended in order (sent whole: %v)", len(way.to.received), len(way.from.sends), way.from.ended)
				case way.to.whole:
					whole++
				}
			}
			for cause, n := range c.counters().ClientEnds {
				ends[Cause(cause)] += int(n)
			}
		}, func(p *peer) {
			if p.until("\r\n\r\n") == passedOn {
				p.offer(switching)
				origin.talk(p)
			}
		})
	}
	if ends[TunnelEnded] == 0 || ends[TunnelReset] == 0 || ends[ClientReset] == 0 || whole == 0 {
		t.Errorf("the worlds were not hostile, or nothing but: %v, %d streams arrived whole", ends, whole)
	}
}
