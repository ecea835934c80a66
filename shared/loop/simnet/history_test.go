package simnet

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

func TestStepsReadAsAStory(t *testing.T) {
	at := beginning.Add(1500 * time.Millisecond)
	for _, c := range []struct {
		step Step
		want string
	}{
		{Step{At: at, What: Wrote, Conn: 3, Side: Dialer, Octets: 5, Sum: 0xabc}, "          1.5s  #3 dialer      writes 5 bytes (crc 00000abc)"},
		{Step{At: at, What: Reported, Conn: 3, Ready: loop.ReadyRead | loop.ReadyEnd}, "          1.5s  #3 acceptor    is reported read end"},
		{Step{At: at, What: Reported, Ready: loop.ReadyRead}, "          1.5s  a listener     is reported read"},
		{Step{At: at, What: Failed, Conn: 3, Err: syscall.EPIPE}, "          1.5s  #3 acceptor    is told: broken pipe"},
	} {
		if got := c.step.String(); got != c.want {
			t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
		}
	}
	for what := Dialed; what <= Failed; what++ {
		if strings.HasPrefix(what.String(), "What(") {
			t.Errorf("step %d has no name", what)
		}
	}
}

// Each part of a step makes another history.
func TestDigest(t *testing.T) {
	seen := make(map[uint64]Step)
	for _, s := range []Step{
		{What: Read}, {What: Wrote}, {What: Read, Conn: 1}, {What: Read, Conn: 1, Side: Dialer},
		{What: Read, Octets: 1}, {What: Read, Sum: 1}, {What: Read, Ready: 1}, {What: Read, Err: 1},
	} {
		w := New(1, Options{})
		w.record(s)
		if other, is := seen[w.Digest()]; is {
			t.Errorf("%+v and %+v have the same digest", s, other)
		}
		seen[w.Digest()] = s
		if w.Steps() != 1 {
			t.Errorf("%d steps", w.Steps())
		}
	}
}

func TestScheduleKeepsOrder(t *testing.T) {
	c := newChance(1, 1)
	var s schedule
	for range 1000 {
		s.add(action{at: loop.Time(c.index(50))})
		if c.index(3) == 0 {
			s.pop()
		}
	}
	last := s.pop()
	for len(s.heap) > 0 {
		h := s.pop()
		if h.at < last.at || h.at == last.at && h.order < last.order {
			t.Fatalf("%d (scheduled as %d) came after %d (%d)", h.at, h.order, last.at, last.order)
		}
		last = h
	}
	if s.next() != loop.Never {
		t.Error("an empty schedule has something to come")
	}
}

func TestChance(t *testing.T) {
	c := newChance(1, 1)
	whole, one := 0, 0
	for range 1000 {
		most := 2 + c.index(100)
		switch n := c.length(most); {
		case n < 1 || n > most:
			t.Fatalf("a length of %d, of at most %d", n, most)
		case n == most:
			whole++
		case n == 1:
			one++
		}
		if n := c.magnitude(most); n < 1 || n > most {
			t.Fatalf("a magnitude of %d, of at most %d", n, most)
		}
		if d := c.within(Range{3, 5}); d < 3 || d > 5 {
			t.Fatalf("%d is not from 3 to 5", d)
		}
	}
	if whole < 300 || one < 50 {
		t.Errorf("of 1000 lengths %d are the whole and %d are 1", whole, one)
	}
	if c.happens(0) || !c.happens(1) {
		t.Error("the impossible happened, or the certain did not")
	}
}

func TestDrawnOptions(t *testing.T) {
	cuts := 0
	for seed := range uint64(100) {
		if o := Rough(seed); o.Refuse+o.Hang+o.Reset+o.End+o.ResetDiscards != 0 {
			t.Errorf("seed %d: a rough world has faults: %+v", seed, o)
		}
		w := New(seed, Hostile(seed))
		for range 10 {
			cut := w.drawCut()
			if cut.At < 0 || cut.At > int64(w.options.FaultWithin) {
				t.Errorf("seed %d: a cut after %d bytes", seed, cut.At)
			}
			if cut.Kind != CutNone {
				cuts++
			}
		}
	}
	if cuts == 0 {
		t.Error("hostile worlds cut nothing")
	}
}
