package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

const chunkedMessage = "5;a=\"b\"\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"

func TestScanLength(t *testing.T) {
	var s BodyScanner
	s.Reset(Framing{Kind: Length, Length: 5})
	if n, done, err := s.Scan([]byte("he")); n != 2 || done || err != nil {
		t.Fatal(n, done, err)
	}
	if s.Remaining() != 3 || s.End() != ErrTruncated {
		t.Fatal(s.Remaining(), s.End())
	}
	if n, done, err := s.Scan([]byte("lloGET /")); n != 3 || !done || err != nil {
		t.Fatal(n, done, err)
	}
	if n, done, err := s.Scan([]byte("GET /")); n != 0 || !done || err != nil {
		t.Fatal("the scanner takes bytes after the body:", n, done, err)
	}
	if !s.Done() || s.Remaining() != 0 || s.End() != nil {
		t.Fatal(s.Done(), s.Remaining(), s.End())
	}
}

func TestScanNothing(t *testing.T) {
	var s BodyScanner
	for _, f := range []Framing{{}, {Kind: Length}} {
		s.Reset(f)
		if n, done, err := s.Scan([]byte("GET")); n != 0 || !done || err != nil || s.End() != nil {
			t.Errorf("%v: %d %v %v %v", f, n, done, err, s.End())
		}
		if _, done, _ := s.Scan(nil); !done {
			t.Errorf("%v: not done without bytes", f)
		}
	}
}

func TestScanUntilClose(t *testing.T) {
	var s BodyScanner
	s.Reset(Framing{Kind: UntilClose})
	content, n, done, err := s.Content([]byte("hello"))
	if string(content) != "hello" || n != 5 || done || err != nil {
		t.Fatal(string(content), n, done, err)
	}
	s.Advance(s.Remaining())
	if s.Done() || s.Remaining() != 1<<63-1 || s.End() != nil {
		t.Fatal(s.Done(), s.Remaining(), s.End())
	}
}

func TestContent(t *testing.T) {
	var s BodyScanner
	s.Reset(Framing{Kind: Chunked})
	var spans []string
	rest := []byte(chunkedMessage + "next")
	for done := false; !done; {
		content, n, d, err := s.Content(rest)
		if err != nil {
			t.Fatal(err)
		}
		spans, rest, done = append(spans, string(content)), rest[n:], d
	}
	if len(spans) != 3 || spans[0] != "hello" || spans[1] != " world" || spans[2] != "" || string(rest) != "next" {
		t.Errorf("spans %q, rest %q", spans, rest)
	}
}

// TestAdvance lets content pass by unseen wherever some is due, as splice does,
// and scans the rest, in pieces of random sizes.
func TestAdvance(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var s BodyScanner
		s.Reset(Framing{Kind: Chunked})
		rest := []byte(chunkedMessage + "next")
		seen := []byte{}
		for !s.Done() {
			if left := s.Remaining(); left > 0 && random.IntN(2) == 0 {
				n := 1 + random.Int64N(left)
				seen = append(seen, rest[:n]...)
				rest = rest[n:]
				s.Advance(n)
				continue
			}
			p := rest[:min(len(rest), 1+random.IntN(9))]
			if random.IntN(2) == 0 {
				n, _, err := s.Scan(p)
				if err != nil {
					t.Fatal(err)
				}
				seen, rest = append(seen, p[:n]...), rest[n:]
				continue
			}
			_, n, _, err := s.Content(p)
			if err != nil {
				t.Fatal(err)
			}
			seen, rest = append(seen, p[:n]...), rest[n:]
		}
		if string(seen) != chunkedMessage || string(rest) != "next" {
			t.Fatalf("passed %q, rest %q", seen, rest)
		}
	}
}

// TestContentIsNotLookedAt gives a body without end as one piece over and over:
// more octets than could be looked at.
func TestContentIsNotLookedAt(t *testing.T) {
	p := make([]byte, 1<<20)
	for _, f := range []Framing{{Kind: Length, Length: 1 << 60}, {Kind: Chunked}} {
		var s BodyScanner
		s.Reset(f)
		if f.Kind == Chunked {
			if n, _, err := s.Scan([]byte("1000000000000000\r\n")); n != 18 || err != nil {
				t.Fatal(n, err)
			}
		}
		for range 1 << 20 { // a tebioctet in all
			if n, done, err := s.Scan(p); n != len(p) || done || err != nil {
				t.Fatal(n, done, err)
			}
		}
		if s.Remaining() != 1<<60-1<<40 {
			t.Fatal(s.Remaining())
		}
	}
}

