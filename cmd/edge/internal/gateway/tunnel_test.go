package gateway

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

const (
	asked     = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
	passedOn  = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: upgrade\r\nVia: 1.1 hopwire\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
)

// tunneled is a scene in which both sides have agreed on a tunnel when the scripts
// begin. It ends with the client's script, and a minute for the gateway.
func tunneled(t *testing.T, o simnet.Options, config Config, client, origin func(*loop.Conn), check func(*Gateway)) {
	t.Helper()
	for seed := range uint64(10) {
		var g *Gateway
		err := actWith(t, simnet.New(seed, o), config, &g, func(c *loop.Conn) {
			c.Write([]byte(asked))
			if got := hear(c, "\r\n\r\n"); got != switching {
				t.Errorf("seed %d: the client received %q", seed, got)
			}
			client(c)
			c.Close()
			c.Loop().Sleep(time.Minute)
		}, func(c *loop.Conn) {
			if got := hear(c, "\r\n\r\n"); got != passedOn {
				t.Errorf("seed %d: the origin received %q", seed, got)
			}
			c.Write([]byte(switching))
			origin(c)
		})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		if check != nil {
			check(g)
		}
		if g.counters.Tunnels != 1 || g.clients.Len() != 0 {
			t.Errorf("seed %d: %d tunnels, %d clients", seed, g.counters.Tunnels, g.clients.Len())
		}
	}
}

// endsBy wants the one client connection and its origin connection to have ended
// for these reasons.
func endsBy(t *testing.T, client Cause, origin pool.Cause) func(*Gateway) {
	return func(g *Gateway) {
		t.Helper()
		c := g.snapshot()
		if c.ClientEnds[client] != 1 || c.OriginEnds[origin] != 1 {
			t.Errorf("the ends are %v and %v, want %v and %v", c.ClientEnds, c.OriginEnds, client, origin)
		}
	}
}

// randomOctets is n octets that follow from the salt.
func randomOctets(n int, salt uint64) []byte {
	rng := rand.New(rand.NewPCG(salt, 6))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// expectAll reads to the end of stream.
func expectAll(t *testing.T, c *loop.Conn, want []byte) {
	t.Helper()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
		t.Errorf("received %d octets and %v, want %d and the end of the stream", len(got), err, len(want))
	}
}

// Octets pass both ways at once, whole and in order, whatever the network does
// to them, and each end of stream at its place.
func TestTunnelCarriesBothStreams(t *testing.T) {
	up, down := randomOctets(60_000, 1), randomOctets(100_000, 2)
	talk := func(mine, theirs []byte) func(*loop.Conn) {
		return func(c *loop.Conn) {
			var written loop.Signal
			done := false
			c.Loop().Go(loop.Func(func() {
				if n, err := c.Write(mine); err != nil {
					t.Errorf("%d octets written: %v", n, err)
				}
				c.CloseWrite()
				done = true
				written.FireAll()
			}))
			expectAll(t, c, theirs)
			if !done {
				written.Wait(c.Loop(), 0)
			}
		}
	}
	for seed := range seeds(20) {
		o := simnet.Rough(seed)
		o.Buffer, o.Piece = max(o.Buffer, 1000), max(o.Piece, 100) // or it takes a while
		tunneled(t, o, Config{}, talk(up, down), talk(down, up), func(g *Gateway) {
			endsBy(t, TunnelEnded, pool.Tunneled)(g)
			if c := g.counters; c.TunnelInbound != uint64(len(up)) || c.TunnelOutbound != uint64(len(down)) {
				t.Errorf("counted %d and %d octets", c.TunnelInbound, c.TunnelOutbound)
			}
		})
	}
}

// The side that has ended its stream still gets what the other one sends, however
// long that takes.
func TestTunnelHalfCloses(t *testing.T) {
	first := func(c *loop.Conn) {
		c.Write([]byte("question"))
		c.CloseWrite()
		expectAll(t, c, []byte("answer, and more"))
	}
	second := func(c *loop.Conn) {
		expectAll(t, c, []byte("question"))
		for _, piece := range []string{"answer", ", ", "and more"} {
			c.Loop().Sleep(50 * time.Minute)
			c.Write([]byte(piece))
		}
	}
	tunneled(t, simnet.Options{}, Config{}, first, second, endsBy(t, TunnelEnded, pool.Tunneled))
	tunneled(t, simnet.Options{}, Config{}, second, first, endsBy(t, TunnelEnded, pool.Tunneled))
}

