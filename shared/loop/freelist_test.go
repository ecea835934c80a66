package loop

import (
	"slices"
	"testing"
)

func TestFreeListIsLastInFirstOut(t *testing.T) {
	var f freeList[int]
	if _, ok := f.get(); ok {
		t.Fatal("an empty list gave something")
	}
	for i := range 3 {
		f.put(i)
	}
	for want := 2; want >= 0; want-- {
		if got, ok := f.get(); got != want || !ok {
			t.Fatalf("got %d, %v, want %d", got, ok, want)
		}
	}
}

// trim lets go of what lay at the bottom since the last one, and keeps in order
// what was used meanwhile.
func TestFreeListTrim(t *testing.T) {
	var f freeList[int]
	var dropped []int
	trim := func() bool {
		dropped = nil
		return f.trim(func(i int) { dropped = append(dropped, i) })
	}
	for i := range 6 {
		f.put(i)
	}
	if more := trim(); dropped != nil || !more {
		t.Fatalf("dropped %v, more %v: the list had just been empty", dropped, more)
	}
	x, _ := f.get()
	y, _ := f.get()
	f.put(x)
	f.put(y)
	if more := trim(); !slices.Equal(dropped, []int{0, 1, 2, 3}) || !more {
		t.Fatalf("dropped %v, more %v, want those at the bottom, 0 to 3", dropped, more)
	}
	if !slices.Equal(f.items, []int{5, 4}) {
		t.Fatalf("kept %v, want 5 and 4", f.items)
	}
	if more := trim(); len(dropped) != 2 || more {
		t.Fatalf("dropped %v, more %v, want the rest", dropped, more)
	}
	f.put(1)
	f.dropAll(func(i int) { dropped = append(dropped, i) })
	if len(dropped) != 3 || len(f.items) != 0 {
		t.Fatalf("dropAll left %v", f.items)
	}
}
