package wire

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// poisoned returns p with its octets before end replaced by NUL, which no
// parser here accepts anywhere, in memory of its own.
func poisoned(p []byte, end int) []byte {
	q := make([]byte, len(p), len(p)+7)
	copy(q[end:], p[end:])
	return q
}

// TestCompleteLinesAreNotReadAgain feeds a request octet by octet. Each call
// has a new buffer, in which the lines that were complete in the call before
// are destroyed. Nothing may differ but the octets themselves.
func TestCompleteLinesAreNotReadAgain(t *testing.T) {
	head := []byte("\r\n" + browserHead[:len(browserHead)-2] + "Content-Length: 12\r\n\r\n")
	var whole, h RequestHead
	mustParse(t, head, &whole)

	var line int // where the line that is being parsed begins
	for end := range head {
		_, err := ParseRequestHead(poisoned(head[:end], line), max(0, end-1), &h)
		if !errors.Is(err, ErrIncomplete) {
			t.Fatalf("after %d bytes: %v", end, err)
		}
		if i := bytes.LastIndex(head[:end], []byte("\r\n")); i >= 0 {
			line = i + 2
		}
	}
	n, err := ParseRequestHead(poisoned(head, line), len(head)-1, &h)
	if err != nil || n != len(head) {
		t.Fatalf("n = %d, err = %v", n, err)
	}

	if h.Form != whole.Form || h.Minor != whole.Minor || len(h.Method) != len(whole.Method) || len(h.Target) != len(whole.Target) {
		t.Errorf("the request line is %d %d %d %d", h.Form, h.Minor, len(h.Method), len(h.Target))
	}
	checkLines(t, h.Raw, h.Fields, whole.Fields)
	for i, l := range h.Fields {
		if l.ID != whole.Fields[i].ID {
			t.Errorf("line %d is %s, want %s", i, l.ID, whole.Fields[i].ID)
		}
	}
	if f, err := RequestFraming(&h); err != nil || f != (Framing{Kind: Length, Length: 12}) || !RequestPersists(&h) {
		t.Errorf("framing is %+v, %v", f, err)
	}
}

// TestOctetsAreNotReadAgain goes further: each octet is destroyed as soon as it
// was seen. Only the meaning of known names and values depends on reading a
// complete line once more, so this response has none that decides anything.
func TestOctetsAreNotReadAgain(t *testing.T) {
	head := []byte("HTTP/1.1 404 Not \t Found\r\n" +
		"X-One:  \t several words \t and  blanks \t \r\n" +
		"Content-Type:text/html\r\n" +
		"Empty:\r\n" +
		"Blank: \t \r\n" +
		"X-Long: 0123456789abcdefghijklmnopqrstuvwxyz\xff\r\n\r\n")
	var whole, h ResponseHead
	if _, err := ParseResponseHead(head, 0, &whole); err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{1, 2, 3, 7, 8, 9, 16, 31} {
		end := 0
		for ; end+step < len(head); end += step {
			if _, err := ParseResponseHead(poisoned(head[:end+step], end), end, &h); !errors.Is(err, ErrIncomplete) {
				t.Fatalf("step %d, after %d bytes: %v", step, end+step, err)
			}
		}
		n, err := ParseResponseHead(poisoned(head, end), end, &h)
		if err != nil || n != len(head) {
			t.Fatalf("step %d: n = %d, err = %v", step, n, err)
		}
		if h.Status != 404 || h.Minor != 1 || len(h.Reason) != len(whole.Reason) {
			t.Errorf("step %d: the status line is %d %d %q", step, h.Minor, h.Status, h.Reason)
		}
		checkLines(t, h.Raw, h.Fields, whole.Fields)
	}
}

// TestEmptyLineIsNotReadAgain destroys the CR of the empty line before a
// request when it was seen.
func TestEmptyLineIsNotReadAgain(t *testing.T) {
	var h RequestHead
	if _, err := ParseRequestHead([]byte("\r"), 0, &h); !errors.Is(err, ErrIncomplete) {
		t.Fatal(err)
	}
	head := []byte("\x00\n" + curlHead)
	if n, err := ParseRequestHead(head, 1, &h); err != nil || n != len(head) || string(h.Raw) != curlHead {
		t.Errorf("n = %d, err = %v, head is %q", n, err, h.Raw)
	}
}

