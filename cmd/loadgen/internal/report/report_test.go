package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/ledger"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// runs are results of several kinds, with what was asked for.
func runs() map[string]*Report {
	smooth := &replay.Result{Ending: replay.Elapsed, Elapsed: 10 * time.Second, CPU: 9850 * time.Millisecond}
	smooth.Requests, smooth.BytesIn, smooth.BytesOut = 1234567, 1524688000, 102862000
	smooth.Wanted, smooth.Reached, smooth.Busy = 64, 64, 0.493
	smooth.Opened, smooth.First, smooth.Reused, smooth.ClosedByUs = 64, 64, 1234503, 64
	smooth.Statuses[200], smooth.Statuses[304] = 1234000, 567
	for latency, times := range map[time.Duration]int{420 * time.Microsecond: 9000, 734 * time.Microsecond: 900, 1210 * time.Microsecond: 95, 12340 * time.Microsecond: 3} {
		for i := range times {
			smooth.Answered(2+i, time.Duration(i)*17*time.Microsecond, latency*3/4, latency)
		}
	}
	for range 64 {
		smooth.Connect.Record(150 * time.Microsecond)
		smooth.AnsweredFirst(150*time.Microsecond, 700*time.Microsecond, 900*time.Microsecond)
	}

	rough := &replay.Result{
		Ending: replay.Interrupted, Elapsed: 3200 * time.Millisecond, CPU: 12 * time.Millisecond,
		Explanations: []string{
			`GET /a/rather/long/path/to/something?with=a&query=string (request 3 of connection c17 from 127.0.0.1:53210): content-mismatch: content differs at offset 17: "Hello, World", recorded "Hello, world"`,
			"GET /b (request 1 of connection c18 from 127.0.0.1:53211): timeout: 0 bytes of the response arrived",
		},
	}
	rough.Requests, rough.Errors, rough.Unfinished, rough.BytesIn, rough.BytesOut = 40, 13, 2, 987, 4096
	rough.Early, rough.Unread, rough.Wanted, rough.Reached, rough.Busy, rough.Processor = 2, 1, 1, 1, 0.95, "1"
	rough.Unsent, rough.Retries, rough.Pauses, rough.Paused, rough.First = 58, 1, 1503, 70*time.Second, 8
	rough.Opened, rough.Reused, rough.ClosedByUs, rough.ClosedByPeer, rough.Stale, rough.Interim = 9, 31, 2, 7, 1, 4
	rough.Statuses[200], rough.Statuses[404], rough.Statuses[502] = 29, 8, 1
	rough.Causes[replay.Timeout], rough.Causes[replay.ContentMismatch] = 12, 1
	rough.ConnectFailures[replay.ConnectRefused], rough.ConnectFailures[replay.ConnectTimeout] = 1500, 1
	for _, latency := range []time.Duration{42 * time.Microsecond, 3 * time.Second, 70 * time.Second} {
		rough.Connect.Record(time.Second + latency)
		rough.AnsweredFirst(time.Second+latency, 21*time.Microsecond, latency)
	}

	nothing := &replay.Result{Ending: replay.Unreachable, Elapsed: 2 * time.Second, CPU: time.Millisecond, LastConnectError: errors.New("refused")}
	nothing.Requests, nothing.Errors, nothing.Causes[replay.ConnectRefused] = 16, 16, 16
	nothing.Wanted = 16
	nothing.ConnectFailures[replay.ConnectRefused] = 128
	nothing.Explanations = []string{"GET / (request 1 of http://127.0.0.1:9/): connect-refused: dial tcp 127.0.0.1:9: connect: connection refused"}

	hanging := &replay.Result{Ending: replay.Elapsed, Elapsed: time.Second}
	hanging.Unfinished, hanging.Opened, hanging.ClosedByUs, hanging.Connecting = 6, 4, 4, 2
	late := &replay.Result{Ending: replay.Complete, Elapsed: time.Second}
	late.Requests, late.First, late.Opened, late.ClosedByUs, late.Statuses[200] = 1, 1, 1, 1, 1
	late.ConnectFailures[replay.ConnectRefused], late.Pauses, late.Paused = 3, 3, 35*time.Millisecond
	limited := &replay.Result{Ending: replay.Limited, Elapsed: time.Second, LastConnectCause: replay.OutOfPorts, LastConnectError: errors.New("no address")}
	limited.Requests, limited.Errors, limited.Unsent, limited.Causes[replay.OutOfPorts], limited.ConnectFailures[replay.OutOfPorts] = 1, 1, 99, 1, 12

	paced := &replay.Result{Ending: replay.Elapsed, Elapsed: time.Second, CPU: 20 * time.Millisecond}
	paced.Kept, paced.Wanted, paced.Reached = 0.97, 1, 1
	paced.Requests, paced.Opened, paced.First, paced.Reused, paced.ClosedByUs, paced.Statuses[200], paced.Unsent = 100, 1, 1, 99, 1, 100, 3
	for i := range time.Duration(100) {
		paced.Answered(2+int(i), i*time.Millisecond, i*time.Microsecond, i*2*time.Microsecond)
		paced.Response.Record(i * time.Millisecond)
		paced.Lateness.Record(30 * time.Microsecond)
	}

	secure := &replay.Result{Ending: replay.Complete, Elapsed: 3 * time.Second, CPU: time.Second}
	secure.Requests, secure.First, secure.Opened, secure.ClosedByUs, secure.Statuses[200], secure.Resumed = 1000, 1000, 1000, 1000, 1000, 984
	for range 1000 {
		secure.Connect.Record(150 * time.Microsecond)
		secure.TLS.Record(850 * time.Microsecond)
		secure.AnsweredFirst(time.Millisecond, 150*time.Microsecond, 200*time.Microsecond)
	}

	url := Settings{Source: []string{"http://127.0.0.1:8080/1k"}, Hop: "client", Target: "127.0.0.1:8080", Sessions: 1, RecordedRequests: 1, Connections: 64, Loops: 2, DurationS: 10, KeptAlive: true, TimeoutS: 10, GraceS: 1, Retry: "stale", Backoff: true}
	file := Settings{
		Source: []string{"recordings/monday/morning.pcapng", "recordings/monday/evening.pcapng"}, Hop: "origin", Target: "unix:/run/hopwire/edge.sock",
		Sessions: 12, RecordedRequests: 345, Requests: 100, Connections: 1, Loops: 1, RequestsPerConnection: 3, Verify: true, TimeoutS: 1.5, Retry: "none",
	}
	open, inTime := url, file
	open.Pace, open.Rate, open.Arrivals, open.RampS, open.Reuse = "open", 20000, "poisson", 2.5, "oldest"
	inTime.Pace, inTime.Speed, inTime.RequestsPerConnection = "recorded", 2, 0
	open.RequestsPerConnection, open.RequestsPerConnectionMost, open.ConnectionLifetimeS, open.Close, open.WarmupS = 3, 7, 60, "rst", 2
	paced.Warmup, file.Pipeline = 40000, 8
	https := url
	https.Source, https.TLS, https.CA, https.TLSResume, https.RequestsPerConnection, https.KeptAlive = []string{"https://127.0.0.1:8443/1k"}, true, "ca.pem", true, 1, false
	notes := []string{"2 requests left out: not HTTP/1.1 by the book", "3 packets were cut by the snapshot length of the capture: record with tcpdump -s 0"}
	return map[string]*Report{
		"smooth":  New(url, nil, smooth),
		"secure":  New(https, nil, secure),
		"rough":   New(file, notes, rough),
		"nothing": New(url, nil, nothing),
		"hanging": New(url, nil, hanging),
		"late":    New(url, nil, late),
		"limited": New(url, nil, limited),
		"open":    New(open, nil, paced),
		"in-time": New(inTime, nil, paced),
		"ledger":  withLedger(New(url, nil, late), late),
	}
}

