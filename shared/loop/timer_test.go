package loop

import (
	"slices"
	"testing"
	"time"
)

func TestSleep(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	do(t, l, func() {
		for _, d := range []time.Duration{-time.Second, 0, time.Microsecond, 3 * time.Millisecond, 20 * time.Millisecond} {
			began := l.Now()
			if err := l.Sleep(d); err != nil {
				t.Error(err)
			}
			if slept := l.Clock().Sub(began); slept < d {
				t.Errorf("slept %v of %v", slept, d)
			}
		}
	})
}

// Timers run in the order of their instants, whatever the order in which they
// were set.
func TestAfter(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	var order []int
	done := make(chan struct{})
	on(t, l, func() {
		for _, i := range []int{3, 1, 4, 2} {
			l.After(time.Duration(i)*5*time.Millisecond, func() { order = append(order, i) })
		}
		l.After(2*time.Millisecond, func() { order = append(order, -1) }).Stop()
		late := l.After(time.Millisecond, func() { order = append(order, 5) })
		late.Reset(25 * time.Millisecond)
		l.After(30*time.Millisecond, func() { close(done) })
	})
	wait(t, "the last timer", done)
	if want := []int{1, 2, 3, 4, 5}; !slices.Equal(order, want) {
		t.Errorf("the order was %v, want %v", order, want)
	}
}

// A timer may be set again by what it runs, and a panic in that costs one call.
func TestAfterAgain(t *testing.T) {
	var all reports
	l := newGroup(t, 1, Config{Report: all.add}).start()
	n := 0
	done := make(chan struct{})
	on(t, l, func() {
		var again *Timer
		again = l.After(0, func() {
			if n++; n == 3 {
				close(done)
				return
			}
			again.Reset(0)
			panic(errTest)
		})
		l.After(0, func() {}) // in the same slot, behind the one that panics
	})
	wait(t, "the third time", done)
	all.want(t, errTest, errTest)
}

// Functions that were posted run in the order of the calls, and one that panics
// costs itself.
func TestPost(t *testing.T) {
	var all reports
	g := newGroup(t, 1, Config{Report: all.add})
	l := g.Loop(0)
	var order []int
	for i := range 5 {
		l.Post(func() {
			order = append(order, i)
			if i == 2 {
				panic(errTest)
			}
		})
	}
	g.start()
	on(t, l, func() {})
	if want := []int{0, 1, 2, 3, 4}; !slices.Equal(order, want) {
		t.Errorf("the order was %v, want %v", order, want)
	}
	all.want(t, errTest)
}

// Many goroutines post while the loop falls asleep and wakes: nothing is lost,
// and nothing waits for another event.
func TestPostWakesTheLoop(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	const posters, each = 4, 2000
	done := make(chan int)
	for range posters {
		go func() {
			heard := make(chan struct{})
			for range each {
				l.Post(func() { heard <- struct{}{} })
				<-heard
			}
			done <- each
		}()
	}
	for range posters {
		wait(t, "the end of posting", done)
	}
}

// An alarm rings at its instant, not at the next tick of the timers, and only the last
// that was set.
func TestAlarm(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	const rounds = 50
	n, soonest, done := 0, time.Hour, make(chan struct{})
	on(t, l, func() {
		var at Time
		var next func()
		next = func() {
			l.Alarm(l.Clock().Add(time.Microsecond), Func(func() { t.Error("an alarm rang that had been replaced") }))
			at = l.Clock().Add(300 * time.Microsecond)
			l.Alarm(at, Func(func() {
				late := l.Clock().Sub(at)
				if late < 0 {
					t.Errorf("%v too early", -late)
				}
				soonest = min(soonest, late)
				if n++; n == rounds {
					close(done)
				} else {
					next()
				}
			}))
		}
		next()
	})
	wait(t, "the last alarm", done)
	if soonest > 500*time.Microsecond {
		t.Errorf("each alarm was %v late or later", soonest)
	}
}

// Never takes an alarm back.
func TestAlarmNever(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	done := make(chan struct{})
	on(t, l, func() {
		l.Alarm(l.Clock().Add(time.Millisecond), Func(func() { t.Error("it rang though it was taken back") }))
		l.Alarm(Never, nil)
		l.After(5*time.Millisecond, func() { close(done) })
	})
	wait(t, "the timer", done)
}

// While a loop computes it does not wait.
func TestWaited(t *testing.T) {
	const part = 20 * time.Millisecond
	for _, counting := range []bool{true, false} {
		l := newGroup(t, 1, Config{CountWaiting: counting}).start()
		do(t, l, func() {
			began, before := l.Clock(), l.Waited()
			l.Sleep(part)
			for computing := l.Clock(); l.Clock().Sub(computing) < part; {
			}
			l.Sleep(0)
			waited, most := l.Waited()-before, l.Clock().Sub(began)-part
			if !counting {
				most = 0
			}
			if waited < min(most, part/2) || waited > most {
				t.Errorf("waited for %s, %s at most", waited, most)
			}
		})
	}
}
