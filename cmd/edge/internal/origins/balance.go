package origins

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/hopwire/hopwire/shared/wire"
)

// A Balance says which of the origins that could get a request does. The zero
// value has them take turns.
type Balance struct {
	method method
	field  string // whose value is hashed, in lower case
}

type method uint8

const (
	roundRobin method = iota
	leastConnections
	twoChoices
	hashTarget
	hashField
)

// ParseBalance reads "round-robin", "least-connections", "two-choices",
// "hash:target" or "hash:" and the name of a request field.
func ParseBalance(s string) (Balance, error) {
	switch s {
	case "round-robin":
		return Balance{}, nil
	case "least-connections":
		return Balance{method: leastConnections}, nil
	case "two-choices":
		return Balance{method: twoChoices}, nil
	}
	if what, ok := strings.CutPrefix(s, "hash:"); ok && wire.IsToken(what) {
		return hashOf(strings.ToLower(what)), nil
	}
	return Balance{}, fmt.Errorf("%q is not one of round-robin, least-connections, two-choices, hash:target and hash:FIELD-NAME", s)
}

// String is what ParseBalance reads.
func (b Balance) String() string {
	switch b.method {
	case leastConnections:
		return "least-connections"
	case twoChoices:
		return "two-choices"
	case hashTarget:
		return "hash:target"
	case hashField:
		return "hash:" + b.field
	}
	return "round-robin"
}

func hashOf(what string) Balance {
	if what == "target" {
		return Balance{method: hashTarget}
	}
	return Balance{method: hashField, field: what}
}

// pick chooses one of those that could get the request. What a hash has no key
// for goes in turn.
func (s *Set) pick(from []*Origin, t *Ticket) *Origin {
	switch {
	case len(from) == 1:
		return from[0]
	case t.hashed:
		return rendezvous(from, t.key)
	}
	switch s.config.Balance.method {
	case leastConnections:
		return leastBusy(from)
	case twoChoices:
		return lessBusyOfTwo(from, s.random)
	}
	return inTurn(from)
}

// inTurn picks so that each origin gets its part by weight, evenly mixed: those
// with the weights 5, 1 and 1 get "aabacaa" and not "aaaaabc". Everybody's credit
// grows by the weight, and whoever has the largest is picked and pays the weight
// of all.
func inTurn(from []*Origin) (best *Origin) {
	all := 0
	for _, o := range from {
		o.credit += o.weight
		all += o.weight
		if best == nil || o.credit > best.credit {
			best = o
		}
	}
	best.credit -= all
	return best
}

// leastBusy picks the origin with the fewest connections in use for its weight,
// and in turn where several have.
func leastBusy(from []*Origin) *Origin {
	least := from[0]
	for _, o := range from[1:] {
		if lessBusy(o, least) {
			least = o
		}
	}
	equal := from[:0]
	for _, o := range from {
		if !lessBusy(least, o) {
			equal = append(equal, o)
		}
	}
	return inTurn(equal)
}

func lessBusy(a, b *Origin) bool { return a.busy*b.weight < b.busy*a.weight }

// lessBusyOfTwo draws two by weight and picks the less busy one. That is nearly
// as even as asking all of them, and when many gateways do it, they do not run
// to the same one at once.
func lessBusyOfTwo(from []*Origin, random *rand.Rand) *Origin {
	a := draw(from, nil, random)
	b := draw(from, a, random)
	if lessBusy(b, a) {
		return b
	}
	return a
}

// draw draws one by weight that is not the other.
func draw(from []*Origin, other *Origin, random *rand.Rand) (o *Origin) {
	all := 0
	for _, o := range from {
		if o != other {
			all += o.weight
		}
	}
	at := random.IntN(all)
	for _, o = range from {
		if o == other {
			continue
		}
		if at -= o.weight; at < 0 {
			break
		}
	}
	return o
}

// rendezvous picks by rendezvous hashing: each origin has a score of its own for
// each key, and the highest one wins. So an origin that leaves gives its keys, and
// no others, to those who came second for them, and one that comes takes only keys
// that it wins.
func rendezvous(from []*Origin, key uint64) (best *Origin) {
	most := math.Inf(-1)
	for _, o := range from {
		if score := o.score(key); score > most {
			best, most = o, score
		}
	}
	return best
}

// score is such that an origin wins keys in proportion to its weight: with u
// even in (0, 1), the maximum of -weight/ln(u) is each origin's with that
// probability.
func (o *Origin) score(key uint64) float64 {
	u := (float64(mix(o.digest^key)>>11) + 0.5) / (1 << 53)
	return -float64(o.weight) / math.Log(u)
}
