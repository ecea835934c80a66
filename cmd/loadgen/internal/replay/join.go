package replay

import (
	"cmp"
	"slices"
)

// Follow adds the result of a run that came after, on the same connections again.
func (r *Result) Follow(next *Result) {
	r.Elapsed += next.Elapsed
	r.Wanted, r.Reached, r.GaveUp = max(r.Wanted, next.Wanted), max(r.Reached, next.Reached), max(r.GaveUp, next.GaveUp)
	r.join(next)
}

// Accompany adds the result of a run that went on at the same time elsewhere.
func (r *Result) Accompany(other *Result) {
	r.Elapsed = max(r.Elapsed, other.Elapsed)
	r.Wanted += other.Wanted
	r.Reached += other.Reached
	r.GaveUp += other.GaveUp
	r.join(other)
}

// join adds what does not depend on which run was when.
func (r *Result) join(u *Result) {
	r.Tally.merge(&u.Tally)
	r.Ending = max(r.Ending, u.Ending)
	r.CPU += u.CPU
	r.Steady = 0
	r.Busy, r.Kept = max(r.Busy, u.Busy), min(r.Kept, u.Kept)
	r.Processor = cmp.Or(r.Processor, u.Processor)
	r.Unsent += u.Unsent
	for _, e := range u.Explanations {
		if len(r.Explanations) < explained && !slices.Contains(r.Explanations, e) {
			r.Explanations = append(r.Explanations, e)
		}
	}
	if u.LastConnectError != nil {
		r.LastConnectError, r.LastConnectCause = u.LastConnectError, u.LastConnectCause
	}
}
