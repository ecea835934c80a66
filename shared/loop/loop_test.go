package loop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// patience bounds what has to happen without a deadline of its own.
const patience = 20 * time.Second

// A testGroup is stopped at the end of its test, when it must have left nothing
// behind.
type testGroup struct {
	*Group
	t   testing.TB
	ran chan error // what Run returned
}

// newGroup makes a group that is not running yet, so that it can listen. Its
// test fails if the loops report anything, unless it has a Report of its own.
func newGroup(t testing.TB, loops int, config Config) *testGroup {
	t.Helper()
	if config.Report == nil {
		config.Report = func(err error) { t.Error(err) }
	}
	before := descriptors(t)
	g, err := NewGroup(loops, config)
	if err != nil {
		t.Fatal(err)
	}
	tg := &testGroup{Group: g, t: t}
	t.Cleanup(func() {
		tg.end()
		if n := g.Conns(); n != 0 {
			t.Errorf("%d connections are counted as open after the end", n)
		}
		eventually(t, "the descriptors are closed", func() bool { return descriptors(t) <= before })
	})
	return tg
}

func (g *testGroup) start() *Loop {
	g.ran = make(chan error, 1)
	go func() { g.ran <- g.Run() }()
	return g.Loop(0)
}

// end stops the group and waits until Run has returned.
func (g *testGroup) end() {
	g.t.Helper()
	g.Stop()
	if g.ran == nil {
		g.start()
	}
	if err := wait(g.t, "the end of Run", g.ran); err != nil {
		g.t.Error(err)
	}
	g.ran <- nil // for the next call
}

func listen(t testing.TB, g *testGroup, address string, accept func(*Conn)) *Listener {
	t.Helper()
	ln, err := g.Listen(address, accept)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// do runs f in a task of the loop and waits for its end.
func do(t testing.TB, l *Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	on(t, l, func() {
		l.Go(Func(func() {
			defer close(done)
			f()
		}))
	})
	wait(t, "the end of a task", done)
}

// on runs f on the loop, outside any task, and waits for its end.
func on(t testing.TB, l *Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	if !l.Post(func() { defer close(done); f() }) {
		t.Fatal("the loop has ended")
	}
	wait(t, "the end of a posted function", done)
}

func wait[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
	}
	return v
}

// eventually waits for what nobody tells.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("it never came to be that %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// dial connects from outside the loops.
func dial(t testing.TB, ln *Listener) net.Conn {
	t.Helper()
	c, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// say writes s to c.
func say(t testing.TB, c io.Writer, s string) {
	t.Helper()
	if n, err := io.WriteString(c, s); err != nil || n != len(s) {
		t.Fatalf("wrote %d bytes of %q: %v", n, s, err)
	}
}

// hear reads as many octets as want has, and fails the test if they are others.
func hear(t testing.TB, c io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got[:n], err, want)
	}
}

// hearEnd fails the test if anything but the end of stream comes.
func hearEnd(t testing.TB, c io.Reader) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("read %d bytes, %v; want the end of stream", n, err)
	}
}

// networks are the kinds of addresses that there are.
func networks(t *testing.T) map[string]string {
	return map[string]string{
		"tcp":  "127.0.0.1:0",
		"unix": "unix:" + filepath.Join(t.TempDir(), "socket"),
	}
}

// between runs script in a task that has both ends of a connection, of each
// network.
func between(t *testing.T, script func(t *testing.T, a, b *Conn)) {
	for name, address := range networks(t) {
		t.Run(name, func(t *testing.T) { pair(t, address, func(a, b *Conn) { script(t, a, b) }) })
	}
}

// overTCP is between for what only TCP knows.
func overTCP(t *testing.T, script func(a, b *Conn)) { pair(t, "127.0.0.1:0", script) }

func pair(t *testing.T, address string, script func(a, b *Conn)) {
	t.Helper()
	g := newGroup(t, 1, Config{})
	l := g.Loop(0)
	var b *Conn
	var arrived Signal
	ln := listen(t, g, address, func(c *Conn) {
		b = c
		arrived.Fire()
	})
	do(t, g.start(), func() {
		a, err := l.Dial(ln.Address(), l.soon())
		if err != nil {
			t.Error(err)
			return
		}
		defer a.Close()
		for b == nil {
			arrived.Wait(l, l.soon())
		}
		defer b.Close()
		script(a, b)
	})
}

func (l *Loop) soon() Time { return l.now.Add(patience) }

// beside starts a task and returns what waits for its end.
func beside(l *Loop, f func()) (join func()) {
	var end Signal
	ended := false
	l.Go(Func(func() {
		defer end.FireAll()
		defer func() { ended = true }()
		f()
	}))
	return func() {
		for !ended && end.Wait(l, l.soon()) == nil {
		}
	}
}

// pause lets everything happen on the loop that can happen without waiting.
func pause(l *Loop) {
	for range 10 {
		l.running().giveWay()
	}
}

// echoer sends back what comes, in a task for each piece.
type echoer struct{ c *Conn }

func (e *echoer) Readable(c *Conn) { c.Loop().Go(e) }
func (e *echoer) Expired(c *Conn)  { c.Close() }
func (e *echoer) Aborted(c *Conn)  { c.Close() }

func (e *echoer) Run() {
	buf := e.c.Loop().Buffer()
	defer buf.Release()
	_, err := buf.FillFrom(e.c)
	if err == nil {
		_, err = e.c.Write(buf.Unread())
	}
	if err != nil {
		e.c.Close()
		return
	}
	e.c.Park(e, 0)
}

func echo(c *Conn) { c.Park(&echoer{c}, 0) }

// notes is a Handler that writes down what it is told.
type notes struct {
	told []string
	then func(c *Conn)
	some Signal
}

func (n *notes) note(what string, c *Conn) {
	n.told = append(n.told, what)
	n.some.FireAll()
	if n.then != nil {
		n.then(c)
	}
}

func (n *notes) Readable(c *Conn) { n.note("readable", c) }
func (n *notes) Expired(c *Conn)  { n.note("expired", c) }
func (n *notes) Aborted(c *Conn)  { n.note("aborted", c) }

// wait suspends a task until the handler has been told n things.
func (n *notes) wait(l *Loop, count int) {
	for len(n.told) < count {
		if n.some.Wait(l, l.soon()) != nil {
			return
		}
	}
}

func (n *notes) want(t testing.TB, want ...string) {
	t.Helper()
	if !slices.Equal(n.told, want) {
		t.Errorf("the handler was told %q, want %q", n.told, want)
	}
}

// reports collects what the loops report.
type reports struct {
	mu  sync.Mutex
	all []error
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, err)
}

func (r *reports) get() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *reports) want(t testing.TB, want ...error) {
	t.Helper()
	got := r.get()
	same := slices.EqualFunc(got, want, func(a, b error) bool { return errors.Is(a, b) })
	if !same {
		t.Errorf("the loops reported %v, want %v", got, want)
	}
}

func TestMain(m *testing.M) {
	// The runtime's own poller has descriptors from its first use on.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ln.Close()
	os.Exit(m.Run())
}

func TestEcho(t *testing.T) {
	for name, address := range networks(t) {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 2, Config{})
			ln := listen(t, g, address, echo)
			g.start()
			for range 20 {
				c := dial(t, ln)
				for i := range 10 {
					word := fmt.Sprintf("hello %d", i)
					say(t, c, word)
					hear(t, c, word)
				}
				c.Close()
			}
		})
	}
}
