package list

import (
	"math/rand/v2"
	"slices"
	"testing"
)

type item struct {
	number int
	Links[*item]
}

func items(n int) (all []*item) {
	for i := range n {
		all = append(all, &item{number: i})
	}
	return all
}

// holds asserts what is true of a list with these elements and no others.
func holds(t *testing.T, l *List[*item], want []*item) {
	t.Helper()
	if got := slices.Collect(l.All()); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", numbers(got), numbers(want))
	}
	if l.Len() != len(want) {
		t.Fatalf("a length of %d, want %d", l.Len(), len(want))
	}
	if len(want) == 0 {
		if l.First() != nil || l.Last() != nil {
			t.Fatalf("an empty list has a first element %v and a last one %v", l.First(), l.Last())
		}
		return
	}
	if l.First() != want[0] || l.Last() != want[len(want)-1] {
		t.Fatalf("from %d to %d, want from %d to %d", l.First().number, l.Last().number, want[0].number, want[len(want)-1].number)
	}
	for i, e := range want {
		before, after := want[max(i-1, 0)], want[min(i+1, len(want)-1)]
		if e.prev != before || e.next != after || !Linked(e) {
			t.Fatalf("%d is between %d and %d, want %d and %d", e.number, e.prev.number, e.next.number, before.number, after.number)
		}
	}
}

func numbers(all []*item) (n []int) {
	for _, e := range all {
		n = append(n, e.number)
	}
	return n
}

func TestPushAndRemove(t *testing.T) {
	var l List[*item]
	e := items(5)
	holds(t, &l, nil)
	for _, step := range []struct {
		name string
		do   func()
		want []*item
	}{
		{"the only one", func() { l.PushBack(e[0]) }, []*item{e[0]}},
		{"it is taken out", func() { l.Remove(e[0]) }, nil},
		{"again, to the front", func() { l.PushFront(e[0]) }, []*item{e[0]}},
		{"behind it", func() { l.PushBack(e[1]) }, []*item{e[0], e[1]}},
		{"before both", func() { l.PushFront(e[2]) }, []*item{e[2], e[0], e[1]}},
		{"behind all", func() { l.PushBack(e[3]) }, []*item{e[2], e[0], e[1], e[3]}},
		{"before all", func() { l.PushFront(e[4]) }, []*item{e[4], e[2], e[0], e[1], e[3]}},
		{"from the middle", func() { l.Remove(e[0]) }, []*item{e[4], e[2], e[1], e[3]}},
		{"the first", func() { l.Remove(e[4]) }, []*item{e[2], e[1], e[3]}},
		{"back to the front", func() { l.PushFront(e[4]) }, []*item{e[4], e[2], e[1], e[3]}},
		{"the last", func() { l.Remove(e[3]) }, []*item{e[4], e[2], e[1]}},
		{"all but one", func() { l.Remove(e[2]); l.Remove(e[4]) }, []*item{e[1]}},
		{"that too", func() { l.Remove(e[1]) }, nil},
	} {
		step.do()
		t.Log(step.name)
		holds(t, &l, step.want)
		for _, one := range e {
			if Linked(one) != slices.Contains(step.want, one) {
				t.Errorf("%s: %d is in the list: %v", step.name, one.number, Linked(one))
			}
		}
	}
}

// Whatever is pushed and removed, the list says what a slice would.
func TestListIsWhatASliceWouldBe(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var l List[*item]
	var model []*item
	e := items(8)
	for range 20_000 {
		one := e[rng.IntN(len(e))]
		switch i := slices.Index(model, one); {
		case i >= 0:
			l.Remove(one)
			model = slices.Delete(model, i, i+1)
		case rng.IntN(2) == 0:
			l.PushFront(one)
			model = slices.Insert(model, 0, one)
		default:
			l.PushBack(one)
			model = append(model, one)
		}
		holds(t, &l, model)
	}
}

func TestAllWhileTheListChanges(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(l *List[*item], e *item)
		left []int
	}{
		{"nothing", func(*List[*item], *item) {}, []int{0, 1, 2, 3}},
		{"every one is removed", (*List[*item]).Remove, nil},
		{"the first is removed", func(l *List[*item], e *item) {
			if e.number == 0 {
				l.Remove(e)
			}
		}, []int{1, 2, 3}},
		{"the last is removed", func(l *List[*item], e *item) {
			if e.number == 3 {
				l.Remove(e)
			}
		}, []int{0, 1, 2}},
		{"every one goes to the front", func(l *List[*item], e *item) { l.Remove(e); l.PushFront(e) }, []int{3, 2, 1, 0}},
		{"every one goes to the back", func(l *List[*item], e *item) { l.Remove(e); l.PushBack(e) }, []int{0, 1, 2, 3}},
		{"others come", func(l *List[*item], e *item) {
			l.PushFront(&item{number: 10 + e.number})
			l.PushBack(&item{number: 20 + e.number})
		}, []int{13, 12, 11, 10, 0, 1, 2, 3, 20, 21, 22, 23}},
	} {
		var l List[*item]
		for _, e := range items(4) {
			l.PushBack(e)
		}
		var seen []*item
		for e := range l.All() {
			seen = append(seen, e)
			test.do(&l, e)
		}
		left := slices.Collect(l.All())
		if got := numbers(seen); !slices.Equal(got, []int{0, 1, 2, 3}) || !slices.Equal(numbers(left), test.left) {
			t.Errorf("%s: %v were yielded, %v are left, want %v", test.name, got, numbers(left), test.left)
		}
		holds(t, &l, left)
	}
}

func TestAllMayBeLeft(t *testing.T) {
	var l List[*item]
	for _, e := range items(3) {
		l.PushBack(e)
	}
	for e := range l.All() {
		if e.number == 1 {
			break
		}
		if e.number > 1 {
			t.Error("the iteration goes on")
		}
	}
}

func TestAnElementIsInOneListOnce(t *testing.T) {
	e := items(3)
	var l, other List[*item]
	l.PushBack(e[0])
	l.PushBack(e[1])
	for name, do := range map[string]func(){
		"the same list again":  func() { l.PushBack(e[0]) },
		"another list":         func() { other.PushFront(e[1]) },
		"removed from nowhere": func() { l.Remove(e[2]) },
	} {
		if !panics(do) {
			t.Errorf("%s: no panic", name)
		}
		holds(t, &l, e[:2])
		holds(t, &other, nil)
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestNothingIsAllocated(t *testing.T) {
	var l List[*item]
	e := items(3)
	sum := 0
	n := testing.AllocsPerRun(100, func() {
		for _, one := range e {
			l.PushBack(one)
		}
		for one := range l.All() {
			sum += one.number
			l.Remove(one)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRemoveAndPush(b *testing.B) {
	var l List[*item]
	e := items(64)
	for _, one := range e {
		l.PushBack(one)
	}
	i := 0
	for b.Loop() {
		l.Remove(e[i%len(e)])
		l.PushFront(e[i%len(e)])
		i += 7
	}
}