// TestAdvanceTooFar reports more content than is due, and none: the end of the
// body stays where it is.
func TestAdvanceTooFar(t *testing.T) {
	var s BodyScanner
	s.Reset(Framing{Kind: Length, Length: 5})
	s.Advance(-1)
	s.Advance(0)
	s.Advance(6)
	if !s.Done() || s.Remaining() != 0 {
		t.Errorf("a length: %v, %d", s.Done(), s.Remaining())
	}
	s.Reset(Framing{Kind: Chunked})
	s.Advance(1)
	if n, _, err := s.Scan([]byte("5\r\nhe")); n != 5 || err != nil || s.Remaining() != 3 {
		t.Fatalf("chunked: %d, %v, %d", n, err, s.Remaining())
	}
	s.Advance(4)
	if n, done, err := s.Scan([]byte("\r\n0\r\n\r\n")); n != 7 || !done || err != nil {
		t.Errorf("chunked: %d, %v, %v", n, done, err)
	}
}

func TestBodyErrors(t *testing.T) {
	var s BodyScanner
	for _, c := range []struct {
		body string
		rule Rule
		at   int
	}{
		{"5\r\nhelloX", RuleChunkEnd, 8},
		{"5\r\nhello\r\n5\n", RuleBareLF, 11},
		{"5\r\nhello\r\n0\r\nA : b\r\n", RuleFieldNameSpace, 14},
		{"5\r\nhello\r\n0\r\nHost: b\r\n", RuleTrailerField, 17},
	} {
		s.Reset(Framing{Kind: Chunked})
		n, done, err := s.Scan([]byte(c.body))
		var e *Error
		if !errors.As(err, &e) || e.Rule != c.rule || e.Offset != c.at || n != c.at || done {
			t.Errorf("%q: %d, %v, %v; want %s at %d", c.body, n, done, err, c.rule, c.at)
		}
	}
}

// TestEnd wants the end of the stream to be an error within each proper
// beginning of a chunked body.
// A size that is zero as far as it has come is one for those who take a line that
// was cut off for a line.
func TestLastChunkBegun(t *testing.T) {
	for body, want := range map[string]bool{
		"": false, "0": true, "00": true, "0\r": true, "0;a=b": true, "0\r\n": true, "0\r\nA: b\r\n": true, "0\r\n\r\n": true,
		"3": false, "03": false, "3\r\nab": false, "3\r\nabc\r\n": false, "3\r\nabc\r\n0": true,
	} {
		var s BodyScanner
		s.Reset(Framing{Kind: Chunked})
		if _, _, err := s.Scan([]byte(body)); err != nil || s.LastChunkBegun() != want {
			t.Errorf("%q: %v, %v", body, !want, err)
		}
	}
	var s BodyScanner
	if s.Reset(Framing{Kind: Length, Length: 1}); s.LastChunkBegun() {
		t.Error("a body with a length has no chunks")
	}
}

func TestEnd(t *testing.T) {
	for i := range chunkedMessage {
		var s BodyScanner
		s.Reset(Framing{Kind: Chunked})
		if _, done, err := s.Scan([]byte(chunkedMessage[:i])); done || err != nil {
			t.Fatal(done, err)
		}
		if err := s.End(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("End after %d bytes: %v", i, err)
		}
	}
}

// TestResetKeepsLimits scans two bodies with the same scanner, of which the
// limits refuse the second.
func TestResetKeepsLimits(t *testing.T) {
	s := BodyScanner{Limits: Limits{ChunkLine: 1, Trailer: 1}}
	for _, c := range []struct {
		body string
		ok   bool
	}{{"1\r\nx\r\n0\r\n\r\n", true}, {"10\r\n", false}, {"0\r\n\r\n", true}, {"0\r\nA: b\r\n", false}} {
		s.Reset(Framing{Kind: Chunked})
		if _, _, err := s.Scan([]byte(c.body)); (err == nil) != c.ok {
			t.Errorf("%q: %v", c.body, err)
		}
	}
}

// TestAppendedChunks reads what the append functions wrote.
func TestAppendedChunks(t *testing.T) {
	var s BodyScanner
	s.Reset(Framing{Kind: Chunked})
	body, content := chunkedBody(1000, 100), []byte{}
	for !s.Done() {
		p, n, _, err := s.Content(body)
		if err != nil {
			t.Fatal(err)
		}
		content, body = append(content, p...), body[n:]
	}
	if len(body) != 0 || !bytes.Equal(content, bytes.Repeat([]byte("x"), 1000)) {
		t.Errorf("content is %q, %d bytes are left", content, len(body))
	}
}
