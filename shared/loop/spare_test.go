package loop

import "testing"

// What was needed at once is let go when it is needed no more.
func TestFreeListIsTrimmedByItsLoop(t *testing.T) {
	g := newGroup(t, 1, Config{})
	l := g.Loop(0)
	f := NewFreeList[*int](l)
	g.start()
	on(t, l, func() {
		for range 100 {
			if _, ok := f.Get(); ok {
				t.Error("an empty list gave something")
			}
		}
		one := new(int)
		for range 100 {
			f.Put(one)
		}
		if !l.trimming {
			t.Error("nobody will look whether they are needed")
		}
		l.trim()
		if x, ok := f.Get(); x != one || !ok || f.Lent() != 1 {
			t.Errorf("got %p, %v; %d lent", x, ok, f.Lent())
		}
		f.Put(one)
		l.trim()
		if n := len(f.list.items); n != 1 {
			t.Errorf("%d items are left, want the one that was used", n)
		}
		l.trim()
		if _, ok := f.Get(); ok || l.trimming {
			t.Error("the last one is kept")
		}
	})
}
