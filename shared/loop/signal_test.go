package loop

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

func TestSignalIsFirstComeFirstServed(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	do(t, l, func() {
		var s Signal
		var order []string
		var joins []func()
		if s.Fire() {
			t.Error("Fire reached somebody although nobody waited")
		}
		for i := range 5 {
			joins = append(joins, beside(l, func() {
				err := s.Wait(l, l.soon())
				order = append(order, fmt.Sprintf("%d %v", i, err))
			}))
		}
		pauseOnce(l)
		if len(s.waiting) != 5 {
			t.Fatalf("%d tasks wait, want 5", len(s.waiting))
		}
		for i := range 2 {
			if !s.Fire() || len(s.waiting) != 4-i {
				t.Errorf("after Fire %d tasks wait, want %d", len(s.waiting), 4-i)
			}
		}
		s.FireAll()
		for _, join := range joins {
			join()
		}
		if want := []string{"0 <nil>", "1 <nil>", "2 <nil>", "3 <nil>", "4 <nil>"}; !slices.Equal(order, want) {
			t.Errorf("the order was %q, want %q", order, want)
		}
	})
}

// One that gives up leaves the queue, and those behind it move up.
func TestSignalDeadline(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	do(t, l, func() {
		var s Signal
		var patient error
		began := l.Now()
		impatient := beside(l, func() {
			if err := s.Wait(l, began.Add(5*time.Millisecond)); err != os.ErrDeadlineExceeded {
				t.Errorf("Wait returned %v, want %v", err, os.ErrDeadlineExceeded)
			}
			if now := l.Clock(); now < began.Add(5*time.Millisecond) {
				t.Errorf("Wait gave up %v early", began.Add(5*time.Millisecond).Sub(now))
			}
		})
		other := beside(l, func() { patient = s.Wait(l, l.soon()) })
		impatient()
		if len(s.waiting) != 1 || !s.Fire() {
			t.Errorf("%d tasks wait, want the patient one", len(s.waiting))
		}
		other()
		if patient != nil {
			t.Error(patient)
		}
		if err := s.Wait(l, 1); err != os.ErrDeadlineExceeded {
			t.Errorf("with a deadline in the past Wait returned %v", err)
		}
	})
}

// A task whose time is up at the instant at which Fire reaches it has been
// reached: what it was given must not be lost.
func TestSignalAndDeadlineAtOnce(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	do(t, l, func() {
		var s Signal
		join := beside(l, func() {
			if err := s.Wait(l, l.soon()); err != nil {
				t.Errorf("Wait returned %v although Fire had reached it", err)
			}
			if err := l.Sleep(time.Millisecond); err != nil {
				t.Errorf("the next wait returned %v", err)
			}
		})
		pauseOnce(l)
		s.waiting[0].expire()
		s.Fire()
		join()
	})
}