// A reset is carried over, from a tunnel that is busy as from one that rests.
func TestTunnelResets(t *testing.T) {
	for _, pause := range []time.Duration{0, 100 * time.Millisecond, time.Minute} {
		resets := func(c *loop.Conn) {
			c.Write([]byte("hello"))
			c.Loop().Sleep(pause)
			c.Reset()
		}
		isReset := func(c *loop.Conn) {
			if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("after %v: %v, want a reset", pause, err)
			}
		}
		tunneled(t, simnet.Options{}, Config{}, resets, isReset, endsBy(t, ClientReset, pool.Aborted))
		tunneled(t, simnet.Options{}, Config{}, isReset, resets, endsBy(t, TunnelReset, pool.Failed))
	}
}

// A reset after the end of stream has nobody reading that would notice.
func TestTunnelResetAfterHalfClose(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Minute} {
		tunneled(t, simnet.Options{}, Config{}, func(c *loop.Conn) {
			c.CloseWrite()
			c.Loop().Sleep(pause)
			c.Reset()
		}, func(c *loop.Conn) {
			io.Copy(io.Discard, c)
			c.Loop().Sleep(2 * pause)
			for range 3 {
				c.Write([]byte("x"))
				c.Loop().Sleep(time.Second)
			}
			if _, err := c.Write([]byte("x")); err == nil {
				t.Error("the origin can write on")
			}
		}, endsBy(t, ClientReset, pool.Aborted))
	}
}

// What the origin said before it stopped reading arrives, although the client
// was still speaking.
func TestTunnelLastWords(t *testing.T) {
	tunneled(t, simnet.Options{}, Config{}, func(c *loop.Conn) {
		c.Loop().Go(loop.Func(func() { say(c, 20, time.Second, "word ") }))
		if got := hear(c, "bye"); got != "bye" {
			t.Errorf("received %q", got)
		}
		c.Loop().Sleep(10 * time.Second)
	}, func(c *loop.Conn) {
		hear(c, "word word ")
		c.Write([]byte("bye"))
	}, endsBy(t, TunnelReset, pool.Failed))
}

func TestTunnelTimeout(t *testing.T) {
	timed := func(want time.Duration, begin func(c *loop.Conn)) func(*loop.Conn) {
		return func(c *loop.Conn) {
			began := c.Loop().Now()
			begin(c)
			if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%v, want a reset", err)
			}
			if d := c.Loop().Now().Sub(began); d < want || d > want+time.Second {
				t.Errorf("ended after %v, want %v", d, want)
			}
		}
	}
	silent := func(c *loop.Conn) {}
	late := func(c *loop.Conn) { say(c, 3, 59*time.Minute, "x") }
	hour := time.Hour
	for _, test := range []struct {
		name           string
		client, origin func(*loop.Conn)
	}{
		{"silence", timed(hour, silent), timed(hour, silent)},
		{"one octet up now and then", timed(3*59*time.Minute+hour, late), timed(3*59*time.Minute+hour, silent)},
		{"one octet down now and then", timed(3*59*time.Minute+hour, silent), timed(3*59*time.Minute+hour, late)},
		{"silence after a half-close", timed(hour, func(c *loop.Conn) { c.CloseWrite() }), func(c *loop.Conn) { io.Copy(io.Discard, c); c.Loop().Sleep(2 * hour) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			tunneled(t, simnet.Options{}, Config{}, test.client, test.origin, endsBy(t, TunnelIdle, pool.Aborted))
		})
	}
}

// A side that takes nothing ends the tunnel too, once nothing goes the other way
// either.
func TestTunnelStalls(t *testing.T) {
	const size = 300_000
	tunneled(t, simnet.Options{}, Config{TunnelTimeout: time.Minute}, func(c *loop.Conn) {
		began := c.Loop().Now()
		c.Loop().Go(loop.Func(func() { c.Write(randomOctets(size, 1)) }))
		for range 100 { // what comes down keeps the tunnel open
			if got := hear(c, "x"); got != "x" {
				t.Errorf("received %q", got)
			}
		}
		if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v, want a reset", err)
		}
		if d := c.Loop().Now().Sub(began); d < 101*50*time.Second || d > 104*time.Minute {
			t.Errorf("ended after %v", d)
		}
	}, func(c *loop.Conn) {
		say(c, 100, 50*time.Second, "x")
		c.Loop().Sleep(time.Hour)
	}, endsBy(t, TunnelIdle, pool.Aborted))
}

