package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/hopwire/hopwire/integration/internal/process"
)

// An administered program is one with --admin.
type administered struct {
	t     *testing.T
	where string // its URL
}

var adminLine = regexp.MustCompile(`(?m)^admin on (http://\S+)$`)

// adminOf finds where a program that was started with --admin is asked.
func adminOf(t *testing.T, p *process.Process) *administered {
	t.Helper()
	match, err := p.WaitLog(adminLine, patience)
	if err != nil {
		t.Fatal(err)
	}
	return &administered{t, match[1]}
}

// page is what stands at the path.
func (a *administered) page(path string) (status int, content string) {
	a.t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(a.where + path)
	if err != nil {
		a.t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Error(err)
	}
	return response.StatusCode, string(b)
}

// counters are the numbers by name, without when the program was started, which counts
// nothing.
func (a *administered) counters() (n counters) {
	a.t.Helper()
	status, text := a.page("/counters")
	if err := json.Unmarshal([]byte(text), &n); status != 200 || err != nil {
		a.t.Errorf("%d, %v: %s", status, err, text)
	}
	if n["started-us"] == 0 {
		a.t.Errorf("it is not said when the program was started: %s", text)
	}
	delete(n, "started-us")
	return n
}

type counters map[string]uint64

// all is the sum of those whose names begin so.
func (n counters) all(begin string) (sum uint64) {
	for name, value := range n {
		if strings.HasPrefix(name, begin) {
			sum += value
		}
	}
	return sum
}

// An equation holds between what was counted.
type equation struct {
	what string
	a, b uint64
}

// ofClients hold for edge and origin at any moment.
func (n counters) ofClients() []equation {
	over := n.all("request-ends.")
	return []equation{
		{"client connections and their ends", n["client-connections"], n["client-connections.open"] + n.all("client-ends.")},
		{"client connections and who closed them", n["client-connections"], n["client-connections.open"] + n.all("client-connections.closed-by-")},
		{"requests and what they came to", n["requests"], n["requests.under-way"] + over},
		{"requests that are over and their responses", over, n.all("responses.")},
	}
}

// ofOrigins hold for edge at any moment.
func (n counters) ofOrigins() []equation {
	made, open := n["origin-connections"], n["origin-connections.open"]
	return []equation{
		{"origin connections and their ends", made, open + n.all("origin-ends.") - n["origin-ends.kept"]},
		{"origin connections and who closed them", made, open + n.all("origin-connections.closed-by-")},
	}
}

func balance(t *testing.T, who string, n counters, equations []equation) {
	t.Helper()
	for _, e := range equations {
		if e.a != e.b {
			t.Errorf("%s: %s: %d and %d", who, e.what, e.a, e.b)
		}
	}
	if t.Failed() {
		t.Logf("%s counts %v", who, n)
	}
}

