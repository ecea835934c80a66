package wire

import (
	"net/http"
	"testing"
	"time"
)

func TestAppendHeads(t *testing.T) {
	var b []byte
	b = AppendRequestLine(b, "GET", []byte("/a?b"))
	b = AppendField(b, "Host", []byte("example.com"))
	b = AppendFieldInt(b, []byte("Content-Length"), 1<<63-1)
	b = AppendHeadEnd(b)
	const want = "GET /a?b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 9223372036854775807\r\n\r\n"
	if string(b) != want {
		t.Errorf("the request head is %q, want %q", b, want)
	}
	for _, c := range []struct {
		status int
		reason string
		want   string
	}{
		{200, "", "HTTP/1.1 200 OK\r\n"},
		{200, "Fine", "HTTP/1.1 200 Fine\r\n"},
		{299, "", "HTTP/1.1 299 \r\n"},
		{101, "", "HTTP/1.1 101 Switching Protocols\r\n"},
	} {
		if got := string(AppendStatusLine(nil, c.status, c.reason)); got != c.want {
			t.Errorf("the status line is %q, want %q", got, c.want)
		}
	}
}

func TestIsToken(t *testing.T) {
	for _, s := range []string{"", "abc", "a b", " a", "a\t", "a\r\nb", "é", "a\x7f", "a:"} {
		if got := IsToken(s); got != (s == "abc") {
			t.Errorf("%q: %v", s, got)
		}
	}
}

// TestStatusText compares with net/http, which has older names for some codes.
func TestStatusText(t *testing.T) {
	renamed := map[int]string{
		413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 418: "", 422: "Unprocessable Content", 510: "",
	}
	for code := -1; code < 1000; code++ {
		want := http.StatusText(code)
		if name, ok := renamed[code]; ok {
			want = name
		}
		if got := StatusText(code); got != want {
			t.Errorf("%d is %q, want %q", code, got, want)
		}
	}
}

// TestAppendDate compares each day of four centuries and more, at a changing
// time of day, with package time.
func TestAppendDate(t *testing.T) {
	from := time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	to := time.Date(2240, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for s := from; s < to; s += secondsPerDay + 3607 {
		want := time.Unix(s, 0).UTC().Format(http.TimeFormat)
		b := AppendDate(nil, s)
		if string(b) != want || len(b) != dateLen {
			t.Fatalf("%d is %q, want %q", s, b, want)
		}
		if got, ok := ParseDate(b); !ok || got != s {
			t.Fatalf("%q is parsed as %d, %v; want %d", b, got, ok, s)
		}
	}
}

func TestParseDate(t *testing.T) {
	const want = 784111777
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		if got, ok := ParseDate([]byte(s)); !ok || got != want {
			t.Errorf("%q is %d, %v; want %d", s, got, ok, want)
		}
	}
	for s, want := range map[string]int64{
		"Thu, 01 Jan 1970 00:00:00 GMT":    0,
		"Thursday, 01-Jan-70 00:00:00 GMT": 0,
		"Tuesday, 31-Dec-69 00:00:00 GMT":  3155673600,
		"Wed Nov 16 08:49:37 1994":         want + 10*secondsPerDay,
		"Tue, 29 Feb 2000 00:00:00 GMT":    951782400,
		"Sat, 31 Dec 2016 23:59:60 GMT":    1483228800, // a leap second
		"Wed, 31 Dec 1969 23:59:59 GMT":    -1,
	} {
		if got, ok := ParseDate([]byte(s)); !ok || got != want {
			t.Errorf("%q is %d, %v; want %d", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "0", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 gmt", "sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
		"Tue, 29 Feb 1900 00:00:00 GMT", "Sun, 06 Nev 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT\x00",
		"Sun, +6 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov 06 08:49:37 1994 ", "Sun Nov  0 08:49:37 1994",
		"Monsday, 06-Nov-94 08:49:37 GMT",
	} {
		if got, ok := ParseDate([]byte(s)); ok {
			t.Errorf("%q is accepted as %d", s, got)
		}
	}
}

// FuzzParseDate wants the same dates as net/http, which does not know leap
// seconds, places two-digit years otherwise, and is lenient about a few things;
// what both accept is the same time.
func FuzzParseDate(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT")
	f.Add("Sun Nov  6 08:49:37 1994")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ParseDate([]byte(s))
		want, err := http.ParseTime(s)
		if !ok || err != nil {
			return
		}
		if got != want.Unix() && want.Year() != 1969 && want.Year() != 2069 {
			t.Errorf("%q is %d, want %d", s, got, want.Unix())
		}
	})
}
