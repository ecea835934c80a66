package har

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lines shows a recording: its connections and, message by message, what they have.
func lines(t *testing.T, entries ...string) (all, warnings []string, losses int) {
	t.Helper()
	timed := strings.ReplaceAll(strings.Join(entries, ","), `"request":`, `"time": 1, "request":`)
	rec, err := Read(strings.NewReader(`{"log": {"version": "1.2", "entries": [`+timed+`]}}`), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rec.Connections {
		all = append(all, fmt.Sprintf("%s to %s", c.ID, c.Server))
		for _, x := range c.Exchanges {
			all = append(all, string(x.Request.Raw), string(x.Response.Raw)+map[bool]string{true: " (cut)"}[x.Response.Cut])
		}
	}
	return all, rec.Warnings, rec.Losses
}

const (
	got      = `"response": {"status": 200, "statusText": "OK", "headers": [{"name": "Content-Type", "value": "text/plain"}, {"name": "Transfer-Encoding", "value": "chunked"}], "content": {"size": 2, "text": "hi"}}`
	inexact  = "an archive has no bytes: heads are put together of its names and values, with Host first and Content-Length last"
	response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
)

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name     string
		entries  []string
		want     []string
		warnings []string // without the last one
		losses   int
	}{
		{"connections are kept", []string{
			`{"connection": "7", "serverIPAddress": "192.0.2.7", "request": {"method": "GET", "url": "http://a/x?y=1#z", "httpVersion": "HTTP/1.1", "headers": [{"name": "Accept", "value": "*/*"}, {"name": "Host", "value": "b"}]}, ` + got + `}`,
			`{"connection": "8", "serverIPAddress": "[2001:db8::1]", "request": {"method": "GET", "url": "http://a:81/"}, ` + got + `}`,
			`{"connection": "7", "request": {"method": "GET", "url": "http://a/2"}, ` + got + `}`,
		}, []string{
			"7 to 192.0.2.7:80", "GET /x?y=1 HTTP/1.1\r\nHost: b\r\nAccept: */*\r\n\r\n", response, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n", response,
			"8 to [2001:db8::1]:81", "GET / HTTP/1.1\r\nHost: a:81\r\n\r\n", response,
		}, nil, 0},
		{"HTTP/2", []string{
			`{"connection": "7", "request": {"method": "GET", "url": "https://a/", "httpVersion": "h2", "headers": [{"name": ":authority", "value": "a"}, {"name": ":path", "value": "/"}, {"name": "te", "value": "trailers"}]}, ` + got + `}`,
		}, []string{"7 to 0.0.0.0:443", "GET / HTTP/1.1\r\nHost: a\r\nte: trailers\r\n\r\n", response}, []string{
			"1 request spoke HTTP/2 or 3, side by side on a connection: as HTTP/1.1 they follow one another",
			"1 request used TLS, of which nothing is left in the archive",
		}, 0},
		{"no connections", []string{
			`{"request": {"method": "GET", "url": "http://10.0.0.1/"}, ` + got + `}`, `{"request": {"method": "GET", "url": "http://10.0.0.1/"}, ` + got + `}`,
		}, []string{"1 to 10.0.0.1:80", "GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n", response, "2 to 10.0.0.1:80", "GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n", response},
			[]string{"2 requests of which the archive does not say on which connection: each has one of its own"}, 0},
		{"content", []string{
			`{"connection": "1", "request": {"method": "POST", "url": "http://a/", "bodySize": 2, "headers": [{"name": "content-length", "value": "9"}], "postData": {"text": "hü"}}, "response": {"status": 204}}`,
			`{"connection": "1", "request": {"method": "PUT", "url": "http://a/", "postData": {"text": "/w==", "encoding": "base64"}}, "response": {"status": 0}}`,
		}, []string{"1 to 0.0.0.0:80", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nhü", "HTTP/1.1 204 \r\n\r\n", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n\xff", ""}, nil, 0},
		{"responses that cannot be compared", []string{
			`{"connection": "1", "request": {"method": "GET", "url": "http://a/"}, "response": {"status": 200, "headers": [{"name": "Content-Encoding", "value": "br"}], "content": {"size": 2, "text": "hi"}}}`,
			`{"connection": "1", "request": {"method": "GET", "url": "http://a/"}, "response": {"status": 200, "content": {"size": 2}}}`,
			`{"connection": "1", "request": {"method": "GET", "url": "http://a/"}, "response": {"status": 200, "content": {"size": 1, "text": "ü"}}}`,
		}, []string{"1 to 0.0.0.0:80", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 \r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n (cut)", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\n (cut)",
			"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n (cut)"}, nil, 0},
		{"lines in values", []string{
			`{"connection": "1", "request": {"method": "GET", "url": "http://a/"}, "response": {"status": 204, "headers": [{"name": "Set-Cookie", "value": "a=1\nb=2"}]}}`,
			`{"connection": "1", "request": {"method": "GET", "url": "http://a/", "headers": [{"name": "X", "value": "a\r\nEvil: 1"}]}, ` + got + `}`,
			`{"connection": "1", "request": {"method": "GET", "url": "http://a/", "headers": [{"name": "Host", "value": "a\nEvil: 1"}]}, ` + got + `}`,
			`{"connection": "1", "request": {"method": "GET / HTTP/1.1\r\nEvil: 1\r\nX:", "url": "http://a/"}, ` + got + `}`,
			`{"connection": "1", "request": {"method": "GET", "url": "http://a/"}, "response": {"status": 204, "statusText": "x\r\nEvil: 1"}}`,
			`{"connection": "1", "request": {"method": "GET", "url": "http://a/"}, "response": {"status": 204, "headers": [{"name": "Evil: 1\nX", "value": ""}]}}`,
		}, []string{"1 to 0.0.0.0:80", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 204 \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"},
			[]string{"5 requests left out: the end of a line is in a name or a value, which would begin another field"}, 1},
		{"left out", []string{
			`{"request": {"method": "POST", "url": "http://a/", "bodySize": 5}}`, `{"request": {"method": "GET", "url": "data:,x"}}`,
			`{"_fromCache": "disk", "request": {"method": "GET", "url": "http://a/"}}`,
		}, nil, []string{"1 request left out: the archive lacks the content", "1 request left out: not to an http or https URL", "1 request left out: answered from the browser's cache"}, 2},
	} {
		all, warnings, losses := lines(t, test.entries...)
		if !slices.Equal(all, test.want) || !slices.Equal(warnings, append(test.warnings, inexact)) || losses != test.losses {
			t.Errorf("%s: got\n%q\n%q, %d losses; want\n%q\n%q, %d", test.name, all, warnings, losses, test.want, test.warnings, test.losses)
		}
	}
}

