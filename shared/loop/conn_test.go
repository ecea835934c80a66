package loop

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var _ net.Conn = (*Conn)(nil)

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }

// An idle connection costs this, so a field more is a decision.
func TestConnIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Conn{}); size > 160 {
		t.Errorf("a connection has %d bytes, more than the 160 that were planned", size)
	}
}

func TestReadAndWrite(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		say(t, a, "hello")
		var p [3]byte
		for _, want := range []string{"hel", "lo"} {
			if n, err := b.Read(p[:]); string(p[:n]) != want || err != nil {
				t.Errorf("read %q, %v; want %q", p[:n], err, want)
			}
		}
		if n, err := b.Read(nil); n != 0 || err != nil {
			t.Errorf("an empty read gave %d, %v", n, err)
		}
		if n, err := b.Write(nil); n != 0 || err != nil {
			t.Errorf("an empty write gave %d, %v", n, err)
		}
		if b.Readable() {
			t.Error("a socket that was read empty is taken for readable")
		}
	})
}

// Whichever way octets pass, both ends have counted them.
func TestPassedOctetsAreCounted(t *testing.T) {
	relay(t, func(t *testing.T, client, inbound, outbound, origin *Conn) {
		say(t, client, "12345")
		if _, err := client.Writev([][]byte{[]byte("67"), []byte("890")}); err != nil {
			t.Fatal(err)
		}
		if n, err := outbound.spliceFrom(inbound, 8); n != 8 || err != nil {
			t.Fatal(n, err)
		}
		hear(t, origin, "12345678")
		if n, err := inbound.Discard(); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		for c, want := range map[*Conn][2]uint32{client: {0, 10}, inbound: {10, 0}, outbound: {0, 8}, origin: {8, 0}} {
			if received, sent := c.Passed(); [2]uint32{received, sent} != want {
				t.Errorf("%d octets received, %d sent; want %d", received, sent, want)
			}
		}
	})
}

// More than the sockets hold goes through piece by piece.
func TestBackpressure(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		sent := pattern(8 << 20)
		join := beside(l, func() {
			if n, err := a.Write(sent); n != len(sent) || err != nil {
				t.Errorf("wrote %d of %d bytes, %v", n, len(sent), err)
			}
			a.CloseWrite()
		})
		got, err := io.ReadAll(b)
		if err != nil || string(got) != string(sent) {
			t.Errorf("%d bytes arrived, %v; want the %d that were sent", len(got), err, len(sent))
		}
		join()
	})
}

// pattern is n octets of which no two neighbouring blocks are the same.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return p
}

func TestAddresses(t *testing.T) {
	pair(t, "127.0.0.1:0", func(a, b *Conn) {
		if a.LocalAddr().String() != b.RemoteAddr().String() || b.LocalAddr().String() != a.RemoteAddr().String() {
			t.Errorf("the ends are %v - %v and %v - %v", a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr())
		}
		if a.Remote().String() != a.RemoteAddr().String() || a.RemoteAddr().Network() != "tcp" {
			t.Errorf("Remote is %v, RemoteAddr %v", a.Remote(), a.RemoteAddr())
		}
	})
	pair(t, "unix:"+t.TempDir()+"/socket", func(a, b *Conn) {
		if a.Remote().IsValid() || a.RemoteAddr().Network() != "unix" || a.LocalAddr().Network() != "unix" {
			t.Errorf("a Unix socket has the addresses %v, %v and %v", a.Remote(), a.RemoteAddr(), a.LocalAddr())
		}
	})
}

func TestHalfClose(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		say(t, a, "request")
		if err := a.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		hear(t, b, "request")
		hearEnd(t, b)
		hearEnd(t, b) // it stays so
		if _, err := a.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("writing after CloseWrite gave %v, want %v", err, syscall.EPIPE)
		}
		say(t, b, "response")
		b.CloseWrite()
		hear(t, a, "response")
		hearEnd(t, a)
	})
}