// What edge and origin have counted comes out even: each by itself at any moment, also
// under load; and one against the other, and against what clients did, when it is over.
func TestCountersBalance(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"index.html": 4, "large.bin": 5 << 20} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	origin := startOrigin(t, dir, "--loops", "2", "--admin", "127.0.0.1:0")
	// Every other time it closes without an answer when it has got a request.
	forgetful := startFaulty(t, dir, "faults: [{path: /, every: 2, fin: before head}]", "--loops", "2", "--admin", "127.0.0.1:0")
	edge := startServer(t, "edge", "--origin", origin.Addr, "--origin", forgetful.Addr, "--loops", "2", "--admin", "127.0.0.1:0",
		"--eject-after", "0", "--check", "/index.html", "--check-interval", "1h")
	atOrigin, atForgetful, atEdge := adminOf(t, origin.Process), adminOf(t, forgetful.Process), adminOf(t, edge.Process)
	eventually(t, func() string { // both origins have been checked, once
		if n := atEdge.counters(); n["checks.passed"] != 2 {
			return fmt.Sprintf("checks: %d", n.all("checks."))
		}
		return ""
	})

	stop, watched := make(chan bool), make(chan bool)
	go func() { // while they work
		defer close(watched)
		for {
			select {
			case <-stop:
				return
			default:
				n := atEdge.counters()
				balance(t, "edge", n, append(n.ofClients(), n.ofOrigins()...))
				n = atOrigin.counters()
				balance(t, "origin", n, n.ofClients())
				n = atForgetful.counters()
				balance(t, "forgetful", n, n.ofClients())
			}
		}
	}()
	const clients, rounds = 8, 25
	var done sync.WaitGroup
	for range clients {
		done.Go(func() { misbehave(t, edge.Addr, rounds) })
	}
	done.Wait()
	close(stop)
	<-watched

	var e, o, f counters
	eventually(t, func() string {
		e, o, f = atEdge.counters(), atOrigin.counters(), atForgetful.counters()
		if e["client-connections.open"]+e["requests.under-way"]+o["requests.under-way"]+f["requests.under-way"] > 0 ||
			e["origin-connections.open"] < o["client-connections.open"]+f["client-connections.open"] {
			return fmt.Sprintf("the edge counts %v, the origins %v and %v", e, o, f)
		}
		return ""
	})
	balance(t, "edge", e, append(e.ofClients(), e.ofOrigins()...))
	balance(t, "origin", o, append(o.ofClients(), equation{"requests and their methods", o["requests"], o.all("methods.")}))
	balance(t, "edge and origins", e, []equation{
		{"client connections", e["client-connections"], 5 * clients * rounds},
		{"requests", e["requests"], 6 * clients * rounds},
		{"refused ones", e["refusals.http_request_error"], clients * rounds},
		{"requests sent, and seen", e["requests-sent"] + e["requests-sent-again"] + e["checks.connections"], o["requests"] + f["requests"]},
		{"connections made, and accepted", e["origin-connections"] + e["checks.connections"], o["client-connections"] + f["client-connections"]},
	})
	balance(t, "forgetful", f, append(f.ofClients(), equation{"strikes and connections that they ended", f.all("faults."), f["client-ends.fault"]}))
	for _, name := range []string{"requests-sent-again", "replays.replayed", "replays.abandoned", "request-ends.answered", "request-ends.refused", "request-ends.broken-off",
		"client-connections.closed-by-client", "client-connections.closed-by-edge", "origin-connections.closed-by-origin", "origin-connections.closed-by-edge"} {
		if e[name] == 0 {
			t.Errorf("no %s", name)
		}
	}
	for who, a := range map[string]*administered{"edge": atEdge, "origin": atForgetful} {
		checkMetrics(t, who, a)
	}
}

