package tap

import (
	"bytes"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
)

// What the loop has read and written and nobody was told of, a recording writes down
// when the connection is closed, by whichever side.
func TestUntoldBytesAreGaps(t *testing.T) {
	const inbound, outbound = "3 bytes passed inbound here and were not recorded", "6 bytes passed outbound here and were not recorded"
	for _, test := range []struct {
		name          string
		read, written uint32
		reset         bool
		inbound       int
		outbound      int
	}{
		{"all was told", 5, 2, false, 0, 0},
		{"read", 8, 2, false, 1, 0},
		{"read, and the peer resets", 8, 2, true, 1, 0},
		{"written", 5, 8, false, 0, 1},
		{"both, and the peer resets", 8, 8, true, 1, 1},
	} {
		var file bytes.Buffer
		recorder, err := capture.NewRecorder(&file, capture.Options{})
		if err != nil {
			t.Fatal(err)
		}
		stream := events.NewStream(1, events.Options{})
		reader := stream.Read(recorder)
		tap := New(stream.Track(0), time.Now)
		f := tap.Client(1, netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2"))
		const round = 1 << 32 // counters of the loop go round
		f.Skip(events.Inbound, round)
		tap.Read(f, []byte("bytes"), nil, false)
		tap.Wrote(f, []byte("ok"), false, "")
		tap.Passed(f, test.read, test.written)
		if test.reset {
			tap.Failed(f, syscall.ECONNRESET)
		}
		tap.Closed(f, false, "client-closed")
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]int{inbound: test.inbound, outbound: test.outbound} {
			if n := strings.Count(file.String(), text); n != want {
				t.Errorf("%s: %q stands there %d times, want %d", test.name, text, n, want)
			}
		}
	}
}