// An origin that waits to be heard before it listens does not keep the tunnel of
// a client that has gone.
func TestTunnelOfAClientThatIsGone(t *testing.T) {
	const size = 300_000
	tunneled(t, simnet.Options{Buffer: 1000}, Config{}, func(c *loop.Conn) {
		c.Loop().Go(loop.Func(func() { c.Write(randomOctets(size, 1)) }))
		c.Loop().Sleep(time.Second)
		c.Reset()
		c.Loop().Sleep(2 * time.Hour)
	}, func(c *loop.Conn) {
		began := c.Loop().Now()
		if _, err := c.Write(randomOctets(size, 2)); err == nil {
			t.Error("all was taken")
		}
		if d := c.Loop().Now().Sub(began); d > 10*time.Second {
			t.Errorf("the origin was left alone for %v", d)
		}
	}, endsBy(t, ClientReset, pool.Aborted))
}

// A receiver that is slow, but takes something, may take as long as it likes.
func TestTunnelToASlowReceiver(t *testing.T) {
	const size = 200_000
	tunneled(t, simnet.Options{Buffer: 2000}, Config{TunnelTimeout: 3 * time.Minute}, func(c *loop.Conn) {
		c.Write(randomOctets(size, 1))
		c.CloseWrite()
		io.Copy(io.Discard, c)
	}, func(c *loop.Conn) {
		got, p := []byte(nil), make([]byte, 2000)
		for {
			c.Loop().Sleep(40 * time.Second)
			n, err := c.Read(p)
			got = append(got, p[:n]...)
			if err != nil {
				break
			}
		}
		if !bytes.Equal(got, randomOctets(size, 1)) {
			t.Errorf("received %d octets", len(got))
		}
	}, endsBy(t, TunnelEnded, pool.Tunneled))
}

// Octets that are taken from one side put the end off, copied or spliced, although
// the other side has no room for them yet.
func TestTunnelLivesByWhatItTakes(t *testing.T) {
	const buffer = 32 << 10
	room := randomOctets(2*buffer, 1) // what fits between the gateway and the client
	for _, piece := range []int{1 << 10, 2 * buffer} {
		tunneled(t, simnet.Options{Buffer: buffer}, Config{TunnelTimeout: 10 * time.Second}, func(c *loop.Conn) {
			c.Loop().Sleep(15 * time.Second)
			if n := len(hear(c, "the end")); n != len(room)+len("the end") {
				t.Errorf("in pieces of %d: %d octets came", piece, n)
			}
		}, func(c *loop.Conn) {
			for p := range slices.Chunk(room, piece) {
				c.Write(p)
				c.Loop().Sleep(time.Millisecond)
			}
			c.Loop().Sleep(9 * time.Second)
			c.Write([]byte("the end"))
			hear(c, "never")
		}, nil)
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
			scene(t, simnet.Options{}, Config{}, func(c *loop.Conn) {
				for piece := range strings.SplitSeq(test.pieces, "|") {
					c.Write([]byte(piece))
					c.Loop().Sleep(10 * time.Millisecond)
				}
				if got := hear(c, "\r\n\r\nbehind"); got != switching+"behind" {
					t.Errorf("the client received %q", got)
				}
				c.Write([]byte(test.after))
				c.CloseWrite()
				expectAll(t, c, []byte("early"))
			}, func(c *loop.Conn) {
				if got := hear(c, "\r\n\r\n"); got != passedOn {
					t.Errorf("the origin received %q", got)
				}
				c.ReadDeadline(c.Loop().Now().Add(time.Second))
				if n, err := c.Read(make([]byte, 1)); n > 0 {
					t.Errorf("octets before the 101: %v", err)
				}
				c.ReadDeadline(0)
				c.Write([]byte(switching + "behind"))
				io.Copy(c, c)
			})
		})
	}
}

