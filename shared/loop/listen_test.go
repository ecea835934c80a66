package loop

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Connections go to the loop that has the fewest, so that with n loops each has
// its n-th part, and again after many have gone.
func TestConnectionsAreSpread(t *testing.T) {
	const loops, each = 4, 25
	g := newGroup(t, loops, Config{})
	var mu sync.Mutex
	at := map[int][]*Conn{}
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) {
		mu.Lock()
		defer mu.Unlock()
		at[c.Loop().Index()] = append(at[c.Loop().Index()], c)
	})
	g.start()
	spread := func() (counts [loops]int) {
		mu.Lock()
		defer mu.Unlock()
		for i := range counts {
			counts[i] = len(at[i])
		}
		return counts
	}
	even := func() bool { return spread() == [loops]int{each, each, each, each} }
	for range loops * each {
		dial(t, ln)
	}
	eventually(t, "every loop has as many", even)
	for i := range 2 { // two loops lose all they have
		mu.Lock()
		gone := at[i]
		at[i] = nil
		mu.Unlock()
		on(t, g.Loop(i), func() {
			for _, c := range gone {
				c.Close()
			}
		})
	}
	for range 2 * each {
		dial(t, ln)
	}
	eventually(t, "every loop has as many again", even)
}

// At the bound others wait, and are served when somebody closes.
func TestMaxConns(t *testing.T) {
	for _, loops := range []int{1, 3} {
		g := newGroup(t, loops, Config{MaxConns: 3})
		ln := listen(t, g, "127.0.0.1:0", echo)
		g.start()
		var served []net.Conn
		for range 3 {
			c := dial(t, ln)
			say(t, c, "hello")
			hear(t, c, "hello")
			served = append(served, c)
		}
		var waiting []net.Conn
		for range 5 {
			c := dial(t, ln)
			say(t, c, "hello")
			waiting = append(waiting, c)
		}
		eventually(t, "accepting pauses", func() bool { return g.paused.Load() == 1 })
		if g.Conns() != 3 {
			t.Errorf("%d connections are open, more than the bound", g.Conns())
		}
		for _, c := range waiting { // served in the order in which they came
			served[0].Close()
			hear(t, c, "hello")
			served = append(served[1:], c)
			if g.Conns() > 3 {
				t.Errorf("%d connections are open, more than the bound", g.Conns())
			}
		}
		g.end()
	}
}

