package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A tally counts how exchanges ended.
type tally struct {
	exchanges, answered, refused, broken int
	replayed                             int
	causes                               map[string]int // of refusals and of the ends of connections
}

func (t *tally) count(r *request, e *logLine) {
	t.exchanges++
	switch {
	case e.error != "":
		t.refused++
		t.causes["!"+e.error]++
	case r.answer.state == complete:
		t.answered++
	default:
		t.broken++
	}
	if e.replayed {
		t.replayed++
	}
	t.causes[e.clientEnd]++
	if e.originEnd != "" {
		t.causes["origin: "+e.originEnd]++
	}
}

func (t *tally) add(o *tally) {
	t.exchanges += o.exchanges
	t.answered += o.answered
	t.refused += o.refused
	t.broken += o.broken
	t.replayed += o.replayed
	if t.causes == nil {
		t.causes = make(map[string]int)
	}
	for cause, n := range o.causes {
		t.causes[cause] += n
	}
}

func (t *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d exchanges: %d answered by origins, %d refused, %d broken off; %d sent twice", t.exchanges, t.answered, t.refused, t.broken, t.replayed)
	for _, cause := range slices.Sorted(maps.Keys(t.causes)) {
		fmt.Fprintf(&b, "\n%10d %s", t.causes[cause], cause)
	}
	return b.String()
}
