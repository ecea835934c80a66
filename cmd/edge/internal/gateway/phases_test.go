package gateway

import (
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// What is left of the time belongs to the phase in which an exchange ended.
func TestPhases(t *testing.T) {
	const ms = time.Millisecond
	at := func(d time.Duration) loop.Time { return loop.Time(0).Add(d) }
	whole := marks{requestBegun: at(1 * ms), headRead: at(2 * ms), connected: at(4 * ms), sent: at(8 * ms), responseBegun: at(16 * ms)}
	for _, test := range []struct {
		name    string
		reached func(*marks)
		want    [6]time.Duration // read, queue, connect, send, wait, relay
	}{
		{"whole", func(*marks) {}, [6]time.Duration{1 * ms, 0, 2 * ms, 4 * ms, 8 * ms, 16 * ms}},
		{"no response", func(m *marks) { m.responseBegun = 0 }, [6]time.Duration{1 * ms, 0, 2 * ms, 4 * ms, 24 * ms, 0}},
		{"no connection", func(m *marks) { *m = marks{requestBegun: m.requestBegun, headRead: m.headRead} }, [6]time.Duration{1 * ms, 0, 30 * ms, 0, 0, 0}},
		{"no whole head", func(m *marks) { *m = marks{requestBegun: m.requestBegun} }, [6]time.Duration{31 * ms, 0, 0, 0, 0, 0}},
		{"after the queue", func(m *marks) { m.queued, m.placed = true, at(3*ms) }, [6]time.Duration{1 * ms, 1 * ms, 1 * ms, 4 * ms, 8 * ms, 16 * ms}},
		{"in the queue", func(m *marks) { *m = marks{requestBegun: m.requestBegun, headRead: m.headRead, queued: true} }, [6]time.Duration{1 * ms, 30 * ms, 0, 0, 0, 0}},
	} {
		m := whole
		test.reached(&m)
		var e logEntry
		m.phases(&e, at(32*ms))
		got := [6]time.Duration{e.read, e.queue, e.connect, e.send, e.wait, e.relay}
		if got != test.want || e.total != 31*ms {
			t.Errorf("%s: %v in %v, want %v in %v", test.name, got, e.total, test.want, 31*ms)
		}
	}
}
