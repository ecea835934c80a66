package capture

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/events"
)

// A tape is a recording under way in a test, on a clock that steps by itself. It
// is written when it is asked for.
type tape struct {
	t        testing.TB
	file     bytes.Buffer
	recorder *Recorder
	reader   *events.Reader
	track    *events.Track
	now      time.Time
	n        uint64
}

func newTape(t testing.TB) *tape {
	t.Helper()
	tp := &tape{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)}
	tp.recorder, tp.reader, tp.track = recordOn(t, &tp.file, 16<<20, Options{Application: "edge"})
	return tp
}

// recordOn begins a recording with one track, which is written when the test calls
// Flush, or when a quarter of the memory is full.
func recordOn(t testing.TB, sink io.Writer, memory int, o Options) (*Recorder, *events.Reader, *events.Track) {
	t.Helper()
	return recordEvery(t, sink, time.Hour, memory, o)
}

func recordEvery(t testing.TB, sink io.Writer, interval time.Duration, memory int, o Options) (*Recorder, *events.Reader, *events.Track) {
	t.Helper()
	r, err := NewRecorder(sink, o)
	if err != nil {
		t.Fatal(err)
	}
	stream := events.NewStream(1, events.Options{Memory: memory, Interval: interval})
	reader := stream.Read(r)
	t.Cleanup(func() { reader.Close() })
	return r, reader, stream.Track(0)
}

// smallest is the least memory that a track has.
const smallest = 256 << 10

func (tp *tape) tick() time.Time {
	tp.now = tp.now.Add(1234567)
	return tp.now
}

// open begins a flow on hop, with IPv4 addresses.
func (tp *tape) open(hop events.Hop) *events.Flow {
	tp.n++
	return tp.openBetween(hop, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(50000+tp.n)),
		netip.MustParseAddrPort("127.0.0.1:41234"))
}

func (tp *tape) openBetween(hop events.Hop, client, server netip.AddrPort) *events.Flow {
	f := &events.Flow{ConnID: events.ConnID{Hop: hop, N: tp.n}, Client: client, Server: server}
	tp.track.Open(f, tp.tick())
	return f
}

// in records pieces sent by the client, out those sent by the server.
func (tp *tape) in(f *events.Flow, pieces ...string)  { tp.data(f, events.Inbound, pieces) }
func (tp *tape) out(f *events.Flow, pieces ...string) { tp.data(f, events.Outbound, pieces) }

func (tp *tape) data(f *events.Flow, d events.Direction, pieces []string) {
	for _, p := range pieces {
		tp.track.Bytes(f, d, tp.tick(), []byte(p), false, "")
	}
}

func (tp *tape) end(f *events.Flow, d events.Direction, how events.Means) {
	tp.track.End(f, d, how, tp.tick(), "")
}

// finish closes a flow in good order, the client first.
func (tp *tape) finish(f *events.Flow) {
	tp.end(f, events.Inbound, events.FIN)
	tp.end(f, events.Outbound, events.FIN)
}

func (tp *tape) check(err error) {
	if err != nil {
		tp.t.Helper()
		tp.t.Fatal(err)
	}
}

// bytes ends the recording.
func (tp *tape) bytes() []byte {
	tp.t.Helper()
	tp.check(tp.reader.Close())
	if d := tp.reader.Dropped(); d != (events.Dropped{}) {
		tp.t.Fatalf("the tape is too short: %+v", d)
	}
	return tp.file.Bytes()
}

func (tp *tape) read() *Recording { return readBytes(tp.t, tp.bytes()) }

func readBytes(t testing.TB, file []byte) *Recording {
	t.Helper()
	rec, err := Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// describe prints exchanges in one line each: what a table test compares.
//
//	GET /a 16+0 -> 100, 200 38+5
func describe(c *Connection) (lines []string) {
	for _, x := range c.Exchanges {
		line := summarize(&x.Request) + " ->"
		for i := range x.Interim {
			line += " " + summarize(&x.Interim[i]) + ","
		}
		if len(x.Response.Raw) > 0 {
			line += " " + summarize(&x.Response)
		}
		lines = append(lines, line)
	}
	return lines
}

func summarize(m *Message) string {
	first, _, _ := strings.Cut(string(m.Raw), "\r\n")
	first = strings.TrimPrefix(strings.TrimSuffix(first, " HTTP/1.1"), "HTTP/1.1 ")
	if m.Cut {
		first += " (cut)"
	}
	if m.Fault != nil {
		first += " (fault)"
	}
	return fmt.Sprintf("%s %d+%d", first, m.HeadLen, len(m.Body()))
}

func only(t testing.TB, rec *Recording) *Connection {
	t.Helper()
	if len(rec.Connections) != 1 {
		t.Fatalf("%d connections, want 1; warnings %q", len(rec.Connections), rec.Warnings)
	}
	return rec.Connections[0]
}

func equalLines(t testing.TB, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
