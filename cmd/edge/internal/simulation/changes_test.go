package simulation

import (
	"bytes"
	"strings"
	"testing"
)

var crlf = []byte("\r\n")

// A change is one line of a comment.
type change struct {
	drops  bool
	octets []byte
}

// readChanges reads lines such as "drop TE: trailers (hop-by-hop field, RFC 9110
// section 7.6.1)".
func readChanges(comment string) (changes []change, ok bool) {
	if comment == "" {
		return nil, true
	}
	for line := range strings.SplitSeq(comment, "\n") {
		op, rest, _ := strings.Cut(line, " ")
		why := strings.LastIndex(rest, " (")
		if op != "drop" && op != "insert" || why < 0 {
			return nil, false
		}
		changes = append(changes, change{op == "drop", []byte(rest[:why])})
	}
	return changes, true
}

// leadTo reports whether the changes, in their order, make one head of another. A
// comment does not say where they are made, nor whether an end of line belongs to
// them; people see that at once.
func leadTo(changes []change, received, sent []byte) bool {
	if len(changes) == 0 {
		return bytes.Equal(received, sent)
	}
	c, rest := changes[0], changes[1:]
	in := sent
	if c.drops {
		in = received
	}
	for _, octets := range [][]byte{append(c.octets[:len(c.octets):len(c.octets)], crlf...), c.octets} {
		for at := 0; at <= len(in) && len(octets) > 0; at++ {
			n := bytes.Index(in[at:], octets)
			if at += n; n < 0 || at > common(received, sent) {
				break
			}
			if c.drops && leadTo(rest, received[at+len(octets):], sent[at:]) || !c.drops && leadTo(rest, received[at:], sent[at+len(octets):]) {
				return true
			}
		}
	}
	return false
}

func TestLeadTo(t *testing.T) {
	const received = "GET http://a/ HTTP/1.1\r\nHost: b\r\nTE: x (y)\r\n\r\n"
	const why = " (some reason, RFC 1 section 1)"
	for _, test := range []struct {
		comment, sent string
		want          bool
	}{
		{"", received, true},
		{"", strings.Replace(received, "TE", "te", 1), false},
		{"drop TE: x (y)" + why, "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", true},
		{"drop TE: x (y)" + why, received, false},
		{"drop http://a" + why + "\ninsert Host: " + why + "\ninsert a" + why + "\ninsert " + why,
			"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nTE: x (y)\r\n\r\n", true},
		{"drop http://a" + why + "\ndrop Host: b" + why + "\ninsert Host: a" + why,
			"GET / HTTP/1.1\r\nHost: a\r\nTE: x (y)\r\n\r\n", true},
		{"insert Via: c" + why, "GET http://a/ HTTP/1.1\r\nHost: b\r\nTE: x (y)\r\nVia: c\r\n\r\n", true},
		{"insert Via: c" + why, "GET http://a/ HTTP/1.1\r\nHost: b\r\nVia: c\r\n\r\n", false},
	} {
		changes, ok := readChanges(test.comment)
		if got := leadTo(changes, []byte(received), []byte(test.sent)); got != test.want || !ok {
			t.Errorf("%s: %v, not %v, to %q", test.comment, got, test.want, test.sent)
		}
	}
	if _, ok := readChanges("moved"); ok {
		t.Error("what is no change is read")
	}
}
