package events

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

var (
	someClient = netip.MustParseAddrPort("127.0.0.1:1234")
	someServer = netip.MustParseAddrPort("[::1]:80")
)

// A pile keeps what it is given.
type pile struct{ events []Event }

func (p *pile) Ready() bool   { return true }
func (p *pile) Flush() error  { return nil }
func (p *pile) Close() error  { return nil }
func (p *pile) Lose(*Event)   {}
func (p *pile) Lost() Dropped { return Dropped{} }
func (p *pile) Take(e *Event) {
	kept := *e
	kept.Content = bytes.Clone(e.Content)
	if e.Note != nil {
		kept.Note = e.Note.Clone()
	}
	p.events = append(p.events, kept)
}

// stream has one track, which two piles read when the test wants it.
func stream(t *testing.T, memory int) (track *Track, piles [2]*pile, readers [2]*Reader) {
	s := NewStream(1, Options{Memory: memory, Interval: time.Hour})
	for i := range piles {
		piles[i] = &pile{}
		readers[i] = s.Read(piles[i])
		t.Cleanup(func() { readers[i].Close() })
	}
	return s.Track(0), piles, readers
}

// What is told comes out as it was, for every reader.
func TestEventsComeAsTheyWere(t *testing.T) {
	track, piles, readers := stream(t, 0)
	f := &Flow{ConnID: ConnID{OriginHop, 7}, Client: someClient}
	at := func(n int64) time.Time { return time.Unix(n, n) }
	exchange := Exchange{Use{ConnID{ClientHop, 3}, 2}, Use{ConnID{OriginHop, 7}, 1}}
	note := &Note{Kind: "exchange", Warning: true, Params: []Param{{"status", "200"}, {"empty", ""}}, Text: "text"}
	track.Open(f, at(1))
	f.Exchange = exchange
	track.Bytes(f, Inbound, at(2), []byte("GET"), false, "an edit")
	f.Skip(Outbound, 10)
	track.Bytes(f, Outbound, at(3), []byte("HTTP"), true, "")
	track.Note(f, at(4), note)
	track.Note(nil, at(5), &Note{})
	track.End(f, Inbound, FIN, at(6), "")
	track.Close(f, Outbound, at(7), "kept")
	want := []Event{
		{Kind: Opened, Client: someClient},
		{Kind: Bytes, Exchange: exchange, Content: []byte("GET"), Comment: "an edit"},
		{Kind: Bytes, Exchange: exchange, Direction: Outbound, Offset: 10, Content: []byte("HTTP")},
		{Kind: Noted, Exchange: exchange, Note: note},
		{Kind: Noted, Note: &Note{}},
		{Kind: Ended, Exchange: exchange, Offset: 3, Means: FIN},
		{Kind: Closed, Exchange: exchange, Direction: Outbound, Offset: 14, Reverse: 3, Means: FIN, Comment: "kept"},
	}
	for i := range want {
		want[i].Seq, want[i].At = uint64(i+1), at(int64(i+1))
		if i != 4 {
			want[i].Conn = f.ConnID
		}
	}
	for i, p := range piles {
		if err := readers[i].Flush(); err != nil {
			t.Fatal(err)
		}
		for k := range p.events {
			if len(p.events[k].Content) == 0 {
				p.events[k].Content = nil
			}
		}
		if !reflect.DeepEqual(p.events, want) {
			t.Errorf("reader %d\n got %+v\nwant %+v", i, p.events, want)
		}
	}
}

