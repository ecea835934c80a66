package loop

import (
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Thousands of parked connections have no task, no goroutine, no buffer and
// little memory, and each one wakes when it is spoken to.
func TestThousandsOfParkedConnections(t *testing.T) {
	const n = 5000
	if testing.Short() {
		t.Skip("opens 10,000 descriptors")
	}
	g := newGroup(t, 2, Config{})
	ln := listen(t, g, "127.0.0.1:0", echo)
	g.start()
	heap, goroutines := heapInUse(), runtime.NumGoroutine()
	clients := make([]bareClient, n)
	defer func() {
		for _, c := range clients {
			unix.Close(int(c))
		}
	}()
	for i := range clients {
		clients[i] = newBareClient(t, ln)
		say(t, clients[i], "hello")
		hear(t, clients[i], "hello")
	}
	parkedAll := func() {
		for i := range g.Len() {
			eventually(t, "every connection is parked", func() bool { return idle(t, g.Loop(i)) })
		}
		if g.Conns() != n {
			t.Fatalf("%d connections are open, want %d", g.Conns(), n)
		}
	}
	parkedAll()
	if more := runtime.NumGoroutine() - goroutines; more > 0 {
		t.Errorf("%d goroutines are there for connections that are parked", more)
	}
	if each := (heapInUse() - heap) / n; each > 320 { // the Conn, its handler and its place among others
		t.Errorf("a parked connection has %d bytes", each)
	}
	for _, c := range clients {
		say(t, c, "again")
		hear(t, c, "again")
	}
	parkedAll()
}

// idle reports that a loop has nothing but parked connections.
func idle(t *testing.T, l *Loop) (is bool) {
	on(t, l, func() {
		l.trim()
		is = l.live.Len() == 0 && len(l.tasks.items) == 0 && len(l.buffers.items) == 0
	})
	return is
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A bareClient is a client without what the runtime keeps for a net.Conn.
type bareClient int

func newBareClient(t *testing.T, ln *Listener) bareClient {
	t.Helper()
	to := ln.Address()
	fd, err := unix.Socket(domain(to.TCP), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(fd, sockaddr(to))
	}
	if err != nil {
		t.Fatal(err)
	}
	return bareClient(fd)
}

func (c bareClient) Write(p []byte) (int, error) { return unix.Write(int(c), p) }
func (c bareClient) Read(p []byte) (int, error)  { return unix.Read(int(c), p) }

// What a parked connection's handler is told.
func TestParkedConnectionIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(b *Conn)
		want    string
	}{
		"bytes":       {func(b *Conn) { b.Write([]byte("x")) }, "readable"},
		"end":         {func(b *Conn) { b.CloseWrite() }, "readable"},
		"close":       {func(b *Conn) { b.Close() }, "readable"},
		"bytes, end":  {func(b *Conn) { b.Write([]byte("x")); b.Close() }, "readable"},
		"reset":       {func(b *Conn) { b.Reset() }, "aborted"},
		"nothing":     {func(b *Conn) {}, "expired"},
		"bytes, late": {func(b *Conn) { b.Loop().Sleep(2 * time.Millisecond); b.Write([]byte("x")) }, "readable"},
	} {
		t.Run(name, func(t *testing.T) {
			overTCP(t, func(a, b *Conn) {
				l := a.Loop()
				n := &notes{}
				by := l.soon()
				if test.want == "expired" {
					by = l.Now().Add(10 * time.Millisecond)
				}
				a.Park(n, by)
				if l.live.Len() != 1 {
					t.Errorf("%d tasks live, want this one", l.live.Len())
				}
				test.happens(b)
				n.wait(l, 1)
				pause(l)
				n.want(t, test.want)
				if a.state.has(parked) || a.handler != nil || a.readBy != 0 {
					t.Error("it is still parked")
				}
				if test.want == "expired" && l.Clock() < by {
					t.Error("it came early")
				}
			})
		})
	}
}

