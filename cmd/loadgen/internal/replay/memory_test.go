package replay

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// TestWaitingConnectionsAreSmall: each that is being opened, and each that waits for a
// response, takes a few hundred bytes, stacks included.
func TestWaitingConnectionsAreSmall(t *testing.T) {
	if wiretest.RaceDetector {
		t.Skip("the race detector allocates")
	}
	const connections, most = 10000, 700
	for name, opens := range map[string]bool{"being opened": false, "waiting for a response": true} {
		t.Run(name, func(t *testing.T) {
			target, _ := loop.ParseAddress("127.0.0.1:80")
			plan := planned(t, plantest.Gets("/1", "/2"))
			silent := &silentEngine{opens: opens, reports: make([]loop.Event, 0, connections)}
			before := memoryInUse()
			r, err := newRun(plan, Config{Target: target, Connections: connections, Requests: 1 << 40})
			if err != nil {
				t.Fatal(err)
			}
			group, err := loop.NewGroup(1, loop.Config{Engine: func(int) (loop.Engine, error) { return silent, nil }})
			if err != nil {
				t.Fatal(err)
			}
			var each int64
			silent.quiet = func() {
				each = (memoryInUse() - before) / connections
				r.end(Elapsed)
				group.Stop()
			}
			r.startOn(group)
			if err := group.Run(); err != nil {
				t.Fatal(err)
			}
			if each > most {
				t.Errorf("a connection takes %d bytes, more than %d", each, most)
			}
			wrote := connections * int64(btoi(opens))
			if result := r.result(); silent.wrote != wrote || result.Unfinished != connections || result.Connecting != connections-wrote || result.ClosedByUs != wrote {
				t.Errorf("%d requests were written, and in the end there are %d connecting, %+v", silent.wrote, result.Connecting, countsOf(result))
			}
		})
	}
}

func memoryInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// A silentEngine takes all that is written, and answers nothing. It opens connections
// at once or never.
type silentEngine struct {
	loop.Engine
	opens   bool
	last    loop.Handle
	reports []loop.Event
	wrote   int64
	quiet   func() // is called when nothing more will happen
}

func (e *silentEngine) Now() loop.Time  { return 1 }
func (e *silentEngine) Wall() time.Time { return time.Time{} }
func (e *silentEngine) Wake()           {}
func (e *silentEngine) Close() error    { return nil }

func (e *silentEngine) Wait(events []loop.Event, until loop.Time) (int, error) {
	n := copy(events, e.reports)
	if e.reports = e.reports[n:]; n == 0 && until != 0 {
		e.quiet()
	}
	return n, nil
}

func (e *silentEngine) Connect(*loop.Address) (loop.Handle, error) {
	e.last++
	return e.last, nil
}

func (e *silentEngine) Register(h loop.Handle, token uint64) error {
	if e.opens {
		e.reports = append(e.reports, loop.Event{Token: token, Ready: loop.ReadyWrite})
	}
	return nil
}

func (e *silentEngine) ConnectResult(loop.Handle) error            { return nil }
func (e *silentEngine) LocalAddr(loop.Handle) (at netip.AddrPort)  { return at }
func (e *silentEngine) Ended(loop.Handle) bool                     { return false }
func (e *silentEngine) CloseSocket(loop.Handle) error              { return nil }
func (e *silentEngine) Write(_ loop.Handle, p []byte) (int, error) { e.wrote++; return len(p), nil }