// withLedger adds that of a run of which the edge has seen nothing.
func withLedger(rep *Report, r *replay.Result) *Report {
	counters := ledger.Counters{"requests": 1234567, "client-connections.closed-by-edge": 0}
	rep.Ledger = ledger.Balance(r, []ledger.Program{{Kind: "edge", Address: "127.0.0.1:9090", Before: counters, After: counters}},
		ledger.Counters{"TW": 5, "RetransSegs": 1}, ledger.Counters{"TW": 1239, "RetransSegs": 1})
	return rep
}

func TestText(t *testing.T) {
	for name, r := range runs() {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := r.WriteText(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", b.String())
			for line := range strings.Lines(b.String()) {
				line = strings.TrimSuffix(line, "\n")
				if n := utf8.RuneCountInString(line); n > columns || strings.HasSuffix(line, " ") {
					t.Errorf("%d columns: %q", n, line)
				}
			}
		})
	}
}

func TestJSON(t *testing.T) {
	for name, r := range runs() {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := r.WriteJSON(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", b.String())
		})
	}
}

func TestReadingLine(t *testing.T) {
	for want, of := range map[string][3]int64{
		"\r\x1b[K  reading   4.00 MiB":                     {4 << 20, 0, 80},
		"\r\x1b[K  reading   512 MiB   50.0 % of 1.00 GiB": {512 << 20, 1 << 30, 80},
		"\r\x1b[K  reading   512 MiB":                      {512 << 20, 1 << 30, 37},
		"\r\x1b[K":                                         {512 << 20, 1 << 30, 9},
	} {
		if got := ReadingLine(of[0], of[1], int(of[2])); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLine(t *testing.T) {
	const ms = time.Millisecond
	for want, p := range map[string]replay.Progress{
		"  0.0 s   no errors   0 per second":                                              {},
		"  3.2 s   no errors   128,858 per second":                                        {Elapsed: 3200 * ms, Requests: 412345},
		"  1.0 s   1,200 errors   10,800 per second":                                      {Elapsed: time.Second, Requests: 12000, Errors: 1200},
		"  1.0 s   1 attempt to connect failed   0 per second":                            {Elapsed: time.Second, ConnectFailures: 1},
		"  1.0 s   1 error, 20 attempts to connect failed   0 per second":                 {Elapsed: time.Second, Requests: 1, Errors: 1, ConnectFailures: 20},
		"  [████            ]   7.5 s left   no errors   123,457 per second   p99 900 µs": {Elapsed: 2500 * ms, Requests: 308642, P99: 900 * time.Microsecond, Done: 0.25, Left: 7500 * ms},
		"  [████████████████████████]   0.0 s left   no errors   200.0 per second":        {Elapsed: time.Second, Requests: 200, Done: 1},
		"  1200.0 s left   3 errors, 1 attempt to connect failed   23,457 per second":     {Elapsed: time.Second, Requests: 23460, Errors: 3, ConnectFailures: 1, P99: 900 * time.Microsecond, Done: 0.001, Left: 1200 * time.Second},
	} {
		if got := Line(p, 1, 1, 80, false); got != "\r\x1b[K"+want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := Line(p, 1, 1, 80, true); strings.Contains(got, "\x1b[31m") != (p.Errors+p.ConnectFailures > 0) || strings.NewReplacer("\x1b[31m", "", "\x1b[m", "").Replace(got) != "\r\x1b[K"+want {
			t.Errorf("with colour %q", got)
		}
	}
	p := replay.Progress{Elapsed: 3200 * ms, Requests: 412345, P99: 900 * time.Microsecond, Done: 0.4, Left: 6800 * ms}
	if got, want := Line(p, 2, 3, 80, false), "\r\x1b[K  [██   ]   round 2/3, 6.8 s left   no errors   128,858 per second   p99 900 µs"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLineStaysOneLine: a line that is continued below cannot be taken back.
func TestLineStaysOneLine(t *testing.T) {
	p := replay.Progress{Elapsed: 3200 * time.Millisecond, Requests: 412345, P99: 900 * time.Microsecond, Done: 0.32, Left: 6800 * time.Millisecond}
	const whole = "  6.8 s left   no errors   128,858 per second   p99 900 µs"
	shown := map[string]bool{}
	for columns := range 120 {
		line := strings.TrimPrefix(Line(p, 1, 1, columns, true), "\r\x1b[K")
		text := line
		if bar, behind, found := strings.Cut(line, "] "); found {
			text = behind
			if cells := utf8.RuneCountInString(bar) - len("  ["); cells < fewestCells || cells > mostCells {
				t.Errorf("%d columns: %q", columns, line)
			}
		}
		if utf8.RuneCountInString(line) >= max(columns, 1) || !strings.HasPrefix(whole, text) {
			t.Errorf("%d columns: %q", columns, line)
		}
		shown[text] = true
	}
	if len(shown) != 5 || !shown[whole] {
		t.Errorf("shown are %v", shown)
	}
}

// TestRates: what happened once in a while has a rate.
func TestRates(t *testing.T) {
	for _, test := range []struct {
		requests, errors int64
		in               time.Duration
		want             float64
		text             string
	}{
		{49, 0, 9007 * time.Millisecond, 5.440213, "5.44 per second"},
		{1, 0, 2500 * time.Millisecond, 0.4, "0.400 per second"},
		{2, 1, 2500 * time.Millisecond, 0.4, "0.400 per second"},
		{1, 0, time.Hour, 0.000278, "0.000278 per second"},
		{1, 1, time.Second, 0, ", 0 per second"},
		{1000, 0, 0, 0, ", 0 per second"},
	} {
		r := &replay.Result{Elapsed: test.in}
		r.Requests, r.Errors = test.requests, test.errors
		rep := New(Settings{}, nil, r)
		var text strings.Builder
		rep.WriteText(&text)
		if rep.RequestsPerS != test.want || !strings.Contains(text.String(), test.text) {
			t.Errorf("%d in %s: %g, not %g, in\n%s", test.requests, test.in, rep.RequestsPerS, test.want, &text)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(1234567), "1,234,567"}, {count(-100000), "-100,000"},
		{span(0), "0"}, {span(1), "0.00 µs"}, {span(1234), "1.23 µs"}, {span(99949), "99.9 µs"}, {span(99999), "100 µs"},
		{span(999499), "999 µs"}, {span(999999), "1.00 ms"}, {span(12345678), "12.3 ms"}, {span(999.6e6), "1.00 s"}, {span(3 * time.Minute), "180 s"},
		{size(0), "0 B"}, {size(999), "999 B"}, {size(1000), "0.98 KiB"}, {size(1 << 20), "1.00 MiB"}, {size(5 << 40), "5.00 TiB"},
		{rate(0), "0"}, {rate(5.44), "5.44"}, {rate(99.94), "99.9"}, {rate(544.26), "544.3"}, {rate(999.96), "1,000"}, {rate(123456.7), "123,457"},
		{rate(0.4), "0.400"}, {rate(0.0123), "0.0123"}, {rate(1.0 / 3600), "0.000278"},
		{percent(0), "0.0 %"}, {percent(0.0001), "<0.1 %"}, {percent(0.1234), "12.3 %"}, {percent(1), "100.0 %"},
		{limit(20 * time.Microsecond), "20 µs"}, {limit(5 * time.Millisecond), "5 ms"}, {limit(50 * time.Second), "50 s"},
		{picture(0, 10), ""}, {picture(0.0001, 10), "▏"}, {picture(0.55, 10), "█████▌"}, {picture(1, 10), "██████████"}, {picture(0.1, 10), "█"},
		{plural(1, "loop"), "1 loop"}, {plural(0, "loop"), "0 loops"}, {plural(1000, "loop"), "1,000 loops"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"a b c", []string{"a b c"}},
		{"aaa bbb ccc", []string{"aaa bbb", "ccc"}},
		{"aaaaaaaaaa b", []string{"aaaaaaa", "aaa b"}},
		{"a bbbbbbbbbbbbbbbb", []string{"a", "bbbbbbb", "bbbbbbb", "bb"}},
		{"äöü äöü", []string{"äöü äöü"}},
	} {
		if got := fold(test.text, 7); !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestWriteErrorsAreReturned(t *testing.T) {
	for name, r := range runs() {
		if r.WriteText(brokenWriter{}) == nil || r.WriteJSON(brokenWriter{}) == nil {
			t.Errorf("%s: the error of the writer is lost", name)
		}
	}
}

// JSON holds nothing that a terminal obeys, and says the same all the same.
func TestJSONIsSafeToShow(t *testing.T) {
	const note = "\x00\n\x1b\x7f\u0080\u009b\u202e\u2028\U000e0001 é\U0001f600\\"
	var b bytes.Buffer
	if err := New(Settings{}, []string{note}, &replay.Result{}).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if unseen := func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' }; bytes.ContainsFunc(b.Bytes(), unseen) {
		t.Errorf("%q", b.String())
	}
	var read struct{ Notes []string }
	if err := json.Unmarshal(b.Bytes(), &read); err != nil || !slices.Equal(read.Notes, []string{note}) {
		t.Errorf("%v, notes %q, want %q", err, read.Notes, note)
	}
}

// TestAsked: a server that every source names is not named again.
func TestAsked(t *testing.T) {
	for _, test := range []struct {
		source []string
		want   string
	}{
		{[]string{"h:80"}, "h:80"},
		{[]string{"http://h:80"}, "http://h:80"},
		{[]string{"https://h:80/a?b", "http://h:80/c"}, "https://h:80/a?b, http://h:80/c"},
		{[]string{"http://h:80/", "http://g:80/"}, "http://h:80/, http://g:80/ to h:80"},
		{[]string{"http://h:8080/"}, "http://h:8080/ to h:80"},
		{[]string{"http://h:80/", "a.pcap"}, "http://h:80/, a.pcap to h:80"},
		{[]string{"h:80.pcap"}, "h:80.pcap to h:80"},
	} {
		if got := asked(test.source, "h:80"); got != test.want {
			t.Errorf("%q, not %q", got, test.want)
		}
	}
}
