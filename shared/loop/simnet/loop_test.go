package simnet_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
	"github.com/hopwire/hopwire/shared/wiretest"
)

var more = flag.Uint64("more", 1, "how many times as many worlds to try")

// seeds runs a test once for each of many worlds. A failing seed is named, and
// fails again.
func seeds(t *testing.T, n uint64, test func(seed uint64) error) {
	t.Helper()
	if n *= *more; testing.Short() || wiretest.RaceDetector {
		n = n/10 + 1
	}
	for seed := range n {
		if err := test(seed); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// octets are n random ones, the same for the same seed.
func octets(seed uint64, n int) []byte {
	rng, p := rand.New(rand.NewPCG(seed, 1)), make([]byte, n)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

// echo sends back what comes, parking the connection whenever it is quiet.
type echo struct{ conn *loop.Conn }

func acceptEcho(c *loop.Conn) { c.Park(&echo{c}, 0) }

func (e *echo) Readable(c *loop.Conn) { c.Loop().Go(e) }
func (e *echo) Expired(c *loop.Conn)  { c.Close() }
func (e *echo) Aborted(c *loop.Conn)  { c.Close() }

func (e *echo) Run() {
	buf := e.conn.Loop().Buffer()
	defer buf.Release()
	if _, err := buf.FillFrom(e.conn); err != nil {
		e.conn.Close()
		return
	}
	if _, err := e.conn.Write(buf.Unread()); err != nil {
		e.conn.Close()
		return
	}
	e.conn.Park(e, 0)
}

// clients run against a listener, and the group is stopped after the last.
type clients struct {
	group   *loop.Group
	to      *loop.Address
	clients []*simnet.Client
	left    int
}

func (p *clients) start(n int, client func(i int) simnet.Client) {
	l := p.group.Loop(0)
	p.left = n
	for i := range n {
		c := client(i)
		c.Loop, c.To, c.Done = l, p.to, p.ended
		p.clients = append(p.clients, &c)
		l.Post(func() { l.Go(&c) })
	}
}

func (p *clients) ended(*simnet.Client) {
	if p.left--; p.left == 0 {
		p.group.Stop()
	}
}

// run has clients run in a world, against what accept does.
func run(w *simnet.World, c loop.Config, accept func(*loop.Conn), n int, client func(i int) simnet.Client) (*clients, error) {
	p := &clients{}
	return p, w.Run(c, func(g *loop.Group) error {
		ln, err := g.Listen("127.0.0.1:0", accept)
		if err != nil {
			return err
		}
		p.group, p.to = g, ln.Address()
		p.start(n, client)
		return nil
	})
}

func echoing(seed uint64, size int) func(i int) simnet.Client {
	return func(i int) simnet.Client {
		return simnet.Client{Sends: octets(seed+uint64(i), size), EndsFirst: true}
	}
}

func (p *clients) checkEchoes() error {
	for i, c := range p.clients {
		if c.Err != nil {
			return fmt.Errorf("client %d: %w", i, c.Err)
		}
		if !bytes.Equal(c.Got, c.Sends) {
			return fmt.Errorf("client %d: %d bytes were sent, and %d others came back", i, len(c.Sends), len(c.Got))
		}
	}
	return nil
}

func TestEchoInManyWorlds(t *testing.T) {
	seeds(t, 2000, func(seed uint64) error {
		p, err := run(simnet.New(seed, simnet.Rough(seed)), loop.Config{}, acceptEcho, 3, echoing(seed, int(seed%1000)))
		return errors.Join(err, p.checkEchoes())
	})
}

// Connections come and go, so that reports of closed ones find their handles in
// the hands of others.
func TestHandlesAreUsedAgain(t *testing.T) {
	seeds(t, 500, func(seed uint64) error {
		o := simnet.Rough(seed)
		o.Spurious = 0.5
		p, err := run(simnet.New(seed, o), loop.Config{}, acceptEcho, 20, func(i int) simnet.Client {
			c := echoing(seed, 20)(i)
			c.After = time.Duration(i) * 3 * time.Millisecond
			return c
		})
		return errors.Join(err, p.checkEchoes())
	})
}

// trace runs clients in a hostile world and returns its history as text.
func trace(t *testing.T, seed uint64) (string, uint64) {
	t.Helper()
	var story strings.Builder
	o := simnet.Hostile(seed % 10) // few kinds of worlds, many histories
	o.History = func(s simnet.Step) { fmt.Fprintln(&story, s) }
	w := simnet.New(seed, o)
	run(w, loop.Config{}, acceptEcho, 3, patient(echoing(1, 500)))
	return story.String(), w.Digest()
}

func patient(client func(int) simnet.Client) func(int) simnet.Client {
	return func(i int) simnet.Client {
		c := client(i)
		c.Patience = time.Hour
		return c
	}
}

func TestOneSeedIsOneHistory(t *testing.T) {
	digests := make(map[uint64]uint64)
	for seed := range uint64(100) {
		story, digest := trace(t, seed)
		again, digestAgain := trace(t, seed)
		if story != again || digest != digestAgain {
			t.Fatalf("seed %d has two histories: digests %x and %x", seed, digest, digestAgain)
		}
		if other, seen := digests[digest]; seen {
			t.Errorf("seeds %d and %d have the same history:\n%s", other, seed, story)
		}
		digests[digest] = seed
	}
}

// Whatever strikes, every client's exchange ends, with an error that says why,
// and nothing stays open.
func TestHostileWorlds(t *testing.T) {
	failures := 0
	seeds(t, 2000, func(seed uint64) error {
		p, err := run(simnet.New(seed, simnet.Hostile(seed)), loop.Config{}, acceptEcho, 3, patient(echoing(seed, 1000)))
		for _, c := range p.clients {
			if !bytes.HasPrefix(c.Sends, c.Got) {
				err = errors.Join(err, errors.New("other bytes came back than were sent"))
			}
			if c.Err != nil {
				failures++
				err = errors.Join(err, named(c.Err))
			}
		}
		return err
	})
	if failures == 0 {
		t.Error("no fault has struck any client")
	}
}

// named is nil when the error is one that a connection may end with.
func named(err error) error {
	for _, known := range []error{
		syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.EPIPE, os.ErrDeadlineExceeded,
	} {
		if errors.Is(err, known) {
			return nil
		}
	}
	return fmt.Errorf("an unexpected end: %w", err)
}

// A direction is cut at each octet in turn, in both ways.
func TestCutsAtEveryOctet(t *testing.T) {
	const size = 60
	for _, kind := range []simnet.CutKind{simnet.CutReset, simnet.CutEnd} {
		for at := int64(0); at <= size; at++ {
			for _, f := range []simnet.Fate{
				{Up: simnet.Cut{Kind: kind, At: at}}, {Down: simnet.Cut{Kind: kind, At: at}},
			} {
				o := simnet.Rough(uint64(at))
				o.Fate = func(simnet.Dial) simnet.Fate { return f }
				p, err := run(simnet.New(uint64(at), o), loop.Config{}, acceptEcho, 1, echoing(1, size))
				if err := errors.Join(err, checkCut(p.clients[0], f)); err != nil {
					t.Errorf("%+v: %v", f, err)
				}
			}
		}
	}
}

func checkCut(c *simnet.Client, f simnet.Fate) error {
	switch {
	case int64(len(c.Got)) > f.Down.At && f.Down.Kind != simnet.CutNone,
		int64(len(c.Got)) > f.Up.At && f.Up.Kind != simnet.CutNone:
		return fmt.Errorf("%d bytes came back", len(c.Got))
	case !bytes.HasPrefix(c.Sends, c.Got):
		return errors.New("other bytes came back than were sent")
	case f.Down.Kind == simnet.CutEnd && c.Err != nil && int64(len(c.Got)) == f.Down.At:
		return fmt.Errorf("the end came as %w", c.Err)
	case f.Down.Kind == simnet.CutReset && !errors.Is(c.Err, syscall.ECONNRESET):
		return fmt.Errorf("the reset came as %v", c.Err)
	}
	return nil
}

func TestAnHourInMilliseconds(t *testing.T) {
	w, began := simnet.New(1, simnet.Options{}), time.Now()
	var slept, waited time.Duration
	var readErr error
	err := w.Run(loop.Config{}, func(g *loop.Group) error {
		ln, err := g.Listen("127.0.0.1:0", acceptEcho)
		l := g.Loop(0)
		l.Go(loop.Func(func() {
			defer g.Stop()
			l.Sleep(time.Hour)
			slept = w.Elapsed()
			c, err := l.Dial(ln.Address(), 0)
			if err != nil {
				readErr = err
				return
			}
			defer c.Close()
			c.ReadDeadline(l.Now().Add(time.Hour))
			_, readErr = c.Read(make([]byte, 1))
			waited = w.Elapsed() - slept
		}))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if !errors.Is(readErr, os.ErrDeadlineExceeded) {
		t.Errorf("a read that nobody answered: %v", readErr)
	}
	for _, d := range []time.Duration{slept, waited} {
		if d < time.Hour || d > time.Hour+10*time.Millisecond {
			t.Errorf("an hour took %v of simulated time", d)
		}
	}
	if real := time.Since(began); real > 10*time.Second {
		t.Errorf("two hours took %v of real time", real)
	}
}

func TestDialsThatFail(t *testing.T) {
	for _, c := range []struct {
		fate simnet.ConnectFate
		want error
	}{
		{simnet.ConnectRefused, syscall.ECONNREFUSED},
		{simnet.ConnectHangs, os.ErrDeadlineExceeded},
	} {
		o := simnet.Options{Fate: func(simnet.Dial) simnet.Fate { return simnet.Fate{Connect: c.fate} }}
		p, err := run(simnet.New(1, o), loop.Config{}, acceptEcho, 3, patient(echoing(1, 10)))
		if err != nil {
			t.Error(err)
		}
		for _, client := range p.clients {
			var op *net.OpError
			if !errors.Is(client.Err, c.want) || !errors.As(client.Err, &op) || op.Op != "dial" {
				t.Errorf("Dial = %v, want %v", client.Err, c.want)
			}
		}
	}
}

// A task that waits for what will not come ends the world at once, and is named
// as open no longer, since the loop has closed everything.
func TestDeadlockIsAnError(t *testing.T) {
	o := simnet.Options{Fate: func(simnet.Dial) simnet.Fate { return simnet.Fate{Connect: simnet.ConnectHangs} }}
	if _, err := run(simnet.New(1, o), loop.Config{}, acceptEcho, 1, echoing(1, 1)); !errors.Is(err, simnet.ErrQuiet) {
		t.Errorf("Run = %v, want ErrQuiet", err)
	}
}

func TestLifetime(t *testing.T) {
	w := simnet.New(1, simnet.Options{Lifetime: time.Hour})
	err := w.Run(loop.Config{}, func(g *loop.Group) error {
		g.Loop(0).Go(loop.Func(func() {
			for g.Loop(0).Sleep(time.Minute) == nil {
			}
		}))
		return nil
	})
	if !errors.Is(err, simnet.ErrLifetime) {
		t.Errorf("Run = %v, want ErrLifetime", err)
	}
}

// A writer with much to say meets a reader that sleeps between small reads.
func TestBackpressure(t *testing.T) {
	seeds(t, 30, func(seed uint64) error {
		o := simnet.Rough(seed)
		o.Buffer = 1 + int(seed)%100
		sent := octets(seed, 2000)
		slow := func(c *loop.Conn) {
			c.Loop().Go(loop.Func(func() {
				defer c.Close()
				var p [7]byte
				for {
					n, err := c.Read(p[:])
					if err != nil {
						return
					}
					c.Loop().Sleep(time.Second)
					c.Write(p[:n])
				}
			}))
		}
		w := simnet.New(seed, o)
		p, err := run(w, loop.Config{}, slow, 1, func(int) simnet.Client {
			return simnet.Client{Sends: sent, EndsFirst: true}
		})
		if least := time.Duration(len(sent)/7) * time.Second; w.Elapsed() < least {
			err = errors.Join(err, fmt.Errorf("the writer did not wait for the reader: %v, not %v", w.Elapsed(), least))
		}
		return errors.Join(err, p.checkEchoes())
	})
}

// With too few sockets, and with a bound on connections, accepting pauses and
// goes on: everybody is served in the end.
func TestAcceptingPauses(t *testing.T) {
	seeds(t, 300, func(seed uint64) error {
		o := simnet.Rough(seed)
		config := loop.Config{MaxConns: 2}
		p, err := run(simnet.New(seed, o), config, acceptEcho, 10, echoing(seed, 100))
		return errors.Join(err, p.checkEchoes())
	})
	seeds(t, 300, func(seed uint64) error {
		o := simnet.Rough(seed)
		o.MaxSockets = 1 + 10 + 2
		config := loop.Config{Report: func(error) {}}
		p, err := run(simnet.New(seed, o), config, acceptEcho, 10, echoing(seed, 100))
		return errors.Join(err, p.checkEchoes())
	})
}

func TestAnswer(t *testing.T) {
	seeds(t, 200, func(seed uint64) error {
		request, answer := octets(seed, 100), octets(seed+1, 200)
		p, err := run(simnet.New(seed, simnet.Rough(seed)), loop.Config{}, simnet.Answer(100, answer), 1,
			func(int) simnet.Client { return simnet.Client{Sends: request} })
		if got := p.clients[0].Got; !bytes.Equal(got, answer) {
			err = errors.Join(err, fmt.Errorf("got %d bytes, not %d", len(got), len(answer)))
		}
		return errors.Join(err, p.clients[0].Err)
	})
}

func TestPanicsAreReported(t *testing.T) {
	w := simnet.New(1, simnet.Options{})
	p, err := run(w, loop.Config{}, func(c *loop.Conn) {
		c.Loop().Go(loop.Func(func() {
			c.Read(make([]byte, 1))
			panic("oops")
		}))
	}, 1, echoing(1, 1))
	if err == nil || !strings.Contains(err.Error(), "oops") {
		t.Errorf("Run = %v", err)
	}
	if client := p.clients[0]; !errors.Is(client.Err, syscall.ECONNRESET) {
		t.Errorf("the client of a task that panicked: %v", client.Err)
	}
}
