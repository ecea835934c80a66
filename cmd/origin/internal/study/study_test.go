package study

import (
	"bytes"
	"encoding/binary"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/wire"
)

// ask has a target answered.
func ask(t *testing.T, method, target string, fields ...string) Answer {
	t.Helper()
	var head wire.RequestHead
	text := method + " " + target + " HTTP/1.1\r\nHost: a:1\r\n" + strings.Join(append(fields, "\r\n"), "\r\n")
	if len(fields) == 0 {
		text = method + " " + target + " HTTP/1.1\r\nHost: a:1\r\n\r\n"
	}
	if _, err := wire.ParseRequestHead([]byte(text), 0, &head); err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	path, query, _ := strings.Cut(target, "?")
	return For(&head, path, query, "a:1")
}

// content is all of it.
func content(c Content) string {
	var b []byte
	for i := range c.Pieces {
		b = c.Append(b, i)
	}
	return string(b)
}

// Every endpoint of the list is there, and answers what the list says to try.
func TestEveryEndpointAnswersItsExample(t *testing.T) {
	for _, e := range endpoints {
		method, _, _ := strings.Cut(e.methods, ",")
		a := ask(t, method, e.path())
		if a.Status >= 400 && !strings.Contains(e.path(), "/418") && !strings.Contains(e.path(), "/413") && e.name != "websocket" {
			t.Errorf("%s: %d %s", e.path(), a.Status, content(a.Content))
		}
		if a := ask(t, "OPTIONS", e.path()); a.Status != 204 || len(a.Fields) != 1 || a.Fields[0] != (Field{"Allow", e.methods}) {
			t.Errorf("OPTIONS %s: %d, %q", e.path(), a.Status, a.Fields)
		}
		if a := ask(t, "BREW", e.path()); a.Status != 405 || a.Fields[0] != (Field{"Allow", e.methods}) {
			t.Errorf("BREW %s: %d, %q", e.path(), a.Status, a.Fields)
		}
		if gets := strings.Contains(e.methods, "GET"); gets != strings.Contains(e.methods, "HEAD") {
			t.Errorf("%s has GET or HEAD and not both", e.path())
		}
	}
}

func TestMistakesAreExplained(t *testing.T) {
	for _, c := range []struct {
		target string
		status int
		says   string
	}{
		{"/_/nothing", 404, "/_/ lists"},
		{"/_/status", 404, "/_/ lists"},
		{"/_/status/", 404, "/_/ lists"},
		{"/_/statuses/200", 404, "/_/ lists"},
		{"/_/headers/x", 404, "/_/ lists"},
		{"/_/status/abc", 400, `from 200 to 599, not "abc"`},
		{"/_/status/600", 400, `from 200 to 599, not "600"`},
		{"/_/status/103", 400, "/_/interim?103"},
		{"/_/status/200?x=y", 400, `"x"`},
		{"/_/status/200?a%zz", 400, "percent-encoding"},
		{"/_/delay/long", 400, `from 0 to 10m, such as 500ms or 2 (seconds), not "long"`},
		{"/_/delay/-1s", 400, `"-1s"`},
		{"/_/delay/11m", 400, `"11m"`},
		{"/_/bytes/many", 400, `up to 1TiB, such as 4096 or 64KiB, not "many"`},
		{"/_/bytes/2TiB", 400, `"2TiB"`},
		{"/_/bytes/1/2", 400, `"1/2"`},
		{"/_/bytes/1?seed=-1", 400, `"-1"`},
		{"/_/bytes/1?seed=1&seed=2", 400, `"seed"`},
		{"/_/stream/1?chunk=0", 400, `from 1 to 64KiB, such as 4096 or 64KiB, not "0"`},
		{"/_/stream/1?every=x", 400, "every"},
		{"/_/drip?bytes=11MiB", 400, "up to 10MiB"},
		{"/_/drip?duration=-15ms", 400, `"-15ms"`},
		{"/_/drip?status=100", 400, "/_/interim?100"},
		{"/_/sse?count=0", 400, "from 1 to 1000000"},
		{"/_/interim?101", 400, "/_/websocket"},
		{"/_/interim?200", 400, `from 100 to 199, not "200"`},
		{"/_/interim?103x0", 400, `from 1 to 100, not "0"`},
		{"/_/interim?103x", 400, `from 1 to 100, not ""`},
		{"/_/interim?103x60&102x60", 400, "at most 100"},
	} {
		a := ask(t, "GET", c.target)
		text := content(a.Content)
		if a.Status != c.status || !strings.Contains(text, c.says) || strings.Count(text, "\n") != 1 || a.Type != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d, %q; want %d and %q", c.target, a.Status, text, c.status, c.says)
		}
	}
	for _, c := range []struct{ target, says string }{
		{"/_/early/413?then=dance", `close or read, not "dance"`}, {"/_/early/413?after=x", "after"}, {"/_/early/99", "200 to 599"}, {"/_/upload?x", `"x"`},
	} {
		if a := ask(t, "POST", c.target); a.Status != 400 || a.Reads != Nothing || !strings.Contains(content(a.Content), c.says) {
			t.Errorf("%s: %d, %q; want 400 and %q", c.target, a.Status, content(a.Content), c.says)
		}
	}
}

