package gateway

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

const (
	asked     = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
	passedOn  = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: upgrade\r\nVia: 1.1 hopwire\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
)

// playTunnel plays a scene in which both sides have agreed on a tunnel when the
// scripts begin. It ends with the client's script, and a minute for the gateway.
func (st stage) playTunnel(t *testing.T, config Config, client, origin script, check func(*scene)) {
	t.Helper()
	st.visit(t, config, func(c *peer) {
		c.send(asked)
		c.expect(switching)
		client(c)
		c.Close()
		c.sleep(time.Minute)
		check(c.scene)
		if n := c.counters().Tunnels; n != 1 {
			c.errorf("%d tunnels", n)
		}
		c.checkRest()
	}, func(p *peer) {
		p.expect(passedOn)
		p.send(switching)
		origin(p)
	})
}

// endsBy wants the one client connection and its origin connection to have ended
// for these reasons.
func endsBy(client Cause, origin pool.Cause) func(*scene) {
	return func(s *scene) {
		s.t.Helper()
		c := s.counters()
		if c.ClientEnds[client] != 1 || c.OriginEnds[origin] != 1 {
			s.errorf("the ends are %v and %v, want %v and %v", c.ClientEnds, c.OriginEnds, client, origin)
		}
	}
}

// randomOctets is n octets that follow from the salt.
func randomOctets(n int, salt uint64) string {
	rng := rand.New(rand.NewPCG(salt, 6))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return string(b)
}

// Octets pass both ways at once, whole and in order, whatever the network does
// to them, and each end of stream at its place.
func TestTunnelCarriesBothStreams(t *testing.T) {
	up, down := randomOctets(60_000, 1), randomOctets(100_000, 2)
	talk := func(mine, theirs string) script {
		return func(p *peer) {
			done := false
			p.start(func() {
				p.send(mine)
				p.CloseWrite()
				done = true
			})
			p.expect(theirs)
			p.expectEnd()
			p.await("the other direction", func() bool { return done })
		}
	}
	for seed := range seeds(20) {
		o := simnet.Rough(seed)
		o.Buffer, o.Piece = max(o.Buffer, 1000), max(o.Piece, 100) // or it takes a while
		stage{world: o, seed: seed}.playTunnel(t, Config{}, talk(up, down), talk(down, up), func(s *scene) {
			endsBy(TunnelEnded, pool.Tunneled)(s)
			if c := s.counters(); c.TunnelInbound != uint64(len(up)) || c.TunnelOutbound != uint64(len(down)) {
				s.errorf("counted %d and %d octets", c.TunnelInbound, c.TunnelOutbound)
			}
		})
	}
}

// The side that has ended its stream still gets what the other one sends, however
// long that takes.
func TestTunnelHalfCloses(t *testing.T) {
	first := func(p *peer) {
		p.send("question")
		p.CloseWrite()
		p.expect("answer, and more")
		p.expectEnd()
	}
	second := func(p *peer) {
		p.expect("question")
		p.expectEnd()
		for _, piece := range []string{"answer", ", ", "and more"} {
			p.sleep(50 * time.Minute)
			p.send(piece)
		}
	}
	smooth.playTunnel(t, Config{}, first, second, endsBy(TunnelEnded, pool.Tunneled))
	smooth.playTunnel(t, Config{}, second, first, endsBy(TunnelEnded, pool.Tunneled))
}

// A reset is carried over, from a tunnel that is busy as from one that rests.
func TestTunnelResets(t *testing.T) {
	for _, pause := range []time.Duration{0, 100 * time.Millisecond, time.Minute} {
		on := smooth.called(fmt.Sprint("after ", pause))
		reset := func(p *peer) {
			p.send("hello")
			p.sleep(pause)
			p.Reset()
		}
		on.playTunnel(t, Config{}, reset, isReset, endsBy(ClientReset, pool.Aborted))
		on.playTunnel(t, Config{}, isReset, reset, endsBy(TunnelReset, pool.Failed))
	}
}

