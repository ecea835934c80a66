package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hopwire/hopwire/shared/english"
)

// Statuses counts final responses by status code.
type Statuses map[int]int64

// Add adds those of another run.
func (s Statuses) Add(more Statuses) {
	for code, n := range more {
		s[code] += n
	}
}

// Codes are those that there were, in their order.
func (s Statuses) Codes() []int { return slices.Sorted(maps.Keys(s)) }

// WithStatuses adds a reason if responses were errors (RFC 9110 section 15: 4xx and 5xx)
// that no recording has, or that the other side, which was asked for the same, has not:
// what fails at once looks fast. Who is the side, if it has to be said; other is nil where
// there is none.
func (v Verdict) WithStatuses(who string, s, other Statuses, recorded []int) Verdict {
	var all, n int64
	var codes []string
	lacks := "the other side has not"
	for _, code := range s.Codes() {
		all += s[code]
		alone := other != nil && other[code] == 0
		if code < 400 || slices.Contains(recorded, code) && !alone {
			continue
		}
		if !alone {
			lacks = "no recording has"
		}
		n, codes = n+s[code], append(codes, strconv.Itoa(code))
	}
	if n == 0 {
		return v
	}
	return v.With(Suspect, fmt.Sprintf("%s%d of %s had status %s, which %s, so the figures are of errors, too"+before+"see why the server gives them",
		who, n, english.Plural(all, "response"), strings.Join(codes, ", "), lacks))
}
