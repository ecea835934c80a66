package report

import (
	"strings"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/ledger"
	"github.com/hopwire/hopwire/shared/english"
)

// ledger writes the equations, and what is missing in them.
func (rep *Report) ledger(t *page) {
	l := rep.Ledger
	if l == nil {
		return
	}
	t.blank()
	switch {
	case l.Problem != "":
		t.line("Ledger", "%s", english.Printable(l.Problem))
	case l.Balances:
		t.line("Ledger", "it balances")
	default:
		t.line("Ledger", "it does not balance")
	}
	for _, e := range l.Equations {
		t.hanging(sum(e.Left) + " = " + sum(e.Right))
		if !e.Balances {
			t.hanging("MISSING: " + e.Missing)
		}
	}
	if grown := grown(l.Kernel); grown != "" {
		t.line("Kernel", "%s", grown)
		t.line("", "of all programs in this network namespace, and not judged")
	}
}

// hanging writes a value of which all lines but the first are indented.
func (t *page) hanging(value string) {
	indent := ""
	for _, line := range fold(value, columns-label-len("  ")) {
		t.line("", "%s%s", indent, line)
		indent = "  "
	}
}

// sum writes terms that are added up. The first is told also if it is 0.
func sum(terms []ledger.Term) string {
	var b strings.Builder
	for i, term := range terms {
		if i > 0 && term.Count == 0 {
			continue
		}
		switch {
		case i > 0 && term.Subtracted:
			b.WriteString(" - ")
		case i > 0:
			b.WriteString(" + ")
		}
		if term.AtMost {
			b.WriteString("up to ")
		}
		what := term.What
		if term.Count == 1 {
			what = singular.Replace(what)
		}
		b.WriteString(count(term.Count) + " " + what)
	}
	return b.String()
}

// singular has the words for what is counted, as they are for one.
var singular = strings.NewReplacer("requests", "request", "answers", "answer", "connections", "connection", "attempts", "attempt", "checks", "check")

// grown are the kernel's counters that have changed.
func grown(terms []ledger.Term) string {
	var parts []string
	for _, term := range terms {
		if term.Count != 0 {
			parts = append(parts, term.What+" "+count(term.Count))
		}
	}
	return strings.Join(parts, ", ")
}
