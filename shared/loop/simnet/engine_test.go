package simnet

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

func TestReportsAreEdges(t *testing.T) {
	r := newRig(t, 1, Options{})
	r.writes(r.a, "abc", 3, nil)
	r.reports(r.b, loop.ReadyRead)
	r.reports(r.b, 0) // not twice
	r.writes(r.a, "def", 3, nil)
	r.reports(r.b, 0) // nothing has changed for who did not look
	r.reads(r.b, 6, "abcdef", nil)
	r.writes(r.a, "ghi", 3, nil)
	r.reports(r.b, 0) // a read that was filled has not found out that there is no more
	r.reads(r.b, 4, "ghi", nil)
	r.writes(r.a, "jkl", 3, nil)
	r.reports(r.b, loop.ReadyRead) // a short one has
	r.reads(r.b, 3, "jkl", nil)
	if err := r.Peek(r.b); err != loop.ErrAgain {
		t.Errorf("Peek = %v", err)
	}
	r.writes(r.a, "mno", 3, nil)
	r.reports(r.b, loop.ReadyRead) // and so has Peek
	r.must(r.Peek(r.b))
}

func TestRegisterReportsWhatIsPossible(t *testing.T) {
	r := bareRig(t, 1, Options{})
	r.a = r.connect()
	r.reports(r.listener, loop.ReadyRead)
	r.writes(r.a, "abc", 3, nil)
	r.must(r.CloseWrite(r.a))
	r.settleUnaccepted()
	r.b = r.accept()
	r.reports(r.b, loop.ReadyRead|loop.ReadyWrite|loop.ReadyEnd)
	if err := r.Register(r.b, 1); err != syscall.EEXIST {
		t.Errorf("registering twice: %v", err)
	}
}

func TestClock(t *testing.T) {
	epoch := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	r := bareRig(t, 1, Options{Epoch: epoch, Delay: Range{Min: 5 * time.Second}})
	begin := r.Now()
	if begin <= 0 {
		t.Errorf("the clock begins at %d, which is no deadline", begin)
	}
	r.stepUntil(0)
	if r.Now() != begin {
		t.Error("a Wait that does not wait has moved the clock")
	}
	r.stepUntil(begin.Add(time.Hour))
	if got := r.Now().Sub(begin); got != time.Hour {
		t.Errorf("waiting for an hour took %v", got)
	}
	r.connect()
	r.step()
	if got := r.Wall().Sub(epoch); got != time.Hour+5*time.Second {
		t.Errorf("the wall clock has moved by %v", got)
	}
}

func TestWake(t *testing.T) {
	r := bareRig(t, 1, Options{})
	done := make(chan struct{})
	go func() { r.Wake(); close(done) }()
	<-done
	if n, err := r.Wait(nil, loop.Never); n != 0 || err != nil {
		t.Errorf("Wait after Wake = %d, %v", n, err)
	}
	if _, err := r.Wait(nil, loop.Never); err != ErrQuiet {
		t.Errorf("one Wake has ended two Waits: %v", err)
	}
}

func TestSeveralEngines(t *testing.T) {
	r := bareRig(t, 1, Options{})
	other, _ := r.world.Engine(1)
	h, err := other.Connect(r.at)
	r.must(err)
	r.must(other.Register(h, 7))
	var events [4]loop.Event
	// What happens to the one returns the Wait of the other as well.
	if n, err := other.Wait(events[:], loop.Never); err != nil || n > 1 {
		t.Errorf("Wait = %d, %v", n, err)
	}
	r.reports(r.listener, loop.ReadyRead)
	r.b = r.accept()
	r.writes(r.b, "hello", 5, nil)
	for {
		n, err := other.Wait(events[:], r.Now().Add(time.Second))
		r.must(err)
		if n > 0 && events[0] == (loop.Event{Token: 7, Ready: loop.ReadyRead}) {
			break
		}
		r.step()
	}
}

func TestLateReports(t *testing.T) {
	r := newRig(t, 1, Options{Late: 1, LateBy: Range{Min: time.Second}})
	begin := r.Now()
	r.writes(r.a, "x", 1, nil)
	r.reports(r.b, loop.ReadyRead)
	if got := r.Now().Sub(begin); got != time.Second {
		t.Errorf("the report came after %v", got)
	}
	r.writes(r.b, "x", 1, nil)
	r.must(r.CloseSocket(r.a)) // while its report is under way
	r.settle()
}

func TestSpuriousReports(t *testing.T) {
	r := newRig(t, 1, Options{Spurious: 1, Piece: 1})
	r.writes(r.a, "0123456789", 10, nil)
	seen := 0
	for got := r.step(); len(got) > 0; got = r.step() {
		if got[r.a] != 0 || got[r.b]&loop.ReadyWrite != 0 || got[r.listener] != 0 {
			seen++
		}
	}
	if seen == 0 {
		t.Error("no socket was reported without a reason")
	}
}

func TestEventsBeyondTheSlice(t *testing.T) {
	r := bareRig(t, 1, Options{})
	for range 5 {
		r.connect()
	}
	r.must(r.Pause(r.listener))
	var tokens []uint64
	for events := make([]loop.Event, 2); ; {
		n, err := r.Wait(events, r.Now().Add(time.Second))
		r.must(err)
		if n == 0 {
			break
		}
		for _, ev := range events[:n] {
			tokens = append(tokens, ev.Token)
		}
	}
	slices.Sort(tokens)
	if !slices.Equal(tokens, []uint64{1, 2, 3, 4, 5}) {
		t.Errorf("reported: %v", tokens)
	}
}
