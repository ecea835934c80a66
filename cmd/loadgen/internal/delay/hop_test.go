package delay

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

const roundTrip = 20 * time.Millisecond

// hopTo is a hop before a server that runs a script on each connection.
func hopTo(t *testing.T, at string, script func(net.Conn)) *Hop {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(at, "/") {
		network = "unix"
	}
	l, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				script(c)
			})
		}
	})
	name := l.Addr().String()
	if network == "unix" {
		name = "unix:" + name
	}
	server, err := loop.ParseAddress(name)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Start(server, roundTrip)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Close() // again, where the test has
		l.Close()
		running.Wait()
	})
	return h
}

func echo(c net.Conn) { io.Copy(struct{ io.Writer }{c}, c) } // without the pipes that splice takes

func dial(t *testing.T, h *Hop) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", h.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.TCPConn)
}

// took is how long something took, which is not to be less, and at some time no more
// than a little more: what else the machine does may come between, for seconds on end.
func took(t *testing.T, want time.Duration, what func(t *testing.T)) {
	t.Helper()
	var d time.Duration
	for give := time.Now().Add(20 * time.Second); time.Now().Before(give); {
		began := time.Now()
		what(t)
		if d = time.Since(began); d < want {
			t.Fatalf("it took %s, less than %s", d, want)
		}
		if d < want+roundTrip/4 {
			return
		}
	}
	t.Errorf("it took %s, and not %s", d, want)
}

// A round trip takes its time, and the first of a connection twice that, for the
// handshake, whoever listens, and whatever says what.
func TestRoundTrips(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0", filepath.Join(t.TempDir(), "socket")} {
		h := hopTo(t, at, echo)
		var c *net.TCPConn
		ask := func(t *testing.T) {
			io.WriteString(c, "x")
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		took(t, 2*roundTrip, func(t *testing.T) {
			c = dial(t, h)
			ask(t)
		})
		took(t, roundTrip, ask)
		if h.CPU() <= 0 {
			t.Error("it took no processor time")
		}
		late := h.Late()
		if late.Count() < 6 || late.Min() > roundTrip/4 { // on a busy machine most are
			t.Errorf("%d things were late, the least by %s", late.Count(), late.Min())
		}
		if late = h.Late(); late.Count() > 0 {
			t.Error("what was late before is so again")
		}
	}
}

// What is sent before the server is told of the connection arrives behind its
// handshake, which is half a round trip behind connecting.
func TestFirstWordOfTheServer(t *testing.T) {
	h := hopTo(t, "127.0.0.1:0", func(c net.Conn) { io.WriteString(c, "x") })
	took(t, roundTrip, func(t *testing.T) {
		if all, err := io.ReadAll(dial(t, h)); string(all) != "x" || err != nil {
			t.Fatalf("%q, %v", all, err)
		}
	})
}

// Much of it arrives whole and in order, both ways, though the reader takes its time.
func TestMuch(t *testing.T) {
	h := hopTo(t, "127.0.0.1:0", echo)
	c := dial(t, h)
	const size = 3 * mostHeld
	go func() {
		for i := range size / 4096 {
			if _, err := c.Write([]byte(strings.Repeat(string(rune('a'+i%26)), 4096))); err != nil {
				return
			}
		}
		c.CloseWrite()
	}()
	all, err := io.ReadAll(c)
	if len(all) != size || err != nil {
		t.Fatalf("%d bytes of %d, %v", len(all), size, err)
	}
	for i := range all {
		if all[i] != byte('a'+i/4096%26) {
			t.Fatalf("byte %d is %q", i, all[i])
		}
	}
}

// Each end is told how the other has ended, half a round trip later.
func TestEnds(t *testing.T) {
	ended := make(chan error, 100)
	read := func(c net.Conn) {
		_, err := io.ReadAll(c)
		ended <- err
	}
	t.Run("the client's end of stream", func(t *testing.T) {
		h := hopTo(t, "127.0.0.1:0", read)
		took(t, roundTrip*3/2, func(t *testing.T) {
			dial(t, h).CloseWrite()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("the client's reset", func(t *testing.T) {
		h := hopTo(t, "127.0.0.1:0", func(c net.Conn) {
			io.WriteString(c, "x")
			read(c)
		})
		took(t, roundTrip*3/2, func(t *testing.T) {
			c := dial(t, h)
			io.ReadFull(c, make([]byte, 1))
			c.SetLinger(0)
			c.Close()
			if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
		})
	})
	t.Run("the server's reset", func(t *testing.T) {
		h := hopTo(t, "127.0.0.1:0", func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) })
		took(t, roundTrip, func(t *testing.T) {
			if _, err := io.ReadAll(dial(t, h)); !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
		})
	})
	t.Run("no server", func(t *testing.T) {
		nobody, err := loop.ParseAddress("unix:" + filepath.Join(t.TempDir(), "nobody"))
		if err != nil {
			t.Fatal(err)
		}
		h, err := Start(nobody, roundTrip)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		took(t, roundTrip, func(t *testing.T) {
			if _, err := io.ReadAll(dial(t, h)); !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
		})
	})
}

// A hop gives back the descriptors of connections that are over, and in the end all.
func TestDescriptors(t *testing.T) {
	before := descriptors(t)
	h := hopTo(t, "127.0.0.1:0", echo)
	idle := descriptors(t)
	var all []*net.TCPConn
	for range 20 {
		all = append(all, dial(t, h))
		io.WriteString(all[len(all)-1], "x")
	}
	for _, c := range all {
		io.ReadFull(c, make([]byte, 1))
		c.Close()
	}
	eventually(t, func() bool { return descriptors(t) <= idle })
	h.Close()
	if n := descriptors(t); n > before+1 {
		t.Errorf("%d descriptors are open, and %d were before, without the server's", n, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for give := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(give) {
			t.Fatal("it did not come to that")
		}
	}
}
