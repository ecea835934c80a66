package replay

import (
	"slices"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/wire"
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
				if f.cause != test.cause || f.cause != Answered && firstLine(f.err) != test.explain {
					t.Errorf("in pieces of %d: %s: %v", size, f.cause, f.err)
				}
			}
		})
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
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
	c.begin(&plan.Expectation{Status: 200, Head: []byte("HTTP/1.1 200 OK\r\nA: 1\r\n\r\n")}, 200)
	c.head(wire.None, []byte("HTTP/1.1 200 OK\r\nA: 2\r\n\r\n"), nil)
	if f := c.failure(); f.cause != HeadMismatch {
		t.Errorf("%s: %v", f.cause, f.err)
	}
	c.begin(&plan.Expectation{Status: 200}, 200)
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

// TestBytesAroundADifference is what is shown of content that differs at an offset.
func TestBytesAroundADifference(t *testing.T) {
	recorded := []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	const (
		digits = "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef"
		cut    = "30 31 32 33 34 35 36 37                          01234567"
	)
	for _, test := range []struct {
		name  string
		got   func(p []byte) []byte
		lines []string
	}{
		{"at the beginning", func(p []byte) []byte { p[0] = 0x1b; return p }, []string{
			"- 00000000  " + digits, "- 00000010  " + digits, "- 00000020  " + digits,
			"+ 00000000  1b" + digits[2:49] + "." + digits[50:], "+ 00000010  " + digits, "+ 00000020  " + digits}},
		{"in the middle", func(p []byte) []byte { p[47] = 0xe9; return p }, []string{
			"- 00000010  " + digits, "- 00000020  " + digits, "- 00000030  " + digits,
			"+ 00000010  " + digits, "+ 00000020  " + digits[:45] + "e9  0123456789abcde.", "+ 00000030  " + digits}},
		{"where it ends", func(p []byte) []byte { return p[:72] }, []string{
			"- 00000030  " + digits, "- 00000040  " + digits, "+ 00000030  " + digits, "+ 00000040  " + cut}},
		{"behind the end", func(p []byte) []byte { return append(p, "01234567"...) }, []string{
			"- 00000040  " + digits, "+ 00000040  " + digits, "+ 00000050  " + cut}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c comparison
			c.begin(&plan.Expectation{Status: 200, Content: recorded}, 200)
			for _, o := range test.got(slices.Clone(recorded)) {
				c.feed([]byte{o})
			}
			c.end()
			lines := strings.Split(c.failure().err.Error(), "\n")[1:]
			if !slices.Equal(lines, test.lines) {
				t.Errorf("shown is\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(test.lines, "\n"))
			}
		})
	}
}

// TestHeadComparison compares field lines with A: 1, B: 2 and Date: x, which is
// volatile.
func TestHeadComparison(t *testing.T) {
	const recorded = "A: 1\r\nDate: x\r\nB: 2\r\n"
	for _, test := range []struct {
		name, fields string
		framing      wire.FramingKind
		want         string // empty: they are alike
	}{
		{"the same", recorded, wire.Length, ""},
		{"another date", "A: 1\r\nDate: y\r\nB: 2\r\n", wire.Length, ""},
		{"a date of another case", "A: 1\r\ndate: y\r\nB: 2\r\n", wire.Length, ""},
		{"a date elsewhere", "Date: x\r\nA: 1\r\nB: 2\r\n", wire.Length, ""},
		{"no date", "A: 1\r\nB: 2\r\n", wire.Length, ""},
		{"dates and the other one at the end", "A: 1\r\nB: 2\r\nDate: y\r\nVia: z\r\nDate: x\r\n", wire.Length, ""},
		{"another value", "A: 1\r\nB: 3\r\n", wire.Length, `head differs at offset 28: "B: 3", recorded "B: 2" at offset 35`},
		{"more whitespace", "A:  1\r\nB: 2\r\n", wire.Length, `head differs at offset 22: "A:  1", recorded "A: 1" at offset 20`},
		{"another case", "a: 1\r\nB: 2\r\n", wire.Length, `head differs at offset 19: "a: 1", recorded "A: 1" at offset 17`},
		{"another order", "B: 2\r\nA: 1\r\n", wire.Length, `head differs at offset 19: "B: 2", recorded "A: 1" at offset 17`},
		{"one is missing", "A: 1\r\n", wire.Length, `head differs at offset 25: no more fields, recorded "B: 2" at offset 32`},
		{"one more", recorded + "Dates: 3\r\n", wire.Length, `head differs at offset 40: "Dates: 3", recorded no more fields at offset 38`},
		{"another framing", recorded, wire.UntilClose, "framing until-close, recorded length"},
		{"both", "A: 1\r\n", wire.Chunked, `framing chunked, recorded length; head differs at offset 25: no more fields, recorded "B: 2" at offset 32`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c comparison
			c.begin(&plan.Expectation{Status: 200, Head: []byte("HTTP/1.1 200 OK\r\n" + recorded + "\r\n"), Framing: wire.Length}, 200)
			c.head(test.framing, []byte("HTTP/1.1 200 Fine\r\n"+test.fields+"\r\n"), []string{"Via", "Date"})
			f := c.failure()
			if test.want == "" {
				if f.cause != Answered {
					t.Errorf("%s: %v", f.cause, f.err)
				}
				return
			}
			if f.cause != HeadMismatch {
				t.Fatalf("%s: %v", f.cause, f.err)
			}
			if text := firstLine(f.err); text != test.want {
				t.Errorf("%s, want %s", text, test.want)
			}
		})
	}
}

// The status goes first, and without it nothing is compared; a long line is cut.
func TestHeadComparisonIsBounded(t *testing.T) {
	var c comparison
	long := strings.Repeat("x", 1000)
	c.begin(&plan.Expectation{Status: 200, Head: []byte("HTTP/1.1 200 OK\r\nA: " + long + "\r\n\r\n")}, 200)
	c.head(wire.None, []byte("HTTP/1.1 200 OK\r\n\r\n"), nil)
	if text := c.failure().err.Error(); len(text) > 600 || !strings.Contains(text, `xxx"... at offset 17`) {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	c.begin(&plan.Expectation{Status: 200}, 404)
	c.head(wire.None, []byte("HTTP/1.1 404 Not Found\r\n\r\n"), nil)
	if f := c.failure(); f.cause != StatusMismatch {
		t.Errorf("%s: %v", f.cause, f.err)
	}
}

func TestHeadComparisonAllocatesNothing(t *testing.T) {
	var c comparison
	e := &plan.Expectation{Status: 200, Head: []byte("HTTP/1.1 200 OK\r\nDate: a\r\nServer-Timing: 1\r\nB: 1\r\n\r\n")}
	got, volatile := []byte("HTTP/1.1 200 OK\r\nDate: b\r\nServer-Timing: 2\r\nB: 1\r\n\r\n"), []string{"Via", "Date", "Server-Timing"}
	if n := testing.AllocsPerRun(100, func() {
		c.begin(e, 200)
		c.head(wire.None, got, volatile)
		c.end()
		if f := c.failure(); f.cause != Answered {
			t.Fatal(f)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
