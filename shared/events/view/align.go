package view

import (
	"bytes"
	"slices"
	"strings"
)

// A row is one line of a head on both hops: as it was received, and as it was sent.
type row struct {
	received, sent line
	edits          []edit // that were made in it
}

// A line of a message, or how many bytes are missing where it would stand.
type line struct {
	bytes []byte
	left  uint64
}

func (l *line) empty() bool { return len(l.bytes) == 0 && l.left == 0 }

// ended reports whether nothing more belongs to the line.
func (l *line) ended() bool { return len(l.bytes) == 0 || l.bytes[len(l.bytes)-1] == '\n' }

// An edit as a recording has it: "drop Connection: close (connection field, RFC 9110
// section 7.6.1)".
type edit struct {
	drop bool
	text string // without the line's end
	why  string
}

// parseEdits reads what heads.Edits writes. What is dropped or inserted may have
// several lines.
func parseEdits(text string) (all []edit, ok bool) {
	pending := ""
	for line := range strings.Lines(text) {
		pending += line
		one := strings.TrimSuffix(pending, "\n")
		op, rest, _ := strings.Cut(one, " ")
		at := strings.LastIndex(rest, " (")
		if op != "drop" && op != "insert" || at < 0 || !strings.HasSuffix(rest, ")") {
			continue
		}
		all = append(all, edit{op == "drop", rest[:at], rest[at+2 : len(rest)-1]})
		pending = ""
	}
	return all, pending == ""
}

// An aligner finds where edits were made. It is told what they did and in which
// order, and has what came in and what went out; so places are wrong only where that
// makes no difference.
type aligner struct {
	received, sent []byte
	edits          []edit
	places         []place // of those that were found, the last edit first
	steps          int     // that may still be taken
}

// A place is where an edit is in the two heads, and how many bytes it has there.
type place struct{ received, sent, size int }

// maxSteps bounds the search: heads that need more are shown without edits.
const maxSteps = 100_000

// align puts lines of the two heads beside each other. Without edits that lead from
// one to the other, ok is false.
func align(received, sent []byte, edits []edit) (rows []row, ok bool) {
	a := aligner{received: received, sent: sent, edits: edits, steps: maxSteps}
	if !a.find(0, 0, 0) {
		return nil, false
	}
	return a.rows(), true
}

// find places the edits from the k-th on, behind i received and j sent bytes.
func (a *aligner) find(i, j, k int) bool {
	same := commonPrefix(a.received[i:], a.sent[j:])
	if k == len(a.edits) {
		return same == len(a.received)-i && same == len(a.sent)-j
	}
	e := &a.edits[k]
	for copied := 0; copied <= same; copied++ {
		if a.steps--; a.steps < 0 {
			return false
		}
		p := place{i + copied, j + copied, 0}
		from := a.sent[p.sent:]
		if e.drop {
			from = a.received[p.received:]
		}
		if !bytes.HasPrefix(from, []byte(e.text)) {
			continue
		}
		for _, end := range [...]string{"\r\n", ""} {
			if p.size = len(e.text) + len(end); !bytes.HasPrefix(from[len(e.text):], []byte(end)) {
				continue
			}
			r, s := p.received, p.sent
			if e.drop {
				r += p.size
			} else {
				s += p.size
			}
			if a.find(r, s, k+1) {
				a.places = append(a.places, p)
				return true
			}
		}
	}
	return false
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// rows cuts at the ends of lines. A line that was dropped or inserted as a whole has
// nothing beside it, but for one that takes its place for the same reason; others
// have all the edits in them.
func (a *aligner) rows() (rows []row) {
	var now row
	end := func() {
		if !now.received.ended() || !now.sent.ended() {
			return
		}
		if last := len(rows) - 1; last >= 0 && now.replaces(&rows[last]) {
			rows[last].sent = now.sent
			rows[last].edits = append(rows[last].edits, now.edits...)
		} else if !now.received.empty() || !now.sent.empty() {
			rows = append(rows, now)
		}
		now = row{}
	}
	i, j := 0, 0
	copyTo := func(to int) {
		for ; i < to; i, j = i+1, j+1 {
			now.received.bytes, now.sent.bytes = append(now.received.bytes, a.received[i]), append(now.sent.bytes, a.sent[j])
			if a.received[i] == '\n' {
				end()
			}
		}
	}
	for k := range a.edits {
		p := a.places[len(a.places)-1-k]
		copyTo(p.received)
		now.edits = append(now.edits, a.edits[k])
		if a.edits[k].drop {
			now.received.bytes = append(now.received.bytes, a.received[i:i+p.size]...)
			i += p.size
		} else {
			now.sent.bytes = append(now.sent.bytes, a.sent[j:j+p.size]...)
			j += p.size
		}
		end()
	}
	copyTo(len(a.received))
	if !now.received.empty() || !now.sent.empty() {
		rows = append(rows, now)
	}
	return rows
}

// replaces reports whether r, which was inserted, stands in the place of what was
// dropped before, for the same reason.
func (r *row) replaces(before *row) bool {
	return r.received.empty() && before.sent.empty() && len(r.edits) > 0 && len(before.edits) > 0 &&
		!slices.ContainsFunc(slices.Concat(before.edits, r.edits), func(e edit) bool { return e.why != r.edits[0].why })
}

// beside puts lines beside each other that nobody knows the edits of.
func beside(received, sent []line) (rows []row) {
	for i := range max(len(received), len(sent)) {
		var r row
		if i < len(received) {
			r.received = received[i]
		}
		if i < len(sent) {
			r.sent = sent[i]
		}
		rows = append(rows, r)
	}
	return rows
}
