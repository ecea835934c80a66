package loop

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// alarm is a timer's owner that counts how often it was told.
type alarm struct {
	timer timer
	at    Time // of which the naive reference knows; 0 when not set
	rings int
	then  func()
}

func (a *alarm) expire() {
	a.rings++
	a.at = 0
	if a.then != nil {
		a.then()
	}
}

func newAlarm() *alarm {
	a := &alarm{}
	a.timer.owner = a
	return a
}

func newWheel(now Time) *wheel {
	w := new(wheel)
	w.init(now)
	return w
}

// The wheel against a list of instants, with random operations.
func TestWheelAgainstAList(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { checkWheel(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func checkWheel(t *testing.T, r *rand.Rand) {
	now := Time(r.Int64N(int64(365 * 24 * time.Hour)))
	w := newWheel(now)
	alarms := make([]*alarm, 50)
	for i := range alarms {
		alarms[i] = newAlarm()
	}
	for range 5000 {
		a := alarms[r.IntN(len(alarms))]
		switch r.IntN(4) {
		case 0, 1:
			a.at = max(now.Add(spread(r)), 1)
			w.set(&a.timer, a.at)
		case 2:
			a.at = 0
			w.remove(&a.timer)
		case 3:
			if r.IntN(2) == 0 && w.next() != Never {
				now = max(now, w.next()) // as a loop does that has nothing to do
			} else {
				now = now.Add(spread(r))
			}
			w.advance(now)
		}
		checkAlarms(t, w, alarms, now)
	}
}

// spread is a duration of any magnitude up to half a year.
func spread(r *rand.Rand) time.Duration {
	return time.Duration(r.Int64N(int64(1) << r.IntN(54)))
}

// checkAlarms holds the wheel to its promise: whoever's instant lies more than a
// tick back has been told, nobody was told early, and next is early enough.
func checkAlarms(t *testing.T, w *wheel, alarms []*alarm, now Time) {
	t.Helper()
	for i, a := range alarms {
		switch {
		case a.timer.armed() != (a.at != 0):
			t.Fatalf("timer %d: armed %v, want %v", i, a.timer.armed(), a.at != 0)
		case a.at != 0 && a.at <= now.Add(-2*time.Duration(tick)):
			t.Fatalf("timer %d is late by %v", i, now.Sub(a.at))
		case a.at != 0 && w.next() > a.at.Add(2*time.Duration(tick)):
			t.Fatalf("timer %d is due in %v, but the wheel need not be advanced for %v",
				i, a.at.Sub(now), w.next().Sub(now))
		}
	}
}

func TestWheelIsNeverEarly(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		now := Time(r.Int64N(1 << 50))
		w, a := newWheel(now), newAlarm()
		at := now.Add(spread(r))
		w.set(&a.timer, at)
		for a.rings == 0 {
			w.advance(at - 1)
			if a.rings > 0 && at-1 >= now {
				t.Fatalf("set for %d at %d, told at %d", at, now, at-1)
			}
			w.advance(at.Add(2 * time.Duration(tick)))
			if a.rings != 1 {
				t.Fatalf("set for %d at %d, not told two ticks later", at, now)
			}
		}
	}
}

// Instants that no digit of the wheel stands for are kept as far away as it
// goes, and those before the beginning come at once.
func TestWheelAtTheEdges(t *testing.T) {
	for name, test := range map[string]struct {
		at   Time
		soon bool
	}{
		"now":                   {Time(time.Hour), true},
		"zero":                  {0, true},
		"before the beginning":  {-Time(time.Hour), true},
		"the first of instants": {math.MinInt64, true},
		"one digit too many":    {Time(1<<42) * tick, false},
		"its slot is 0 and past": {
			Time(1<<43)*tick + Time(time.Second), false,
		},
		"never": {Never, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, a := newWheel(Time(time.Hour)), newAlarm()
			w.set(&a.timer, test.at)
			w.advance(Time(time.Hour) + tick)
			if told := a.rings == 1; told != test.soon {
				t.Fatalf("told after a tick: %v, want %v", told, test.soon)
			}
			w.advance(Time(100 * 365 * 24 * time.Hour))
			if told := a.rings == 1; told != test.soon {
				t.Fatalf("told within a century: %v, want %v", told, test.soon)
			}
		})
	}
}

// An owner that is told may set and remove any timer, its own among them.
func TestWheelChangesWhileItTells(t *testing.T) {
	w := newWheel(0)
	again, gone, other := newAlarm(), newAlarm(), newAlarm()
	again.then = func() {
		w.remove(&gone.timer) // in the same slot, next in line
		w.set(&other.timer, Time(w.now)*tick)
		w.set(&again.timer, Time(w.now)*tick+5*tick)
	}
	w.set(&again.timer, 3*tick)
	w.set(&gone.timer, 3*tick)
	w.advance(3 * tick)
	if again.rings != 1 || gone.rings != 0 || other.rings != 0 {
		t.Fatalf("told %d, %d, %d times, want 1, 0, 0", again.rings, gone.rings, other.rings)
	}
	w.advance(8 * tick)
	if again.rings != 2 || other.rings != 1 {
		t.Fatalf("told %d and %d times, want 2 and 1", again.rings, other.rings)
	}
}

func TestTimeAdd(t *testing.T) {
	for _, test := range []struct {
		t    Time
		d    time.Duration
		want Time
	}{
		{5, 3, 8},
		{5, -3, 2},
		{5, math.MaxInt64, Never},
		{Never, 1, Never},
		{Never, -1, Never - 1},
	} {
		if got := test.t.Add(test.d); got != test.want {
			t.Errorf("%d.Add(%d) = %d, want %d", test.t, test.d, got, test.want)
		}
	}
}

func BenchmarkWheelSet(b *testing.B) {
	w := newWheel(0)
	alarms := make([]*alarm, 10000)
	for i := range alarms {
		alarms[i] = newAlarm()
	}
	for i := range b.N {
		w.set(&alarms[i%len(alarms)].timer, Time(i)*tick+Time(30*time.Second))
		w.advance(Time(i) * tick / 100)
	}
}
