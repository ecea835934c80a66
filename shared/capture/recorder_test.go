package capture

import (
	"github.com/hopwire/hopwire/shared/events"

	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	someClient = netip.MustParseAddrPort("127.0.0.1:1234")
	someServer = netip.MustParseAddrPort("127.0.0.1:80")
)

// Several loops record many connections at once, and all comes back.
func TestRecorderFromManyLoops(t *testing.T) {
	const loops, connections, exchanges = 4, 20, 30
	var file bytes.Buffer
	recorder, err := NewRecorder(&file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	stream := events.NewStream(loops, events.Options{Interval: time.Millisecond})
	r := stream.Read(recorder)
	var all sync.WaitGroup
	for i := range loops {
		all.Go(func() { recordLoop(stream.Track(i), i, connections, exchanges) })
	}
	all.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rec := readBytes(t, file.Bytes())
	if len(rec.Connections) != loops*connections || len(rec.Warnings) > 0 || r.Dropped() != (events.Dropped{}) {
		t.Fatalf("%d connections, want %d; warnings %q; dropped %+v", len(rec.Connections), loops*connections, rec.Warnings, r.Dropped())
	}
	for _, c := range rec.Connections {
		checkNumbered(t, c, exchanges)
	}
	if len(rec.Notes) != loops*connections {
		t.Errorf("%d notes, want %d", len(rec.Notes), loops*connections)
	}
}

func recordLoop(track *events.Track, loop, connections, exchanges int) {
	for i := range connections {
		f := events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: uint64(loop*connections + i)}, Server: someServer,
			Client: netip.AddrPortFrom(someClient.Addr(), uint16(1000+loop*connections+i))}
		track.Open(&f, time.Now())
		for n := range exchanges {
			request, response := numbered(f.ConnID, n)
			track.Bytes(&f, events.Inbound, time.Now(), []byte(request), false, "")
			track.Bytes(&f, events.Outbound, time.Now(), []byte(response), false, "comment "+request)
		}
		track.Note(&f, time.Now(), &events.Note{Text: "done"})
		track.End(&f, events.Inbound, events.FIN, time.Now(), "")
		track.End(&f, events.Outbound, events.FIN, time.Now(), "")
	}
}

func numbered(id events.ConnID, n int) (request, response string) {
	content := fmt.Sprintf("%s %d", id, n)
	return fmt.Sprintf("GET /%s/%d HTTP/1.1\r\nHost: a\r\n\r\n", id, n),
		fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(content), content)
}

func checkNumbered(t *testing.T, c *Connection, exchanges int) {
	t.Helper()
	if len(c.Exchanges) != exchanges || c.Closed.How != events.FIN {
		t.Errorf("%s: %d exchanges, closed by %v; want %d, FIN", c.ID, len(c.Exchanges), c.Closed.How, exchanges)
		return
	}
	id, _ := events.ParseConnID(c.ID)
	for n := range exchanges {
		request, response := numbered(id, n)
		if x := c.Exchanges[n]; string(x.Request.Raw) != request || string(x.Response.Raw) != response {
			t.Errorf("%s: exchange %d is %q, %q", c.ID, n, x.Request.Raw, x.Response.Raw)
		}
	}
}

// A sink that waits until it is let go, like a disk that hangs.
type stuckSink struct {
	bytes.Buffer
	writes  int
	stuck   chan struct{} // closed when the sink hangs
	release chan struct{}
}

func (s *stuckSink) Write(p []byte) (int, error) {
	if s.writes++; s.writes == 2 { // the first write is the head
		close(s.stuck)
		<-s.release
	}
	return s.Buffer.Write(p)
}

