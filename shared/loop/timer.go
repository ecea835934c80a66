package loop

import "time"

// A Timer runs a function on the loop, once, after a time.
type Timer struct {
	loop  *Loop
	f     func()
	entry timer
}

// After runs f on the loop, outside any task, once d has passed. Timers are
// coarse: f runs up to a millisecond late, and later when the loop is busy.
func (l *Loop) After(d time.Duration, f func()) *Timer {
	t := l.newTimer(f)
	t.Reset(d)
	return t
}

func (l *Loop) newTimer(f func()) *Timer {
	t := &Timer{loop: l, f: f}
	t.entry.owner = t
	return t
}

// Stop keeps f from running.
func (t *Timer) Stop() { t.loop.wheel.remove(&t.entry) }

// Reset makes f run after d from now, whether the timer had run out or not.
func (t *Timer) Reset(d time.Duration) {
	if !t.loop.stopping {
		t.loop.wheel.set(&t.entry, t.loop.now.Add(d))
	}
}

func (t *Timer) expire() { t.loop.inNewScope(t.f) }

// Alarm has r run on the loop at an instant, outside any task. Where a timer is up to a
// millisecond late, an alarm is as late as the machine is slow, some tens of
// microseconds. A loop has one, so each call takes the place of the last; Never is
// none.
func (l *Loop) Alarm(at Time, r Runner) {
	if at != Never {
		at |= 1 // no instant of whole milliseconds: see Engine.Wait
	}
	l.alarm, l.alarmed = at, r
}

func (l *Loop) ring() {
	l.alarm = Never
	l.inNewScope(l.alarmed.Run)
}

// Sleep suspends the task. The error is not nil when the loop was stopped
// meanwhile; a task that sleeps in a circle has to end then.
func (l *Loop) Sleep(d time.Duration) error {
	t := l.running()
	l.wheel.set(&t.entry, l.now.Add(d))
	err := t.suspend()
	l.wheel.remove(&t.entry)
	if err == errExpired {
		return nil
	}
	return err
}

// expire ends a task's Sleep, or its Wait for a Signal.
func (t *task) expire() { t.loop.wake(t, errExpired) }

// trimAfter is how long something lies unused before it is let go.
const trimAfter = time.Second

// trimLater is called when something is put aside for later use.
func (l *Loop) trimLater() {
	if !l.trimming && !l.stopping {
		l.trimming = true
		l.trimmer.Reset(trimAfter)
	}
}

func (l *Loop) trim() {
	l.trimming = false
	tasks := l.tasks.trim((*task).end)
	buffers := l.buffers.trim(func(*Buffer) {})
	pipes := l.pipes.trim(l.closePipe)
	more := tasks || buffers || pipes
	for _, trim := range l.trims {
		more = trim() || more
	}
	if more {
		l.trimLater()
	}
}