// checkLines compares where the field lines and their parts are, which is all
// that is left of them, and wants them to point into raw.
func checkLines(t *testing.T, raw []byte, got, want []FieldLine) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d field lines, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := &got[i], &want[i]
		if g.start != w.start || g.value != w.value || g.end != w.end ||
			len(g.Name) != len(w.Name) || len(g.Value) != len(w.Value) {
			t.Errorf("line %d: %d %d %d %d %d, want %d %d %d %d %d", i,
				g.start, len(g.Name), g.value, len(g.Value), g.end,
				w.start, len(w.Name), w.value, len(w.Value), w.end)
			continue
		}
		if &g.Name[0] != &raw[g.start] || len(g.Value) > 0 && &g.Value[0] != &raw[g.value] {
			t.Errorf("line %d points to a buffer of an earlier call", i)
		}
	}
}

// TestSameBuffer parses from one buffer that fills up, as a connection does.
func TestSameBuffer(t *testing.T) {
	var h RequestHead
	buffer := make([]byte, 0, 4096)
	last := len(browserHead) - 1
	for i := range last {
		buffer = append(buffer, browserHead[i])
		if _, err := ParseRequestHead(buffer, i, &h); !errors.Is(err, ErrIncomplete) {
			t.Fatalf("after %d bytes: %v", i+1, err)
		}
	}
	buffer = append(buffer, browserHead[last])
	n, err := ParseRequestHead(append(buffer, "GET "...), last, &h)
	if err != nil || n != len(browserHead) || string(h.Raw) != browserHead {
		t.Fatalf("n = %d, err = %v, head is %q", n, err, h.Raw)
	}
}

// TestHeadsBeginAnew uses one head for a good message, a refused one, an
// abandoned one and a good one again.
func TestHeadsBeginAnew(t *testing.T) {
	var h RequestHead
	h.Limits.Fields = 20
	mustParse(t, []byte(browserHead), &h)
	if _, err := ParseRequestHead([]byte("GET / HTTP/1.1\r\nHost: a\r\nA b\r\n\r\n"), 0, &h); err == nil {
		t.Fatal("a bad head is accepted")
	}
	if _, err := ParseRequestHead([]byte("\r\nGET / HTTP/1.1\r\nContent-Le"), 0, &h); !errors.Is(err, ErrIncomplete) {
		t.Fatal(err)
	}
	mustParse(t, []byte("GET / HTTP/1.0\r\nA: b\r\n\r\n"), &h)
	if _, ok := h.Field(FieldHost); ok || h.Host() != nil || len(h.Fields) != 1 || h.Minor != 0 || RequestPersists(&h) {
		t.Errorf("something of an earlier head is left: %+v", h)
	}
	if h.Limits.Fields != 20 {
		t.Errorf("Limits are %+v after other heads", h.Limits)
	}
}

// givenUp would leave behind an empty line that was skipped, and fields that
// decide whatever there is to decide.
const givenUp = "\r\nPOST http://a/b HTTP/1.0\r\n" +
	"Host: given.up\r\n" +
	"Connection: keep-alive, close, X-Hop\r\n" +
	"Content-Length: 5\r\n" +
	"Transfer-Encoding: gzip\r\n\r\n"

// TestGivenUpHeadsLeaveNothing gives a request head up after each number of
// octets. Then the next one is read as by a RequestHead that was never used,
// whatever the caller says was seen of it, save just that number.
func TestGivenUpHeadsLeaveNothing(t *testing.T) {
	next := []byte("GET / HTTP/1.1\r\nHost: next\r\nX-Hop: 1\r\n" + longLine(len(givenUp)) + "\r\n")
	var fresh RequestHead
	mustParse(t, next, &fresh)
	want := described(&fresh)
	for length := range givenUp {
		for seen := -1; seen <= len(next)+1; seen++ {
			if seen == length && seen > 0 {
				continue
			}
			var h RequestHead
			if _, err := ParseRequestHead([]byte(givenUp[:length]), 0, &h); !errors.Is(err, ErrIncomplete) {
				t.Fatal(err)
			}
			n, err := ParseRequestHead(next, seen, &h)
			if err != nil || n != len(next) || described(&h) != want {
				t.Fatalf("after %d bytes of another head, with seen %d: n = %d, err = %v, %s", length, seen, n, err, described(&h))
			}
		}
	}
}

