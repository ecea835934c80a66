package capture

import (
	"fmt"
	"slices"

	"github.com/hopwire/hopwire/shared/english"
)

// A warning is a sentence about one connection.
type warning struct {
	kind warningKind
	text string
}

// A warningKind is one of the things that may be wrong with a connection, the worst
// first.
type warningKind uint8

const (
	requestsMissing warningKind = iota
	requestUnreadable
	requestPartial
	responsesMissing
	responsesFaulty
	responsesExcess
	joined
	numWarningKinds
)

// String completes "20 more connections ...".
func (k warningKind) String() string {
	return [numWarningKinds]string{
		requestsMissing:   "of which requests are missing",
		requestUnreadable: "with a request that cannot be read",
		requestPartial:    "of which the last request is not whole",
		responsesMissing:  "of which responses are missing",
		responsesFaulty:   "with responses that are not by the book",
		responsesExcess:   "with bytes behind the last response",
		joined:            "that the capture joined in the middle",
	}[k]
}

// maxWarnings bounds how many connections are warned about for the same thing.
const maxWarnings = 20

// sentences returns the warnings of the kinds from first to last, those of a kind
// together, and how many there are more.
func sentences(warnings []warning, first, last warningKind) (lines []string) {
	warnings = slices.Clone(warnings)
	slices.SortStableFunc(warnings, func(a, b warning) int { return int(a.kind) - int(b.kind) })
	counts := [numWarningKinds]int{}
	for i, w := range warnings {
		if w.kind < first || w.kind > last {
			continue
		}
		if counts[w.kind]++; counts[w.kind] <= maxWarnings {
			lines = append(lines, w.text)
		} else if i+1 == len(warnings) || warnings[i+1].kind != w.kind {
			lines = append(lines, fmt.Sprintf("%s %v", english.Plural(counts[w.kind]-maxWarnings, "more connection"), w.kind))
		}
	}
	return lines
}