// A connection that is parked when there is something to be told already: it has
// been reported, and will not be again.
func TestParkedTooLate(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(b *Conn)
		read    int // octets, in one call
		want    []string
	}{
		"bytes that were not read":    {func(b *Conn) { b.Write([]byte("hello")) }, 0, []string{"readable"}},
		"bytes beyond the buffer":     {func(b *Conn) { b.Write([]byte("hello")) }, 4, []string{"readable"}},
		"a buffer filled to the brim": {func(b *Conn) { b.Write([]byte("hello")) }, 5, nil},
		"the end, not read":           {func(b *Conn) { b.CloseWrite() }, 0, []string{"readable"}},
		"the end behind bytes":        {func(b *Conn) { b.Write([]byte("hello")); b.CloseWrite() }, 5, []string{"readable"}},
		"the end behind a short read": {func(b *Conn) { b.Write([]byte("hello")); b.CloseWrite() }, 9, []string{"readable"}},
		"a reset":                     {func(b *Conn) { b.Reset() }, 0, []string{"aborted"}},
	} {
		t.Run(name, func(t *testing.T) {
			overTCP(t, func(a, b *Conn) {
				l := a.Loop()
				test.happens(b)
				a.WaitReadable()
				l.Sleep(2 * time.Millisecond) // all events have come
				if test.read > 0 {
					a.Read(make([]byte, test.read))
				}
				n := &notes{}
				a.Park(n, 0)
				if len(n.told) != 0 {
					t.Error("the handler was called within Park")
				}
				n.wait(l, len(test.want))
				pause(l)
				n.want(t, test.want...)
			})
		})
	}
}

// A handler that parks a connection again without reading is told again in each
// turn, and the loop goes on meanwhile.
func TestParkedAgainUnread(t *testing.T) {
	overTCP(t, func(a, b *Conn) {
		l := a.Loop()
		n := &notes{}
		n.then = func(c *Conn) {
			if len(n.told) < 5 {
				c.Park(n, 0)
			}
		}
		say(t, b, "hello")
		a.Park(n, 0)
		n.wait(l, 5)
		n.want(t, "readable", "readable", "readable", "readable", "readable")
		hear(t, a, "hello")
	})
}

// A task that uses a parked connection takes it; the handler is not told of
// what comes then.
func TestTakenFromParking(t *testing.T) {
	for name, take := range map[string]func(c *Conn){
		"Write":        func(c *Conn) { c.Write([]byte("x")) },
		"ReadDeadline": func(c *Conn) { c.ReadDeadline(c.Loop().soon()) },
		"Watch":        func(c *Conn) { c.Watch(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			between(t, func(t *testing.T, a, b *Conn) {
				l := a.Loop()
				n := &notes{}
				a.Park(n, l.Now().Add(100*time.Millisecond))
				pause(l)
				take(a)
				join := beside(l, func() { hear(t, a, "hello") })
				l.Sleep(150 * time.Millisecond) // longer than the parking's deadline
				say(t, b, "hello")
				join()
				n.want(t)
			})
		})
	}
}

// A connection that was parked with something to read, taken, and parked again
// with nothing, is quiet.
func TestStaleUnrest(t *testing.T) {
	overTCP(t, func(a, b *Conn) {
		l := a.Loop()
		say(t, b, "hello")
		a.WaitReadable()
		first, second := &notes{}, &notes{}
		a.Park(first, 0)
		hear(t, a, "hello")
		a.Park(second, 0)
		pause(l)
		first.want(t)
		second.want(t)
		say(t, b, "x")
		second.wait(l, 1)
		second.want(t, "readable")
	})
}

// A parked connection may be parked again with another deadline, earlier or
// later.
func TestParkedDeadlineThatMoves(t *testing.T) {
	overTCP(t, func(a, b *Conn) {
		l := a.Loop()
		n := &notes{}
		a.Park(n, l.soon())
		by := l.Now().Add(5 * time.Millisecond)
		a.Park(n, by)
		n.wait(l, 1)
		if l.Clock() < by {
			t.Error("it came early")
		}
		a.Park(n, l.Now().Add(3*time.Millisecond))
		by = l.Now().Add(15 * time.Millisecond)
		a.Park(n, by)
		n.wait(l, 2)
		if l.Clock() < by {
			t.Error("it came early")
		}
		n.want(t, "expired", "expired")
	})
}

