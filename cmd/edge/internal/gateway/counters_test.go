package gateway

import (
	"reflect"
	"regexp"
	"testing"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

// Every counter is told, once, under a name of its own, and All stops when it is
// asked to.
func TestAllCounters(t *testing.T) {
	var c Counters
	filled := fill(reflect.ValueOf(&c).Elem())
	values := make(map[uint64]bool)
	names := make(map[string]bool)
	for name, value := range c.All {
		if names[name] || values[value] || value == 0 {
			t.Errorf("%s %d", name, value)
		}
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*(\.([a-z]+\d?([-_][a-z]+)*|\d+))?$`).MatchString(name) {
			t.Errorf("the name %q", name)
		}
		names[name], values[value] = true, true
	}
	if len(names) != filled {
		t.Errorf("%d counters are told of %d", len(names), filled)
	}
	for n := range filled {
		for range c.All {
			if n--; n < 0 {
				break
			}
		}
	}
}

// fill gives every number a value of its own, and returns how many there are.
func fill(v reflect.Value) (n int) {
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				visit(v.Field(i))
			}
		case reflect.Array:
			for i := range v.Len() {
				visit(v.Index(i))
			}
		default:
			n++
			v.SetUint(uint64(n))
		}
	}
	visit(v)
	return n
}

// checkSums wants the sums to come out, also while something is under way.
func (s *scene) checkSums() {
	sum := func(all ...uint64) (n uint64) {
		for _, one := range all {
			n += one
		}
		return n
	}
	n := s.count(s.server)
	c := &n.Counters
	clients, made := uint64(n.Clients), uint64(n.OriginsMade)
	answers := sum(c.RequestEnds[:]...)
	for _, must := range []struct {
		what string
		a, b uint64
	}{
		{"client connections and their ends", c.Clients, clients + sum(c.ClientEnds[:]...)},
		{"client connections and who closed them", c.Clients, clients + c.ClosedByClients + c.ClosedByUs},
		{"requests and what they came to", c.Requests, n.UnderWay() + answers},
		{"requests and their responses", answers, sum(c.Responses[:]...)},
		{"requests and how long they took", answers, sum(n.Durations.Bars[:]...) + c.RequestEnds[Tunneled]},
		{"origin connections and their ends", c.Origins, made + sum(c.OriginEnds[:]...) - c.OriginEnds[pool.Kept]},
		{"origin connections and who closed them", c.Origins, made + c.ClosedByOrigins + c.OriginsClosedByUs},
	} {
		if must.a != must.b {
			s.errorf("%s: %d and %d", must.what, must.a, must.b)
		}
	}
	if n.UnderWay() > uint64(n.Exchanges) || n.IdleClients > n.Clients || n.OriginsIdle > n.OriginsMade {
		s.errorf("more than there are: %d requests, %+v", n.UnderWay(), n)
	}
}
