package loop

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Those who wait in the kernel's queue, where their connect has succeeded, are
// served, even if the engine cannot seal the listener.
func TestCloseAcceptsWhoWaits(t *testing.T) {
	const waiting = 200
	for name, address := range networks(t) {
		for _, seal := range []error{nil, syscall.EPERM} {
			t.Run(name, func(t *testing.T) {
				g := newGroup(t, 2, Config{Engine: func(i int) (Engine, error) {
					k, err := kernelEngine(i)
					return &sealing{Engine: k, fails: seal}, err
				}})
				ln := listen(t, g, address, echo)
				l := g.start()
				hold := make(chan bool)
				l.Post(func() { <-hold })
				var clients []net.Conn
				for range waiting {
					clients = append(clients, dial(t, ln))
				}
				closed := make(chan bool)
				ln.CloseThen(func() { close(closed) })
				close(hold)
				for _, c := range clients {
					say(t, c, "hello")
					hear(t, c, "hello")
				}
				wait(t, "the end of the listener", closed)
				if _, err := net.Dial(ln.Addr().Network(), ln.Addr().String()); err == nil {
					t.Error("a closed listener takes connections")
				}
			})
		}
	}
}

// sealing is an engine whose Seal fails, or does something more.
type sealing struct {
	Engine
	fails error
	also  func()
}

func (e *sealing) Seal(h Handle) error {
	if e.fails != nil {
		return e.fails
	}
	err := e.Engine.Seal(h)
	if e.also != nil {
		e.also()
	}
	return err
}

// A handshake that is under way when the listener is sealed comes to its end.
// Here the kernel has it wait for the client's first octet, which is sent then.
func TestCloseAwaitsHandshakes(t *testing.T) {
	e := &sealing{}
	g := newGroup(t, 1, Config{Engine: func(i int) (_ Engine, err error) {
		e.Engine, err = kernelEngine(i)
		return e, err
	}})
	ln := listen(t, g, "127.0.0.1:0", echo)
	if err := unix.SetsockoptInt(int(ln.handle), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 10); err != nil {
		t.Fatal(err)
	}
	l := g.start()
	c := dial(t, ln)
	on(t, l, func() {
		if _, _, err := l.engine.Accept(ln.handle); err != ErrAgain {
			t.Errorf("accepting gave %v before the end of the handshake", err)
		}
		e.also = func() { say(t, c, "hello") }
	})
	ln.CloseThen(func() {})
	hear(t, c, "hello")
}

// A sealed listener does not answer new clients, neither by a yes nor by a no.
// Those that are in its queue stay there.
func TestSeal(t *testing.T) {
	k := newKernel(t)
	at, _ := ParseAddress("127.0.0.1:0")
	h, at, err := k.Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	defer k.CloseSocket(h)
	before, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if err := k.Seal(h); err != nil {
		t.Fatalf("an unprivileged program cannot seal a listener: %v", err)
	}
	_, err = net.DialTimeout("tcp", at.String(), 50*time.Millisecond)
	if timeout, ok := err.(net.Error); !ok || !timeout.Timeout() {
		t.Errorf("a sealed listener answered, so that connecting gave %v", err)
	}
	accepted, _, err := k.Accept(h)
	if err != nil {
		t.Fatal(err)
	}
	defer k.CloseSocket(accepted)
	say(t, before, "hello") // and what follows a handshake passes the filter
	got := make([]byte, 100)
	for _, err = k.Read(accepted, got); err == ErrAgain; _, err = k.Read(accepted, got) {
		k.waitFor(t, k.Now().Add(time.Millisecond))
	}
	if _, _, err := k.Accept(h); err != ErrAgain {
		t.Errorf("a sealed listener has another client: %v", err)
	}
}

// Clients storm the listener while it closes. Whoever's connect succeeds is
// served.
func TestCloseInAStorm(t *testing.T) {
	for name, address := range networks(t) {
		t.Run(name, func(t *testing.T) {
			const stormers, enough = 8, 400
			g := newGroup(t, 2, Config{})
			ln := listen(t, g, address, echo)
			g.start()
			var all sync.WaitGroup
			var served atomic.Int64
			var once sync.Once
			for range stormers {
				all.Go(func() {
					for knock(t, ln) {
						if served.Add(1) > enough {
							once.Do(func() { ln.CloseThen(func() {}) })
						}
					}
				})
			}
			all.Wait()
			if served.Load() <= enough {
				t.Errorf("%d clients were served before the listener was to close", served.Load())
			}
		})
	}
}

// knock reports whether a client could connect.
func knock(t *testing.T, ln *Listener) bool {
	c, err := net.DialTimeout(ln.Addr().Network(), ln.Addr().String(), patience)
	if err != nil {
		if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ENOENT) {
			t.Errorf("connecting to a closing listener gave %v", err)
		}
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, "x")
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("a client that had connected was not served: %v", err)
	}
	return true
}

// Two groups share an address, and one takes the other's place: every client is
// served, and none is refused.
func TestTakingOver(t *testing.T) {
	const stormers, each = 8, 100
	old := newGroup(t, 1, Config{ReusePort: true})
	ln := listen(t, old, "127.0.0.1:0", echo)
	old.start()
	next := newGroup(t, 1, Config{ReusePort: true})
	listen(t, next, ln.Address().String(), echo)
	if _, err := newGroup(t, 1, Config{}).Listen(ln.Address().String(), echo); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a group that shares nothing listens there, too: %v", err)
	}
	next.start()
	closed := make(chan bool)
	var all sync.WaitGroup
	for stormer := range stormers {
		all.Go(func() {
			for i := range each {
				if !knock(t, ln) {
					t.Error("a client was refused")
				}
				if stormer == 0 && i == each/2 {
					ln.CloseThen(func() { close(closed) })
				}
			}
		})
	}
	all.Wait()
	wait(t, "the end of the old listener", closed)
}

// At the bound of connections those who wait are served as others close.
func TestCloseAtTheBound(t *testing.T) {
	for name, address := range networks(t) {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 2, Config{MaxConns: 1})
			ln := listen(t, g, address, echo)
			l := g.start()
			first := dial(t, ln)
			say(t, first, "hello")
			hear(t, first, "hello")
			second := dial(t, ln)
			eventually(t, "accepting pauses", func() bool { return g.paused.Load() == 1 })
			closed := make(chan bool)
			ln.CloseThen(func() { close(closed) })
			on(t, l, func() {
				if ln.closed {
					t.Error("it closed although somebody waits")
				}
			})
			first.Close()
			say(t, second, "hello")
			hear(t, second, "hello")
			wait(t, "the end of the listener", closed)
			if g.paused.Load() != 0 {
				t.Error("a closed listener is counted as pausing")
			}
		})
	}
}

// Who stops the loops does not wait for the backlog.
func TestStopWhileTheBacklogDrains(t *testing.T) {
	g := newGroup(t, 1, Config{MaxConns: 1})
	ln := listen(t, g, "127.0.0.1:0", echo)
	g.start()
	dial(t, ln)
	dial(t, ln)
	eventually(t, "accepting pauses", func() bool { return g.paused.Load() == 1 })
	closed := false
	ln.CloseThen(func() { closed = true })
	g.end()
	if !closed {
		t.Error("the listener did not say that it has closed")
	}
}