// described is all that a request head says.
func described(h *RequestHead) string {
	framing, err := RequestFraming(h)
	members := collect(h.Members(FieldConnection))
	return fmt.Sprintf("%q %q %q %d %d %q %d %q %v %v %v %v %q", h.Raw, h.Method, h.Target, h.Minor, h.Form,
		fields(h.Fields), h.FieldsStart(), h.Host(), framing, err, RequestPersists(h), h.NominatesAny(), members)
}

// TestEndedHeadsBeginAnew says falsely, after a head that came in two pieces to
// its end or to its refusal, that the first piece was seen of the next one.
func TestEndedHeadsBeginAnew(t *testing.T) {
	refused := curlHead[:len(curlHead)-2] + "A b\r\n\r\n"
	for _, before := range []string{curlHead, refused} {
		for seen := range curlHead {
			var h RequestHead
			ParseRequestHead([]byte(before[:seen]), 0, &h)
			if _, err := ParseRequestHead([]byte(before), seen, &h); err == ErrIncomplete {
				t.Fatal(err)
			}
			n, err := ParseRequestHead([]byte(curlHead), seen, &h)
			if err != nil || n != len(curlHead) || string(h.Raw) != curlHead || len(h.Fields) != 3 {
				t.Fatalf("seen %d: n = %d, err = %v, %s", seen, n, err, described(&h))
			}
		}
	}
}

// TestLostOctets parses fewer octets than were seen.
func TestLostOctets(t *testing.T) {
	var h RequestHead
	for _, c := range []struct {
		octets string
		seen   int
	}{{"GET /long", 0}, {"GET", 9}, {"GETS / HTTP", 9}} {
		if _, err := ParseRequestHead([]byte(c.octets), c.seen, &h); !errors.Is(err, ErrIncomplete) {
			t.Fatal(err)
		}
	}
	if _, err := ParseRequestHead([]byte("GETS / HTTP/1.0\r\n\r\n"), 11, &h); err != nil || !h.Is("GETS") {
		t.Errorf("%v, the method is %q", err, h.Method)
	}
}

func TestGivenUpResponsesLeaveNothing(t *testing.T) {
	const other = "HTTP/1.0 503 Given Up\r\nConnection: close, X-Hop\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n"
	for length := range other {
		for seen := -1; seen <= len(nginxHead)+1; seen++ {
			if seen == length && seen > 0 {
				continue
			}
			var h ResponseHead
			if _, err := ParseResponseHead([]byte(other[:length]), 0, &h); !errors.Is(err, ErrIncomplete) {
				t.Fatal(err)
			}
			n, err := ParseResponseHead([]byte(nginxHead), seen, &h)
			if err != nil || n != len(nginxHead) || string(h.Raw) != nginxHead {
				t.Fatalf("after %d bytes of another head, with seen %d: n = %d, err = %v, head is %q", length, seen, n, err, h.Raw)
			}
			f, err := ResponseFraming(&h, []byte("GET"))
			if err != nil || f != (Framing{Length, 5123}) || !ResponsePersists(&h, f) || h.NominatesAny() ||
				h.Status != 200 || h.Minor != 1 || string(h.Reason) != "OK" || len(h.Fields) != 10 {
				t.Fatalf("after %d bytes of another head, with seen %d: %v, %v, %+v", length, seen, f, err, h)
			}
		}
	}
}

func TestResponseHeadsBeginAnew(t *testing.T) {
	var h ResponseHead
	for _, c := range []struct {
		head   string
		status int
	}{
		{nginxHead, 200},
		{"HTTP/1.0 404 \r\n\r\n", 404},
		{"HTTP/1.1 2x4 \r\n\r\n", 0},
		{"HTTP/1.1 100 Continue\r\n\r\n", 100},
	} {
		_, err := ParseResponseHead([]byte(c.head), 0, &h)
		if c.status == 0 {
			if err == nil {
				t.Errorf("%q is accepted", c.head)
			}
			continue
		}
		if err != nil || h.Status != c.status {
			t.Errorf("%q: status %d, %v", c.head, h.Status, err)
		}
	}
	if len(h.Fields) != 0 || !h.Interim() || string(h.Reason) != "Continue" {
		t.Errorf("something of an earlier head is left: %+v", h)
	}
}

func mustParse(t testing.TB, b []byte, h *RequestHead) {
	t.Helper()
	if n, err := ParseRequestHead(b, 0, h); err != nil || n != len(b) {
		t.Fatalf("%q: n = %d, err = %v", b, n, err)
	}
}
