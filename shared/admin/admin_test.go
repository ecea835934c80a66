package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/tally"
)

// limit bounds every wait.
const limit = 20 * time.Second

// A rig is a server, and a client of it.
type rig struct {
	*Server
	t      *testing.T
	drain  context.CancelFunc
	client http.Client
	at     *loop.Address
}

// read is what a program answers that has nothing else to do.
func read(context.Context) (Reading, error) {
	var counters tally.List
	counters.Add("things.open", 3)
	counters.Add("things", 5)
	counters.Add("ends.well", 1)
	counters.Add("ends.not-well", 2)
	counters.Add("not-shown", 7)
	r := Reading{Counters: counters.All}
	r.Durations.Count(time.Millisecond)
	r.Durations.Count(3 * time.Second)
	r.Durations.Count(time.Minute)
	return r, nil
}

var metrics = []Metric{
	{Of: "things", Name: "things_total", Help: "Things that came."},
	{Of: "things.open", Name: "things", Help: "Things that are there."},
	{Of: "ends.", Name: "ends_total", Label: "cause", Help: "Things that ended."},
}

func begin(t *testing.T, address string, read func(context.Context) (Reading, error)) *rig {
	t.Helper()
	at, err := loop.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, drain := context.WithCancel(t.Context())
	s, err := Start(ctx, at, Config{Program: "test", Metrics: metrics, Read: read, Messages: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Server: s, t: t, drain: drain, at: at, client: http.Client{Timeout: limit}}
	r.client.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial(s.address.Network(), s.address.String())
	}}
	t.Cleanup(func() { r.end() })
	return r
}

// end closes the server, which may not take long.
func (r *rig) end() {
	r.t.Helper()
	before := time.Now()
	if err := r.Close(); err != nil || time.Since(before) > time.Second {
		r.t.Errorf("the end took %v, %v", time.Since(before), err)
	}
}

func (r *rig) ask(method, path string) (*http.Response, string) {
	r.t.Helper()
	request, err := http.NewRequest(method, "http://admin"+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response, string(content)
}

func (r *rig) expect(method, path string, status int, content string) {
	r.t.Helper()
	if response, got := r.ask(method, path); response.StatusCode != status || !strings.HasPrefix(got, content) {
		r.t.Errorf("%s %s: %d, %q; want %d, %q", method, path, response.StatusCode, got, status, content)
	}
}

func TestPages(t *testing.T) {
	r := begin(t, "127.0.0.1:0", read)
	for _, path := range []string{"/metrics", "/counters", "/healthz"} {
		r.expect("GET", path, 200, "")
		r.expect("HEAD", path, 200, "")
		r.expect("POST", path, 405, "only GET and HEAD")
	}
	if response, _ := r.ask("DELETE", "/counters"); response.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("allowed are %q", response.Header["Allow"])
	}
	for _, path := range []string{"/", "/metrics/", "/debug/pprof/"} {
		r.expect("GET", path, 404, "nothing is here; there are /metrics, /counters, /healthz and /readyz\n")
	}
	r.expect("GET", "/counters", 200, `{
  "things.open": 3,
  "things": 5,
  "ends.well": 1,
  "ends.not-well": 2,
  "not-shown": 7,
  "started-us": `+strconv.FormatInt(r.started.UnixMicro(), 10)+`
}
`)
	if response, _ := r.ask("GET", "/counters"); response.Header.Get("Content-Type") != "application/json" || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", response.Header)
	}
}

func TestReadiness(t *testing.T) {
	r := begin(t, "127.0.0.1:0", read)
	r.expect("GET", "/readyz", 503, "starting")
	r.Ready()
	r.expect("GET", "/readyz", 200, "ready")
	r.drain()
	r.expect("GET", "/readyz", 503, "draining")
	r.expect("GET", "/healthz", 200, "alive")
	r.expect("GET", "/counters", 200, "{")
	var none *Server
	none.Ready()
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}

