package loop

import "context"

// Ask calls f on each loop of the group, with its index, and returns what came of
// that, in the loops' order. A loop that is busy is waited for until ctx is done; one
// that has ended cannot be asked, which is ErrStopped. Any goroutine may call Ask, but
// none of a loop, since it waits for them.
func Ask[T any](ctx context.Context, g *Group, f func(i int) T) ([]T, error) {
	type answer struct {
		by int
		is T
	}
	answers := make(chan answer, len(g.loops)) // no loop waits for who has ceased to wait for it
	for i, l := range g.loops {
		if !l.Post(func() { answers <- answer{i, f(i)} }) {
			return nil, ErrStopped
		}
	}
	all := make([]T, len(g.loops))
	for range all {
		select {
		case a := <-answers:
			all[a.by] = a.is
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return all, nil
}