// Every other answer leaves both connections in HTTP: what the client has sent
// behind the request is its next request.
func TestUpgradeDeclined(t *testing.T) {
	scene(t, simnet.Options{}, Config{}, func(c *loop.Conn) {
		c.Write([]byte(asked + get("/next")))
		if got := hear(c, "hello"); got != hello {
			t.Errorf("received %q", got)
		}
		if got := hear(c, "hello"); got != hello {
			t.Errorf("received %q", got)
		}
	}, func(c *loop.Conn) {
		for _, want := range []string{passedOn, "GET /next HTTP/1.1\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n"} {
			if got := hear(c, "\r\n\r\n"); got != want {
				t.Errorf("the origin received %q", got)
			}
			c.Write([]byte(hello))
		}
		hear(c, "anything")
	})
}

// A tunnel that was not agreed on is none, and the origin connection is not used
// again. The client's is: it has been given an answer.
func TestSwitchingThatWasNotAgreedOn(t *testing.T) {
	scene(t, simnet.Options{}, Config{}, func(c *loop.Conn) {
		for range 2 {
			c.Write([]byte(asked))
			got := hear(c, "\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, `error=http_upgrade_failed; details="switching-protocols-not-offered"`) {
				t.Errorf("received %q", got)
			}
		}
	}, func(c *loop.Conn) {
		hear(c, "\r\n\r\n")
		c.Write([]byte(strings.Replace(switching, "echo", "other", 1)))
		if got := hear(c, "\r\n\r\n"); got != "" {
			t.Errorf("a second request: %q", got)
		}
	})
}

// The body of a request comes before the tunnel.
func TestUpgradeWithBody(t *testing.T) {
	scene(t, simnet.Options{}, Config{}, func(c *loop.Conn) {
		c.Write([]byte(strings.Replace(asked, "Host: a\r\n", "Host: a\r\nContent-Length: 10\r\n", 1)))
		say(c, 5, time.Second, "ab")
		c.Write([]byte("tunnel"))
		if got := hear(c, "\r\n\r\n"); got != switching {
			t.Errorf("the client received %q", got)
		}
		if got := hear(c, "tunnel"); got != "tunnel" {
			t.Errorf("the client received %q", got)
		}
	}, func(c *loop.Conn) {
		hear(c, "\r\n\r\n")
		c.Write([]byte(switching)) // although the request goes on
		if got := hear(c, "ababababab"); got != "ababababab" {
			t.Errorf("the origin received %q", got)
		}
		io.Copy(c, c)
	})
}

// The client would wait for 100, and the origin for the new protocol.
func TestSwitchingBeforeContinue(t *testing.T) {
	scene(t, simnet.Options{}, Config{}, func(c *loop.Conn) {
		c.Write([]byte(strings.Replace(asked, "Host: a\r\n", "Host: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n", 1)))
		if got := hear(c, "\r\n\r\n"); !strings.Contains(got, "switching-protocols-before-continue") {
			t.Errorf("the client received %q", got)
		}
	}, func(c *loop.Conn) {
		hear(c, "\r\n\r\n")
		c.Write([]byte(switching))
		hear(c, "anything")
	})
}

// Wherever a connection breaks, what arrives is the beginning of what was sent,
// both connections end, and each end has a cause.
func TestTunnelCutAtEveryOctet(t *testing.T) {
	const question, answer = "what is it that you would like to know?", "nothing in particular"
	for _, kind := range []simnet.CutKind{simnet.CutReset, simnet.CutEnd} {
		for place := range 4 {
			for at := int64(1); at < int64(len(asked)+len(question)); at++ {
				o := simnet.Options{Fate: func(d simnet.Dial) (f simnet.Fate) {
					if cut := (simnet.Cut{Kind: kind, At: at}); int(d.Number) == 1+place/2 && place%2 == 0 {
						f.Up = cut
					} else if int(d.Number) == 1+place/2 {
						f.Down = cut
					}
					return f
				}}
				cutTunnel(t, o, question, answer)
			}
		}
	}
}