// While a task serves a connection but waits for something else, a handler may
// watch for the peer's reset; and only for that.
func TestWatch(t *testing.T) {
	overTCP(t, func(a, b *Conn) {
		l := a.Loop()
		n := &notes{}
		a.Watch(n)
		say(t, b, "hello")
		pause(l)
		n.want(t)
		b.Reset()
		n.wait(l, 1)
		n.want(t, "aborted")
		hear(t, a, "hello")
		if _, err := a.Read(make([]byte, 1)); !isReset(err) {
			t.Errorf("read gave %v, want a reset", err)
		}
	})
}

func TestWatchTooLate(t *testing.T) {
	overTCP(t, func(a, b *Conn) {
		l := a.Loop()
		b.Reset()
		a.WaitReadable()
		n := &notes{}
		a.Watch(n)
		n.wait(l, 1)
		n.want(t, "aborted")
	})
}

// Who waits is told by its wait, and Watch(nil) ends the watch.
func TestNotWatched(t *testing.T) {
	overTCP(t, func(a, b *Conn) {
		l := a.Loop()
		n := &notes{}
		a.Watch(n)
		join := beside(l, func() {
			if _, err := a.Read(make([]byte, 1)); !isReset(err) {
				t.Errorf("read gave %v, want a reset", err)
			}
		})
		for a.reader == nil {
			pauseOnce(l)
		}
		b.Reset()
		join()
		n.want(t)
	})
	overTCP(t, func(a, b *Conn) {
		n := &notes{}
		a.Watch(n)
		a.Watch(nil)
		b.Reset()
		a.WaitReadable()
		pause(a.Loop())
		n.want(t)
	})
}

// A handler that panics costs the connection it was called for, and those of
// the tasks that it started.
func TestPanicInAHandler(t *testing.T) {
	for name, panics := range map[string]func(t *testing.T, l *Loop, a, b *Conn, h Handler){
		"Readable":          func(t *testing.T, l *Loop, a, b *Conn, h Handler) { a.Park(h, 0); say(t, b, "x") },
		"Readable, at once": func(t *testing.T, l *Loop, a, b *Conn, h Handler) { say(t, b, "x"); a.WaitReadable(); a.Park(h, 0) },
		"Expired":           func(t *testing.T, l *Loop, a, b *Conn, h Handler) { a.Park(h, l.Now().Add(1)) },
		"Aborted":           func(t *testing.T, l *Loop, a, b *Conn, h Handler) { a.Park(h, 0); b.Reset() },
		"Aborted, watched":  func(t *testing.T, l *Loop, a, b *Conn, h Handler) { a.Watch(h); b.Reset() },
	} {
		t.Run(name, func(t *testing.T) {
			var all reports
			g := newGroup(t, 1, Config{Report: all.add})
			var b *Conn
			var arrived Signal
			ln := listen(t, g, "127.0.0.1:0", func(c *Conn) { b = c; arrived.Fire() })
			other := listen(t, g, "127.0.0.1:0", echo)
			l := g.start()
			bystander := dial(t, other)
			do(t, l, func() {
				a, err := l.Dial(ln.Address(), l.soon())
				if err != nil {
					t.Fatal(err)
				}
				for b == nil {
					arrived.Wait(l, l.soon())
				}
				n := &notes{then: func(*Conn) { panic(errTest) }}
				panics(t, l, a, b, n)
				n.wait(l, 1)
				pauseOnce(l)
				if !a.state.has(closed) {
					t.Error("the connection whose handler panicked is open")
				}
			})
			say(t, bystander, "hello")
			hear(t, bystander, "hello")
			all.want(t, errTest)
		})
	}
}

func TestPanicInAccept(t *testing.T) {
	var all reports
	g := newGroup(t, 2, Config{Report: all.add})
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) { panic(errTest) })
	g.start()
	for range 2 { // on either loop
		c, err := net.Dial("tcp", ln.Addr().String())
		if err == nil { // else the reset was faster
			_, err = c.Read(make([]byte, 1))
			c.Close()
		}
		if !isReset(err) {
			t.Errorf("the client got %v, want a reset", err)
		}
	}
	eventually(t, "both panics are reported", func() bool { return len(all.get()) == 2 })
	all.want(t, errTest, errTest)
}

