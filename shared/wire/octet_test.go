package wire

import (
	"bytes"
	"testing"
)

// TestSkip compares the search by words with one by octets: each octet, at each
// place of two words, before and after octets that make carries.
func TestSkip(t *testing.T) {
	skips := []struct {
		name  string
		class uint8
		fill  string // octets of the class
		skip  func([]byte, int) int
	}{
		{"text", text, "a \t~\x80\xff!", skipText},
		{"token", tchar, "aZ-z~9", skipToken},
		{"target", uric, "a/!~%;=?$", skipTarget},
	}
	for _, s := range skips {
		for _, fill := range []byte(s.fill) {
			for c := range 256 {
				for at := range 19 {
					b := bytes.Repeat([]byte{fill}, 19)
					b[at] = byte(c)
					for from := range 10 {
						if got, want := s.skip(b, from), skip(b, from, s.class); got != want {
							t.Fatalf("%s from %d: %q ends at %d, want %d", s.name, from, b, got, want)
						}
					}
				}
			}
		}
	}
}

// TestMarks checks that the lowest mark is right whatever stands above it.
func TestMarks(t *testing.T) {
	b := make([]byte, 8)
	for low := range 256 {
		for above := range 256 {
			b[3], b[4], b[5] = byte(low), byte(above), byte(above)
			b[0], b[1], b[2] = 'a', 'a', 'a'
			if got, want := skipTarget(b, 0), skip(b, 0, uric); got != want {
				t.Fatalf("%q: the target ends at %d, want %d", b, got, want)
			}
			if got, want := skipText(b, 0), skip(b, 0, text); got != want {
				t.Fatalf("%q: the text ends at %d, want %d", b, got, want)
			}
			if got, want := skipToken(b, 0), skip(b, 0, tchar); got != want {
				t.Fatalf("%q: the token ends at %d, want %d", b, got, want)
			}
		}
	}
}

// TestClasses counts the members of the classes that RFC 9110 defines by lists.
func TestClasses(t *testing.T) {
	for _, c := range []struct {
		name  string
		class uint8
		want  int
	}{
		{"tchar", tchar, 15 + 10 + 52},
		{"uric", uric, 94 - len("\"#<>")},
		{"regname", regname, 66 + 11},
		{"digit", digit, 10},
		{"hexdig", hexdig, 22},
		{"text", text, 1 + 1 + 94 + 128},
		{"schemec", schemec, 62 + 3},
	} {
		n := 0
		for i := range 256 {
			if class[i]&c.class != 0 {
				n++
			}
		}
		if n != c.want {
			t.Errorf("%s has %d bytes, want %d", c.name, n, c.want)
		}
	}
}

func TestEqualFold(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"close", "CLOSE", true},
		{"", "", true},
		{"close", "closed", false},
		{"k", "\u212a", false}, // the Kelvin sign, which folds to k in Unicode
		{"a-b", "a\rb", false},
		{"[", "{", false},
		{"@", "`", false},
	} {
		if got := EqualFold([]byte(c.a), c.b); got != c.want {
			t.Errorf("EqualFold(%q, %q) = %v", c.a, c.b, got)
		}
	}
}