// A flow whose opening found no room is opened when there is room again.
func TestTrackOpensLate(t *testing.T) {
	l := &lane{ring: newRing(minimalRing), wake: make(chan struct{}, 1)}
	track := &Track{lanes: []*lane{l}}
	for l.ring.reserve(1000, 0) != nil {
		binary.LittleEndian.PutUint32(l.ring.reserve(1000, 0), 1000)
		l.ring.publish()
	}
	f := Flow{ConnID: ConnID{OriginHop, 9}, Client: someClient, Server: someServer}
	track.Open(&f, time.Unix(1, 2))
	track.Bytes(&f, Inbound, time.Unix(1, 2), []byte("lost"), false, "")
	for range 60 {
		l.ring.next()
		l.ring.release(1000)
	}
	track.Bytes(&f, Inbound, time.Unix(3, 4), []byte("kept"), false, "why")
	var got []Event
	for b := l.ring.next(); b != nil; b = l.ring.next() {
		if sizeOf(b) != 1000 {
			var e Event
			decode(b, &e, new(Note))
			got = append(got, e)
		}
		l.ring.release(sizeOf(b))
	}
	if len(got) != 2 || got[0].Kind != Opened || !got[0].At.Equal(time.Unix(1, 2)) || got[0].Client != someClient || got[0].Server != someServer {
		t.Fatalf("events %+v, want the opening first", got)
	}
	if e := got[1]; e.Kind != Bytes || e.Offset != 4 || string(e.Content) != "kept" || e.Comment != "why" || e.Conn != f.ConnID {
		t.Errorf("event %+v, want the bytes at offset 4", e)
	}
	if lost := l.lost.Sum(); lost.Events != 3 || lost.Bytes != 4 {
		t.Errorf("lost %+v, want the opening twice and the bytes", lost)
	}
}

// When there is little room, content is left out before heads are, these before
// openings, and ends never.
func TestWhatGivesWay(t *testing.T) {
	l := &lane{ring: newRing(minimalRing), wake: make(chan struct{}, 1)}
	track := &Track{lanes: []*lane{l}}
	f := Flow{ConnID: ConnID{ClientHop, 1}, Client: someClient, Server: someServer}
	track.Open(&f, time.Now())
	fill := func(tell func()) (full int) {
		for before := l.lost.Sum(); l.lost.Sum() == before; {
			full = l.ring.used()
			tell()
		}
		return full
	}
	piece := make([]byte, 500)
	content := fill(func() { track.Bytes(&f, Inbound, time.Now(), piece, true, "") })
	head := fill(func() { track.Bytes(&f, Inbound, time.Now(), piece, false, "") })
	opening := fill(func() { track.Open(&Flow{ConnID: ConnID{ClientHop, 2}}, time.Now()) })
	if size := len(l.ring.memory); !(content < size/2 && size/2 < head && head < opening && opening < size) {
		t.Errorf("content fills %d, heads %d, openings %d of %d bytes", content, head, opening, size)
	}
	const ends = 3000
	var flows [ends]Flow
	for i := range flows {
		flows[i] = Flow{ConnID: ConnID{ClientHop, uint64(i)}, opened: time.Now(), announced: 1}
		track.Close(&flows[i], Outbound, time.Now(), "")
	}
	if l.late.Load() == nil {
		t.Error("all ends found room: the test measures the wrong path")
	}
	all := &pile{}
	r := &Reader{sink: all, lanes: track.lanes}
	r.drain()
	told := 0
	for _, e := range all.events {
		if e.Kind == Closed {
			told++
		}
	}
	if late := l.late.Load(); told != ends || late != nil || len(r.late) > 0 {
		t.Errorf("%d ends of %d were told", told, ends)
	}
}

// A gap of a connection whose opening had found no room has its size all the same, and
// a parameter that is too long for a note is left out whole.
func TestGapsAndNotesWithoutRoom(t *testing.T) {
	l := &lane{ring: newRing(minimalRing), wake: make(chan struct{}, 1)}
	track := &Track{lanes: []*lane{l}}
	f := &Flow{ConnID: ConnID{ClientHop, 1}, Client: someClient, Server: someServer}
	for l.lost.Sum() == (Dropped{}) { // until there is no room for openings
		track.Open(&Flow{ConnID: ConnID{ClientHop, 2}, Client: someClient, Server: someServer}, time.Now())
	}
	track.Open(f, time.Now())
	l.ring.head.Store(l.ring.tail.Load())
	track.Gap(f, Inbound, time.Now(), 65536)
	track.Draft("kind", "", false).String("long", strings.Repeat("y", maxNote)).Int("status", 200)
	track.Tell(f, time.Now())
	var got []Event
	for b := l.ring.next(); b != nil; b = l.ring.next() {
		var e Event
		decode(b, &e, new(Note))
		got = append(got, e)
		l.ring.release(sizeOf(b))
	}
	if len(got) != 3 || got[0].Kind != Opened || got[1].Kind != Gap || got[1].Missing != 65536 {
		t.Fatalf("%+v", got)
	}
	if params := got[2].Note.Params; len(params) != 1 || params[0] != (Param{"status", "200"}) {
		t.Errorf("%.100q", params)
	}
}

