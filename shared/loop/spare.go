package loop

// A FreeList is what the user of a loop keeps for later use, as the loop keeps its
// buffers: last in, first out, and what nobody needed for a second or two is let go.
// It belongs to the loop's goroutine.
type FreeList[T any] struct {
	loop *Loop
	list freeList[T]
	lent int
}

// NewFreeList returns an empty one, before the loop runs.
func NewFreeList[T any](l *Loop) *FreeList[T] {
	f := &FreeList[T]{loop: l}
	l.trims = append(l.trims, func() bool { return f.list.trim(func(T) {}) })
	return f
}

// Get takes an item; ok is false if there is none, and the caller makes one.
func (f *FreeList[T]) Get() (item T, ok bool) {
	f.lent++
	return f.list.get()
}

// Put gives an item back for which Get was called.
func (f *FreeList[T]) Put(item T) {
	f.lent--
	f.list.put(item)
	f.loop.trimLater()
}

// Lent is how many have not been given back.
func (f *FreeList[T]) Lent() int { return f.lent }
