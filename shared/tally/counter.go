package tally

import (
	"fmt"
	"strconv"
)

// A Counter is what was counted, by name: "requests", or with what it is said of
// before the dot, "client-ends.refused".
type Counter struct {
	Name  string
	Value uint64
}

// A List has counters in their order.
type List []Counter

// Add adds one.
func (l *List) Add(name string, value uint64) { *l = append(*l, Counter{name, value}) }

// All yields each by name.
func (l List) All(yield func(name string, value uint64) bool) {
	for _, one := range l {
		if !yield(one.Name, one.Value) {
			return
		}
	}
}

// AddEach lists what is counted by the values of one type, whose words stand
// behind of.
func AddEach[V interface {
	~uint8
	fmt.Stringer
}](l *List, of string, counts []uint64) {
	for i, n := range counts {
		l.Add(of+V(i).String(), n)
	}
}

// AddTo lists the status codes that there were: "responses.200", and
// "responses.none".
func (s *Statuses) AddTo(l *List) {
	for code, n := range s {
		switch {
		case n == 0:
		case code == 0:
			l.Add("responses.none", n)
		default:
			l.Add("responses."+strconv.Itoa(code), n)
		}
	}
}