func TestTrackDoesNotAllocate(t *testing.T) {
	track, _, readers := stream(t, 64<<20)
	readers[0].Close() // nobody takes anything: only what the loop does is measured
	readers[1].Close()
	content, at := make([]byte, 1000), time.Now()
	allocations := testing.AllocsPerRun(100, func() {
		f := Flow{ConnID: ConnID{ClientHop, 1}, Client: someClient, Server: someServer}
		track.Open(&f, at)
		track.Bytes(&f, Inbound, at, content, false, "a comment")
		track.Note(&f, at, &Note{Kind: "kind", Params: []Param{{"a", "b"}}, Text: "text"})
		track.End(&f, Inbound, FIN, at, "")
	})
	if allocations > 0 {
		t.Errorf("%v allocations for a connection, want none", allocations)
	}
	if d := readers[0].Dropped(); d != (Dropped{}) {
		t.Errorf("dropped %+v: the test measures the wrong path", d)
	}
}

// Whatever goes into a ring comes out in order, while both sides run.
func TestRing(t *testing.T) {
	const events = 20000
	r := newRing(4 << 20)
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

// A ring that was emptied has room again for all that it can hold.
func TestRingHasRoomAgain(t *testing.T) {
	const size = 1000
	r := newRing(1 << 20)
	put := func() bool {
		room := r.reserve(size, 0)
		if room != nil {
			binary.LittleEndian.PutUint32(room, size)
			r.publish()
		}
		return room != nil
	}
	for round := range 5 {
		held := 0
		for put() {
			held++
		}
		if held < 1<<20/size-2 {
			t.Errorf("round %d: %d events of %d bytes have room", round, held, size)
		}
		for range held {
			r.next()
			r.release(size)
		}
		for range round * 100 { // so that the next one begins elsewhere
			put()
			r.next()
			r.release(size)
		}
	}
}

func TestNames(t *testing.T) {
	for _, x := range []Exchange{
		{Use{ConnID{ClientHop, 3}, 2}, Use{ConnID{OriginHop, 1}, 7}},
		{Client: Use{ConnID{ClientHop, 3}, 2}},
		{Client: Use{ConnID{UnknownHop, 0}, 1}},
	} {
		if back, err := ParseExchange(x.String()); back != x || err != nil {
			t.Errorf("%s is read as %s, %v", x, back, err)
		}
	}
	for _, bad := range []string{"", "c3", "c3#", "c3#0", "c#1", "x3#1", "c3#2 ->", "c3#2 -> o1", "c3#4294967296"} {
		if x, err := ParseExchange(bad); err == nil {
			t.Errorf("%q is read as %s", bad, x)
		}
	}
}

func BenchmarkTrackBytes(b *testing.B) {
	l := &lane{ring: newRing(4 << 20), wake: make(chan struct{}, 1)}
	track := &Track{lanes: []*lane{l}}
	f := Flow{ConnID: ConnID{ClientHop, 1}}
	at, content := time.Now(), make([]byte, 1024)
	track.Open(&f, at)
	b.ReportAllocs()
	for b.Loop() {
		track.Bytes(&f, Inbound, at, content, false, "")
		l.ring.head.Store(l.ring.tail.Load()) // a consumer that costs nothing
	}
	if n := l.lost.Sum().Events; n > 0 {
		b.Fatalf("%d events dropped", n)
	}
}
