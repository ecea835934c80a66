package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

// A costly server takes its time for each connection and each request.
type costly struct{ connection, request time.Duration }

// rate is how many requests a second one client has answered: a request takes s + c/N.
func (s costly) rate(requestsPerConnection int) float64 {
	each := s.request.Seconds()
	if requestsPerConnection > 0 {
		each += s.connection.Seconds() / float64(requestsPerConnection)
	}
	return 1 / each
}

// cells are what is measured of it, with a deviation that is a share.
func (s costly) cells(rounds int, deviation float64, requestsPerConnection ...int) (all []Cell) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range requestsPerConnection {
		c := Cell{Place: Place{To: Target, Load: Load{Connections: 4}, RequestsPerConnection: n}}
		for range rounds {
			c.RequestsPerS.Rounds = append(c.RequestsPerS.Rounds, s.rate(n)*(1+deviation*random.NormFloat64()))
		}
		all = append(all, c)
	}
	return all
}

// TestBreakEven: if a connection costs 5 ms and a request s, a request takes s + 5 ms/N,
// and for ever gains 5 ms/(N s) over N.
func TestBreakEven(t *testing.T) {
	const c = 5 * time.Millisecond
	powers := []int{1, 2, 4, 8, 16, 32, 64, 0}
	for _, test := range []struct {
		name      string
		server    costly
		rounds    int
		deviation float64
		measured  []int
		want      string // of what it lies above and up to; "-" for neither
	}{
		{"1 ms: from 100 on", costly{c, time.Millisecond}, 6, 0, []int{1, 4, 16, 64, 256, 0}, "64 256"},
		{"10 ms: from 10 on", costly{c, 10 * time.Millisecond}, 6, 0, powers, "8 16"},
		{"10 ms, in any order", costly{c, 10 * time.Millisecond}, 6, 0, []int{0, 16, 1, 4}, "4 16"},
		{"10 ms, 4 rounds, 0.5 % apart", costly{c, 10 * time.Millisecond}, 4, 0.005, powers, "8 16"},
		{"10 ms, 6 rounds, 2 % apart: 8 is not certain", costly{c, 10 * time.Millisecond}, 6, 0.02, powers, "4 16"},
		{"10 ms, 1 round: no more than the medians", costly{c, 10 * time.Millisecond}, 1, 0, powers, "8 16"},
		{"more than was measured", costly{c, time.Millisecond}, 6, 0, []int{1, 4, 16, 0}, "16 -"},
		{"a request costs so much that it never matters", costly{c, time.Second}, 6, 0, powers, "- 1"},
		{"for ever only", costly{c, time.Second}, 6, 0, []int{0}, "- -"},
		{"10 ms, 6 rounds, 20 % apart: only 1 is certain", costly{c, 10 * time.Millisecond}, 6, 0.2, powers, "1 -"},
	} {
		b := BreakEvenOf(test.server.cells(test.rounds, test.deviation, test.measured...), true)
		if got := number(b.MoreThan) + " " + number(b.AtMost); got != test.want {
			t.Errorf("%s: %s, not %s: %+v", test.name, got, test.want, b.Gains)
		}
		if b.To != Target || b.Connections != 4 || (b.Unknown == "") != (len(test.measured) > 1) {
			t.Errorf("%s: %+v", test.name, b)
		}
		for _, g := range b.Gains {
			want := c.Seconds() / (float64(g.RequestsPerConnection) * test.server.request.Seconds())
			if test.deviation == 0 && math.Abs(g.Gain-want) > 1e-4*(1+want) || (g.Interval == nil) != (test.rounds < 4) {
				t.Errorf("%s: %d requests: %+v, want %g", test.name, g.RequestsPerConnection, g, want)
			}
		}
	}
}

func number(n *int) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// TestBreakEvenWithoutInvalidCells: they take no part, and without connections that are
// kept there is nothing to say.
func TestBreakEvenWithoutInvalidCells(t *testing.T) {
	server := costly{5 * time.Millisecond, 10 * time.Millisecond}
	cells := server.cells(6, 0, 1, 4, 8, 16, 64, 0)
	cells[2].Verdict.State = verdict.Invalid
	cells[1].Verdict.State = verdict.Suspect
	if b := BreakEvenOf(cells, true); number(b.MoreThan) != "4" || number(b.AtMost) != "16" || len(b.Gains) != 4 || b.Rounds != 6 {
		t.Errorf("%+v", b)
	}
	cells[0].RequestsPerS.Rounds = cells[0].RequestsPerS.Rounds[:3]
	if b := BreakEvenOf(cells, true); b.Rounds != 3 {
		t.Errorf("%d rounds", b.Rounds)
	}
	cells[5].Verdict.State = verdict.Invalid
	if b := BreakEvenOf(cells, true); b.MoreThan != nil || b.AtMost != nil || !strings.Contains(b.Unknown, "invalid") {
		t.Errorf("%+v", b)
	}
	if b := BreakEvenOf(cells[:4], true); !strings.Contains(b.Unknown, "was not measured before the sweep ended") {
		t.Errorf("%+v", b)
	}
	if b := BreakEvenOf(cells[:4], false); b.MoreThan != nil || !strings.Contains(b.Unknown, "have 0 among") {
		t.Errorf("%+v", b)
	}
}