// What is to go wrong is none of the endpoints' parameters, and no mistake.
func TestFaultsAreAskedForBesideTheParameters(t *testing.T) {
	if a := ask(t, "GET", "/_/interim?fault=fin&102"); a.Status != 200 || len(a.Interim) != 1 {
		t.Errorf("%d, %v", a.Status, a.Interim)
	}
}

// The numbers are those that others publish for SplitMix64.
func TestRandomBytes(t *testing.T) {
	for seed, numbers := range map[uint64][]uint64{
		0:       {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f},
		1234567: {6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821},
	} {
		var want []byte
		for _, n := range numbers {
			want = binary.LittleEndian.AppendUint64(want, n)
		}
		for offset := range len(want) {
			for n := range len(want) - offset + 1 {
				if got := AppendRandom(nil, seed, int64(offset), int64(n)); !bytes.Equal(got, want[offset:offset+n]) {
					t.Fatalf("seed %d, %d bytes from %d: %x, want %x", seed, n, offset, got, want[offset:offset+n])
				}
			}
		}
	}
}

func TestPieces(t *testing.T) {
	all := string(AppendRandom(nil, 5, 0, 100_000))
	for _, c := range []struct {
		target string
		want   string
		pieces int64
		every  time.Duration
	}{
		{"/_/bytes/100000?seed=5", all, 7, 0},
		{"/_/bytes/0", "", 0, 0},
		{"/_/bytes/16KiB?seed=5", all[:16384], 1, 0},
		{"/_/stream/100000?seed=5&chunk=1000&every=0.5", all, 100, 500 * time.Millisecond},
		{"/_/stream/1001?seed=5&chunk=1000", all[:1001], 2, 0},
		{"/_/drip", "**********", 10, 200 * time.Millisecond},
		{"/_/drip?numbytes=4&duration=1", "****", 4, 250 * time.Millisecond},
		{"/_/drip?bytes=3&duration=0", "***", 1, 0},
		{"/_/drip?bytes=0", "", 0, 0},
		{"/_/drip?bytes=1000&duration=100ms", strings.Repeat("*", 1000), 11, 100 * time.Millisecond / 11},
		{"/_/drip?bytes=64KiB&duration=10ms", strings.Repeat("*", 65536), 4, 10 * time.Millisecond / 4},
		{"/_/sse?count=2&every=1m", "id: 1\ndata: event 1 of 2\n\nid: 2\ndata: event 2 of 2\n\n", 2, time.Minute},
	} {
		a := ask(t, "GET", c.target)
		if got := content(a.Content); a.Status != 200 || got != c.want || a.Pieces != c.pieces || a.Every != c.every || !a.Unsized && a.Size != int64(len(c.want)) {
			t.Errorf("%s: %d, %d of %d bytes in %d pieces, each %v", c.target, a.Status, len(got), a.Size, a.Pieces, a.Every)
		}
	}
	a := ask(t, "GET", "/_/bytes/100000?seed=5")
	if part := a.Part(20_001, 50_003); content(part) != all[20_001:70_004] || part.Size != 50_003 {
		t.Error("a part is of other bytes")
	}
}

