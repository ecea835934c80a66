package loop

import (
	"errors"
	"os"
)

// errExpired wakes a task whose time is up.
var errExpired = errors.New("loop: time is up")

// A Signal lets tasks of one loop wait for each other: for a place in a queue,
// or for the other direction of an exchange. The zero value is ready to use.
type Signal struct {
	waiting []*task
}

// Wait suspends the task until Fire reaches it, first come, first served. It
// returns os.ErrDeadlineExceeded when the deadline comes first.
func (s *Signal) Wait(l *Loop, deadline Time) error {
	t := l.running()
	if deadline != 0 {
		l.wheel.set(&t.entry, deadline)
	}
	t.fired = false
	s.waiting = append(s.waiting, t)
	err := t.suspend()
	l.wheel.remove(&t.entry)
	if t.fired {
		return nil
	}
	s.leave(t)
	if err == errExpired {
		return os.ErrDeadlineExceeded
	}
	return err
}

func (s *Signal) leave(t *task) {
	for i, other := range s.waiting {
		if other == t {
			s.take(i)
			return
		}
	}
}

func (s *Signal) take(i int) *task {
	t := s.waiting[i]
	last := len(s.waiting) - 1
	copy(s.waiting[i:], s.waiting[i+1:])
	s.waiting[last] = nil
	s.waiting = s.waiting[:last]
	return t
}

// Fire lets the task that has waited longest go on, and reports whether there
// was one.
func (s *Signal) Fire() bool {
	if len(s.waiting) == 0 {
		return false
	}
	t := s.take(0)
	t.fired = true
	t.loop.wake(t, nil)
	return true
}

// FireAll lets every waiting task go on.
func (s *Signal) FireAll() {
	for s.Fire() {
	}
}