func TestReset(t *testing.T) {
	overTCP(t, func(a, b *Conn) {
		join := beside(a.Loop(), func() {
			var op *net.OpError
			_, err := b.Read(make([]byte, 1))
			if !isReset(err) || !errors.As(err, &op) || op.Op != "read" || op.Addr == nil {
				t.Errorf("a Read that waited for the peer gave %v, want %v", err, syscall.ECONNRESET)
			}
			if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
				t.Errorf("a Write after the reset gave %v, want %v", err, syscall.EPIPE)
			}
		})
		pause(a.Loop())
		a.Reset()
		join()
	})
}

// A writer that waits for room is told of a reset too.
func TestResetOfAWriter(t *testing.T) {
	overTCP(t, func(a, b *Conn) {
		join := beside(a.Loop(), func() {
			if _, err := b.Write(make([]byte, 64<<20)); !isReset(err) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("a Write that waited for the peer gave %v, want %v", err, syscall.ECONNRESET)
			}
		})
		for b.writer == nil {
			pauseOnce(a.Loop())
		}
		a.Reset()
		join()
	})
}

// The kernel tells of a reset once. If it told the writer, the reader must not
// take what follows for the end of stream.
func TestResetIsToldToBoth(t *testing.T) {
	for name, tell := range map[string]func(a *Conn) error{
		"Write":  func(a *Conn) error { return second(a.Write([]byte("x"))) },
		"Writev": func(a *Conn) error { return second(a.Writev([][]byte{{1}, {2}})) },
		"Park":   func(a *Conn) error { return a.loop.engine.Peek(a.handle) },
	} {
		t.Run(name, func(t *testing.T) {
			overTCP(t, func(a, b *Conn) {
				l := a.Loop()
				n := &notes{}
				a.Watch(n)
				b.Reset()
				n.wait(l, 1)
				if err := tell(a); !isReset(err) {
					t.Errorf("the first to be told was told %v, want %v", err, syscall.ECONNRESET)
				} else if errno, ok := err.(syscall.Errno); ok {
					a.noteReset(errno)
				}
				for range 2 {
					if _, err := a.Read(make([]byte, 1)); !isReset(err) {
						t.Errorf("the reader was told %v, want %v", err, syscall.ECONNRESET)
					}
				}
				if n, err := b.spliceFrom(a, 1); err == nil || err == io.ErrUnexpectedEOF {
					t.Errorf("splicing moved %d bytes, %v", n, err)
				}
			})
		})
	}
}

// Closing wakes those who wait, and whoever comes later is told as well.
func TestClose(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		read := beside(l, func() {
			if _, err := a.Read(make([]byte, 1)); err != net.ErrClosed {
				t.Errorf("a waiting Read gave %v, want %v", err, net.ErrClosed)
			}
		})
		write := beside(l, func() {
			if _, err := a.Write(make([]byte, 64<<20)); err != net.ErrClosed {
				t.Errorf("a waiting Write gave %v, want %v", err, net.ErrClosed)
			}
		})
		for a.writer == nil || a.reader == nil {
			pauseOnce(l)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		read()
		write()
		f, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for name, err := range map[string]error{
			"Read":         second(a.Read(make([]byte, 1))),
			"Write":        second(a.Write([]byte("x"))),
			"Writev":       second(a.Writev([][]byte{{1}})),
			"Sendfile":     second(a.Sendfile(f, 0, 1)),
			"splice from":  second(a.spliceFrom(b, 1)),
			"splice to":    second(b.spliceFrom(a, 1)),
			"WaitReadable": a.WaitReadable(),
			"CloseWrite":   a.CloseWrite(),
			"Close":        a.Close(),
			"Reset":        a.Reset(),
		} {
			if name == "splice from" {
				continue // reads first, and b has nothing
			}
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s of a closed connection gave %v", name, err)
			}
		}
		a.Park(&notes{}, 0)
		a.Watch(&notes{})
		a.Linger(1, 1)
		a.ReadDeadline(l.soon())
		if a.CancelRead() || a.timer.armed() {
			t.Error("a closed connection is not left alone")
		}
	})
}