// A task that panics before it has used the connection for which a handler
// started it takes that along: nobody else would ever close it.
func TestPanicBeforeTheFirstCall(t *testing.T) {
	var all reports
	g := newGroup(t, 1, Config{Report: all.add})
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) {
		c.Park(&notes{then: func(c *Conn) { c.Loop().Go(Func(func() { panic(errTest) })) }}, 0)
	})
	l := g.start()
	c := dial(t, ln)
	say(t, c, "x")
	if _, err := c.Read(make([]byte, 1)); !isReset(err) {
		t.Errorf("read gave %v, want a reset", err)
	}
	on(t, l, func() {}) // it is reported behind the reset
	all.want(t, errTest)
}

// The peer still sends when the connection is closed. If that lingers, the last
// response arrives; a plain Close makes the kernel answer with a reset, which
// overtakes it.
func TestLinger(t *testing.T) {
	for name, test := range map[string]struct {
		close func(c *Conn)
		want  bool
	}{
		"Linger": {func(c *Conn) { c.Linger(patience, patience) }, true},
		"Close":  {func(c *Conn) { c.Close() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			overTCP(t, func(a, b *Conn) {
				say(t, b, "a request, the rest of which nobody wants to read")
				a.Read(make([]byte, 1))
				say(t, a, "response")
				test.close(a)
				pause(a.Loop())
				for range 10 {
					if _, err := b.Write(make([]byte, 1000)); err != nil {
						if test.want {
							t.Errorf("the peer can no longer send: %v", err)
						}
						break
					}
					pause(a.Loop())
				}
				_, err := b.Write([]byte("more"))
				switch {
				case test.want && err != nil:
					t.Errorf("the peer's last write gave %v", err)
				case !test.want && err == nil:
					t.Error("the peer of a closed connection could write")
				}
				if test.want {
					hear(t, b, "response")
					hearEnd(t, b)
				}
			})
		})
	}
}

// Lingering ends: with the peer's end of stream, after a time, when nothing came
// for too long, with a reset. Then the connection is no longer counted.
func TestLingerEnds(t *testing.T) {
	for name, ends := range map[string]func(c net.Conn){
		"the peer's end": func(c net.Conn) { c.(*net.TCPConn).CloseWrite() },
		"time":           func(c net.Conn) { writeOn(c) },
		"silence":        func(c net.Conn) { c.Write(make([]byte, 4<<10)) },
		"a reset":        func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			d, silence := patience, patience
			switch name {
			case "time":
				d = 50 * time.Millisecond
			case "silence":
				silence = 50 * time.Millisecond
			}
			g := newGroup(t, 1, Config{})
			ln := listen(t, g, "127.0.0.1:0", func(c *Conn) {
				c.Loop().Go(Func(func() {
					c.WaitReadable()
					c.Linger(d, silence)
					if err := c.Close(); err != net.ErrClosed {
						t.Errorf("closing a connection that lingers gave %v", err)
					}
				}))
			})
			l := g.start()
			c := dial(t, ln)
			say(t, c, "x")
			hearEnd(t, c)
			if d == patience && silence == patience {
				on(t, l, func() {
					if g.Conns() != 1 {
						t.Errorf("%d connections are open, want the one that lingers", g.Conns())
					}
				})
			}
			ends(c)
			eventually(t, "it has ended", func() bool { return g.Conns() == 0 })
		})
	}
}

// writeOn writes for as long as somebody takes it.
func writeOn(c net.Conn) {
	p := make([]byte, 64<<10)
	for err := error(nil); err == nil; {
		_, err = c.Write(p)
	}
}

// However much a peer still sends, it is taken, over both kinds of sockets.
func TestLingerTakesAll(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		say(t, a, "response")
		a.Linger(patience, patience)
		for range 64 {
			if _, err := b.Write(make([]byte, 64<<10)); err != nil {
				t.Fatalf("the peer of a connection that lingers cannot send: %v", err)
			}
		}
		hear(t, b, "response")
		hearEnd(t, b)
	})
}

// Those who wait on a connection that begins to linger are told that it is
// closed.
func TestLingerWakes(t *testing.T) {
	overTCP(t, func(a, b *Conn) {
		l := a.Loop()
		join := beside(l, func() {
			if _, err := a.Read(make([]byte, 1)); err != net.ErrClosed {
				t.Errorf("a waiting Read gave %v, want %v", err, net.ErrClosed)
			}
		})
		for a.reader == nil {
			pauseOnce(l)
		}
		a.Linger(patience, patience)
		join()
		hearEnd(t, b)
	})
}