// A reset after the end of stream has nobody reading that would notice.
func TestTunnelResetAfterHalfClose(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Minute} {
		smooth.playTunnel(t, Config{}, func(c *peer) {
			c.CloseWrite()
			c.sleep(pause)
			c.Reset()
			c.sleep(2 * pause)
		}, func(p *peer) {
			p.drain()
			p.sleep(2 * pause)
			p.sendEvery(time.Second, 3, "x")
			if _, err := p.Write([]byte("x")); err == nil {
				p.errorf("it can write on")
			}
		}, endsBy(ClientReset, pool.Aborted))
	}
}

// What the origin said before it stopped reading arrives, although the client
// was still speaking.
func TestTunnelLastWords(t *testing.T) {
	smooth.playTunnel(t, Config{}, func(c *peer) {
		c.start(func() { c.sendEvery(time.Second, 20, "word ") })
		c.expect("bye")
		c.sleep(10 * time.Second)
	}, func(p *peer) {
		p.expect("word word ")
		p.send("bye")
	}, endsBy(TunnelReset, pool.Failed))
}

func TestTunnelTimeout(t *testing.T) {
	timed := func(want time.Duration, begin script) script {
		return func(p *peer) {
			p.expectWithin(want, want+time.Second, func() {
				begin(p)
				p.expectReset()
			})
		}
	}
	quiet := func(*peer) {}
	late := func(p *peer) { p.sendEvery(59*time.Minute, 3, "x") }
	hour := time.Hour
	for _, test := range []struct {
		name           string
		client, origin script
	}{
		{"silence", timed(hour, quiet), timed(hour, quiet)},
		{"one octet up now and then", timed(3*59*time.Minute+hour, late), timed(3*59*time.Minute+hour, quiet)},
		{"one octet down now and then", timed(3*59*time.Minute+hour, quiet), timed(3*59*time.Minute+hour, late)},
		{"silence after a half-close", timed(hour, halfCloses), func(p *peer) { p.drain(); p.sleep(2 * hour) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			smooth.playTunnel(t, Config{}, test.client, test.origin, endsBy(TunnelIdle, pool.Aborted))
		})
	}
}

// A side that takes nothing ends the tunnel too, once nothing goes the other way
// either.
func TestTunnelStalls(t *testing.T) {
	smooth.playTunnel(t, Config{TunnelTimeout: time.Minute}, func(c *peer) {
		c.expectWithin(101*50*time.Second, 104*time.Minute, func() {
			c.start(func() { c.offer(randomOctets(300_000, 1)) })
			c.expect(strings.Repeat("x", 100)) // what comes down keeps the tunnel open
			c.expectReset()
		})
	}, func(p *peer) {
		p.sendEvery(50*time.Second, 100, "x")
		p.sleep(time.Hour)
	}, endsBy(TunnelIdle, pool.Aborted))
}

// An origin that waits to be heard before it listens does not keep the tunnel of
// a client that has gone.
func TestTunnelOfAClientThatIsGone(t *testing.T) {
	const size = 300_000
	narrow.playTunnel(t, Config{}, func(c *peer) {
		c.start(func() { c.offer(randomOctets(size, 1)) })
		c.sleep(time.Second)
		c.Reset()
	}, func(p *peer) {
		p.expectWithin(0, 10*time.Second, func() {
			if _, err := p.Write([]byte(randomOctets(size, 2))); err == nil {
				p.errorf("all was taken")
			}
		})
	}, endsBy(ClientReset, pool.Aborted))
}

