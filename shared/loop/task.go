package loop

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/hopwire/hopwire/shared/list"
)

// A Runner is what a task runs. A pointer to a struct that has the state of the
// work makes starting a task free of allocation.
type Runner interface{ Run() }

// Func makes a Runner of a function.
type Func func()

// Run calls f.
func (f Func) Run() { f() }

// ErrStopped is what a task's wait returns when its loop has been stopped.
var ErrStopped = errors.New("loop: stopped")

// A task is a coroutine of a loop: straight-line code whose waits give the
// thread back to the loop. It is made with iter.Pull, so that switching is a
// direct hand-over inside the runtime in which the scheduler has no part.
type task struct {
	loop    *Loop
	resume  func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	runner  Runner
	scope   scope
	waiting bool  // suspended, and not yet queued to go on
	ended   bool  // the runner has returned
	lost    bool  // the coroutine cannot be used again
	moved   int   // octets in its turn, and what operations cost beside them
	limit   int   // of that, before others have their turn
	err     error // what the wait under way will return
	entry   timer // of a Sleep, or of a Signal's Wait
	fired   bool  // the Signal waited for has been fired

	list.Links[*task] // among the loop's live tasks
}

// A scope is as far as a panic goes: a task or a handler, with the tasks that it
// started and theirs. A panic ends the connections which those used last. The
// number is never another scope's, so that a connection may outlive its scope
// without belonging to the next one.
type scope uint64

func (l *Loop) newScope() scope {
	l.lastScope++
	return l.lastScope
}

func newTask(l *Loop) *task {
	t := &task{loop: l}
	t.entry.owner = t
	t.resume, t.stop = iter.Pull(t.runs)
	return t
}

// runs is the coroutine: one runner after the other, for ever.
func (t *task) runs(yield func(struct{}) bool) {
	t.yield = yield
	for {
		t.runOne()
		if t.takeNext() {
			continue
		}
		t.ended = true
		if !yield(struct{}{}) {
			return
		}
	}
}

// takeNext makes the coroutine run a new task right away if the next turn is
// that of one, which spares the switch to the loop and back.
func (t *task) takeNext() bool {
	l := t.loop
	if l.turnNow == l.turnEnd || l.ready[l.turnNow].task != nil {
		return false
	}
	t.begin(&l.ready[l.turnNow])
	l.turnNow++
	l.scope = t.scope
	return true
}

func (t *task) begin(u *turn) {
	t.runner, t.scope, t.ended = u.runner, u.scope, false
	t.moved, t.limit = 0, much
}

// runOne keeps a panic from passing beyond the task's scope.
func (t *task) runOne() {
	returned := false
	defer func() {
		if !returned {
			t.panicked(recover())
		}
	}()
	t.runner.Run()
	returned = true
}

// end lets go of the coroutine, which has no runner.
func (t *task) end() { t.stop() }

// panicked ends a task that panicked with v or, if v is nil, called runtime.Goexit,
// as testing's Fatal does. That one cannot be recovered from: it would go on
// through iter.Pull and end the loop's goroutine. So the coroutine is left where
// it is, for ever.
func (t *task) panicked(v any) {
	t.loop.endScope(t.scope, v)
	if v == nil {
		t.ended, t.lost = true, true
		t.yield(struct{}{})
	}
}

// suspend gives the thread back to the loop until somebody wakes the task.
func (t *task) suspend() error {
	if t.loop.stopping {
		return ErrStopped
	}
	t.waiting, t.err = true, nil
	t.yield(struct{}{})
	return t.err
}

const (
	// much is how many octets a task may move in its turn, those that it reads and
	// those that it writes, as long as it need not wait, before the other tasks and
	// connections have theirs. Whoever does is a
	// heavy task, until it moves less.
	much = 64 << 10
	// budget is how many all heavy tasks together may move in a turn of the loop.
	budget = 256 << 10
	// stretch is how many one of them may move, over several turns, before the next
	// one follows: a peer whose buffer is emptied in one go fills it in one go, which
	// costs both sides a fifth less than in small pieces.
	stretch = 4 << 20
	// round is how many all of them may move, where they are many, until it is the
	// first one's turn again.
	round = 64 << 20
	// leastCost is added for each operation: those that move next to nothing are
	// not free either, and of these there are 64 in a budget.
	leastCost = budget / 64
)