func cutTunnel(t *testing.T, o simnet.Options, question, answer string) {
	t.Helper()
	var g *Gateway
	err := actWith(t, simnet.New(1, o), Config{}, &g, func(c *loop.Conn) {
		c.Write([]byte(asked + question))
		c.CloseWrite()
		got, _ := io.ReadAll(c)
		if !strings.HasPrefix(switching+answer, string(got)) && !strings.HasPrefix(string(got), "HTTP/1.1 50") {
			t.Errorf("the client received %q", got)
		}
		c.Close()
		c.Loop().Sleep(2 * time.Hour)
	}, func(c *loop.Conn) {
		if got := hear(c, "\r\n\r\n"); !strings.HasPrefix(passedOn, got) {
			t.Errorf("the origin received %q", got)
		}
		c.Write([]byte(switching + answer))
		got, _ := io.ReadAll(c)
		if !strings.HasPrefix(question, string(got)) {
			t.Errorf("the origin received %q", got)
		}
	})
	ends := uint64(0)
	for _, n := range g.counters.ClientEnds {
		ends += n
	}
	if err != nil || g.clients.Len() != 0 || ends != g.counters.Clients || g.counters.ClientEnds[Broken]+g.counters.ClientEnds[CutOff] > 0 {
		t.Errorf("%v, %d clients are left, ends %v", err, g.clients.Len(), g.counters.ClientEnds)
	}
}

// An idle tunnel has no task and no buffer: what it costs are its structs, and
// those of its two connections.
func TestIdleTunnelCosts(t *testing.T) {
	if n := unsafe.Sizeof(tunnel{}); n > 256 {
		t.Errorf("a tunnel has %d octets", n)
	}
	if n := unsafe.Sizeof(exchange{}); n > 768 {
		t.Errorf("an exchange has %d octets", n)
	}
	var gateway *Gateway
	looked := false
	err := actWith(t, simnet.New(1, simnet.Options{}), Config{}, &gateway, func(c *loop.Conn) {
		c.Write([]byte(asked))
		hear(c, "\r\n\r\n")
		for range 3 {
			c.Write([]byte("hello"))
			hear(c, "hello")
			c.Loop().Sleep(2 * tunnelRest)
			x := gateway.clients.First().exchange
			looked = true
			if tn := x.tunnel; tn.tasks > 0 || x.clientHop.buffer != nil || x.originHop.buffer != nil || x.pad != nil {
				t.Errorf("%+v of %+v", tn, x)
			}
		}
	}, func(c *loop.Conn) {
		hear(c, "\r\n\r\n")
		c.Write([]byte(switching))
		io.Copy(c, c)
	})
	if err != nil || !looked {
		t.Error(err)
	}
}

// Draining leaves tunnels alone; being stopped ends them, with a cause.
func TestTunnelOutlastsDraining(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Minute} {
		var out page
		log := accesslog.New(&out, nil)
		var g *Gateway
		err := actWith(t, simnet.New(1, simnet.Options{}), Config{Log: log}, &g, func(c *loop.Conn) {
			c.Write([]byte(asked))
			hear(c, "\r\n\r\n")
			g.drain()
			c.Loop().Sleep(10 * time.Minute)
			c.Write([]byte("hello"))
			if got := hear(c, "hello"); got != "hello" {
				t.Errorf("received %q while draining", got)
			}
			c.Loop().Sleep(pause)
			g.cutTunnels()
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%v, want a reset", err)
			}
		}, func(c *loop.Conn) {
			hear(c, "\r\n\r\n")
			c.Write([]byte(switching))
			io.Copy(c, c)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if line := out.String(); !strings.Contains(line, `"GET /chat HTTP/1.1" 101 5 `) || !strings.HasSuffix(line, " c1#1 -> o1#1 cut-off/aborted tunnel=5/5\n") {
			t.Errorf("logged %q", line)
		}
	}
}

// A task that breaks costs the tunnel, and nothing else.
func TestTunnelBreaks(t *testing.T) {
	var reported []error
	var g *Gateway
	w := simnet.New(1, simnet.Options{})
	err := w.Run(loop.Config{Report: func(err error) { reported = append(reported, err) }}, func(group *loop.Group) (err error) {
		g, err = setTheScene(t, group, Config{}, func(c *loop.Conn) {
			c.Write([]byte(asked))
			hear(c, "\r\n\r\n")
			g.clients.First().exchange.tunnel.up.to = nil
			c.Write([]byte("hello"))
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%v, want a reset", err)
			}
			c.Loop().Sleep(time.Minute)
		}, func(c *loop.Conn) {
			hear(c, "\r\n\r\n")
			c.Write([]byte(switching))
			if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%v, want a reset", err)
			}
		})
		return err
	})
	if err != nil || len(reported) != 1 || g.clients.Len() != 0 {
		t.Errorf("%v, reported %v, %d clients are left", err, reported, g.clients.Len())
	}
	endsBy(t, Broken, pool.Aborted)(g)
}