func TestMetrics(t *testing.T) {
	r := begin(t, "127.0.0.1:0", read)
	response, text := r.ask("GET", "/metrics")
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("of type %s", kind)
	}
	ours := strings.Join(regexp.MustCompile(`(?m)^.*hopwire_.*\n`).FindAllString(text, -1), "")
	const want = `# HELP hopwire_test_ends_total Things that ended.
# TYPE hopwire_test_ends_total counter
hopwire_test_ends_total{cause="not-well"} 2
hopwire_test_ends_total{cause="well"} 1
# HELP hopwire_test_request_duration_seconds Requests that are over, by the time from their first byte to the end of the response, in turns of a loop.
# TYPE hopwire_test_request_duration_seconds histogram
hopwire_test_request_duration_seconds_bucket{le="0.001"} 1
hopwire_test_request_duration_seconds_bucket{le="0.0025"} 1
hopwire_test_request_duration_seconds_bucket{le="0.005"} 1
hopwire_test_request_duration_seconds_bucket{le="0.01"} 1
hopwire_test_request_duration_seconds_bucket{le="0.025"} 1
hopwire_test_request_duration_seconds_bucket{le="0.05"} 1
hopwire_test_request_duration_seconds_bucket{le="0.1"} 1
hopwire_test_request_duration_seconds_bucket{le="0.25"} 1
hopwire_test_request_duration_seconds_bucket{le="0.5"} 1
hopwire_test_request_duration_seconds_bucket{le="1"} 1
hopwire_test_request_duration_seconds_bucket{le="2.5"} 1
hopwire_test_request_duration_seconds_bucket{le="5"} 2
hopwire_test_request_duration_seconds_bucket{le="10"} 2
hopwire_test_request_duration_seconds_bucket{le="25"} 2
hopwire_test_request_duration_seconds_bucket{le="50"} 2
hopwire_test_request_duration_seconds_bucket{le="+Inf"} 3
hopwire_test_request_duration_seconds_sum 63.001
hopwire_test_request_duration_seconds_count 3
# HELP hopwire_test_things Things that are there.
# TYPE hopwire_test_things gauge
hopwire_test_things 3
# HELP hopwire_test_things_total Things that came.
# TYPE hopwire_test_things_total counter
hopwire_test_things_total 5
`
	if ours != want {
		t.Errorf("got\n%s\nwant\n%s", ours, want)
	}
	for _, other := range []string{"\ngo_goroutines ", "\nprocess_open_fds "} {
		if !strings.Contains(text, other) {
			t.Errorf("there is no%s", other)
		}
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// Whoever asks while a loop is busy is told so, and what ends with him.
func TestBusyLoop(t *testing.T) {
	r := begin(t, "127.0.0.1:0", func(ctx context.Context) (Reading, error) {
		<-ctx.Done()
		return Reading{}, ctx.Err()
	})
	r.patience = 10 * time.Millisecond
	for _, path := range []string{"/metrics", "/counters"} {
		r.expect("GET", path, 503, "a loop is busy, or does not run yet: it has not answered within 10ms\n")
	}
	r.expect("GET", "/healthz", 200, "alive")

	ended := begin(t, "127.0.0.1:0", func(context.Context) (Reading, error) { return Reading{}, loop.ErrStopped })
	ended.expect("GET", "/metrics", 503, "a loop cannot be asked: ")
}

// Those who do not read, or do not end their requests, hold nobody up.
func TestStuckScrapers(t *testing.T) {
	asked := make(chan bool)
	r := begin(t, "127.0.0.1:0", func(ctx context.Context) (Reading, error) {
		close(asked)
		<-ctx.Done() // which ends with the scraper's connection
		return Reading{}, ctx.Err()
	})
	for _, request := range []string{"", "GET /metrics HTTP/1.1\r\n", "GET /counters HTTP/1.1\r\nHost: a\r\n\r\n"} {
		c, err := net.Dial("tcp", r.address.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, request)
	}
	<-asked
	r.end()
}

// There are few connections at a time, and those that come beyond wait.
func TestConnectionsAreBounded(t *testing.T) {
	r := begin(t, "127.0.0.1:0", read)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", r.address.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
		return c
	}
	answered := func(c net.Conn, within time.Duration) error {
		c.SetReadDeadline(time.Now().Add(within))
		_, err := c.Read(make([]byte, 1))
		return err
	}
	var first net.Conn
	for range connections {
		first = dial()
		if err := answered(first, limit); err != nil {
			t.Fatal(err)
		}
	}
	beyond := dial()
	if err := answered(beyond, 20*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one more than there may be: %v", err)
	}
	first.Close()
	if err := answered(beyond, limit); err != nil {
		t.Error(err)
	}
}

func TestUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	r := begin(t, "unix:"+path, read) // in the place of one that has died
	r.expect("GET", "/healthz", 200, "alive")
	if _, err := Start(t.Context(), r.at, r.config); err == nil || !strings.Contains(err.Error(), "choose another path") {
		t.Errorf("a second one: %v", err)
	}
	r.expect("GET", "/healthz", 200, "alive")
	r.end()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), r.at, r.config); err == nil {
		t.Error("a file was taken for a socket")
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("the file has %q", b)
	}
}

// The server says where it is.
func TestAnnouncement(t *testing.T) {
	var said bytes.Buffer
	s, err := Start(t.Context(), &loop.Address{TCP: netip.MustParseAddrPort("127.0.0.1:0")}, Config{Program: "test", Read: read, Messages: &said})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if want := "admin on http://" + s.address.String() + "\n"; said.String() != want || strings.HasSuffix(want, ":0\n") {
		t.Errorf("said %q, want %q", &said, want)
	}
}

func TestAddress(t *testing.T) {
	for _, test := range []struct {
		args string
		want string // the address, or the beginning of the error
	}{
		{"", ""},
		{"--admin 127.0.0.1:9090", "127.0.0.1:9090"},
		{"--admin 127.1.2.3:9090", "127.1.2.3:9090"},
		{"--admin [::1]:0", "[::1]:0"},
		{"--admin [::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1"},
		{"--admin localhost:9090", "127.0.0.1:9090"},
		{"--admin unix:/run/admin", "unix:/run/admin"},
		{"--admin unix:/run/admin --admin-open", "unix:/run/admin"},
		{"--admin 192.0.2.1:9090 --admin-open", "192.0.2.1:9090"},
		{"--admin :9090 --admin-open", "[::]:9090"},
		{"--admin :9090", "--admin :9090 can be reached from other machines, and tells everything to everybody; write 127.0.0.1:9090, or add --admin-open"},
		{"--admin 0.0.0.0:9090", "--admin 0.0.0.0:9090 can be reached"},
		{"--admin 192.0.2.1:9090", "--admin 192.0.2.1:9090 can be reached"},
		{"--admin nowhere", `--admin: address "nowhere": write host:port`},
		{"--admin-open", "--admin-open means something only with --admin; add that, or leave it out"},
	} {
		got := ""
		app := cli.App{Name: "test", Flags: Flags(""), Writer: io.Discard, Action: func(c *cli.Context) error {
			at, err := Address(c)
			switch {
			case err != nil:
				got = err.Error()
			case at != nil:
				got = at.String()
			}
			return nil
		}}
		if err := app.Run(append([]string{"test"}, strings.Fields(test.args)...)); err != nil {
			t.Fatal(err)
		}
		if wrong := strings.Contains(test.want, " "); got != test.want && !(wrong && strings.HasPrefix(got, test.want)) {
			t.Errorf("%s: %q, want %q", test.args, got, test.want)
		}
	}
}