// Many clients come and go at the bound, from all sides; nobody is forgotten.
func TestMaxConnsUnderChurn(t *testing.T) {
	g := newGroup(t, 2, Config{MaxConns: 4})
	lns := []*Listener{listen(t, g, "127.0.0.1:0", echo), listen(t, g, "127.0.0.1:0", echo)}
	g.start()
	var clients sync.WaitGroup
	var served atomic.Int32
	for i := range 16 {
		clients.Go(func() {
			for range 25 {
				c, err := net.Dial("tcp", lns[i%2].Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				c.SetDeadline(time.Now().Add(patience))
				io.WriteString(c, "x")
				if _, err := c.Read(make([]byte, 1)); err != nil {
					t.Errorf("a client was not served: %v", err)
				}
				if n := g.Conns(); n > 4+1 {
					t.Errorf("%d connections are open; the bound is 4 and one for the second listener", n)
				}
				c.Close()
				served.Add(1)
			}
		})
	}
	clients.Wait()
	if served.Load() != 16*25 {
		t.Errorf("%d clients were served, want %d", served.Load(), 16*25)
	}
	eventually(t, "all have closed", func() bool { return g.Conns() == 0 })
}

// A failure to accept pauses the listener, is reported once, and ends by itself.
func TestAcceptFails(t *testing.T) {
	var all reports
	failing := &failingEngine{}
	g := newGroup(t, 1, Config{Report: all.add, Engine: func(i int) (Engine, error) {
		k, err := kernelEngine(i)
		failing.Engine = k
		return failing, err
	}})
	ln := listen(t, g, "127.0.0.1:0", echo)
	failing.accept = syscall.EMFILE
	l := g.start()
	c := dial(t, ln)
	say(t, c, "hello")
	eventually(t, "accepting pauses", func() bool { return g.paused.Load() == 1 })
	eventually(t, "it has been tried again", func() bool {
		tries := 0
		on(t, l, func() { tries = failing.accepts })
		return tries >= 2
	})
	on(t, l, func() { failing.accept = nil })
	hear(t, c, "hello")
	on(t, l, func() { failing.accept, failing.resume = syscall.ENFILE, syscall.ENOMEM })
	c = dial(t, ln)
	say(t, c, "hello")
	eventually(t, "going on fails", func() bool {
		resumes := 0
		on(t, l, func() { resumes = failing.resumes })
		return resumes >= 2
	})
	on(t, l, func() { failing.accept, failing.resume = nil, nil })
	hear(t, c, "hello")
	all.want(t, syscall.EMFILE)
	if got := all.get()[0].Error(); !strings.Contains(got, ln.Address().String()) {
		t.Errorf("the report does not say where: %s", got)
	}
}

// failingEngine is the kernel's engine with faults.
type failingEngine struct {
	Engine
	accept, resume, register error
	accepts, resumes         int
}

func (e *failingEngine) Accept(h Handle) (Handle, netip.AddrPort, error) {
	if e.accept != nil {
		e.accepts++
		return -1, netip.AddrPort{}, e.accept
	}
	return e.Engine.Accept(h)
}

func (e *failingEngine) Resume(h Handle, token uint64) error {
	if e.resume != nil {
		e.resumes++
		return e.resume
	}
	return e.Engine.Resume(h, token)
}

func (e *failingEngine) Register(h Handle, token uint64) error {
	if e.register != nil {
		return e.register
	}
	return e.Engine.Register(h, token)
}

// A connection that the engine cannot watch is dropped, and not counted.
func TestRegisterFails(t *testing.T) {
	var all reports
	g := newGroup(t, 1, Config{Report: all.add, Engine: func(i int) (Engine, error) {
		k, err := kernelEngine(i)
		return &failingEngine{Engine: k, register: syscall.ENOSPC}, err
	}})
	ln := listen(t, g, "127.0.0.1:0", echo)
	l := g.start()
	hearEnd(t, dial(t, ln))
	do(t, l, func() {
		if _, err := l.Dial(ln.Address(), l.soon()); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("dialling gave %v, want %v", err, syscall.ENOSPC)
		}
	})
	eventually(t, "nothing is counted", func() bool { return g.Conns() == 0 && l.load.Load() == 0 })
}

func TestListenerClose(t *testing.T) {
	for name, address := range networks(t) {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 2, Config{})
			ln := listen(t, g, address, echo)
			g.start()
			c := dial(t, ln)
			say(t, c, "hello")
			hear(t, c, "hello")
			closed := make(chan bool, 3)
			for range 2 {
				ln.CloseThen(func() { closed <- true })
			}
			wait(t, "the end of the listener", closed)
			wait(t, "the end of the listener, once more,", closed)
			ln.CloseThen(func() { closed <- true })
			wait(t, "the end of the listener, which was long ago,", closed)
			if _, err := net.Dial(ln.Addr().Network(), ln.Addr().String()); err == nil {
				t.Error("a closed listener takes connections")
			}
			say(t, c, "again") // those that are open go on
			hear(t, c, "again")
		})
	}
}

