package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
	r, err := NewRecorder(&file, loops, Options{Interval: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range loops {
		all.Go(func() { recordLoop(r.Track(i), i, connections, exchanges) })
	}
	all.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rec := readBytes(t, file.Bytes())
	if len(rec.Connections) != loops*connections || len(rec.Warnings) > 0 || r.Dropped() != (Dropped{}) {
		t.Fatalf("%d connections, want %d; warnings %q; dropped %+v", len(rec.Connections), loops*connections, rec.Warnings, r.Dropped())
	}
	for _, c := range rec.Connections {
		checkNumbered(t, c, exchanges)
	}
	if len(rec.Notes) != loops*connections {
		t.Errorf("%d notes, want %d", len(rec.Notes), loops*connections)
	}
}

func recordLoop(track *Track, loop, connections, exchanges int) {
	for i := range connections {
		f := Flow{FlowID: FlowID{ClientHop, uint64(loop*connections + i)}, Server: someServer,
			Client: netip.AddrPortFrom(someClient.Addr(), uint16(1000+loop*connections+i))}
		track.Open(&f, time.Now())
		for n := range exchanges {
			request, response := numbered(f.FlowID, n)
			track.Data(&f, Inbound, time.Now(), []byte(request), "")
			track.Data(&f, Outbound, time.Now(), []byte(response), "comment "+request)
		}
		track.Note(&Note{At: time.Now(), Flow: f.FlowID, Text: "done"})
		track.End(&f, Inbound, FIN, time.Now(), "")
		track.End(&f, Outbound, FIN, time.Now(), "")
	}
}

func numbered(id FlowID, n int) (request, response string) {
	content := fmt.Sprintf("%s %d", id, n)
	return fmt.Sprintf("GET /%s/%d HTTP/1.1\r\nHost: a\r\n\r\n", id, n),
		fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(content), content)
}

func checkNumbered(t *testing.T, c *Connection, exchanges int) {
	t.Helper()
	if len(c.Exchanges) != exchanges || c.Closed.How != FIN {
		t.Errorf("%s: %d exchanges, closed by %v; want %d, FIN", c.ID, len(c.Exchanges), c.Closed.How, exchanges)
		return
	}
	id, _ := ParseFlowID(c.ID)
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
	r, err := NewRecorder(sink, 1, Options{Interval: time.Millisecond, Buffer: minimalRing})
	if err != nil {
		t.Fatal(err)
	}
	track := r.Track(0)
	early := Flow{FlowID: FlowID{ClientHop, 1}, Client: someClient, Server: someServer}
	request, _ := numbered(early.FlowID, 0)
	track.Open(&early, time.Now())
	track.Data(&early, Inbound, time.Now(), []byte(request), "")
	<-sink.stuck

	const big = 50_000
	for range 20 { // a megabyte, into a ring of a quarter
		track.Data(&early, Outbound, time.Now(), bytes.Repeat([]byte("x"), big), "")
	}
	late := Flow{FlowID: FlowID{ClientHop, 2}, Server: someServer}
	track.Open(&late, time.Now())
	close(sink.release)
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	track.Data(&early, Outbound, time.Now(), []byte("behind the hole"), "")
	request, response := numbered(late.FlowID, 0)
	track.Data(&late, Inbound, time.Now(), []byte(request), "")
	track.Data(&late, Outbound, time.Now(), []byte(response), "")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	dropped := r.Dropped()
	if dropped.Octets == 0 || dropped.Octets%big != 0 || dropped.Octets/big != dropped.Events {
		t.Errorf("dropped %+v, want some of the events of %d bytes", dropped, big)
	}
	rec := readBytes(t, sink.Bytes())
	if len(rec.Notes) != 1 || rec.Notes[0].Kind != "recording.gap" || rec.Notes[0].Flow != early.FlowID ||
		rec.Notes[0].Params[1].Value != strconv.FormatUint(dropped.Octets, 10) {
		t.Errorf("notes %+v, want one about %d bytes of c1", rec.Notes, dropped.Octets)
	}
	if w := strings.Join(rec.Warnings, "\n"); !strings.Contains(w, fmt.Sprintf("connection c1 (127.0.0.1:1234 > 127.0.0.1:80): %d bytes of responses missing", dropped.Octets)) {
		t.Errorf("warnings %q", rec.Warnings)
	}
	if len(rec.Connections) != 2 || len(rec.Connections[1].Exchanges) != 1 || len(rec.Connections[1].Exchanges[0].Response.Raw) == 0 {
		t.Fatalf("connections %+v, want c1 and all of c2", rec.Connections)
	}
}