func second[T any](_ T, err error) error { return err }

// The socket knows of the peer's end before the loop has been told.
func TestEnded(t *testing.T) {
	for name, end := range map[string]func(*Conn) error{"close": (*Conn).Close, "close write": (*Conn).CloseWrite, "reset": (*Conn).Reset} {
		t.Run(name, func(t *testing.T) {
			overTCP(t, func(a, b *Conn) {
				b.Write([]byte("what stands before the end"))
				if a.Ended() {
					t.Error("a connection has ended whose peer still writes")
				}
				end(b)
				for by := a.Loop().Clock().Add(patience); !a.Ended() && a.Loop().Clock() < by; {
				}
				if a.state&(ended|dead) != 0 || !a.Ended() {
					t.Errorf("reported %v, asked for %t, want only the second", a.state, a.Ended())
				}
				a.Close()
				if a.Ended() {
					t.Error("a closed connection is asked")
				}
			})
		})
	}
}

// Who closes a connection can ask afterwards whether the peer was known to be first.
func TestEndedIsRemembered(t *testing.T) {
	overTCP(t, func(a, b *Conn) {
		b.Close()
		if _, err := a.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the peer has closed: %v", err)
		}
		if a.Close(); !a.Ended() {
			t.Error("that the peer was first is forgotten")
		}
	})
}

// What is reported of a descriptor after it was closed and given to another
// connection concerns neither.
func TestStaleEvents(t *testing.T) {
	g := newGroup(t, 1, Config{})
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) {})
	l := g.start()
	do(t, l, func() {
		first, err := l.Dial(ln.Address(), l.soon())
		if err != nil {
			t.Fatal(err)
		}
		stale := Event{Token: uint64(first.gen)<<32 | uint64(first.handle), Ready: ReadyRead | ReadyReset}
		first.Close()
		second, err := l.Dial(ln.Address(), l.soon())
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close()
		if second.handle != first.handle {
			t.Fatalf("the handles are %d and %d; this test needs the same", first.handle, second.handle)
		}
		var n notes
		second.Watch(&n)
		l.dispatch([]Event{stale, {Token: 1<<32 | 999999, Ready: ReadyRead}, {Token: 999999}})
		if second.Readable() {
			t.Error("a stale event was taken for the new connection's")
		}
		n.want(t)
	})
}

func TestErrBusy(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		first := beside(l, func() { hear(t, a, "hello") })
		for a.reader == nil {
			pauseOnce(l)
		}
		if _, err := a.Read(make([]byte, 1)); err != ErrBusy {
			t.Errorf("a second reader got %v, want %v", err, ErrBusy)
		}
		if err := a.WaitReadable(); err != ErrBusy {
			t.Errorf("a second WaitReadable got %v, want %v", err, ErrBusy)
		}
		mustPanic(t, "parking a connection that a task waits on", func() { a.Park(&notes{}, 0) })
		say(t, b, "hello")
		first()
		write := beside(l, func() { a.Write(make([]byte, 64<<20)) })
		for a.writer == nil {
			pauseOnce(l)
		}
		if _, err := a.Write([]byte("x")); err != ErrBusy {
			t.Errorf("a second writer got %v, want %v", err, ErrBusy)
		}
		a.Close()
		write()
	})
}

func TestCancelRead(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		if a.CancelRead() {
			t.Error("CancelRead found a reader where none was")
		}
		join := beside(l, func() {
			if err := a.WaitReadable(); err != ErrCanceled {
				t.Errorf("the read returned %v, want %v", err, ErrCanceled)
			}
			hear(t, a, "hello") // the connection goes on
		})
		for a.reader == nil {
			pauseOnce(l)
		}
		for range 2 {
			if !a.CancelRead() {
				t.Error("CancelRead did not find the reader")
			}
		}
		pause(l)
		say(t, b, "hello")
		join()
	})
}

