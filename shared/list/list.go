// Package list keeps elements in an order, from which each can be taken out at
// once, wherever it stands. An element is a struct that embeds its [Links], so a
// list allocates nothing, and an element pays two pointers for its place:
//
//	type client struct {
//		list.Links[*client]
//		...
//	}
//
//	var clients list.List[*client]
//	clients.PushFront(c)
//	for c := range clients.All() { ... }
//	clients.Remove(c)
//
// With one Links an element stands in one list at a time. To put it into a
// second one, or to remove it when it is in none, panics: either would leave two
// lists in a tangle that shows much later.
package list

import "iter"

// Links are an element's neighbours in its list. One that is first or last has
// itself for the neighbour that it lacks, so that links which are zero are in no
// list.
type Links[E any] struct{ prev, next E }

func (l *Links[E]) links() *Links[E] { return l }

// An Element is a pointer to a struct that embeds Links.
type Element[E any] interface {
	comparable
	links() *Links[E]
}

// A List is a list of elements. The zero value is an empty one. It belongs to
// one goroutine.
type List[E Element[E]] struct {
	first, last E
	n           int
}

// Linked reports whether e is in a list.
func Linked[E Element[E]](e E) bool {
	var none E
	return e.links().next != none
}

// Len is the number of elements.
func (l *List[E]) Len() int { return l.n }

// First is the first element, or nil.
func (l *List[E]) First() E { return l.first }

// Last is the last element, or nil.
func (l *List[E]) Last() E { return l.last }

// All yields the elements from the first to the last. Meanwhile the one that was
// yielded may be removed, and others may come: those are not yielded.
func (l *List[E]) All() iter.Seq[E] {
	return func(yield func(E) bool) {
		e := l.first
		for range l.n {
			next := e.links().next
			if !yield(e) {
				return
			}
			e = next
		}
	}
}

// PushFront puts e before all others.
func (l *List[E]) PushFront(e E) {
	var none E
	at := e.links()
	if at.next != none {
		panic("list: pushing an element that is in a list")
	}
	at.prev, at.next = e, l.first
	if l.n++; l.n > 1 {
		l.first.links().prev = e
	} else {
		at.next, l.last = e, e
	}
	l.first = e
}

// PushBack puts e behind all others.
func (l *List[E]) PushBack(e E) {
	var none E
	at := e.links()
	if at.next != none {
		panic("list: pushing an element that is in a list")
	}
	at.prev, at.next = l.last, e
	if l.n++; l.n > 1 {
		l.last.links().next = e
	} else {
		at.prev, l.first = e, e
	}
	l.last = e
}

// Remove takes e out of the list, which has to be the one that it is in.
func (l *List[E]) Remove(e E) {
	var none E
	at := e.links()
	switch prev, next := at.prev, at.next; {
	case next == none:
		panic("list: removing an element that is in no list")
	case prev != e && next != e:
		prev.links().next, next.links().prev = next, prev
	case next != e:
		l.first, next.links().prev = next, next
	case prev != e:
		l.last, prev.links().next = prev, prev
	default:
		l.first, l.last = none, none
	}
	at.prev, at.next = none, none
	l.n--
}