// misbehave has, in each round, five connections with six requests: two in good order;
// one that is no request; an unsafe one; one that is cut; and a response that is.
func misbehave(t *testing.T, addr string, rounds int) {
	for range rounds {
		good := "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		talk(t, addr, true, good+"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		talk(t, addr, true, "GET / HTTP/1.1\r\n\r\n")
		talk(t, addr, true, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
		talk(t, addr, true, "GET / HT")
		talk(t, addr, false, "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
	}
}

// talk sends all, and the end of the stream unless it asks the server for that, and reads;
// or reads one byte and resets.
func talk(t *testing.T, addr string, reads bool, octets string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, octets)
	if reads {
		if !strings.Contains(octets, "Connection: close") {
			c.(*net.TCPConn).CloseWrite()
		}
		io.Copy(io.Discard, c)
		return
	}
	c.Read(make([]byte, 1))
	c.(*net.TCPConn).SetLinger(0)
}

// checkMetrics holds /metrics to Prometheus' own parser and linter, and to /counters.
func checkMetrics(t *testing.T, who string, a *administered) {
	t.Helper()
	status, text := a.page("/metrics")
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); status != 200 || err != nil || len(problems) > 0 {
		t.Errorf("%s: %d, %v, %v", who, status, problems, err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var shown []uint64
	n := a.counters()
	for name, family := range families {
		if !strings.HasPrefix(name, "hopwire_"+who+"_") {
			continue
		}
		for _, m := range family.Metric {
			switch family.GetType() {
			case dto.MetricType_COUNTER:
				shown = append(shown, uint64(m.Counter.GetValue()))
			case dto.MetricType_GAUGE:
				shown = append(shown, uint64(m.Gauge.GetValue()))
			case dto.MetricType_HISTOGRAM:
				if h := m.Histogram; h.GetSampleCount() != n.all("request-ends.")-n["request-ends.tunneled"] || h.GetSampleSum() <= 0 && who == "edge" {
					t.Errorf("%s: durations of %d requests, %v s in all", who, h.GetSampleCount(), h.GetSampleSum())
				}
			}
		}
	}
	counted := slices.Collect(maps.Values(n))
	slices.Sort(shown)
	slices.Sort(counted)
	if !slices.Equal(shown, counted) {
		t.Errorf("%s: the metrics have %v, the counters %v", who, shown, n)
	}
	for _, name := range []string{"go_goroutines", "process_cpu_seconds_total", "hopwire_" + who + "_request_duration_seconds"} {
		if families[name] == nil {
			t.Errorf("%s: no %s", who, name)
		}
	}
}

// While a program drains, it says so until its end, which a scraper that neither sends
// nor reads does not put off.
func TestReadiness(t *testing.T) {
	for name, start := range map[string]func(*testing.T, ...string) *server{
		"origin": func(t *testing.T, args ...string) *server { return startOrigin(t, "", args...) },
		"edge": func(t *testing.T, args ...string) *server {
			return startEdge(t, startOrigin(t, "").Addr, args...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, "--admin", "127.0.0.1:0")
			a := adminOf(t, s.Process)
			eventually(t, func() string { // the line that says where it listens comes first
				if status, text := a.page("/readyz"); status != 200 || text != "ready\n" {
					return fmt.Sprintf("%d, %s", status, text)
				}
				return ""
			})
			stuck := dialRaw(t, strings.TrimPrefix(a.where, "http://"))
			stuck.send("GET /metrics HTTP/1.1\r\n")
			c := dialRaw(t, s.Addr)
			c.send("POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
			if _, err := c.r.Peek(1); err != nil {
				t.Fatal(err)
			}
			if err := s.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() string {
				if status, text := a.page("/readyz"); status != 503 || !strings.HasPrefix(text, "draining") {
					return fmt.Sprintf("%d, %s", status, text)
				}
				return ""
			})
			for _, path := range []string{"/healthz", "/metrics"} {
				if status, _ := a.page(path); status != 200 {
					t.Errorf("%s while it drains: %d", path, status)
				}
			}
			if n := a.counters(); n["requests.under-way"] != 1 {
				t.Errorf("while it drains: %v", n)
			}
			c.send("0\r\n\r\n")
			c.Close()
			before := time.Now()
			if err := s.Wait(patience); err != nil || time.Since(before) > patience/2 {
				t.Errorf("the end took %v, %v", time.Since(before), err)
			}
		})
	}
}

// Before a program listens it lives, and is not ready.
func TestNotReadyBeforeItListens(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := start(t, "edge", command("edge", "--listen", "127.0.0.1:0", "--origin", "dns://app.internal:80", "--resolver", silent.LocalAddr().String(),
		"--admin", "127.0.0.1:0", "--access-log", filepath.Join(t.TempDir(), "log")))
	a := adminOf(t, p)
	if status, text := a.page("/readyz"); status != 503 || !strings.HasPrefix(text, "starting") {
		t.Errorf("%d, %s", status, text)
	}
	if status, _ := a.page("/healthz"); status != 200 {
		t.Errorf("alive: %d", status)
	}
}
