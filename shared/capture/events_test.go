package capture

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"github.com/hopwire/hopwire/shared/events"
)

// kept are events.
type kept struct{ all []events.Event }

func (k *kept) Ready() bool          { return true }
func (k *kept) Flush() error         { return nil }
func (k *kept) Close() error         { return nil }
func (k *kept) Lose(*events.Event)   {}
func (k *kept) Lost() events.Dropped { return events.Dropped{} }
func (k *kept) Take(e *events.Event) {
	e.Content = bytes.Clone(e.Content)
	if e.Note != nil {
		e.Note = e.Note.Clone()
	}
	k.all = append(k.all, *e)
}

func eventsIn(t *testing.T, file []byte) (all []events.Event) {
	t.Helper()
	for e, err := range new(Reading).Events(bytes.NewReader(file)) {
		if err != nil {
			t.Fatal(err)
		}
		e.Content = bytes.Clone(e.Content)
		all = append(all, *e)
	}
	return all
}

// What is read out of a recording is what was told, gaps included.
func TestEventsOfARecording(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		tp := newTape(t)
		told := &kept{}
		stream := events.NewStream(1, events.Options{Memory: 16 << 20})
		tp.track = stream.Track(0)
		tp.reader = stream.Read(tp.recorder)
		also := stream.Read(told)
		var flows []*events.Flow
		for range 200 {
			if len(flows) < 3 || random.IntN(20) == 0 {
				hop := events.Hop(1 + random.IntN(2))
				if random.IntN(5) == 0 {
					tp.n++
					flows = append(flows, tp.openBetween(hop, netip.AddrPort{}, netip.AddrPort{})) // Unix sockets
				} else {
					flows = append(flows, tp.open(hop))
				}
			}
			i := random.IntN(len(flows))
			f, d := flows[i], events.Direction(random.IntN(2))
			if random.IntN(3) == 0 {
				f.Exchange.Client = events.Use{Conn: events.ConnID{Hop: events.ClientHop, N: random.Uint64N(9)}, N: 1 + random.Uint32N(9)}
				f.Exchange.Origin = events.Use{}
				if random.IntN(2) == 0 {
					f.Exchange.Origin = events.Use{Conn: events.ConnID{Hop: events.OriginHop, N: random.Uint64N(9)}, N: 1 + random.Uint32N(9)}
				}
			}
			switch random.IntN(12) {
			case 0:
				tp.track.End(f, d, events.FIN, tp.tick(), "")
			case 1:
				tp.track.Close(f, d, tp.tick(), "why")
				flows = append(flows[:i], flows[i+1:]...)
			case 2:
				tp.track.End(f, d, events.RST, tp.tick(), "")
				flows = append(flows[:i], flows[i+1:]...)
			case 3:
				f.Skip(d, 1+random.Uint64N(1<<random.IntN(34)))
			case 4:
				tp.track.Note(f, tp.tick(), &events.Note{Kind: "pool", Params: params("a", "b]c")})
			case 5:
				tp.track.Bytes(f, d, tp.tick(), make([]byte, events.MaxPiece+9), true, "")
			default:
				tp.track.Bytes(f, d, tp.tick(), []byte("some bytes"), false, [2]string{"", "insert Via: 1.1 hopwire"}[random.IntN(2)])
			}
		}
		tp.check(also.Close())
		got := eventsIn(t, tp.bytes())
		want := withGaps(told.all)
		for i := range min(len(got), len(want)) {
			g, w := got[i], want[i]
			if !g.At.Equal(w.At) {
				t.Fatalf("seed %d: event %d at %v, want %v", seed, i, g.At, w.At)
			}
			g.At, g.Seq, w.Seq = w.At, 0, 0
			if len(g.Content)+len(w.Content) == 0 {
				g.Content, w.Content = nil, nil
			}
			if !reflect.DeepEqual(g, w) {
				t.Fatalf("seed %d: event %d\n got %+v\nwant %+v", seed, i, g, w)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d events, want %d", seed, len(got), len(want))
		}
	}
}

// withGaps puts in what offsets that leap mean.
func withGaps(all []events.Event) (with []events.Event) {
	type side struct {
		conn events.ConnID
		d    events.Direction
	}
	next := map[side]uint64{}
	for _, e := range all {
		if e.Kind == events.Bytes || e.Kind == events.Ended || e.Kind == events.Closed {
			s := side{e.Conn, e.Direction}
			if missing := e.Offset - next[s]; missing > 0 {
				with = append(with, events.Event{At: e.At, Kind: events.Gap, Conn: e.Conn, Direction: e.Direction, Offset: next[s], Missing: missing})
			}
			next[s] = e.Offset + uint64(len(e.Content))
		}
		if back := (side{e.Conn, e.Direction.Reverse()}); e.Kind == events.Closed && e.Reverse > next[back] {
			with = append(with, events.Event{At: e.At, Kind: events.Gap, Conn: e.Conn, Direction: back.d, Offset: next[back], Missing: e.Reverse - next[back]})
		}
		with = append(with, e)
	}
	return with
}

// A capture by others tells of its connections, with what it says of itself first.
func TestEventsOfACapture(t *testing.T) {
	tp := newTape(t)
	f := tp.open(events.UnknownHop)
	tp.in(f, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
	tp.out(f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "hi")
	tp.finish(f)
	file := bytes.ReplaceAll(tp.bytes(), []byte("client"), []byte("eth000")) // nobody's of ours
	file = bytes.ReplaceAll(file, []byte("c1 opened by"), []byte("it was made by"))
	var got []string
	for _, e := range eventsIn(t, file) {
		got = append(got, e.Kind.String()+" "+e.Conn.String()+" "+e.Exchange.String()+" "+e.Direction.String()+" "+string(e.Content))
	}
	equalLines(t, "events", got, []string{
		"opened c1  inbound ",
		"bytes c1 c1#1 inbound GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
		"bytes c1 c1#1 outbound HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
		"bytes c1 c1#1 outbound hi",
		"note c1 c1#1 inbound ",
		"closed c1  inbound ",
	})
}