// A cancellation is not lost when octets arrive at the same time, before the
// reader has run.
func TestCancelReadOfAReaderThatWasWoken(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		join := beside(l, func() {
			if _, err := a.Read(make([]byte, 9)); err != ErrCanceled {
				t.Errorf("the read returned %v, want %v", err, ErrCanceled)
			}
			hear(t, a, "hello")
		})
		for a.reader == nil {
			pauseOnce(l)
		}
		say(t, b, "hello")
		a.noteReady(ReadyRead)
		if !a.CancelRead() {
			t.Error("CancelRead did not find the reader")
		}
		join()
	})
}

// A reader that has merely given way to others is one that waits.
func TestCancelReadOfAReaderThatGaveWay(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		b.Write(make([]byte, 10*budget/leastCost))
		read := 0
		var err error
		join := beside(l, func() {
			for ; err == nil; read++ {
				_, err = a.Read(make([]byte, 1))
			}
		})
		for read == 0 {
			pauseOnce(l)
		}
		if !a.CancelRead() {
			t.Error("CancelRead did not find the reader")
			b.Close()
		}
		join()
		if err != ErrCanceled || read > budget/leastCost {
			t.Errorf("after %d reads the last one gave %v, want %v", read, err, ErrCanceled)
		}
	})
}

func TestDial(t *testing.T) {
	g := newGroup(t, 1, Config{})
	ln := listen(t, g, "127.0.0.1:0", echo)
	nobody := listen(t, g, "127.0.0.1:0", echo)
	l := g.start()
	nobody.CloseThen(func() {})
	do(t, l, func() {
		c, err := l.Dial(ln.Address(), l.soon())
		if err != nil {
			t.Fatal(err)
		}
		say(t, c, "hello")
		hear(t, c, "hello")
		c.Close()
		for _, test := range []struct {
			to   *Address
			want error
		}{
			{nobody.Address(), syscall.ECONNREFUSED},
			{&Address{Path: t.TempDir() + "/nowhere"}, syscall.ENOENT},
		} {
			c, err := l.Dial(test.to, l.soon())
			var op *net.OpError
			if c != nil || !errors.Is(err, test.want) || !errors.As(err, &op) || op.Op != "dial" {
				t.Errorf("dialling %v gave %v, want %v", test.to, err, test.want)
			}
		}
	})
}

// Whoever waits for a connection to be opened may park it.
func TestDialParked(t *testing.T) {
	g := newGroup(t, 1, Config{})
	ln := listen(t, g, "127.0.0.1:0", echo)
	l := g.start()
	full := fullListener(t, "127.0.0.1:0")
	do(t, l, func() {
		for _, test := range []struct {
			name, told string
			to         *Address
			by         Time
			want       error
		}{
			{"it is opened", "readable", ln.Address(), l.soon(), nil},
			{"nobody listens", "aborted", freePort(t, "127.0.0.1"), l.soon(), syscall.ECONNREFUSED},
			{"nobody answers", "expired", full, l.Now().Add(30 * time.Millisecond), os.ErrDeadlineExceeded},
		} {
			c, err := l.BeginDial(test.to, test.by)
			if err != nil {
				t.Fatal(test.name, err)
			}
			n := &notes{}
			c.Park(n, test.by)
			n.wait(l, 1)
			n.want(t, test.told)
			if err := c.EndDial(test.to, test.by); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, err, test.want)
			}
			if test.want != nil {
				if c.Close() != net.ErrClosed {
					t.Errorf("%s: the connection is still there", test.name)
				}
				continue
			}
			say(t, c, "hello")
			hear(t, c, "hello")
			c.Park(n, 0) // as any: that there is room to write is told to nobody
			pause(l)
			n.want(t, test.told)
			c.Close()
		}
	})
}

