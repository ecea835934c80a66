package simnet

import (
	"errors"
	"io"
	"syscall"
	"testing"

	"github.com/hopwire/hopwire/shared/loop"
)

func TestHalfClose(t *testing.T) {
	r := newRig(t, 1, Options{})
	r.writes(r.a, "request", 7, nil)
	r.must(r.CloseWrite(r.a))
	r.writes(r.a, "more", 0, syscall.EPIPE)
	r.reports(r.b, loop.ReadyRead|loop.ReadyEnd)
	r.reads(r.b, 20, "request", nil)
	r.reads(r.b, 20, "", io.EOF)
	r.reads(r.b, 20, "", io.EOF)
	r.writes(r.b, "response", 8, nil)
	r.must(r.CloseSocket(r.b))
	if r.Ended(r.a) {
		t.Error("the end is known before it has arrived")
	}
	r.reports(r.a, loop.ReadyRead|loop.ReadyEnd)
	if !r.Ended(r.a) {
		t.Error("the end that has arrived is not known")
	}
	r.reads(r.a, 8, "response", nil)
	r.reads(r.a, 8, "", io.EOF)
	r.must(r.CloseSocket(r.a))
	r.must(r.CloseSocket(r.listener))
	r.settle()
	r.must(r.world.Leaks())
}

// The expectations are what Linux 6 answered to the same calls.
func TestResets(t *testing.T) {
	const all = loop.ReadyRead | loop.ReadyWrite | loop.ReadyEnd | loop.ReadyReset
	for _, c := range []struct {
		name  string
		peer  func(r *rig)
		ready loop.Ready
		then  func(r *rig)
	}{
		{"reset, then read", func(r *rig) {
			r.must(r.Reset(r.b))
		}, all, func(r *rig) {
			r.reads(r.a, 5, "", syscall.ECONNRESET)
			r.reads(r.a, 5, "", io.EOF)
			r.writes(r.a, "x", 0, syscall.EPIPE)
		}},
		{"reset, then write", func(r *rig) {
			r.must(r.Reset(r.b))
		}, all, func(r *rig) {
			r.writes(r.a, "x", 0, syscall.ECONNRESET)
			r.writes(r.a, "x", 0, syscall.EPIPE)
			r.reads(r.a, 5, "", io.EOF)
			if err := r.CloseWrite(r.a); err != syscall.ENOTCONN {
				r.t.Errorf("CloseWrite = %v", err)
			}
		}},
		{"bytes, then reset", func(r *rig) {
			r.writes(r.b, "hello", 5, nil)
			r.settle()
			r.must(r.Reset(r.b))
		}, all, func(r *rig) {
			r.reads(r.a, 2, "he", nil)
			r.reads(r.a, 5, "llo", nil)
			r.reads(r.a, 5, "", syscall.ECONNRESET)
			r.reads(r.a, 5, "", io.EOF)
		}},
		{"bytes, end, then reset", func(r *rig) {
			r.writes(r.b, "hello", 5, nil)
			r.must(r.CloseWrite(r.b))
			r.settle()
			r.must(r.Reset(r.b))
		}, all, func(r *rig) {
			r.reads(r.a, 5, "hello", nil)
			r.reads(r.a, 5, "", io.EOF)
			r.writes(r.a, "x", 0, syscall.EPIPE)
			r.writes(r.a, "x", 0, syscall.EPIPE)
		}},
		{"closed with bytes unread", func(r *rig) {
			r.writes(r.a, "request", 7, nil)
			r.settle()
			r.writes(r.b, "hello", 5, nil)
			r.settle()
			r.must(r.CloseSocket(r.b))
		}, all, func(r *rig) {
			r.reads(r.a, 9, "hello", nil)
			r.reads(r.a, 9, "", syscall.ECONNRESET)
		}},
		{"bytes sent to a closed socket", func(r *rig) {
			r.must(r.CloseSocket(r.b))
			r.settle()
			r.writes(r.a, "x", 1, nil)
		}, all, func(r *rig) {
			r.reads(r.a, 9, "", io.EOF)
			r.writes(r.a, "x", 0, syscall.EPIPE)
		}},
		{"bytes that cross with the close", func(r *rig) {
			r.writes(r.a, "x", 1, nil)
			r.must(r.CloseSocket(r.b))
		}, all, func(r *rig) {
			r.reads(r.a, 9, "", io.EOF)
		}},
		{"both close in order", func(r *rig) {
			r.must(r.CloseWrite(r.a))
			r.must(r.CloseSocket(r.b))
		}, loop.ReadyRead | loop.ReadyEnd, func(r *rig) {
			r.reads(r.a, 9, "", io.EOF)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, 1, Options{})
			c.peer(r)
			r.reports(r.a, c.ready)
			c.then(r)
			r.must(r.CloseSocket(r.a))
		})
	}
}

func TestResetDiscards(t *testing.T) {
	r := newRig(t, 1, Options{ResetDiscards: 1})
	r.writes(r.b, "hello", 5, nil)
	r.settle()
	r.must(r.Reset(r.b))
	r.settle()
	r.reads(r.a, 9, "", syscall.ECONNRESET)
}

func TestClosedHandles(t *testing.T) {
	r := newRig(t, 1, Options{})
	r.writes(r.b, "pending", 7, nil)
	r.must(r.CloseSocket(r.a))
	if got := r.step()[r.a]; got != 0 {
		t.Errorf("a closed socket was reported as%s", readyNames(got))
	}
	_, connectErr := r.SpliceIn(nil, r.a, 1)
	for name, err := range map[string]error{
		"CloseSocket": r.CloseSocket(r.a), "Reset": r.Reset(r.a), "CloseWrite": r.CloseWrite(r.a),
		"Register": r.Register(r.a, 1), "Peek": r.Peek(r.a), "SpliceIn": connectErr,
		"ConnectResult": r.ConnectResult(99), "Pause": r.Pause(-1),
	} {
		if err != syscall.EBADF {
			t.Errorf("%s of what is not open: %v", name, err)
		}
	}
}

func TestLeaks(t *testing.T) {
	r := newRig(t, 1, Options{})
	p, err := r.NewPipe()
	r.must(err)
	if n := r.world.OpenSockets(); n != 3 || r.world.pipes != 1 || r.world.Leaks() == nil {
		t.Errorf("%d sockets and %d pipes are open: %v", n, r.world.pipes, r.world.Leaks())
	}
	r.must(p.Close())
	for _, h := range []loop.Handle{r.a, r.b, r.listener} {
		r.must(r.CloseSocket(h))
	}
	r.must(r.world.Leaks())
}

func TestErrorsAreErrno(t *testing.T) {
	r := bareRig(t, 1, Options{Refuse: 1})
	h := r.connect()
	r.step()
	var errno syscall.Errno
	if err := r.ConnectResult(h); !errors.As(err, &errno) {
		t.Errorf("%v is no syscall.Errno", err)
	}
}

// An end of stream that arrives behind a reset ends nothing in order: what was
// sent before it has been lost.
func TestEndBehindReset(t *testing.T) {
	r := newRig(t, 1, Options{Fate: func(Dial) Fate { return Fate{Up: Cut{Kind: CutEnd, At: 1}} }})
	r.writes(r.a, "xx", 2, nil) // the second octet is too many: the sender is reset
	r.settle()
	r.writes(r.b, "lost", 4, nil)
	r.must(r.CloseWrite(r.b))
	r.settle()
	r.reads(r.a, 5, "", syscall.ECONNRESET)
}