// A receiver that is slow, but takes something, may take as long as it likes.
func TestTunnelToASlowReceiver(t *testing.T) {
	octets := randomOctets(200_000, 1)
	slow := stage{world: simnet.Options{Buffer: 2000}}
	slow.playTunnel(t, Config{TunnelTimeout: 3 * time.Minute}, func(c *peer) {
		c.send(octets)
		c.CloseWrite()
		c.drain()
	}, func(p *peer) {
		var got strings.Builder
		for b := make([]byte, 2000); ; {
			p.sleep(40 * time.Second)
			n, err := p.Read(b)
			got.Write(b[:n])
			if err != nil {
				break
			}
		}
		if got.String() != octets {
			p.errorf("received %d octets", got.Len())
		}
	}, endsBy(TunnelEnded, pool.Tunneled))
}

// Octets that are taken from one side put the end off, copied or spliced, although
// the other side has no room for them yet.
func TestTunnelLivesByWhatItTakes(t *testing.T) {
	const buffer = 32 << 10
	room := randomOctets(2*buffer, 1) // what fits between the gateway and the client
	for _, piece := range []int{1 << 10, 2 * buffer} {
		on := stage{seeds: 10, world: simnet.Options{Buffer: buffer}}.called(fmt.Sprint("pieces of ", piece))
		on.playTunnel(t, Config{TunnelTimeout: 10 * time.Second}, func(c *peer) {
			c.sleep(15 * time.Second)
			c.expect(room, "the end")
		}, func(p *peer) {
			for octets := range slices.Chunk([]byte(room), piece) {
				p.Write(octets)
				p.sleep(time.Millisecond)
			}
			p.sleep(9 * time.Second)
			p.send("the end")
			p.drain()
		}, func(*scene) {})
	}
}

// Nothing is lost at the point where HTTP ends: what came behind the 101, and
// what the client sent before it.
func TestTunnelBeginsAtTheOctet(t *testing.T) {
	for _, test := range []struct {
		name          string
		pieces, after string // from the client, before and after it sees the 101
	}{
		{"with the request", asked + "early", ""},
		{"behind it", asked + "|early", ""},
		{"both, and later", asked + "ea|rl", "y"},
	} {
		t.Run(test.name, func(t *testing.T) {
			smooth.visit(t, Config{}, func(c *peer) {
				for piece := range strings.SplitSeq(test.pieces, "|") {
					c.send(piece)
					c.sleep(10 * time.Millisecond)
				}
				c.expect(switching, "behind")
				c.send(test.after)
				c.CloseWrite()
				c.expect("early")
				c.expectEnd()
			}, func(p *peer) {
				p.expect(passedOn)
				p.SetReadDeadline(p.now().Add(time.Second))
				if n, err := p.Read(make([]byte, 1)); n > 0 {
					p.errorf("octets before the 101: %v", err)
				}
				p.SetReadDeadline(time.Time{})
				p.send(switching + "behind")
				echo(p)
			})
		})
	}
}

// Every other answer leaves both connections in HTTP: what the client has sent
// behind the request is its next request.
func TestUpgradeDeclined(t *testing.T) {
	smooth.visit(t, Config{}, func(c *peer) {
		c.send(asked + get("/next"))
		c.expect(hello, hello)
	}, func(p *peer) {
		for _, want := range []string{passedOn, toOrigin(get("/next"))} {
			p.expect(want)
			p.send(hello)
		}
		p.drain()
	})
}

// A tunnel that was not agreed on is none, and the origin connection is not used
// again. The client's is: it has been given an answer.
func TestSwitchingThatWasNotAgreedOn(t *testing.T) {
	smooth.visit(t, Config{}, func(c *peer) {
		for range 2 {
			c.send(asked)
			c.expectRefusal(502, `error=http_upgrade_failed; details="switching-protocols-not-offered"`)
		}
	}, func(p *peer) {
		p.head()
		p.send(strings.Replace(switching, "echo", "other", 1))
		if got := p.head(); got != "" {
			p.errorf("a second request: %q", got)
		}
	})
}

