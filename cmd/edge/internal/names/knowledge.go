package names

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
)

// knowledge is what lookups have found out about a target so far.
type knowledge struct {
	members []origins.Member // sorted
	failing bool
}

// news is what one more lookup adds to it.
type news struct {
	changed   bool             // the members are others than before
	gone      []origins.Member // which were members before
	missing   Kind             // why there have never been any, if so
	began     *Failure         // began to fail, or nil
	recovered bool             // ceased to fail
}

// learn takes a result. No members is no answer: those that are known stay. A
// failure is news when it follows on a success.
func (k *knowledge) learn(r Result) (n news) {
	if len(r.Members) > 0 && !slices.EqualFunc(k.members, r.Members, sameMember) {
		n.changed = true
		n.gone = without(k.members, r.Members)
		k.members = r.Members
	}
	if r.Failure != nil && len(k.members) == 0 {
		n.missing = r.Failure.Kind
	}
	if r.Failure != nil && !k.failing {
		n.began = r.Failure
	}
	n.recovered = r.Failure == nil && k.failing
	k.failing = r.Failure != nil
	return n
}

func sameMember(a, b origins.Member) bool {
	return a.Weight == b.Weight && a.Priority == b.Priority && compareMembers(a, b) == 0
}

// without are those of a whose address is not in b.
func without(a, b []origins.Member) []origins.Member {
	return slices.DeleteFunc(slices.Clone(a), func(m origins.Member) bool {
		_, found := slices.BinarySearchFunc(b, m, compareMembers)
		return found
	})
}

// text is the end of a line about the target; empty when there is nothing to
// tell.
func (n news) text(members []origins.Member) string {
	var parts []string
	if n.changed {
		parts = append(parts, "is now "+list(members)+drained(n.gone))
	}
	switch {
	case n.began != nil && len(members) == 0:
		parts = append(parts, "has no address yet: "+n.began.Text)
	case n.began != nil && n.changed:
		parts = append(parts, "not all could be looked up: "+n.began.Text)
	case n.began != nil:
		parts = append(parts, "stays "+list(members)+": "+n.began.Text)
	case n.recovered && !n.changed:
		parts = append(parts, "can be looked up again, and is still "+list(members))
	}
	return strings.Join(parts, "; ")
}

func drained(gone []origins.Member) string {
	switch len(gone) {
	case 0:
		return ""
	case 1:
		return " (" + list(gone) + " is drained)"
	}
	return " (" + list(gone) + " are drained)"
}

// maxListed is how many members one line names.
const maxListed = 8

// list names members: by their addresses, and whether they are in reserve.
func list(members []origins.Member) string {
	var texts []string
	for _, m := range members[:min(len(members), maxListed)] {
		text := m.Address.String()
		if m.Priority > 0 {
			text += " (reserve)"
		}
		texts = append(texts, text)
	}
	if more := len(members) - maxListed; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, ", ")
}
