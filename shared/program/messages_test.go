package program

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/wiretest"
	"golang.org/x/sys/unix"
)

// A gate is a reader that lets through what is said when it is open, and takes
// notice of who stands before it.
type gate struct {
	arrived chan struct{} // a write has come
	open    chan struct{} // closed: writes pass
	mu      sync.Mutex
	said    bytes.Buffer
	err     error
}

func newGate() *gate {
	return &gate{arrived: make(chan struct{}, 100), open: make(chan struct{})}
}

func (g *gate) Write(b []byte) (int, error) {
	g.arrived <- struct{}{}
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	return g.said.Write(b)
}

func (g *gate) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
}

func (g *gate) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.said.String()
}

// All that is said by whomever arrives, in the order of each.
func TestMessagesArrive(t *testing.T) {
	g := newGate()
	close(g.open)
	m := NewMessages("edge", g)
	go func() {
		for range g.arrived {
		}
	}()
	const speakers, each = 4, 200
	var all sync.WaitGroup
	for speaker := range speakers {
		all.Go(func() {
			for i := range each {
				fmt.Fprintf(m, "%d says %d\n", speaker, i)
			}
		})
	}
	all.Wait()
	m.Flush()
	text := g.text()
	if n := strings.Count(text, "\n"); n != speakers*each {
		t.Fatalf("%d messages, want %d", n, speakers*each)
	}
	for speaker := range speakers {
		next := 0
		for line := range strings.Lines(text) {
			if line == fmt.Sprintf("%d says %d\n", speaker, next) {
				next++
			}
		}
		if next != each {
			t.Errorf("of speaker %d the first %d messages came in order, want %d", speaker, next, each)
		}
	}
}

// With nobody who reads, whoever speaks goes on; once somebody does, what was kept
// comes, and then how much was not.
func TestMessagesThatNobodyReads(t *testing.T) {
	g := newGate()
	m := NewMessages("edge", g)
	fmt.Fprint(m, "first\n")
	<-g.arrived // the goroutine is stuck with it
	const n = 2 * messagesHeld / len("0000\n")
	for i := range n {
		if _, err := fmt.Fprintf(m, "%04d\n", i%10000); err != nil {
			t.Fatal(err)
		}
	}
	close(g.open)
	m.Flush()
	fmt.Fprint(m, "last\n")
	m.Flush()
	const kept = messagesHeld / len("0000\n")
	got := strings.SplitAfter(g.text(), "\n")
	if len(got) != kept+4 {
		t.Fatalf("%d lines, want %d", len(got)-1, kept+3)
	}
	gap := fmt.Sprintf("edge: lines left out here, since nobody took them: %d\n", n-kept)
	if got[0] != "first\n" || got[kept] != fmt.Sprintf("%04d\n", (kept-1)%10000) || got[kept+1] != gap || got[kept+2] != "last\n" {
		t.Errorf("%q ... %q", got[0], got[kept:])
	}
}

// A message that is larger than the memory is not lost by that alone.
func TestLargeMessage(t *testing.T) {
	g := newGate()
	close(g.open)
	m := NewMessages("edge", g)
	large := strings.Repeat("x", 2*messagesHeld) + "\n"
	fmt.Fprint(m, large)
	if m.Flush(); g.text() != large {
		t.Errorf("%d bytes, want %d", len(g.text()), len(large))
	}
}

// What could not be written, such as to a file on a disk that was full, is counted
// as well.
func TestMessagesThatCannotBeWritten(t *testing.T) {
	g := newGate()
	close(g.open)
	g.fail(errors.New("disk full"))
	m := NewMessages("edge", g)
	for range 3 {
		fmt.Fprint(m, "one\ntwo\n")
		m.Flush()
	}
	g.fail(nil)
	fmt.Fprint(m, "three\n")
	m.Flush()
	if want := "three\nedge: lines left out here, since nobody took them: 6\n"; g.text() != want {
		t.Errorf("%q, want %q", g.text(), want)
	}
}

// The end of a program waits for a reader, but not for long.
func TestFlushGivesUp(t *testing.T) {
	m := NewMessages("edge", newGate())
	fmt.Fprint(m, "first\n")
	m.flush(time.Millisecond)
}

func TestTerminal(t *testing.T) {
	_, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if Terminal(new(bytes.Buffer)) != nil || Terminal(NewMessages("edge", new(bytes.Buffer))) != nil || Terminal(NewMessages("edge", w)) != nil {
		t.Error("a buffer or a pipe is taken for a terminal")
	}
	master, terminal := wiretest.Terminal(t)
	m := NewMessages("edge", terminal)
	for kind, takesBack := range map[string]bool{"xterm-256color": true, "linux": true, "dumb": false, "": false} {
		t.Setenv("TERM", kind)
		if (Terminal(m) == m) != takesBack {
			t.Errorf("TERM=%s: is a line written over again? want %t", kind, takesBack)
		}
	}
	t.Setenv("TERM", "xterm")
	master.Close()
	if Terminal(m) != nil {
		t.Error("a terminal that was closed is taken for one")
	}
}

func TestColumns(t *testing.T) {
	master, terminal := wiretest.Terminal(t)
	m := NewMessages("edge", terminal)
	for _, columns := range []uint16{40, 132} {
		if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
			t.Fatal(err)
		}
		if got := m.Columns(); got != int(columns) {
			t.Errorf("%d columns, want %d", got, columns)
		}
	}
	_, silent := wiretest.Terminal(t) // whose size nobody has set
	if got := NewMessages("edge", silent).Columns(); got != 80 {
		t.Errorf("%d columns where nobody knows", got)
	}
}