// giveWay lets the others have their turn. A task whose connection is always
// ready would keep the loop for itself.
func (t *task) giveWay() error {
	if t.loop.stopping {
		return ErrStopped
	}
	t.err = nil
	t.loop.queue(t)
	t.yield(struct{}{})
	return t.err
}

// Go starts a task. It begins to run in the loop's next turn. A task that is
// started by another one, or by a handler, is in its scope: a panic in either
// ends the connections of both. Go is called on the loop only; from elsewhere,
// Post a function that calls it.
func (l *Loop) Go(r Runner) {
	s := l.scope
	if s == 0 {
		s = l.newScope()
	}
	l.ready = append(l.ready, turn{runner: r, scope: s})
}

// A turn is that of a task to run: of one that can go on or, with nil for it, of
// a new one. The new one is given a coroutine only now, so that it has the one,
// with its stack and whatever buffers its task returned, that was used a moment
// ago and is in the processor's cache.
type turn struct {
	task   *task
	runner Runner
	scope  scope
}

// wake lets a suspended task go on; its wait returns err. Waking a task twice
// before it has run is waking it once: what it waited for is looked at again by
// the task itself.
func (l *Loop) wake(t *task, err error) {
	if t.waiting {
		t.waiting, t.err = false, err
		l.queue(t)
	}
}

// queue gives a task that can go on its turn. A heavy one, which may have had no
// more than the rest of a budget, stands back for all others: they are done soon,
// and it is not.
func (l *Loop) queue(t *task) {
	if t.moved >= min(much, t.limit) {
		l.heavy = append(l.heavy, t)
		return
	}
	t.limit = much
	l.ready = append(l.ready, turn{task: t})
}

// runReady runs the tasks that can go on. Those that become ready meanwhile
// have their turn after the events, so that tasks that wake each other without
// end do not keep the loop from them.
func (l *Loop) runReady() {
	l.turnNow, l.turnEnd = 0, len(l.ready)
	for l.turnNow < l.turnEnd {
		u := &l.ready[l.turnNow]
		l.turnNow++
		l.resume(u.coroutine(l))
	}
	left := copy(l.ready, l.ready[l.turnEnd:])
	clear(l.ready[left:])
	l.ready = l.ready[:left]
	l.turnNow, l.turnEnd = 0, 0
	l.runHeavy()
}

// runHeavy lets heavy tasks go on, one after the other, until they have used up
// their part of the loop's turn. A loop that has been stopped lets all of them run,
// to their end.
func (l *Loop) runHeavy() {
	for left := budget; len(l.heavy) > 0 && (left > 0 || l.stopping); {
		t := l.heavy[0]
		t.limit = left
		l.resume(t)
		left -= t.moved
		l.stretched += t.moved
		if last := len(l.heavy) - 1; last > 0 && l.heavy[last] == t && l.stretched < min(stretch, round/last) {
			l.heavy = l.heavy[:last] // it gave way, and stays the first
			continue
		}
		l.heavy = slices.Delete(l.heavy, 0, 1)
		l.stretched = 0
	}
}

func (u *turn) coroutine(l *Loop) *task {
	if u.task != nil {
		return u.task
	}
	t, ok := l.tasks.get()
	if !ok {
		t = newTask(l)
	}
	t.begin(u)
	l.live.PushFront(t)
	return t
}

func (l *Loop) resume(t *task) {
	l.current, l.scope, t.moved = t, t.scope, 0
	t.resume()
	l.current, l.scope = nil, 0
	if t.ended {
		l.retire(t)
	}
}

// retire keeps a task whose runner has returned for the next one.
func (l *Loop) retire(t *task) {
	l.live.Remove(t)
	t.runner = nil
	if t.lost {
		return
	}
	l.tasks.put(t)
	l.trimLater()
}

// running is the task that a blocking call is made in.
func (l *Loop) running() *task {
	if l.current == nil {
		panic("loop: a call that waits was made outside a task")
	}
	return l.current
}

// A PanicError reports a panic of a task, a handler, or another function that
// was called on a loop.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("loop: panic: %v\n%s", e.Value, e.Stack)
}

// Unwrap gives the panic's value when that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