// A flow whose opening found no room is opened when there is room again.
func TestTrackOpensLate(t *testing.T) {
	track := &Track{ring: newRing(minimalRing), wake: make(chan struct{}, 1)}
	for track.ring.reserve(1000, 0) != nil {
		size := 1000
		binary.LittleEndian.PutUint32(track.ring.reserve(size, 0), uint32(size))
		track.ring.publish()
	}
	f := Flow{FlowID: FlowID{OriginHop, 9}, Client: someClient, Server: someServer}
	at := time.Unix(1, 2)
	track.Open(&f, at)
	track.Data(&f, Inbound, at, []byte("lost"), "")
	for range 60 {
		track.ring.next()
		track.ring.release(1000)
	}
	track.Data(&f, Inbound, time.Unix(3, 4), []byte("kept"), "why")
	var got []event
	for b := track.ring.next(); b != nil; b = track.ring.next() {
		if size := int(binary.LittleEndian.Uint32(b)); size == 1000 {
			track.ring.release(size)
			continue
		}
		got = append(got, decodeEvent(b))
		track.ring.release(got[len(got)-1].size())
	}
	if len(got) != 2 || got[0].kind != openEvent || got[0].at != at.UnixNano() ||
		decodeAddress(got[0].content) != someClient || decodeAddress(got[0].content[addressSize:]) != someServer {
		t.Fatalf("events %+v, want the opening first", got)
	}
	if e := got[1]; e.kind != dataEvent || e.offset != 4 || string(e.content) != "kept" || e.comment != "why" || e.flow != f.FlowID {
		t.Errorf("event %+v, want the data at offset 4", e)
	}
	if track.lost.events.Load() != 3 || track.lost.octets.Load() == 0 {
		t.Errorf("dropped %d events, want the opening twice and the data", track.lost.events.Load())
	}
}

