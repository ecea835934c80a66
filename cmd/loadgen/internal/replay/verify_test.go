package replay

import (
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
)

// TestComparison feeds content in pieces of every size.
func TestComparison(t *testing.T) {
	for _, test := range []struct {
		name              string
		recorded, content string
		status            int
		cause             Cause
		explain           string
	}{
		{"the same", "abcdef", "abcdef", 200, Answered, ""},
		{"both empty", "", "", 200, Answered, ""},
		{"the first byte", "abc", "xbc", 200, ContentMismatch, `content differs at offset 0: "xbc", recorded "abc"`},
		{"the last byte", "abc", "abx", 200, ContentMismatch, `content differs at offset 2: "x", recorded "c"`},
		{"binary", "a\x00b", "a\x01b", 200, ContentMismatch, `content differs at offset 1: "\x01b", recorded "\x00b"`},
		{"much", "abcdefghijklmnopqrstuvwxyz", "aBcdefghijklmnopqrstuvwxyz", 200, ContentMismatch, `content differs at offset 1: "Bcdefghijklm", recorded "bcdefghijklm"`},
		{"longer", "abc", "abcd", 200, ContentMismatch, `content goes on after the recorded 3 bytes: 4 arrived, from offset 3 "d"`},
		{"something for nothing", "", "d", 200, ContentMismatch, `content goes on after the recorded 0 bytes: 1 arrived, from offset 0 "d"`},
		{"shorter", "abc", "a", 200, ContentMismatch, `content ends at offset 1, recorded are 3 bytes`},
		{"nothing for something", "abc", "", 200, ContentMismatch, `content ends at offset 0, recorded are 3 bytes`},
		{"shorter and different", "abc", "x", 200, ContentMismatch, `content differs at offset 0: "x", recorded "abc"`},
		{"the status goes first", "abc", "x", 404, StatusMismatch, `404, recorded 200`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for size := 1; size <= len(test.content)+1; size++ {
				var c comparison
				c.begin(&plan.Expectation{Status: 200, Content: []byte(test.recorded)}, test.status)
				for rest := test.content; rest != ""; {
					n := min(size, len(rest))
					c.feed([]byte(rest[:n]))
					rest = rest[n:]
				}
				c.end()
				f := c.failure()
				if f.cause != test.cause || f.cause != Answered && f.err.Error() != test.explain {
					t.Errorf("in pieces of %d: %s: %v", size, f.cause, f.err)
				}
			}
		})
	}
}

func TestComparisonIsBegunAnew(t *testing.T) {
	var c comparison
	c.begin(&plan.Expectation{Status: 200, Content: []byte("a")}, 404)
	c.feed([]byte("b"))
	c.end()
	c.begin(&plan.Expectation{Status: 200, Content: []byte("a")}, 200)
	c.feed([]byte("a"))
	c.end()
	if f := c.failure(); f.cause != Answered {
		t.Errorf("%s: %v", f.cause, f.err)
	}
	c.begin(nil, 500)
	if f := c.failure(); c.wanted() || f.cause != Answered {
		t.Errorf("nothing to compare with: %s", f.cause)
	}
}

func TestCausesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for c := Answered; c < causes; c++ {
		name := c.String()
		if name == "" || seen[name] || strings.ContainsAny(name, " _") || c.Meaning() == "" || len(c.Meaning()) > 31 {
			t.Errorf("cause %d is %q: %q", c, name, c.Meaning())
		}
		seen[name] = true
	}
	if all := Causes(); all[0] != ConnectRefused || all[len(all)-1] != ContentMismatch {
		t.Errorf("causes of failed requests are %v", all)
	}
}