func TestListenErrors(t *testing.T) {
	g := newGroup(t, 1, Config{})
	ln := listen(t, g, "127.0.0.1:0", echo)
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]error{
		"nonsense":                           nil,
		ln.Address().String():                syscall.EADDRINUSE,
		"192.0.2.1:80":                       syscall.EADDRNOTAVAIL,
		"unix:" + file:                       syscall.EADDRINUSE,
		"unix:" + folder:                     syscall.EADDRINUSE,
		"unix:" + folder + "/nowhere/socket": syscall.ENOENT,
	} {
		_, err := g.Listen(address, echo)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("listening on %s gave %v, want %v", address, err, want)
		} else if !strings.Contains(err.Error(), address) {
			t.Errorf("the error does not name %s: %v", address, err)
		}
	}
	failing := newGroup(t, 1, Config{Engine: func(i int) (Engine, error) {
		k, err := kernelEngine(i)
		return &failingEngine{Engine: k, resume: syscall.ENOSPC}, err
	}})
	if _, err := failing.Listen("127.0.0.1:0", echo); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("listening gave %v, want %v", err, syscall.ENOSPC)
	}
	if content, err := os.ReadFile(file); string(content) != "precious" {
		t.Errorf("a file that is no socket was touched: %q, %v", content, err)
	}
}

// What a program that was killed left behind is taken over; what a living one
// listens on is not.
func TestUnixTakeover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	g := newGroup(t, 1, Config{})
	if _, err := g.Listen("unix:"+path, echo); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("listening where a living program does gave %v", err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	ln := listen(t, g, "unix:"+path, echo)
	g.start()
	c := dial(t, ln)
	say(t, c, "hello")
	hear(t, c, "hello")
	g.end()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's file is left behind: %v", err)
	}
}

// A file that somebody else has put in the place of ours is not ours to remove,
// whether the listener is drained or simply ends.
func TestUnixPathTakenByOthers(t *testing.T) {
	for name, drains := range map[string]bool{"drained": true, "stopped": false} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			g := newGroup(t, 1, Config{})
			ln := listen(t, g, "unix:"+path, echo)
			g.start()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			other, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if drains {
				closed := make(chan bool)
				ln.CloseThen(func() { close(closed) })
				<-closed
			}
			g.end()
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Fatalf("the other program's socket is gone: %v", err)
			}
			c.Close()
		})
	}
}

// Every interface means IPv4 and IPv6.
func TestListenOnEveryInterface(t *testing.T) {
	g := newGroup(t, 1, Config{})
	ln := listen(t, g, ":0", echo)
	l := g.start()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		if host == "::1" && ln.Address().TCP.Addr().Is4() {
			continue // the machine knows no IPv6
		}
		to, err := ParseAddress(net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		do(t, l, func() {
			c, err := l.Dial(to, l.soon())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			say(t, c, "hello")
			hear(t, c, "hello")
			if c.Remote() != to.TCP {
				t.Errorf("the remote address is %v, want %v", c.Remote(), to)
			}
		})
	}
}

// A connection that is handed to a loop which has been stopped, or has ended, is
// closed and no longer counted, whichever of the two comes first.
func TestHandedToAStoppedLoop(t *testing.T) {
	for name, ended := range map[string]bool{"stopped": false, "ended": true} {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 2, Config{})
			ln := listen(t, g, "127.0.0.1:0", func(c *Conn) { c.Park(&echoer{c}, 0) })
			accepting, stopped := g.start(), g.Loop(1)
			first := dial(t, ln) // goes to the accepting loop, and the next one to the other
			say(t, first, "hello")
			hear(t, first, "hello")

			release, blocked := make(chan struct{}), accepting
			stop := func() { stopped.stopping = true }
			if !ended {
				blocked = stopped
			}
			blocked.Post(func() {
				if !ended {
					stop()
				}
				<-release
			})
			if ended {
				stopped.Post(stop)
				eventually(t, "the loop has ended", func() bool { return !stopped.Post(func() {}) })
			}
			second := dial(t, ln)
			if !ended {
				eventually(t, "it is handed over", func() bool { return g.Conns() == 2 })
				on(t, accepting, func() {})
			}
			close(release)
			if _, err := second.Read(make([]byte, 1)); err != io.EOF && !isReset(err) {
				t.Errorf("the client read %v, want the end", err)
			}
		})
	}
}
