package capture

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/events"
)

// Whichever way a connection ends, the writer forgets it.
func TestNothingOutlivesAConnection(t *testing.T) {
	for _, way := range []struct {
		name string
		end  func(*events.Track, *events.Flow)
	}{
		{"both sides end", func(track *events.Track, f *events.Flow) {
			track.End(f, events.Inbound, events.FIN, time.Now(), "")
			track.End(f, events.Outbound, events.FIN, time.Now(), "")
		}},
		{"the edge closes", func(track *events.Track, f *events.Flow) { track.Close(f, events.Outbound, time.Now(), "") }},
		{"the edge closes last", func(track *events.Track, f *events.Flow) {
			track.End(f, events.Inbound, events.FIN, time.Now(), "")
			track.Close(f, events.Outbound, time.Now(), "")
		}},
		{"the client resets", func(track *events.Track, f *events.Flow) { track.End(f, events.Inbound, events.RST, time.Now(), "") }},
		{"the edge resets", func(track *events.Track, f *events.Flow) { track.End(f, events.Outbound, events.RST, time.Now(), "") }},
	} {
		t.Run(way.name, func(t *testing.T) {
			w, r, track := recordOn(t, io.Discard, smallest, Options{})
			live := func(n uint64) *events.Flow {
				f := &events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: n}, Client: someClient, Server: someServer}
				track.Open(f, time.Now())
				return f
			}
			connections := func(from, to uint64) {
				for n := from; n < to; n++ {
					f := live(n)
					track.Bytes(f, events.Inbound, time.Now(), make([]byte, 100), false, "")
					way.end(track, f)
					if n%100 == 0 {
						r.Flush()
					}
				}
				r.Flush()
			}
			connections(0, 1000)
			before := heap()
			connections(1000, 21_000)
			if after := heap(); after > before+1<<20 {
				t.Errorf("the heap has grown from %d to %d bytes", before, after)
			}
			// And when nobody takes what is recorded, until the ring is full.
			var flows []*events.Flow
			for n := uint64(200_000); n < 206_000; n++ {
				flows = append(flows, live(n))
				if n%500 == 0 {
					r.Flush()
				}
			}
			r.Flush()
			for _, f := range flows {
				track.Bytes(f, events.Inbound, time.Now(), make([]byte, 1000), false, "")
				way.end(track, f)
			}
			r.Flush()
			if n := len(w.flows); n > 0 {
				t.Errorf("%d connections are remembered", n)
			}
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// An end that found no room in the ring is in the recording all the same.
func TestEndsAreNotLost(t *testing.T) {
	const connections = 6000
	tp := newTape(t)
	tp.file.Reset()
	tp.recorder, tp.reader, tp.track = recordOn(t, &tp.file, smallest, Options{})
	var flows []*events.Flow
	for range connections {
		flows = append(flows, tp.open(events.ClientHop))
		tp.check(tp.reader.Flush())
	}
	for _, f := range flows {
		tp.track.Close(f, events.Outbound, tp.tick(), "why")
	}
	ends := 0
	for _, line := range dump(t, tp.bytes()) {
		if strings.HasPrefix(line, "client sent F. ") && strings.HasSuffix(line, " # why") {
			ends++
		}
	}
	if ends != connections {
		t.Errorf("%d ends, want %d", ends, connections)
	}
}
