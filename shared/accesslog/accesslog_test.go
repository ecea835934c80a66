package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A disk is a file that takes what it is given when it is let.
type disk struct {
	mu     sync.Mutex
	got    bytes.Buffer
	err    error
	closed bool
}

func (d *disk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return 0, d.err
	}
	return d.got.Write(p)
}

func (d *disk) Close() error {
	d.closed = true
	return nil
}

// reports are what a log has said.
type reports struct {
	mu    sync.Mutex
	texts []string
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, err.Error())
}

var epoch = time.Date(2026, 10, 10, 13, 55, 36, 0, time.UTC)

// enact runs a scene as a task of a loop, whose clock is at the epoch.
func enact(t *testing.T, scene func(*loop.Loop)) {
	t.Helper()
	err := simnet.New(1, simnet.Options{Epoch: epoch}).Run(loop.Config{}, func(g *loop.Group) error {
		l := g.Loop(0)
		l.Post(func() {
			l.Go(loop.Func(func() {
				defer g.Stop()
				scene(l)
			}))
		})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// stand gives a loop that does not run: the test is what happens on it.
func stand(t *testing.T) *loop.Loop {
	t.Helper()
	g, err := loop.NewGroup(1, loop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Stop()
		if err := g.Run(); err != nil {
			t.Error(err)
		}
	})
	return g.Loop(0)
}

var client = netip.MustParseAddrPort("127.0.0.1:5000")

// write adds a line by which one can tell it from others.
func write(b *Batch, text string) {
	b.End(append(b.Begin(client, []byte("GET / HTTP/1.1"), 200, 5), text...))
}

func TestLine(t *testing.T) {
	for _, test := range []struct {
		name    string
		client  string // empty: a Unix socket
		request string
		status  int
		size    int64
		want    string
	}{
		{"whole", "127.0.0.1:5000", "GET /a HTTP/1.1", 200, 2326, `127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326`},
		{"no content", "127.0.0.1:5000", "GET /a HTTP/1.1", 304, 0, `127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 304 -`},
		{"IPv6", "[2001:db8::1]:5000", "GET /a HTTP/1.1", 200, 1, `2001:db8::1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 1`},
		{"no request, no answer", "", "", 0, 0, `unix - - [10/Oct/2026:13:55:36 +0000] "" - -`},
		{"forged", "127.0.0.1:5000", "GET /\" 200 5\n::1 - -", 400, 0, `127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /\" 200 5\x0a::1 - -" 400 -`},
	} {
		d := new(disk)
		enact(t, func(l *loop.Loop) {
			var from netip.AddrPort
			if test.client != "" {
				from = netip.MustParseAddrPort(test.client)
			}
			b := Immediate(d).Batch(l)
			b.End(append(b.Begin(from, []byte(test.request), test.status, test.size), " more"...))
		})
		if got := d.got.String(); got != test.want+" more\n" {
			t.Errorf("%s:\n got %swant %s", test.name, got, test.want)
		}
	}
}

func TestEscaping(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"GET /a?b=%20~ HTTP/1.1":  "GET /a?b=%20~ HTTP/1.1",
		`say "no"`:                `say \"no\"`,
		`a\x41`:                   `a\\x41`,
		"\x00\x01\x1f":            `\x00\x01\x1f`,
		"a\r\nb\tc":               `a\x0d\x0ab\x09c`,
		"\x1b[2J":                 `\x1b[2J`,
		"\x7f\x80\x9b\xff":        `\x7f\x80\x9b\xff`,
		"é":                       `\xc3\xa9`,
		strings.Repeat("\"", 100): strings.Repeat(`\"`, 100),
	} {
		if got := string(AppendEscaped([]byte("> "), in)); got != "> "+want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
		if got := string(AppendEscaped(nil, []byte(in))); got != want {
			t.Errorf("bytes of %q: %s, want %s", in, got, want)
		}
	}
	for c := range 256 {
		got := string(AppendEscaped(nil, []byte{byte(c)}))
		want := fmt.Sprintf(`\x%02x`, c)
		switch {
		case c == '"' || c == '\\':
			want = `\` + string(rune(c))
		case c >= ' ' && c <= '~':
			want = string(rune(c))
		}
		if got != want {
			t.Errorf("%#02x: %s, want %s", c, got, want)
		}
	}
}

// The time is made anew when, and only when, the clock has come to the next second.
func TestTimeOfALine(t *testing.T) {
	d := new(disk)
	var want strings.Builder
	enact(t, func(l *loop.Loop) {
		b := Immediate(d).Batch(l)
		for _, pause := range []time.Duration{0, 300, 690, 20, 980, 20, 5000, 999, 1} {
			l.Sleep(pause * time.Millisecond)
			due := l.Now() >= b.nextAt
			before := b.nextAt
			write(b, "")
			if made := b.nextAt != before; made != due {
				t.Errorf("at %v: made anew: %v", l.Wall(), made)
			}
			want.WriteString(l.Wall().Format("[02/Jan/2006:15:04:05 -0700]\n"))
		}
	})
	var got strings.Builder
	for line := range strings.Lines(d.got.String()) {
		got.WriteString(line[strings.Index(line, "["):strings.Index(line, "]")+1] + "\n")
	}
	if got.String() != want.String() {
		t.Errorf("got\n%swant\n%s", got.String(), want.String())
	}
}

// Nothing is lost or mixed that comes from several loops, and Close writes what
// they still hold.
func TestBatchesReachTheFile(t *testing.T) {
	d := new(disk)
	log := New(d, nil)
	one, two := log.Batch(stand(t)), log.Batch(stand(t))
	const lines = 1000
	for i := range lines {
		write(one, fmt.Sprint(" one ", i))
		write(two, fmt.Sprint(" two ", i))
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"one", "two"} {
		at := 0
		for line := range strings.Lines(d.got.String()) {
			if strings.HasSuffix(line, fmt.Sprint(" 200 5 ", from, " ", at, "\n")) {
				at++
			}
		}
		if at != lines {
			t.Errorf("%d lines of batch %s in order, want %d", at, from, lines)
		}
	}
	if n := strings.Count(d.got.String(), "\n"); n != 2*lines || log.Lost() != 0 || !d.closed {
		t.Errorf("%d lines of %d, %d lost, closed %v", n, 2*lines, log.Lost(), d.closed)
	}
}

// A pipeline hands on each write.
type pipeline chan string

func (p pipeline) Write(b []byte) (int, error) {
	p <- string(b)
	return len(b), nil
}

func (p pipeline) Close() error { return nil }

// Lines do not wait for others longer than maxAge, and not at all when they are
// many.
func TestLinesAreHandedOver(t *testing.T) {
	p := make(pipeline, queued)
	log := New(p, nil)
	enact(t, func(l *loop.Loop) {
		b := log.Batch(l)
		for range 3 {
			l.Sleep(maxAge / 2) // not in step with the timer that was there before
			write(b, " first")
			l.Sleep(maxAge / 2)
			write(b, " second")
			if len(p) > 0 {
				t.Errorf("written before its time: %q", <-p)
			}
			l.Sleep(maxAge)
			if got := <-p; !strings.HasSuffix(got, " second\n") || strings.Count(got, "\n") != 2 {
				t.Errorf("written: %q", got)
			}
		}
		before := l.Now()
		for range batchSize / len(" many") {
			write(b, " many")
		}
		if got := <-p; len(got) < batchSize || l.Now() != before {
			t.Errorf("%d bytes written after %v", len(got), l.Now().Sub(before))
		}
	})
	go func() {
		for range p {
		}
	}()
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

// An immediate log holds nothing back, and needs no goroutine.
func TestImmediate(t *testing.T) {
	d := new(disk)
	log := Immediate(d)
	b := log.Batch(stand(t))
	for n := range 3 {
		write(b, "")
		if got := strings.Count(d.got.String(), "\n"); got != n+1 {
			t.Errorf("%d lines after %d", got, n+1)
		}
	}
	if err := log.Close(); err != nil || !d.closed {
		t.Error(err, d.closed)
	}
}

// A nil log is none.
func TestNoLog(t *testing.T) {
	var log *Log
	if b := log.Batch(nil); b != nil || log.Lost() != 0 || log.Close() != nil {
		t.Error("a log that is none does something")
	}
}

// Whoever writes lines does not wait for the disk. Lines that it cannot take are
// counted, and that is said when it can again.
func TestSlowDiskLosesAndCounts(t *testing.T) {
	d := new(disk)
	var said reports
	log := New(d, said.add)
	b := log.Batch(stand(t))
	d.mu.Lock() // the goroutine is stuck in its first write
	added := uint64(0)
	for log.Lost() == 0 || added%1000 > 0 {
		write(b, "")
		added++
	}
	d.mu.Unlock()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if n := uint64(strings.Count(d.got.String(), "\n")); n+log.Lost() != added {
		t.Errorf("%d lines added, %d written, %d lost", added, n, log.Lost())
	}
	if want := []string{fmt.Sprintf("%d lines of the access log were lost: it could not be written fast enough", log.Lost())}; !slices.Equal(said.texts, want) {
		t.Errorf("it says %q, want %q", said.texts, want)
	}
}

// A disk that is full is spoken of once, at once and in the end; its lines are
// counted, and not taken for those of a slow one.
func TestFullDisk(t *testing.T) {
	full := errors.New("disk full")
	d := &disk{err: full}
	var said reports
	log := New(d, said.add)
	b := log.Batch(stand(t))
	for range 3 {
		write(b, "")
		b.flush()
	}
	if err := log.Close(); !errors.Is(err, full) || !strings.HasPrefix(err.Error(), "the access log is not complete: ") {
		t.Errorf("%v, want %v", err, full)
	}
	if want := []string{"the access log cannot be written, its lines are lost: disk full"}; !slices.Equal(said.texts, want) {
		t.Errorf("it says %q, want %q", said.texts, want)
	}
	if log.Lost() != 3 || !d.closed {
		t.Errorf("%d lines lost, want 3; closed %v", log.Lost(), d.closed)
	}
}

// A reader that has stopped, with the queue full before it, keeps nobody from
// ending.
func TestReaderThatHasStopped(t *testing.T) {
	l := stand(t)
	synctest.Test(t, func(t *testing.T) {
		p := make(pipeline)
		log := New(p, nil)
		b := log.Batch(l)
		for log.Lost() == 0 {
			write(b, "")
		}
		write(b, "")
		began := time.Now()
		if err := log.Close(); err == nil || !strings.Contains(err.Error(), "its end was not taken within 2s") {
			t.Error(err)
		}
		if took := time.Since(began); took != patience {
			t.Errorf("it took %v", took)
		}
		go func() { // so that the goroutine ends with the test
			for range p {
			}
		}()
		<-log.done
		close(p)
	})
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	for _, text := range []string{" first", " second"} {
		log, err := Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		write(log.Batch(stand(t)), text)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if lines := strings.Split(string(got), "\n"); err != nil || len(lines) != 3 || !strings.HasSuffix(lines[0], " first") || !strings.HasSuffix(lines[1], " second") {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Open(path+"/no/such/folder.log", nil); err == nil || !strings.HasPrefix(err.Error(), "the access log cannot be opened: ") {
		t.Error(err)
	}
}

// Once the queue was as full as it gets, there are buffers for all that comes.
func TestNothingAllocates(t *testing.T) {
	d := new(disk)
	log := New(d, nil)
	b := log.Batch(stand(t))
	d.mu.Lock()
	for log.Lost() == 0 {
		write(b, "")
	}
	d.got = *bytes.NewBuffer(make([]byte, 0, 16<<20)) // itself allocates nothing
	d.mu.Unlock()
	for len(log.empty) < queued {
		time.Sleep(time.Millisecond)
	}
	batch := func() {
		for range batchSize / len(" and some more of it") {
			write(b, " and some more of it")
		}
	}
	if n := testing.AllocsPerRun(20, batch); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}