// Many a server sends a length with its 101, which means nothing (RFC 9112 section
// 6.3) and is not sent on (RFC 9110 section 8.6).
func TestSwitchingWithLength(t *testing.T) {
	for _, length := range []string{"0", "7"} {
		smooth.called(length).visit(t, Config{}, func(c *peer) {
			c.send(asked, "tunnel")
			c.expect(switching, "tunnel")
		}, func(p *peer) {
			p.expect(passedOn)
			p.send(strings.Replace(switching, "\r\n\r\n", "\r\nContent-Length: "+length+"\r\n\r\n", 1))
			echo(p)
		})
	}
}

// The body of a request comes before the tunnel.
func TestUpgradeWithBody(t *testing.T) {
	smooth.visit(t, Config{}, func(c *peer) {
		c.send(strings.Replace(asked, "Host: a\r\n", "Host: a\r\nContent-Length: 10\r\n", 1))
		c.sendEvery(time.Second, 5, "ab")
		c.send("tunnel")
		c.expect(switching, "tunnel")
	}, func(p *peer) {
		p.head()
		p.send(switching) // although the request goes on
		p.expect("ababababab")
		echo(p)
	})
}

// The client would wait for 100, and the origin for the new protocol.
func TestSwitchingBeforeContinue(t *testing.T) {
	smooth.visit(t, Config{}, func(c *peer) {
		c.send(strings.Replace(asked, "Host: a\r\n", "Host: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n", 1))
		c.expectRefusal(502, "switching-protocols-before-continue")
	}, func(p *peer) {
		p.head()
		p.send(switching)
		p.drain()
	})
}

// Nor does either wait when there is no body, or it has begun.
func TestSwitchingWithoutContinue(t *testing.T) {
	for _, body := range []string{"", "ab"} {
		smooth.visit(t, Config{}, func(c *peer) {
			c.send(strings.Replace(asked, "Host: a\r\n", fmt.Sprintf("Host: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n", len(body)), 1))
			c.sleep(time.Second)
			c.send(body, "tunnel")
			c.expect(switching, "tunnel")
		}, func(p *peer) {
			p.head()
			p.expect(body)
			p.send(switching)
			echo(p)
		})
	}
}

// Wherever a connection breaks, what arrives is the beginning of what was sent,
// both connections end, and each end has a cause.
func TestTunnelCutAtEveryOctet(t *testing.T) {
	const question, answer = "what is it that you would like to know?", "nothing in particular"
	for _, b := range breaches() {
		for b.at = 1; b.at < int64(len(asked)+len(question)); b.at++ {
			if !cutTunnel(t, b, question, answer) {
				return
			}
		}
	}
}

func cutTunnel(t *testing.T, b breach, question, answer string) bool {
	return b.stage().visit(t, Config{}, func(c *peer) {
		c.offer(asked + question)
		c.CloseWrite()
		got, _ := io.ReadAll(c)
		if !strings.HasPrefix(switching+answer, string(got)) && !strings.HasPrefix(string(got), "HTTP/1.1 50") {
			c.errorf("received %q", got)
		}
		c.Close()
		c.sleep(2 * time.Hour)
		c.checkEnds()
	}, func(p *peer) {
		if got := p.until("\r\n\r\n"); !strings.HasPrefix(passedOn, got) {
			p.errorf("received %q", got)
		}
		p.offer(switching + answer)
		got, _ := io.ReadAll(p)
		if !strings.HasPrefix(question, string(got)) {
			p.errorf("received %q", got)
		}
	})
}

// Draining leaves tunnels alone; being stopped ends them, with a cause.
func TestTunnelOutlastsDraining(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Minute} {
		smooth.playTunnel(t, Config{}, func(c *peer) {
			c.server.Drain()
			c.sleep(10 * time.Minute)
			c.send("hello")
			c.expect("hello")
			c.sleep(pause)
			c.server.CutOff()
			c.expectReset()
		}, echo, func(s *scene) {
			if got, want := s.logged(), `"GET /chat HTTP/1.1" 101 5 c1#1 -> o1#1 cut-off/aborted tunnel=5/5`; got != want {
				s.errorf("logged %s, want %s", got, want)
			}
		})
	}
}
