package accesslog

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

var at = time.Date(2026, 10, 10, 13, 55, 36, 0, time.UTC)

func TestLine(t *testing.T) {
	whole := Entry{
		Client: netip.MustParseAddrPort("127.0.0.1:5000"), RequestLine: []byte("GET /a HTTP/1.1"), Status: 200, Octets: 2326,
		Read: 14 * time.Microsecond, Send: 9 * time.Microsecond, Wait: 210 * time.Microsecond,
		Relay: 31 * time.Microsecond, Total: 264 * time.Microsecond,
		ClientConn: 3, Request: 2, OriginConn: 1, Use: 7, ClientEnd: "kept", OriginEnd: "kept",
	}
	for _, test := range []struct {
		name   string
		change func(*Entry)
		want   string
	}{
		{"whole", func(*Entry) {},
			`127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326 ` +
				`read=14us connect=0us send=9us wait=210us relay=31us total=264us c3#2 -> o1#7 kept/kept`},
		{"refused", func(e *Entry) {
			e.Status, e.Octets, e.OriginConn, e.OriginEnd = 502, 0, 0, ""
			e.ClientEnd, e.Refusal = "client-asked", "connection_refused"
		}, `127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 502 - ` +
			`read=14us connect=0us send=9us wait=210us relay=31us total=264us c3#2 -> - client-asked/- !connection_refused`},
		{"one of several origins", func(e *Entry) { e.Origin = &loop.Address{TCP: netip.MustParseAddrPort("[::1]:80")} },
			`127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326 ` +
				`read=14us connect=0us send=9us wait=210us relay=31us total=264us c3#2 -> o1#7@[::1]:80 kept/kept`},
		{"none of several origins", func(e *Entry) {
			e.Status, e.Octets, e.OriginConn, e.OriginEnd = 502, 0, 0, ""
			e.Origin, e.Refusal = &loop.Address{Path: "/run/a\"b"}, "connection_refused"
		}, `127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 502 - ` +
			`read=14us connect=0us send=9us wait=210us relay=31us total=264us c3#2 -> -@unix:/run/a\"b kept/- !connection_refused`},
		{"tunnel", func(e *Entry) {
			e.Status, e.Octets, e.Inbound, e.Tunnel = 101, 2000, 30, true
			e.ClientEnd, e.OriginEnd = "tunnel-ended", "tunnel-ended"
		}, `127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 101 2000 ` +
			`read=14us connect=0us send=9us wait=210us relay=31us total=264us c3#2 -> o1#7 tunnel-ended/tunnel-ended tunnel=30/2000`},
		{"no request, no answer", func(e *Entry) {
			*e = Entry{ClientConn: 1, ClientEnd: "request-truncated"}
		}, `unix - - [10/Oct/2026:13:55:36 +0000] "" - - ` +
			`read=0us connect=0us send=0us wait=0us relay=0us total=0us c1#0 -> - request-truncated/-`},
		{"queued", func(e *Entry) { e.Queue = 5 * time.Millisecond },
			`127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326 ` +
				`read=14us queue=5000us connect=0us send=9us wait=210us relay=31us total=264us c3#2 -> o1#7 kept/kept`},
		{"forged line", func(e *Entry) { e.RequestLine = []byte("GET /\"\\\x01\xff HTTP/1.1"); e.Replayed = true },
			`127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /\"\\\x01\xff HTTP/1.1" 200 2326 ` +
				`read=14us connect=0us send=9us wait=210us relay=31us total=264us c3#2 -> o1#7 kept/kept replayed`},
	} {
		e := whole
		test.change(&e)
		var s stamp
		if got := string(e.appendTo(nil, s.at(at))); got != test.want+"\n" {
			t.Errorf("%s:\n got %swant %s", test.name, got, test.want)
		}
	}
}

func TestStampIsMadeOnceASecond(t *testing.T) {
	var s stamp
	first := string(s.at(at))
	if again := string(s.at(at.Add(999 * time.Millisecond))); again != first {
		t.Errorf("within a second: %s and %s", first, again)
	}
	if next := string(s.at(at.Add(time.Second))); next == first {
		t.Errorf("a second later: %s still", next)
	}
}

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

func TestBatchesReachTheFile(t *testing.T) {
	d := new(disk)
	log := New(d)
	one, two := log.Batch(), log.Batch()
	const lines = 1000
	for i := range lines {
		for _, b := range []*Batch{one, two} {
			if first := b.Add(&Entry{}, at); i == 0 && !first {
				t.Error("the first line of a batch is not said to be the first")
			}
		}
	}
	one.Flush()
	two.Flush()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(d.got.String(), "\n"); n != 2*lines || log.Dropped() != 0 || !d.closed {
		t.Errorf("%d lines of %d, %d dropped, closed %v", n, 2*lines, log.Dropped(), d.closed)
	}
}

// An immediate log holds nothing back, and needs no goroutine.
func TestImmediate(t *testing.T) {
	var out strings.Builder
	log := Immediate(struct {
		io.Writer
		io.Closer
	}{&out, io.NopCloser(nil)})
	batch := log.Batch()
	for n := range 3 {
		batch.Add(&Entry{Status: 200}, time.Unix(0, 0))
		if got := strings.Count(out.String(), "\n"); got != n+1 {
			t.Errorf("%d lines after %d", got, n+1)
		}
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

func TestSlowDiskDropsAndCounts(t *testing.T) {
	d := new(disk)
	log := New(d)
	d.mu.Lock() // the goroutine is stuck in its first write
	b := log.Batch()
	added := uint64(0)
	for log.Dropped() == 0 {
		b.Add(&Entry{}, at)
		added++
	}
	d.mu.Unlock()
	b.Flush()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if n := uint64(strings.Count(d.got.String(), "\n")); n+log.Dropped() != added {
		t.Errorf("%d lines added, %d written, %d dropped", added, n, log.Dropped())
	}
}

func TestFullDisk(t *testing.T) {
	full := errors.New("disk full")
	d := &disk{err: full}
	log := New(d)
	b := log.Batch()
	b.Add(&Entry{}, at)
	b.Flush()
	if err := log.Close(); !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
	if log.Dropped() != 1 {
		t.Errorf("%d lines dropped, want 1", log.Dropped())
	}
}

func TestNoSuchFolder(t *testing.T) {
	if _, err := Open(t.TempDir() + "/no/such/folder.log"); err == nil {
		t.Error("opened")
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	log := New(new(disk))
	defer log.Close()
	b := log.Batch()
	e := Entry{RequestLine: []byte("GET / HTTP/1.1"), ClientEnd: "kept"}
	if n := testing.AllocsPerRun(50, func() { b.Add(&e, at) }); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}
