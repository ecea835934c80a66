package capture

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A tape is a recording under way in a test, on a clock that steps by itself. It
// is written when it is asked for.
type tape struct {
	t        testing.TB
	file     bytes.Buffer
	recorder *Recorder // without its goroutine
	track    *Track
	now      time.Time
	n        uint64
}

func newTape(t testing.TB) *tape {
	t.Helper()
	tp := &tape{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)}
	w, err := newWriter(&tp.file, Options{Application: "edge"})
	if err != nil {
		t.Fatal(err)
	}
	tp.track = &Track{ring: newRing(16 << 20)}
	tp.recorder = &Recorder{writer: w, tracks: []*Track{tp.track}}
	return tp
}

func (tp *tape) tick() time.Time {
	tp.now = tp.now.Add(1234567)
	return tp.now
}

// open begins a flow on hop, with IPv4 addresses.
func (tp *tape) open(hop Hop) *Flow {
	tp.n++
	return tp.openBetween(hop, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(50000+tp.n)),
		netip.MustParseAddrPort("127.0.0.1:41234"))
}

func (tp *tape) openBetween(hop Hop, client, server netip.AddrPort) *Flow {
	f := &Flow{FlowID: FlowID{hop, tp.n}, Client: client, Server: server}
	tp.track.Open(f, tp.tick())
	return f
}

// in records pieces sent by the client, out those sent by the server.
func (tp *tape) in(f *Flow, pieces ...string)  { tp.data(f, Inbound, pieces) }
func (tp *tape) out(f *Flow, pieces ...string) { tp.data(f, Outbound, pieces) }

func (tp *tape) data(f *Flow, d Direction, pieces []string) {
	for _, p := range pieces {
		tp.track.Data(f, d, tp.tick(), []byte(p), "")
	}
}

func (tp *tape) end(f *Flow, d Direction, how Ending) {
	tp.track.End(f, d, how, tp.tick(), "")
}

// finish closes a flow in good order, the client first.
func (tp *tape) finish(f *Flow) {
	tp.end(f, Inbound, FIN)
	tp.end(f, Outbound, FIN)
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
	tp.check(tp.recorder.drain())
	tp.check(tp.recorder.writer.close())
	if d := tp.recorder.Dropped(); d != (Dropped{}) {
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
