package view

import (
	"bytes"
	"strings"
)

// A row is one line of a head on both hops: as it was received, and as it was sent.
type row struct {
	received, sent []byte
	changed        bool
	why            []string // the edits that were made in it
}

// An edit as a recording has it: "drop Connection: close (connection field, RFC 9110
// section 7.6.1)".
type edit struct {
	drop bool
	text string // without the line's end
	why  string
}

func parseEdits(text string) (all []edit, ok bool) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		op, rest, _ := strings.Cut(line, " ")
		at := strings.LastIndex(rest, " (")
		if op != "drop" && op != "insert" || at < 0 || !strings.HasSuffix(rest, ")") {
			return nil, false
		}
		all = append(all, edit{op == "drop", rest[:at], rest[at+2 : len(rest)-1]})
	}
	return all, true
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
func align(received, sent []byte, text string) (rows []row, ok bool) {
	edits, ok := parseEdits(text)
	a := aligner{received: received, sent: sent, edits: edits, steps: maxSteps}
	if !ok || !a.find(0, 0, 0) {
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
// nothing beside it; others have all the edits in them.
func (a *aligner) rows() (rows []row) {
	var now row
	end := func() {
		if len(now.received)+len(now.sent) > 0 {
			rows = append(rows, now)
		}
		now = row{}
	}
	i, j := 0, 0
	copyTo := func(to int) {
		for ; i < to; i, j = i+1, j+1 {
			now.received, now.sent = append(now.received, a.received[i]), append(now.sent, a.sent[j])
			if a.received[i] == '\n' {
				end()
			}
		}
	}
	for k := range a.edits {
		p := a.places[len(a.places)-1-k]
		copyTo(p.received)
		now.changed, now.why = true, append(now.why, a.edits[k].why)
		if a.edits[k].drop {
			now.received = append(now.received, a.received[i:i+p.size]...)
			i += p.size
		} else {
			now.sent = append(now.sent, a.sent[j:j+p.size]...)
			j += p.size
		}
		if whole := len(now.received) == 0 || len(now.sent) == 0; whole && bytes.HasSuffix(append(now.received[:len(now.received):len(now.received)], now.sent...), []byte("\n")) {
			end()
		}
	}
	copyTo(len(a.received))
	end()
	return rows
}
