package wire

import (
	"reflect"
	"testing"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// TestHeldTrailers scans the vectors' chunks with a scanner that stops before the
// trailer section and is then let go on: byte by byte and cut in two at each
// position, whole and cut short at each length.
func TestHeldTrailers(t *testing.T) {
	for _, v := range wiretest.Vectors("chunked") {
		t.Run(v.Name, func(t *testing.T) {
			checkHeld(t, Limits(v.Limits), octets(v.Input))
			wiretest.Cuts(v.Input, func(head, tail []byte) {
				if len(v.Input) > 1000 && len(head)%97 > 2 {
					return
				}
				checkHeld(t, Limits(v.Limits), [][]byte{head})
				checkHeld(t, Limits(v.Limits), [][]byte{head, tail})
			})
		})
	}
}

// checkHeld wants of a scanner that holds the trailer section the same as of one
// that does not, and one stop on the way: behind the last chunk, if something else
// than the empty line is there.
func checkHeld(t *testing.T, limits Limits, pieces [][]byte) {
	t.Helper()
	plain, held := BodyScanner{Limits: limits}, BodyScanner{Limits: limits}
	plain.Reset(Framing{Kind: Chunked})
	held.Reset(Framing{Kind: Chunked})
	held.HoldTrailer(true)
	if held.AtTrailer() {
		t.Fatal("at the trailer section of a body that has not begun")
	}
	for i, p := range pieces {
		n, done, err := plain.Scan(p)
		m, heldDone, heldErr := held.Scan(p)
		if m < len(p) && held.AtTrailer() {
			if p[m] == '\r' || heldDone || heldErr != nil {
				t.Fatalf("piece %d of %q: stopped before %q, %v, %v", i, pieces, p[m:], heldDone, heldErr)
			}
			if again, _, _ := held.Scan(p[m:]); again != 0 {
				t.Fatalf("piece %d of %q: %d bytes of what was to be held are taken", i, pieces, again)
			}
			held.HoldTrailer(false)
			var more int
			more, heldDone, heldErr = held.Scan(p[m:])
			m += more
		}
		if m != n || heldDone != done || !reflect.DeepEqual(heldErr, err) {
			t.Fatalf("piece %d of %q: %d, %v, %v; not held: %d, %v, %v", i, pieces, m, heldDone, heldErr, n, done, err)
		}
		if err != nil {
			return
		}
		if done {
			break
		}
	}
	onlyEmptyLine := plain.chunks.state >= inLastLF && plain.chunks.trailer <= len("\r\n")
	if entered := plain.chunks.trailer > 0 && !onlyEmptyLine; entered == held.chunks.hold {
		t.Fatalf("%q: in the trailer section %v, still to be held %v", pieces, entered, held.chunks.hold)
	}
}

// TestTrailer reads sections line by line, and anything else without a panic.
func TestTrailer(t *testing.T) {
	for _, c := range []struct {
		section string
		want    [][2]string
	}{
		{"\r\n", [][2]string{}},
		{"A: b\r\n\r\n", [][2]string{{"A", "b"}}},
		{"A: \t b c \t\r\nkeep-alive:\r\nD:e:f\r\n\r\n", [][2]string{{"A", "b c"}, {"keep-alive", ""}, {"D", "e:f"}}},
		{"", [][2]string{}},
		{"A", [][2]string{}},
		{"A:", [][2]string{{"A", ""}}},
		{"A: b", [][2]string{{"A", "b"}}},
		{": b\r\n\r\n", [][2]string{}},
	} {
		lines, at := []FieldLine{}, 0
		for line := range TrailerFields([]byte(c.section)) {
			from, to := line.Span()
			if from != at || IdentifyField(line.Name) != line.ID {
				t.Errorf("%q: %q begins at %d, not %d, and is %v", c.section, line.Name, from, at, line.ID)
			}
			at = to
			lines = append(lines, line)
		}
		if got := fields(lines); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %q, want %q", c.section, got, c.want)
		}
	}
}

// TestResetEndsHolding scans two bodies with one scanner, of which the second is not
// to be stopped in.
func TestResetEndsHolding(t *testing.T) {
	body := []byte("0\r\nA: b\r\n\r\n")
	var s BodyScanner
	s.Reset(Framing{Kind: Chunked})
	s.HoldTrailer(true)
	if n, done, err := s.Scan(body); n != 3 || done || err != nil || !s.AtTrailer() || s.End() != ErrTruncated {
		t.Fatal(n, done, err, s.AtTrailer(), s.End())
	}
	s.Reset(Framing{Kind: Chunked})
	if n, done, err := s.Scan(body); n != len(body) || !done || err != nil || s.AtTrailer() {
		t.Fatal(n, done, err, s.AtTrailer())
	}
	s.Reset(Framing{Kind: Length, Length: 1})
	if s.HoldTrailer(true); s.AtTrailer() {
		t.Error("a body with a length has no trailer section")
	}
}