// What a killed program leaves behind is readable: everything up to the last
// flush, at any moment.
func TestRecorderWithoutClose(t *testing.T) {
	var file bytes.Buffer
	r, err := NewRecorder(&file, 1, Options{Interval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f := Flow{FlowID: FlowID{ClientHop, 1}}
	r.Track(0).Open(&f, time.Now())
	for n := range 3 {
		request, response := numbered(f.FlowID, n)
		r.Track(0).Data(&f, Inbound, time.Now(), []byte(request), "")
		r.Track(0).Data(&f, Outbound, time.Now(), []byte(response), "")
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
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r, err := NewRecorder(sink, 1, Options{Interval: time.Millisecond})
		if err != nil {
			return
		}
		f := Flow{FlowID: FlowID{ClientHop, 1}}
		r.Track(0).Open(&f, time.Now())
		<-t.Context().Done()
		r.Close()
	}()
	t.Cleanup(func() { pipe.Close(); <-ended })
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
	r, err := NewRecorder(&brokenSink{room: 4096}, 1, Options{Buffer: minimalRing})
	if err != nil {
		t.Fatal(err)
	}
	f := Flow{FlowID: FlowID{ClientHop, 1}}
	r.Track(0).Open(&f, time.Now())
	for range 100 {
		r.Track(0).Data(&f, Inbound, time.Now(), make([]byte, 10000), "")
	}
	if err := r.Flush(); !errors.Is(err, errFull) {
		t.Errorf("Flush gives %v, want %v", err, errFull)
	}
	if err := r.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close gives %v, want %v", err, errFull)
	}
	if _, err := NewRecorder(&brokenSink{}, 1, Options{}); !errors.Is(err, errFull) {
		t.Errorf("NewRecorder gives %v, want %v", err, errFull)
	}
}

func TestRecorderAfterClose(t *testing.T) {
	r, err := NewRecorder(io.Discard, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Close(), r.Close(), r.Flush()); err != nil {
		t.Error(err)
	}
	f := Flow{FlowID: FlowID{ClientHop, 1}}
	r.Track(0).Open(&f, time.Now()) // must not wait for anybody
	r.Track(0).Data(&f, Inbound, time.Now(), make([]byte, 10<<20), "")
}

func TestTrackDoesNotAllocate(t *testing.T) {
	r, err := NewRecorder(io.Discard, 1, Options{Interval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	r.Close() // nobody drains: only what the loop does is measured
	track, content, at := r.Track(0), make([]byte, 1000), time.Now()
	allocations := testing.AllocsPerRun(100, func() {
		f := Flow{FlowID: FlowID{ClientHop, 1}, Client: someClient, Server: someServer}
		track.Open(&f, at)
		track.Data(&f, Inbound, at, content, "a comment")
		track.Note(&Note{At: at, Kind: "kind", Flow: f.FlowID, Params: []Param{{"a", "b"}}, Text: "text"})
		track.End(&f, Inbound, FIN, at, "")
	})
	if allocations > 0 {
		t.Errorf("%v allocations for a connection, want none", allocations)
	}
	if d := r.Dropped(); d != (Dropped{}) {
		t.Errorf("dropped %+v: the test measures the wrong path", d)
	}
}

// Whatever goes into a ring comes out in order, while both sides run.
func TestRing(t *testing.T) {
	const events = 20000
	r := newRing(0)
	go func() {
		random := rand.New(rand.NewPCG(1, 2))
		for i := range uint32(events) {
			n := 8 + random.IntN(20000)
			var room []byte
			for room == nil {
				room = r.reserve(n, 0)
			}
			binary.LittleEndian.PutUint32(room, uint32(n))
			binary.LittleEndian.PutUint32(room[4:], i)
			room[n-1] = byte(i)
			r.publish()
		}
	}()
	for i := range uint32(events) {
		var b []byte
		for b == nil {
			b = r.next()
		}
		n := binary.LittleEndian.Uint32(b)
		if got := binary.LittleEndian.Uint32(b[4:8]); n > 8 && (got != i || b[n-1] != byte(i)) {
			t.Fatalf("event %d came as %d, its last byte as %d", i, got, b[n-1])
		}
		r.release(int(n))
	}
}

func BenchmarkTrackData(b *testing.B) {
	track := &Track{ring: newRing(0), wake: make(chan struct{}, 1)}
	f := Flow{FlowID: FlowID{ClientHop, 1}}
	at, content := time.Now(), make([]byte, 1024)
	track.Open(&f, at)
	b.ReportAllocs()
	for b.Loop() {
		track.Data(&f, Inbound, at, content, "")
		track.ring.head.Store(track.ring.tail.Load()) // a consumer that costs nothing
	}
	if n := track.lost.events.Load(); n > 0 {
		b.Fatalf("%d events dropped", n)
	}
}

func BenchmarkWriterData(b *testing.B) {
	w, err := newWriter(io.Discard, Options{})
	if err != nil {
		b.Fatal(err)
	}
	e := event{kind: openEvent, flow: FlowID{ClientHop, 1}, content: make([]byte, 2*addressSize)}
	w.write(&e)
	e.kind, e.content = dataEvent, make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		w.ready()
		w.write(&e)
		e.offset += uint64(len(e.content))
	}
}
