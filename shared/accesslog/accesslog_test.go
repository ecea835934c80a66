package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A disk is a file that takes what it is given when it is let.
type disk struct {
	stuck   chan struct{} // if not nil, it takes nothing until this is closed
	mu      sync.Mutex
	got     bytes.Buffer
	err     error
	limited bool // to this room
	room    int
	closed  bool
}

func (d *disk) Write(p []byte) (int, error) {
	if d.stuck != nil {
		<-d.stuck
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return 0, d.err
	}
	if d.limited {
		n, _ := d.got.Write(p[:min(len(p), d.room)])
		d.room -= n
		if n < len(p) {
			return n, syscall.ENOSPC
		}
		return n, nil
	}
	return d.got.Write(p)
}

func (d *disk) grant(room int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room += room
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

func (r *reports) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.texts)
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

// stand gives a loop that does not run any more, so that no timer of it runs out: the
// test is what happens on it.
func stand(t *testing.T) *loop.Loop {
	t.Helper()
	g, err := loop.NewGroup(1, loop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	g.Stop()
	if err := g.Run(); err != nil {
		t.Error(err)
	}
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

// A line may be an object, with the time to the microsecond.
func TestObject(t *testing.T) {
	var want strings.Builder
	d := new(disk)
	enact(t, func(l *loop.Loop) {
		log := Immediate(d)
		log.JSON = true
		b := log.Batch(l)
		for i, pause := range []time.Duration{0, 1, 999_998, 1, 1, 5_500_000} {
			l.Sleep(pause * time.Microsecond)
			line := AppendRequest(b.Object("edge", "exchange"), []byte(`GET /"a HTTP/1.1`), i%2 == 0)
			b.End(line)
			rest := `"request_line":"GET /\"a HTTP/1.1"`
			if i%2 == 0 {
				rest = `"method":"GET","target":"/\"a","version":"1.1"`
			}
			fmt.Fprintf(&want, "{\"time\":%q,\"program\":\"edge\",\"event\":\"exchange\",%s}\n", l.Wall().UTC().Format("2006-01-02T15:04:05.000000Z"), rest)
		}
	})
	if got := d.got.String(); got != want.String() {
		t.Errorf("got\n%swant\n%s", got, want.String())
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

// Who looks a fifth of a second behind a request finds its line.
func TestLinesAreThereSoon(t *testing.T) {
	p := make(pipeline, queued)
	log := New(p, nil)
	defer log.Close()
	enact(t, func(l *loop.Loop) {
		b := log.Batch(l)
		write(b, " soon")
		l.Sleep(time.Second / 5)
		if len(b.lines) > 0 {
			t.Error("it still waits for others")
		}
	})
}

// A log that nobody can write for a long time, with little to write, loses nothing
// for as long as there is room for it.
func TestFewLinesWaitLong(t *testing.T) {
	d := &disk{stuck: make(chan struct{})}
	log := New(d, nil)
	const lines = 10 * queued
	enact(t, func(l *loop.Loop) {
		b := log.Batch(l)
		for range lines {
			write(b, "")
			l.Sleep(2 * maxAge)
		}
	})
	close(d.stuck)
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(d.got.String(), "\n"); n != lines {
		t.Errorf("%d lines, want %d", n, lines)
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
// counted, and that is said at once and then once a minute.
func TestSlowDiskLosesAndCounts(t *testing.T) {
	l := stand(t)
	synctest.Test(t, func(t *testing.T) {
		d := &disk{stuck: make(chan struct{})}
		var said reports
		log := New(d, said.add)
		b := log.Batch(l)
		added := uint64(0)
		lose := func() {
			for before := log.Lost(); log.Lost() == before; added++ {
				write(b, "")
			}
			synctest.Wait()
		}
		lose()
		want := []string{fmt.Sprintf("the access log cannot be written fast enough; lines lost so far: %d", log.Lost())}
		for range 10 {
			lose()
			time.Sleep(quiet / 10)
		}
		synctest.Wait()
		want = append(want, fmt.Sprintf("the access log cannot be written fast enough; lines lost so far: %d", log.Lost()))
		time.Sleep(10 * quiet) // with nothing new
		close(d.stuck)
		err := log.Close()
		if end := fmt.Sprintf("the access log is not complete: lines lost, since it could not be written fast enough: %d", log.Lost()); err == nil || err.Error() != end {
			t.Errorf("%v, want %s", err, end)
		}
		if n := uint64(strings.Count(d.got.String(), "\n")); n+log.Lost() != added {
			t.Errorf("%d lines added, %d written, %d lost", added, n, log.Lost())
		}
		if !slices.Equal(said.texts, want) {
			t.Errorf("it says %q, want %q", said.texts, want)
		}
	})
}

// A disk that stays full is spoken of at once and in the end; its lines are
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
	for said.count() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := log.Close(); !errors.Is(err, full) || err.Error() != "the access log is not complete: lines lost: 3: disk full" {
		t.Errorf("%v, want %v", err, full)
	}
	if want := []string{"the access log cannot be written: disk full; lines lost so far: 0"}; !slices.Equal(said.texts, want) {
		t.Errorf("it says %q, want %q", said.texts, want)
	}
	if log.Lost() != 3 || !d.closed {
		t.Errorf("%d lines lost, want 3; closed %v", log.Lost(), d.closed)
	}
}

// Once a full disk has room again, the log goes on with the lines that waited, and
// in the middle of the one that was cut. What was lost is said, and is lines that
// are missing as a whole.
func TestFullDiskHasRoomAgain(t *testing.T) {
	l := stand(t)
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 100_123}
		d.limited = true
		var said reports
		log := New(d, said.add)
		b := log.Batch(l)
		added := 0
		add := func() {
			write(b, fmt.Sprint(" line ", added))
			added++
		}
		for log.Lost() == 0 {
			add()
			if added%100 == 0 {
				synctest.Wait()
			}
		}
		time.Sleep(2 * quiet)
		for range 5 { // room for part of a line, again and again
			d.grant(7)
			time.Sleep(quiet)
		}
		d.grant(1 << 30)
		time.Sleep(2 * quiet)
		lost := log.Lost()
		for range 1000 {
			add()
		}
		err := log.Close()
		if end := fmt.Sprintf("the access log is not complete: lines lost: %d: no space left on device", lost); err == nil || err.Error() != end {
			t.Errorf("%v, want %s", err, end)
		}
		written, last := 0, -1
		for line := range strings.Lines(d.got.String()) {
			var n int
			_, text, _ := strings.Cut(line, " 200 5 ")
			if _, err := fmt.Sscanf(text, "line %d\n", &n); err != nil || n <= last || !strings.HasPrefix(line, "127.0.0.1 - - [") {
				t.Fatalf("behind line %d: %q", last, line)
			}
			written, last = written+1, n
		}
		if written+int(lost) != added || last != added-1 {
			t.Errorf("%d lines added, the last of them is %d, %d written, %d lost", added, last, written, lost)
		}
		want := []string{
			"the access log cannot be written: no space left on device; lines lost so far: 0",
			fmt.Sprintf("the access log cannot be written: no space left on device; lines lost so far: %d", lost),
			fmt.Sprintf("the access log can be written again; lines lost so far: %d", lost),
		}
		if !slices.Equal(said.texts, want) {
			t.Errorf("it says %q, want %q", said.texts, want)
		}
	})
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
		synctest.Wait()
		waiting := len(log.full) // and one batch is stuck
		lines := uint64(waiting+1)*log.Lost() + 1
		began := time.Now()
		if err := log.Close(); err == nil || err.Error() != fmt.Sprintf("the access log is not complete: its end was not taken within 2s; lines lost: %d at least", lines) {
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
	if err := log.Close(); err == nil {
		t.Error("a log that has lost lines is said to be complete")
	}
}
