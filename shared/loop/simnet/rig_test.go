package simnet

import (
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// A rig is a world with one engine and one connection, in which the token of a
// socket is its handle.
type rig struct {
	*Engine
	t        *testing.T
	at       *loop.Address
	listener loop.Handle
	a, b     loop.Handle // the side that dialed, the side that accepted
}

func newRig(t *testing.T, seed uint64, o Options) *rig {
	t.Helper()
	r := bareRig(t, seed, o)
	r.a = r.connect()
	r.step()
	r.b = r.accept()
	r.step()
	return r
}

// bareRig has no connection yet.
func bareRig(t *testing.T, seed uint64, o Options) *rig {
	t.Helper()
	e, _ := New(seed, o).Engine(0)
	r := &rig{Engine: e.(*Engine), t: t}
	var err error
	r.listener, r.at, err = r.Listen(address(t, "127.0.0.1:0"))
	r.must(err)
	r.must(r.Resume(r.listener, uint64(r.listener)))
	return r
}

func address(t *testing.T, s string) *loop.Address {
	t.Helper()
	a, err := loop.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) connect() loop.Handle {
	r.t.Helper()
	h, err := r.Connect(r.at)
	r.must(err)
	r.must(r.Register(h, uint64(h)))
	return h
}

func (r *rig) accept() loop.Handle {
	r.t.Helper()
	h, _, err := r.Accept(r.listener)
	r.must(err)
	r.must(r.Register(h, uint64(h)))
	return h
}

// step waits, a minute at most, and returns what was reported by handle.
func (r *rig) step() map[loop.Handle]loop.Ready {
	r.t.Helper()
	return r.stepUntil(r.Now().Add(time.Minute))
}

func (r *rig) stepUntil(until loop.Time) map[loop.Handle]loop.Ready {
	r.t.Helper()
	var events [16]loop.Event
	n, err := r.Wait(events[:], until)
	r.must(err)
	reported := make(map[loop.Handle]loop.Ready)
	for _, ev := range events[:n] {
		reported[loop.Handle(ev.Token)] |= ev.Ready
	}
	return reported
}

// settle lets everything happen that is under way.
func (r *rig) settle() {
	r.t.Helper()
	for len(r.step()) > 0 {
	}
}

func (r *rig) reports(h loop.Handle, want loop.Ready) {
	r.t.Helper()
	if got := r.step()[h]; got != want {
		r.t.Errorf("handle %d was reported as%s, want%s", h, readyNames(got), readyNames(want))
	}
}

func (r *rig) writes(h loop.Handle, p string, n int, err error) {
	r.t.Helper()
	if got, gotErr := r.Write(h, []byte(p)); got != n || gotErr != err {
		r.t.Errorf("Write(%.20q) = %d, %v; want %d, %v", p, got, gotErr, n, err)
	}
}

func (r *rig) reads(h loop.Handle, size int, want string, err error) {
	r.t.Helper()
	p := make([]byte, size)
	if n, gotErr := r.Read(h, p); string(p[:n]) != want || gotErr != err {
		r.t.Errorf("Read = %.20q, %v; want %.20q, %v", p[:n], gotErr, want, err)
	}
}

// settleUnaccepted is settle while a connection waits in the listener, which is
// reported without end.
func (r *rig) settleUnaccepted() {
	r.t.Helper()
	r.must(r.Pause(r.listener))
	r.settle()
	r.must(r.Resume(r.listener, uint64(r.listener)))
}