// When the file cannot keep up, octets are left out, and the count of the
// tracks, the notes, and the holes all agree.
func TestRecorderDropsAreExact(t *testing.T) {
	sink := &stuckSink{stuck: make(chan struct{}), release: make(chan struct{})}
	_, r, track := recordEvery(t, sink, time.Millisecond, smallest, Options{})
	early := events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: 1}, Client: someClient, Server: someServer}
	request, _ := numbered(early.ConnID, 0)
	track.Open(&early, time.Now())
	track.Bytes(&early, events.Inbound, time.Now(), []byte(request), false, "")
	<-sink.stuck

	const big = 50_000
	for range 20 { // a megabyte, into a ring of a quarter
		track.Bytes(&early, events.Outbound, time.Now(), bytes.Repeat([]byte("x"), big), false, "")
	}
	late := events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: 2}, Server: someServer}
	track.Open(&late, time.Now())
	close(sink.release)
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	track.Bytes(&early, events.Outbound, time.Now(), []byte("behind the hole"), false, "")
	request, response := numbered(late.ConnID, 0)
	track.Bytes(&late, events.Inbound, time.Now(), []byte(request), false, "")
	track.Bytes(&late, events.Outbound, time.Now(), []byte(response), false, "")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	dropped := r.Dropped()
	if dropped.Bytes == 0 || dropped.Bytes%big != 0 || dropped.Bytes/big != dropped.Events {
		t.Errorf("dropped %+v, want some of the events of %d bytes", dropped, big)
	}
	rec := readBytes(t, sink.Bytes())
	if len(rec.Notes) != 1 || rec.Notes[0].Kind != "recording.gap" || rec.Notes[0].Conn != early.ConnID ||
		rec.Notes[0].Params[1].Value != strconv.FormatUint(dropped.Bytes, 10) {
		t.Errorf("notes %+v, want one about %d bytes of c1", rec.Notes, dropped.Bytes)
	}
	if w := strings.Join(rec.Warnings, "\n"); !strings.Contains(w, fmt.Sprintf("connection c1 (127.0.0.1:1234 > 127.0.0.1:80): %d bytes of responses missing", dropped.Bytes)) {
		t.Errorf("warnings %q", rec.Warnings)
	}
	if len(rec.Connections) != 2 || len(rec.Connections[1].Exchanges) != 1 || len(rec.Connections[1].Exchanges[0].Response.Raw) == 0 {
		t.Fatalf("connections %+v, want c1 and all of c2", rec.Connections)
	}
}

// What a killed program leaves behind is readable: everything up to the last
// flush, at any moment.
func TestRecorderWithoutClose(t *testing.T) {
	var file bytes.Buffer
	_, r, track := recordOn(t, &file, 0, Options{})
	f := events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: 1}}
	track.Open(&f, time.Now())
	for n := range 3 {
		request, response := numbered(f.ConnID, n)
		track.Bytes(&f, events.Inbound, time.Now(), []byte(request), false, "")
		track.Bytes(&f, events.Outbound, time.Now(), []byte(response), false, "")
		if err := r.Flush(); err != nil {
			t.Fatal(err)
		}
		rec := readBytes(t, file.Bytes())
		if got := only(t, rec); len(got.Exchanges) != n+1 || len(rec.Warnings) > 0 {
			t.Errorf("%d exchanges, warnings %q; want %d", len(got.Exchanges), rec.Warnings, n+1)
		}
	}
}

// Without any call to Flush, the interval bounds how long the file lags.
func TestRecorderFlushesByItself(t *testing.T) {
	pipe, sink := io.Pipe()
	go func() {
		_, _, track := recordEvery(t, sink, time.Millisecond, 0, Options{})
		f := events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: 1}}
		track.Open(&f, time.Now())
	}()
	defer pipe.Close() // before the recorder's end is waited for
	seen, b := new(bytes.Buffer), make([]byte, 4096)
	for !strings.Contains(seen.String(), "c1 opened by") { // the time limit of go test is the bound
		n, err := pipe.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(b[:n])
	}
}

type brokenSink struct{ room int }

var errFull = errors.New("no space left on device")

func (s *brokenSink) Write(p []byte) (int, error) {
	if s.room -= len(p); s.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// A full disk is reported, and recording goes on to cost little and to end.
func TestRecorderWithBrokenSink(t *testing.T) {
	_, r, track := recordOn(t, &brokenSink{room: 4096}, smallest, Options{})
	f := events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: 1}}
	track.Open(&f, time.Now())
	for range 100 {
		track.Bytes(&f, events.Inbound, time.Now(), make([]byte, 10000), false, "")
	}
	if err := r.Flush(); !errors.Is(err, errFull) {
		t.Errorf("Flush gives %v, want %v", err, errFull)
	}
	if err := r.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close gives %v, want %v", err, errFull)
	}
	if _, err := NewRecorder(&brokenSink{}, Options{}); !errors.Is(err, errFull) {
		t.Errorf("NewRecorder gives %v, want %v", err, errFull)
	}
}

func TestRecorderAfterClose(t *testing.T) {
	_, r, track := recordOn(t, io.Discard, 0, Options{})
	if err := errors.Join(r.Close(), r.Close(), r.Flush()); err != nil {
		t.Error(err)
	}
	f := events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: 1}}
	track.Open(&f, time.Now()) // must not wait for anybody
	track.Bytes(&f, events.Inbound, time.Now(), make([]byte, 10<<20), false, "")
}

func BenchmarkWriterData(b *testing.B) {
	w, err := NewRecorder(io.Discard, Options{})
	if err != nil {
		b.Fatal(err)
	}
	e := events.Event{Kind: events.Opened, Conn: events.ConnID{Hop: events.ClientHop, N: 1}}
	w.Take(&e)
	e.Kind, e.Content = events.Bytes, make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		w.Ready()
		w.Take(&e)
		e.Offset += uint64(len(e.Content))
	}
}
