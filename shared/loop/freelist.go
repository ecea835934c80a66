package loop

import "slices"

// A freeList keeps what can be used again, last in, first out, since what was
// used last is still in the processor's cache. What nobody needed from one trim
// to the next is let go.
type freeList[T any] struct {
	items []T
	low   int // the shortest that items has been since the last trim
}

func (f *freeList[T]) get() (item T, ok bool) {
	n := len(f.items) - 1
	if n < 0 {
		return item, false
	}
	item = f.items[n]
	clear(f.items[n:])
	f.items = f.items[:n]
	f.low = min(f.low, n)
	return item, true
}

func (f *freeList[T]) put(item T) { f.items = append(f.items, item) }

// trim lets go of those that lay unused since the last trim, which are the
// lowest, handing each to drop. It reports whether any are left to be watched.
func (f *freeList[T]) trim(drop func(T)) (more bool) {
	for _, item := range f.items[:f.low] {
		drop(item)
	}
	f.items = slices.Delete(f.items, 0, f.low)
	f.low = len(f.items)
	return f.low > 0
}

// dropAll lets go of all.
func (f *freeList[T]) dropAll(drop func(T)) {
	f.low = len(f.items)
	f.trim(drop)
}
