package program

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// hurryKey finds the channel of Hurry in a context.
type hurryKey struct{}

// Hurry is closed when a second signal asks the program to stop at once,
// without waiting for what the first one let come to its end. Of a context that
// Main did not make it is never closed.
func Hurry(ctx context.Context) <-chan struct{} {
	hurry, _ := ctx.Value(hurryKey{}).(chan struct{})
	return hurry
}

// withSignals returns a context that the first SIGINT or SIGTERM cancels, and
// whose Hurry the second one closes.
func withSignals(parent context.Context) context.Context {
	arrived := make(chan os.Signal, 2)
	signal.Notify(arrived, os.Interrupt, syscall.SIGTERM)

	hurry := make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithValue(parent, hurryKey{}, hurry))
	go obey(ctx, arrived, cancel, hurry)
	return ctx
}

// obey waits for two signals, then lets the third have its usual effect, so
// that a program which does not come to its end can still be stopped. When the
// parent of its context is cancelled, it gives the signals back.
func obey(ctx context.Context, arrived chan os.Signal, cancel func(), hurry chan struct{}) {
	defer signal.Stop(arrived)
	select {
	case <-arrived:
		cancel()
	case <-ctx.Done():
		return
	}
	<-arrived
	close(hurry)
}