// A connection that a socket has made with itself is none, and leaves the port free.
func TestDialOneself(t *testing.T) {
	hosts := []string{"127.0.0.1", "127.0.0.2", "[::ffff:127.0.0.1]", "0.0.0.0"}
	if ln, err := net.Listen("tcp", "[::1]:0"); err == nil { // the machine knows IPv6
		ln.Close()
		hosts = append(hosts, "[::1]", "[::]")
	}
	for _, host := range hosts {
		g := newGroup(t, 1, Config{Engine: func(int) (Engine, error) {
			k, err := kernelEngine(0)
			return meetingItself{k}, err
		}})
		to := freePort(t, host)
		l := g.start()
		do(t, l, func() {
			if c, err := l.Dial(to, l.soon()); c != nil || !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("dialling %v gave %v, want %v", to, err, syscall.ECONNREFUSED)
			}
		})
		fd, err := unix.Socket(domain(to.TCP), unix.SOCK_STREAM|socketFlags, 0)
		if err = errors.Join(err, unix.Bind(fd, sockaddr(to)), unix.Close(fd)); err != nil {
			t.Errorf("nobody can listen on %v afterwards: %v", to, err)
		}
	}
}

// freePort is an address where nobody listens.
func freePort(t *testing.T, host string) *Address {
	t.Helper()
	at, err := ParseAddress(host + ":0")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := new(kernel).bound(at)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	return &Address{TCP: netip.AddrPortFrom(at.TCP.Addr(), new(kernel).LocalAddr(Handle(fd)).Port())}
}

// meetingItself is the kernel's engine when it chooses for each socket the port that
// the socket connects to.
type meetingItself struct{ Engine }

func (e meetingItself) Connect(to *Address) (Handle, error) {
	fd, err := new(kernel).bound(to)
	if err != nil {
		return 0, err
	}
	if err := unix.Connect(fd, sockaddr(to)); err != unix.EINPROGRESS {
		return Handle(fd), err
	}
	return Handle(fd), nil
}

// A listener whose queue is full lets a client wait: over TCP since the kernel
// drops its SYN, over a Unix socket since it is refused and tries again.
func TestDialDeadline(t *testing.T) {
	for name, address := range networks(t) {
		t.Run(name, func(t *testing.T) {
			full := fullListener(t, address)
			l := newGroup(t, 1, Config{}).start()
			do(t, l, func() {
				by := l.Now().Add(30 * time.Millisecond)
				c, err := l.Dial(full, by)
				var timeout interface{ Timeout() bool }
				if c != nil || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
					t.Errorf("dialling gave %v, want %v", err, os.ErrDeadlineExceeded)
				}
				if l.Clock() < by {
					t.Error("dialling gave up early")
				}
			})
		})
	}
}

// fullListener has no room in its queue, and nobody who would make some.
func fullListener(t *testing.T, address string) *Address {
	t.Helper()
	at, err := ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := new(kernel).bound(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	if at.Path == "" {
		at = &Address{TCP: new(kernel).LocalAddr(Handle(fd))}
	}
	for range 8 {
		h, err := new(kernel).Connect(at)
		if err == nil {
			t.Cleanup(func() { unix.Close(int(h)) })
		} else if err != ErrAgain {
			t.Fatal(err)
		}
	}
	return at
}

// TestDialFrom: a connection is made from the address that it is to be made from, also
// where others are made from any.
func TestDialFrom(t *testing.T) {
	g := newGroup(t, 1, Config{})
	ln, err := g.Listen("127.0.0.1:0", func(c *Conn) { c.Close() })
	if err != nil {
		t.Fatal(err)
	}
	l := g.start()
	do(t, l, func() {
		for _, from := range []string{"127.0.0.7", "127.0.0.8", "127.0.0.7"} {
			to := *ln.Address()
			to.From = netip.MustParseAddr(from)
			c, err := l.Dial(&to, l.soon())
			if err != nil {
				t.Error(err)
				continue
			}
			if got := c.LocalAddr().(*net.TCPAddr).AddrPort(); got.Addr().Unmap() != to.From || got.Port() == 0 {
				t.Errorf("from %s: it is %s", from, got)
			}
			c.Close()
		}
		to := *ln.Address()
		to.From = netip.MustParseAddr("192.0.2.1")
		if c, err := l.Dial(&to, l.soon()); c != nil || !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("from an address that is not this machine's: %v", err)
		}
	})
}
