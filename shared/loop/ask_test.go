package loop_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/hopwire/hopwire/shared/loop"
)

func TestAsk(t *testing.T) {
	g, err := loop.NewGroup(3, loop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Run() }()
	square := func(i int) int { return i * i }
	if all, err := loop.Ask(t.Context(), g, square); err != nil || !slices.Equal(all, []int{0, 1, 4}) {
		t.Errorf("%v, %v", all, err)
	}

	// Who asks a loop that is busy waits no longer than he wants to, and the loop does
	// not wait for him.
	busy, asked := make(chan bool), make(chan bool)
	g.Loop(1).Post(func() { close(asked); <-busy })
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if all, err := loop.Ask(ctx, g, square); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", all, err)
	}
	close(busy)
	if all, err := loop.Ask(t.Context(), g, square); err != nil || !slices.Equal(all, []int{0, 1, 4}) {
		t.Errorf("after it was busy: %v, %v", all, err)
	}

	g.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if all, err := loop.Ask(t.Context(), g, square); err != loop.ErrStopped {
		t.Errorf("after the end: %v, %v", all, err)
	}
}
