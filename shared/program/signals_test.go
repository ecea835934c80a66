package program

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// signalled sends the process a signal and waits for its effect.
func signalled(t *testing.T, sig syscall.Signal, done <-chan struct{}) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%v had no effect", sig)
	}
}

func hurried(ctx context.Context) bool {
	select {
	case <-Hurry(ctx):
		return true
	default:
		return false
	}
}

func TestSignals(t *testing.T) {
	ctx := withSignals(t.Context())
	signalled(t, syscall.SIGTERM, ctx.Done())
	if hurried(ctx) {
		t.Fatal("one signal sufficed to hurry")
	}
	signalled(t, syscall.SIGINT, Hurry(ctx))
}

// SIGHUP has files opened anew where somebody does that, as often as it comes, and
// before as well as after the program was told to end.
func TestHangUpReopens(t *testing.T) {
	ctx := withSignals(t.Context())
	reopen := Reopen(ctx)
	for range 3 {
		signalled(t, syscall.SIGHUP, reopen)
	}
	if ctx.Err() != nil {
		t.Fatal("SIGHUP has ended the program")
	}
	signalled(t, syscall.SIGTERM, ctx.Done())
	signalled(t, syscall.SIGHUP, reopen)
	if hurried(ctx) {
		t.Fatal("SIGHUP was taken for the second signal")
	}
}

// What SIGHUP means depends on where it may have come from.
func TestHangUp(t *testing.T) {
	_, terminal := wiretest.Terminal(t)
	closedMaster, closed := wiretest.Terminal(t)
	closedMaster.Close()
	for _, test := range []struct {
		name                     string
		stderr                   *os.File
		terminal, immune, reopen bool // as the program began
		ends, reopened           bool
	}{
		{"nobody opens files", terminal, true, false, false, true, false},
		{"nobody opens files, nohup", terminal, true, true, false, false, false},
		{"log moved away", terminal, true, false, true, false, true},
		{"log moved away, no terminal", nil, false, false, true, false, true},
		{"terminal closed", closed, true, false, true, true, false},
		{"terminal closed, nohup", closed, true, true, true, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func(was *os.File) { os.Stderr = was }(os.Stderr)
			os.Stderr = test.stderr
			s := &signals{reopen: make(chan struct{}, 1), terminal: test.terminal, immune: test.immune}
			s.reopens.Store(test.reopen)
			ended := false
			for range 2 { // the terminal and its shell send one each
				s.hangUp(func() { ended = true })
			}
			if reopened := len(s.reopen) > 0; ended != test.ends || reopened != test.reopened {
				t.Errorf("ends: %v, opens files anew: %v; want %v, %v", ended, reopened, test.ends, test.reopened)
			}
		})
	}
}

// A program that does not listen to it ends by SIGHUP as by SIGTERM.
func TestHangUpEnds(t *testing.T) {
	ctx := withSignals(t.Context())
	signalled(t, syscall.SIGHUP, ctx.Done())
	if hurried(ctx) {
		t.Fatal("one signal sufficed to hurry")
	}
}
