package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestDefaultLimits parses heads that are just small enough and one octet, or
// one line, too large. The vectors do so with other limits.
func TestDefaultLimits(t *testing.T) {
	const start, end = "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n"
	line := func(n int) string { return "A: " + strings.Repeat("x", n-len("A: \r\n")) + "\r\n" }
	for _, c := range []struct {
		what string
		fits string
		over string
		rule Rule
	}{
		{"head", start + line(16<<10-len(start+end)) + end, start + line(16<<10-len(start+end)+1) + end, RuleHeadTooLarge},
		{"target", "GET /" + strings.Repeat("a", 8<<10-1) + start[5:] + end, "GET /" + strings.Repeat("a", 8<<10) + start[5:] + end, RuleTargetTooLong},
		{"fields", start + strings.Repeat(line(6), 127) + end, start + strings.Repeat(line(6), 128) + end, RuleTooManyFields},
		{"method", "GET" + strings.Repeat("X", 61) + start[3:] + end, "GET" + strings.Repeat("X", 62) + start[3:] + end, RuleMethodTooLong},
	} {
		var h RequestHead
		mustParse(t, []byte(c.fits), &h)
		checkRule(t, c.what, c.rule)(ParseRequestHead([]byte(c.over), 0, &h))
		for end := range len(c.over) + 1 {
			if _, err := ParseRequestHead([]byte(c.over[:end]), max(0, end-1), &h); !errors.Is(err, ErrIncomplete) {
				checkRule(t, c.what+" in pieces", c.rule)(0, err)
				break
			}
		}
	}
}

func TestDefaultBodyLimits(t *testing.T) {
	xs := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		what string
		fits string
		over string
		rule Rule
	}{
		{"chunk line", "1;" + xs(1022) + "\r\nx\r\n", "1;" + xs(1023), RuleChunkLineTooLong},
		{"trailer section", "0\r\nA: " + xs(8<<10-5) + "\r\n", "0\r\nA: " + xs(8<<10-4) + "\r\n", RuleTrailerTooLarge},
		// Small chunks are no overhead, nor are extensions that content pays
		// for.
		{"small chunks", strings.Repeat("1\r\nx\r\n", 50_000), strings.Repeat("1;"+xs(1000)+"\r\nx\r\n", 20), RuleChunkOverhead},
		{"extensions", strings.Repeat("200;"+xs(1000)+"\r\n"+xs(512)+"\r\n", 50), strings.Repeat("100;"+xs(1000)+"\r\n"+xs(256)+"\r\n", 50), RuleChunkOverhead},
		{"large chunk", "7fffffffffffffff;" + xs(1000) + "\r\n", "8000000000000000\r\n", RuleChunkSizeTooBig},
	} {
		var s BodyScanner
		s.Reset(Framing{Kind: Chunked})
		if n, _, err := s.Scan([]byte(c.fits)); n != len(c.fits) || err != nil {
			t.Errorf("%s: %d, %v", c.what, n, err)
		}
		s.Reset(Framing{Kind: Chunked})
		n, _, err := s.Scan([]byte(c.over))
		checkRule(t, c.what, c.rule)(n, err)
	}
}

// TestHostileLimits changes the limits, or loses octets, in the middle of a
// head. The result does not matter; a panic would.
func TestHostileLimits(t *testing.T) {
	request, response := []byte("\r\n"+curlHead), []byte(originHead)
	each := func(n int, f func(first, second int, limits Limits)) {
		for first := range n {
			for _, limit := range []int{1, 2, 3, 20, 50, 1 << 40, -1} {
				for second := range n + 1 {
					f(first, second, Limits{Head: limit, Target: limit, Fields: limit})
				}
			}
		}
	}
	each(len(request), func(first, second int, limits Limits) {
		var h RequestHead
		ParseRequestHead(request[:first], 0, &h)
		h.Limits = limits
		ParseRequestHead(request[:second], first, &h)
	})
	each(len(response), func(first, second int, limits Limits) {
		var h ResponseHead
		ParseResponseHead(response[:first], 0, &h)
		h.Limits = limits
		ParseResponseHead(response[:second], first, &h)
	})
}

// TestManyFields parses more lines than the array had room for, twice.
func TestManyFields(t *testing.T) {
	h := RequestHead{Limits: Limits{Head: 1 << 20, Fields: 1 << 20}}
	raw := []byte("GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("A: b\r\n", 5000) + "Range: c\r\n\r\n")
	for range 2 {
		mustParse(t, raw, &h)
		if v, ok := h.Field(FieldRange); !ok || string(v) != "c" || len(h.Fields) != 5002 {
			t.Fatalf("%d lines, Range %q, %v", len(h.Fields), v, ok)
		}
	}
	raw = bytes.Replace(raw, []byte("Range"), bytes.Repeat([]byte("A: b\r\n"), 61_000), 1)
	_, err := ParseRequestHead(raw, 0, &h)
	checkRule(t, "65535 lines", RuleTooManyFields)(0, err)
}

// checkRule returns a check that a result is a refusal by that rule.
func checkRule(t *testing.T, what string, rule Rule) func(int, error) {
	t.Helper()
	return func(_ int, err error) {
		t.Helper()
		var e *Error
		if !errors.As(err, &e) || e.Rule != rule {
			t.Errorf("%s: %v, want %s", what, err, rule)
		}
	}
}
