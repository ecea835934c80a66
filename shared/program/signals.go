package program

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// signalsKey finds the signals in a context.
type signalsKey struct{}

// signals are what a process is told from outside.
type signals struct {
	hurry  chan struct{}
	reopen chan struct{} // holds one

	reopens  atomic.Bool // somebody listens to it
	terminal bool        // where standard error went when the program began
	immune   bool        // nohup began the program: it outlives its terminal
}

// Hurry is closed when a second signal asks the program to stop at once,
// without waiting for what the first one let come to its end. Of a context that
// Main did not make it is never closed.
func Hurry(ctx context.Context) <-chan struct{} {
	if s, ok := ctx.Value(signalsKey{}).(*signals); ok {
		return s.hurry
	}
	return nil
}

// Reopen tells each time that SIGHUP asks the program to open its log anew, since
// the file has been moved away. Of a program that has not called it, SIGHUP is
// the end, as SIGTERM is.
func Reopen(ctx context.Context) <-chan struct{} {
	if s, ok := ctx.Value(signalsKey{}).(*signals); ok {
		s.reopens.Store(true)
		return s.reopen
	}
	return nil
}

// withSignals returns a context that the first SIGINT or SIGTERM cancels, and
// whose Hurry the second one closes.
func withSignals(parent context.Context) context.Context {
	s := &signals{
		hurry:    make(chan struct{}),
		reopen:   make(chan struct{}, 1),
		terminal: isTerminal(os.Stderr),
		immune:   signal.Ignored(syscall.SIGHUP),
	}
	ends, hangups := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(ends, os.Interrupt, syscall.SIGTERM)
	signal.Notify(hangups, syscall.SIGHUP)

	ctx, cancel := context.WithCancel(context.WithValue(parent, signalsKey{}, s))
	go s.obey(parent, ends, hangups, cancel)
	return ctx
}

// obey waits for two signals to end, then lets the third have its usual effect,
// so that a program which does not come to its end can still be stopped. When the
// parent of its context is cancelled, it gives the signals back.
func (s *signals) obey(parent context.Context, ends, hangups chan os.Signal, cancel func()) {
	defer signal.Stop(hangups)
	defer signal.Stop(ends)
	for asked := 0; asked < 2; {
		select {
		case <-ends:
			cancel()
			asked++
		case <-hangups:
			s.hangUp(cancel)
		case <-parent.Done():
			return
		}
	}
	close(s.hurry)
}

// hangUp finds out what SIGHUP means. A terminal sends it when it is closed, and
// by custom whoever has moved a log away. The terminal counts if messages go
// there: whoever had them go elsewhere wanted the program to outlive it. It never
// counts as the second signal, since both the terminal and its shell send it.
func (s *signals) hangUp(cancel func()) {
	closed := s.terminal && !isTerminal(os.Stderr)
	switch {
	case s.reopens.Load() && (s.immune || !closed):
		select {
		case s.reopen <- struct{}{}:
		default:
		}
	case !s.immune:
		cancel()
	}
}

// overdue is closed when a program has not ended though it was told to hurry. It
// may be waiting for somebody to read its standard output, or to write a file
// that it reads. Files are given patience to take their ends, so this is more.
func overdue(ctx context.Context) <-chan struct{} {
	late := make(chan struct{})
	go func() {
		<-Hurry(ctx)
		time.Sleep(patience + lastWords)
		close(late)
	}()
	return late
}

// lastWords is how long a program that is overdue waits for its messages to be
// taken.
const lastWords = 500 * time.Millisecond