// TestTimes tells when the parts of an exchange were, in ms behind its start.
func TestTimes(t *testing.T) {
	for _, test := range []struct {
		times    string
		want     [4]float64 // the request's, and the response's
		warnings int
	}{
		{`"time": 60, "timings": {"blocked": 1, "dns": 2, "connect": 3, "ssl": 2, "send": 4, "wait": 20, "receive": 30}`, [4]float64{6, 10, 30, 60}, 1},
		{`"time": 60.5, "timings": {"blocked": -1, "dns": -1, "connect": -1, "send": 0, "wait": 60.25, "receive": 0.25}`, [4]float64{0, 0, 60.25, 60.5}, 1},
		{`"time": 60`, [4]float64{0, 0, 60, 60}, 1},
		{`"time": 5, "timings": {"blocked": 10, "send": 1, "wait": 1, "receive": 1e300}`, [4]float64{5, 5, 5, 5}, 1},
		{`"timings": {}`, [4]float64{}, 2},
		{`"time": "60", "timings": {"blocked": "6", "send": null, "receive": "30"}`, [4]float64{6, 6, 30, 60}, 1},
		{`"time": 60, "timings": {"blocked": "a while", "send": 4, "wait": [], "receive": 1e400}`, [4]float64{0, 4, 60, 60}, 2},
		{`"time": true`, [4]float64{}, 3},
	} {
		rec, err := Read(strings.NewReader(`{"log": {"entries": [{"startedDateTime": "2026-01-01T10:00:00Z", "request": {"url": "http://a/"}, "connection": "1", "response": {"status": 204}, `+test.times+`}]}}`), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		c := rec.Connections[0]
		x, got := &c.Exchanges[0], [4]float64{}
		for i, at := range []time.Time{x.Request.At, x.Request.End, x.Response.At, x.Response.End} {
			got[i] = float64(at.Sub(c.Opened).Microseconds()) / 1000
		}
		if got != test.want || len(rec.Warnings) != test.warnings {
			t.Errorf("%s: %v, want %v; %q", test.times, got, test.want, rec.Warnings)
		}
	}
}

func TestNoArchive(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:              "this is JSON, but no HTTP archive (HAR): it has no log",
		`{"log": 1}`:      "this is JSON, but no HTTP archive (HAR): ",
		`{"log": {`:       "this is JSON, but no HTTP archive (HAR): unexpected end of JSON input",
		"{" + blanks(200): "an archive may be a 6th of the memory long, which is 100 bytes: raise --memory",
	} {
		if _, err := Read(strings.NewReader(text), 600); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.20s: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]bool{"{": true, "\xef\xbb\xbf \r\n{": true, "": false, "\x0a\x0d\x0d\x0a": false, "[": false} {
		if Is([]byte(text)) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}

func blanks(n int) string { return strings.Repeat(" ", n) }
