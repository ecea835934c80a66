package site

import (
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/wire"
)

const (
	before = "Sun, 06 Nov 1994 08:49:36 GMT"
	exact  = "Sun, 06 Nov 1994 08:49:37 GMT"
	after  = "Sun, 06 Nov 1994 08:49:38 GMT"
)

// testFile was modified at exact and has ten octets.
var testFile = File{Size: 10, Modified: 784111777, ETag: `"tag"`}

func TestSelect(t *testing.T) {
	whole := Selection{Status: 200, Length: 10}
	part := func(offset, length int64) Selection { return Selection{Status: 206, Offset: offset, Length: length} }
	status := func(code int) Selection { return Selection{Status: code} }
	for _, c := range []struct {
		fields string // separated by "; "
		want   Selection
	}{
		{"", whole},
		{"Accept: */*", whole},

		{`If-None-Match: "tag"`, status(304)},
		{`if-none-match: "tag"`, status(304)},
		{`If-None-Match: W/"tag"`, status(304)},
		{`If-None-Match: *`, status(304)},
		{`If-None-Match: "other"`, whole},
		{`If-None-Match: "other", "tag"`, status(304)},
		{`If-None-Match: "a,b" ,, W/"c" , W/"tag"`, status(304)},
		{`If-None-Match: "other"; If-None-Match: "tag"`, status(304)},
		{`If-None-Match: "tag"; If-None-Match: "other"`, status(304)},
		{`If-None-Match: tag`, whole},
		{`If-None-Match: "tag`, whole},
		{`If-None-Match: "TAG"`, whole},
		{`If-None-Match: "other"; If-Modified-Since: ` + after, whole},
		{`If-None-Match: "tag"; If-Modified-Since: ` + before, status(304)},

		{"If-Modified-Since: " + before, whole},
		{"If-Modified-Since: " + exact, status(304)},
		{"If-Modified-Since: " + after, status(304)},
		{"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", status(304)},
		{"If-Modified-Since: Sun Nov  6 08:49:37 1994", status(304)},
		{"If-Modified-Since: yesterday", whole},
		{"If-Modified-Since: " + exact + "; If-Modified-Since: " + exact, whole},

		{`If-Match: "tag"`, whole},
		{`If-Match: *`, whole},
		{`If-Match: "other", "tag"`, whole},
		{`If-Match: W/"tag"`, status(412)},
		{`If-Match: "other"`, status(412)},
		{`If-Match: "tag"; If-None-Match: "tag"`, status(304)},
		{`If-Match: "other"; If-None-Match: "tag"`, status(412)},
		{`If-Match: "tag"; If-Unmodified-Since: ` + before, whole},

		{"If-Unmodified-Since: " + before, status(412)},
		{"If-Unmodified-Since: " + exact, whole},
		{"If-Unmodified-Since: never", whole},

		{"Range: bytes=0-0", part(0, 1)},
		{"Range: bytes=0-4", part(0, 5)},
		{"Range: BYTES=2-4", part(2, 3)},
		{"Range: bytes= 2-4 ", part(2, 3)},
		{"Range: bytes=9-", part(9, 1)},
		{"Range: bytes=0-", part(0, 10)},
		{"Range: bytes=5-100", part(5, 5)},
		{"Range: bytes=5-99999999999999999999999", part(5, 5)},
		{"Range: bytes=-3", part(7, 3)},
		{"Range: bytes=-100", part(0, 10)},
		{"Range: bytes=10-", status(416)},
		{"Range: bytes=99999999999999999999999-", status(416)},
		{"Range: bytes=-0", status(416)},
		{"Range: bytes=4-2", status(416)},
		{"Range: bytes=-", status(416)},
		{"Range: bytes=x-2", status(416)},
		{"Range: bytes=1-2x", status(416)},
		{"Range: bytes=+1-2", status(416)},
		{"Range: bytes=1", status(416)},
		{"Range: bytes=0-1,3-4", whole},
		{"Range: lines=0-1", whole},
		{"Range: 0-1", whole},
		{"Range: bytes=0-1; Range: bytes=3-4", whole},

		{`Range: bytes=0-4; If-Range: "tag"`, part(0, 5)},
		{`Range: bytes=0-4; If-Range: "other"`, whole},
		{`Range: bytes=0-4; If-Range: W/"tag"`, whole},
		{"Range: bytes=0-4; If-Range: " + exact, part(0, 5)},
		{"Range: bytes=0-4; If-Range: " + before, whole},
		{"Range: bytes=0-4; If-Range: " + after, whole},
		{`Range: bytes=0-4; If-Range: "tag"; If-Range: "tag"`, whole},
		{`Range: bytes=0-4; If-None-Match: "tag"`, status(304)},
		{`Range: bytes=0-4; If-Match: "other"`, status(412)},
		{`If-Range: "tag"`, whole},
	} {
		fields := parseFields(t, c.fields)
		if got := testFile.Select(fields, true); got != c.want {
			t.Errorf("%s: %+v; want %+v", c.fields, got, c.want)
		}
		if !Conditional(fields) && c.want != whole {
			t.Errorf("%s: not seen to be conditional", c.fields)
		}
	}
}

func parseFields(t *testing.T, fields string) []wire.FieldLine {
	t.Helper()
	var lines strings.Builder
	for line := range strings.SplitSeq(fields, "; ") {
		if line != "" {
			lines.WriteString(line + "\r\n")
		}
	}
	var head wire.RequestHead
	if _, err := wire.ParseRequestHead([]byte("GET / HTTP/1.1\r\nHost: a\r\n"+lines.String()+"\r\n"), 0, &head); err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	return head.Fields
}

// Range has a meaning for GET only (RFC 9110 section 14.2).
func TestRangesAreForGet(t *testing.T) {
	fields := parseFields(t, "Range: bytes=0-1")
	if got := testFile.Select(fields, false); got.Status != 200 || got.Length != 10 {
		t.Errorf("without ranges: %+v", got)
	}
}

func TestRangeOfAnEmptyFile(t *testing.T) {
	empty := File{ETag: `"tag"`}
	for _, r := range []string{"bytes=0-", "bytes=-1", "bytes=0-0"} {
		if got := empty.Select(parseFields(t, "Range: "+r), true); got.Status != 416 {
			t.Errorf("%s: %+v; want 416", r, got)
		}
	}
}

func TestPlainRequestsAreNotConditional(t *testing.T) {
	if Conditional(parseFields(t, "Accept: */*; Range-Unit: x; If: y; X-If-Match: *; Accept-Ranges: bytes")) {
		t.Error("fields that are none of the conditions are taken for one")
	}
}

// Without a date there is nothing that a date could be compared with.
func TestUndatedFile(t *testing.T) {
	undated := File{Size: 10, Modified: Undated, ETag: `"tag"`}
	for _, fields := range []string{"If-Modified-Since: " + exact, "If-Unmodified-Since: " + exact, "Range: bytes=0-4; If-Range: " + exact} {
		if got := undated.Select(parseFields(t, fields), true); got.Status != 200 || got.Length != 10 {
			t.Errorf("%s: %+v", fields, got)
		}
	}
}
