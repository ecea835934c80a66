package origins

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// weighted makes origins called a, b, c and so on, of these weights.
func weighted(weights ...int) (all []*Origin) {
	for i, w := range weights {
		all = append(all, &Origin{weight: w, digest: digest(fmt.Sprintf("10.0.0.%d:80", i+1))})
	}
	return all
}

// name is that of o among all.
func name(all []*Origin, o *Origin) string { return string(rune('a' + slices.Index(all, o))) }

func TestInTurn(t *testing.T) {
	for _, test := range []struct {
		weights []int
		want    string
	}{
		{[]int{1}, "aaa"},
		{[]int{1, 1}, "abab"},
		{[]int{1, 1, 1}, "abcabc"},
		{[]int{3, 1}, "aabaaaba"},
		{[]int{5, 1, 1}, "aabacaaaabacaa"},
		{[]int{1, 2, 1}, "bacbbacb"},
	} {
		all, got := weighted(test.weights...), ""
		for range test.want {
			got += name(all, inTurn(all))
		}
		if got != test.want {
			t.Errorf("weights %v: %s, want %s", test.weights, got, test.want)
		}
	}
}

func TestLeastBusy(t *testing.T) {
	for _, test := range []struct {
		weights, busy []int
		want          string // whoever is picked, one pick after the other, while nobody becomes busier
	}{
		{[]int{1, 1}, []int{0, 0}, "abab"},
		{[]int{1, 1}, []int{1, 0}, "bbb"},
		{[]int{1, 1, 1}, []int{2, 1, 1}, "bcbc"},
		{[]int{2, 1}, []int{1, 1}, "aaa"},
		{[]int{2, 1}, []int{2, 1}, "abaaba"},
		{[]int{2, 1}, []int{3, 1}, "bbb"},
	} {
		all, got := weighted(test.weights...), ""
		for i, n := range test.busy {
			all[i].busy = n
		}
		for range test.want {
			got += name(all, leastBusy(slices.Clone(all)))
		}
		if got != test.want {
			t.Errorf("weights %v, %v in use: %s, want %s", test.weights, test.busy, got, test.want)
		}
	}
}

// The busiest of all is never the less busy one of two, and idle ones get their
// part by weight.
func TestLessBusyOfTwo(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	all := weighted(1, 1, 1)
	all[1].busy = 1
	for range 1000 {
		if o := lessBusyOfTwo(all, random); o == all[1] {
			t.Fatal("the busiest one was picked")
		}
	}
	all = weighted(1, 3, 1)
	got := map[string]int{}
	for range 10_000 {
		got[name(all, lessBusyOfTwo(all, random))]++
	}
	if got["b"] < 5500 || got["b"] > 6500 || got["a"] < 1700 || got["c"] < 1700 {
		t.Errorf("of 10000, with the weights 1, 3 and 1: %v", got)
	}
}

func TestTwoChoicesAreThoseOfTheSeed(t *testing.T) {
	run := func(seed uint64) (s string) {
		random, all := rand.New(rand.NewPCG(seed, 0)), weighted(1, 1, 1, 1)
		for range 50 {
			s += name(all, lessBusyOfTwo(all, random))
		}
		return s
	}
	first, again, other := run(1), run(1), run(2)
	if first != again || first == other {
		t.Errorf("%s, %s, and with another seed %s", first, again, other)
	}
}

const keys = 20_000

// winners is who gets each of many keys.
func winners(all []*Origin) (list [keys]*Origin) {
	for i := range list {
		list[i] = rendezvous(all, digest(fmt.Sprint("/item/", i)))
	}
	return list
}

func TestHashSpreadsByWeight(t *testing.T) {
	for _, weights := range [][]int{{1, 1}, {1, 1, 1, 1, 1, 1, 1}, {1, 2, 3}, {10, 1}} {
		all, sum := weighted(weights...), 0
		for _, w := range weights {
			sum += w
		}
		got := map[*Origin]int{}
		for _, o := range winners(all) {
			got[o]++
		}
		for i, o := range all {
			want := keys * weights[i] / sum
			if d := got[o] - want; d < -want/10 || d > want/10 {
				t.Errorf("weights %v: %s got %d keys of %d, want about %d", weights, name(all, o), got[o], keys, want)
			}
		}
	}
}

// When an origin leaves, only its keys go elsewhere, and evenly; seen the other
// way round, one that comes takes only those.
func TestHashMovesOneShareOnly(t *testing.T) {
	all := weighted(1, 1, 2, 1)
	before := winners(all)
	for gone, o := range all {
		after, heirs := winners(slices.Delete(slices.Clone(all), gone, gone+1)), map[*Origin]int{}
		for i := range before {
			switch {
			case before[i] == o:
				heirs[after[i]]++
			case after[i] != before[i]:
				t.Fatalf("key %d of %s went from %s to %s", i, name(all, o), name(all, before[i]), name(all, after[i]))
			}
		}
		if len(heirs) != len(all)-1 {
			t.Errorf("%s left its keys to %d others", name(all, o), len(heirs))
		}
	}
}

func TestParseBalance(t *testing.T) {
	for in, want := range map[string]Balance{
		"round-robin":       {},
		"least-connections": {method: leastConnections},
		"two-choices":       {method: twoChoices},
		"hash:target":       {method: hashTarget},
		"hash:Target":       {method: hashTarget},
		"hash:X-User":       {method: hashField, field: "x-user"},
	} {
		if b, err := ParseBalance(in); err != nil || b != want {
			t.Errorf("%q is %+v (%v), want %+v", in, b, err, want)
		}
	}
	for _, in := range []string{"hash:", "hash:a b", "random", ""} {
		if b, err := ParseBalance(in); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", in)) {
			t.Errorf("%q: %+v, %v", in, b, err)
		}
	}
}
