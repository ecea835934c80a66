package verdict

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hopwire/hopwire/shared/english"
)

// A Part is a run that is judged together with others.
type Part struct {
	Name    string
	Verdict Verdict
}

// Join is the verdict on several runs together, the gravest, with the reasons of all.
// Those about which one thing is to be done are told once, by the first of the runs that
// are the worst off:
//
//	round 2, like 3 others: only 3 of 4 connections could be opened, …
func Join(parts ...Part) Verdict {
	if len(parts) == 1 {
		return parts[0].Verdict
	}
	v := Verdict{Reasons: []string{}}
	alike := map[string]int{}
	for _, p := range parts {
		v.State = max(v.State, p.Verdict.State)
		for _, reason := range p.Verdict.Reasons {
			alike[remedyOf(reason)]++
		}
	}
	worst := slices.Clone(parts)
	slices.SortStableFunc(worst, func(p, q Part) int { return cmp.Compare(q.Verdict.State, p.Verdict.State) })
	for _, p := range worst {
		for _, reason := range p.Verdict.Reasons {
			name, remedy := p.Name, remedyOf(reason)
			switch n := alike[remedy]; {
			case n == 0:
				continue // it is told
			case n > 1:
				name += ", like " + english.Plural(n-1, "other")
			}
			v.Reasons = append(v.Reasons, name+": "+reason)
			alike[remedy] = 0
		}
	}
	slices.SortStableFunc(v.Reasons, func(r, q string) int { return cmp.Compare(place(r), place(q)) })
	return v
}

// remedyOf is what a reason says is to be done.
func remedyOf(reason string) string {
	return reason[strings.LastIndex(reason, before)+1:]
}

// place is that of the first rule with the reason's remedy; behind all, if there is none.
func place(reason string) int {
	i := slices.IndexFunc(rules, func(r rule) bool { return strings.HasSuffix(reason, before+r.remedy) })
	if i < 0 {
		return len(rules)
	}
	return i
}