func TestFields(t *testing.T) {
	for target, want := range map[string]Field{
		"/_":             {"Location", "/_/"},
		"/_/status/302":  {"Location", "/_/"},
		"/_/status/401":  {"WWW-Authenticate", `Basic realm="study"`},
		"/_/status/206":  {"Content-Range", "bytes 0-19/20"},
		"/_/":            {"Vary", "Accept"},
		"/_/websocket":   {"Upgrade", "websocket"},
		"/_/sse?count=1": {"Cache-Control", "no-store"},
		"/_/status/426":  {"Upgrade", "websocket"},
		"/_/status/407":  {"Proxy-Authenticate", `Basic realm="study"`},
		"/_/status/416":  {"Content-Range", "bytes */0"},
		"/_/status/405":  {"Allow", anyMethod},
		"/_/status/308":  {"Location", "/_/"},
	} {
		a := ask(t, "GET", target)
		if len(a.Fields) == 0 || a.Fields[0] != want {
			t.Errorf("%s: %q, want %q first", target, a.Fields, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	a := ask(t, "GET", "/_/headers", "B: 1", "a: \"q\"", "b: 2", "Empty:")
	const want = "{\n  \"headers\": {\n    \"Host\": \"a:1\",\n    \"B\": \"1, 2\",\n    \"a\": \"\\\"q\\\"\",\n    \"Empty\": \"\"\n  }\n}\n"
	if got := content(a.Content); got != want {
		t.Errorf("%s", got)
	}
}

func TestList(t *testing.T) {
	text := content(ask(t, "GET", "/_/").Content)
	page := ask(t, "GET", "/_/", "Accept: text/html,*/*")
	if page.Type != "text/html; charset=utf-8" {
		t.Errorf("a browser gets %s", page.Type)
	}
	shown := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(content(page.Content), ""))
	for _, e := range endpoints[1:] {
		for _, part := range []string{e.path(), e.says, "curl", "'http://a:1" + e.path() + "'"} {
			if !strings.Contains(text, part) || !strings.Contains(shown, part) {
				t.Errorf("%s: %q is not in the list, or not in the page", e.name, part)
			}
		}
	}
	if lines := strings.Count(text, "\n"); lines != 2*(len(endpoints)-1) {
		t.Errorf("the list has %d lines, want two for each of %d", lines, len(endpoints)-1)
	}
}

// Whatever is asked for, there is an answer that a server can send.
func FuzzFor(f *testing.F) {
	for _, e := range endpoints {
		path, query, _ := strings.Cut(e.path(), "?")
		f.Add("GET", path, query)
		f.Add("POST", path, query)
	}
	f.Fuzz(func(t *testing.T, method, path, query string) {
		head := wire.RequestHead{Method: []byte(method), Minor: 1}
		a := For(&head, Path+"/"+strings.TrimPrefix(path, Path+"/"), query, "a:1")
		if a.Status < 200 || a.Status > 599 || a.Delay < 0 || a.Delay > longest || a.Every < 0 || a.Every > longest || a.Size < 0 || len(a.Interim) > 100 {
			t.Fatalf("%+v", a)
		}
		if a.Pieces > 0 && a.Pieces <= a.Size {
			first, last := a.Append(nil, 0), a.Append(nil, a.Pieces-1)
			if len(first) == 0 || len(last) == 0 || len(first) > mostChunk || len(last) > len(first) {
				t.Errorf("%d bytes in %d pieces: the first has %d, the last %d", a.Size, a.Pieces, len(first), len(last))
			}
		}
	})
}
