package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hopwire/hopwire/integration/internal/browse"
	recordings "github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
)

// recordVisits has the edge in front of origin record some visits, and returns
// the file, complete, and how many requests are in it.
func recordVisits(t *testing.T, origin *server) (file string, requests int) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "visits.pcapng")
	edge := startEdge(t, origin.Addr, "--record", file)
	for range 3 {
		n, err := browse.Visit(t.Context(), edge.url("/"), 2)
		if err != nil {
			t.Fatal(err)
		}
		requests += n
	}
	if err := edge.Stop(patience); err != nil {
		t.Fatalf("edge: %v", err)
	}
	return file, requests
}

// What the edge records it can be asked again: each response is the same, with
// each way to use connections.
func TestRecordingIsReplayed(t *testing.T) {
	origin := startOrigin(t, "")
	file, requests := recordVisits(t, origin)
	edge := startEdge(t, origin.Addr)
	for _, perConnection := range []int{0, 1, 3} {
		for _, hop := range []string{"client", "origin"} {
			t.Run(fmt.Sprint(hop, " side, requests per connection: ", perConnection), func(t *testing.T) {
				report := replay(t, file, requests, "--target", edge.Addr, "--verify", "--hop", hop,
					"--requests-per-connection", fmt.Sprint(perConnection))
				if opened := report.Connections.Opened; perConnection == 1 && opened != requests || perConnection == 0 && opened >= requests {
					t.Errorf("%d connections for %d requests", opened, requests)
				}
			})
		}
	}
}

// Verifying notices what has changed.
func TestReplayNoticesAnotherSite(t *testing.T) {
	file, _ := recordVisits(t, startOrigin(t, ""))
	other := startOrigin(t, writeSite(t))
	out, err := command("loadgen", "replay", file, "--target", other.Addr, "--verify").CombinedOutput()
	if err == nil {
		t.Fatalf("the other site's responses were taken for the recorded ones:\n%s", out)
	}
}

// A body that does not fit a buffer is recorded and replayed whole, whichever way
// it is framed.
func TestLargerBodiesAreReplayed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large.pcapng")
	u := startUpstream(t, echo(t))
	edge := startEdge(t, u.addr(), "--record", file)
	content := noise(300_000)
	for _, body := range []io.Reader{bytes.NewReader(content), io.MultiReader(bytes.NewReader(content))} {
		request, err := http.NewRequestWithContext(t.Context(), "POST", edge.url("/echo"), body)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := roundTrip(t, http.DefaultTransport, request); !bytes.Equal(got, content) {
			t.Fatalf("%d bytes came back", len(got))
		}
	}
	if err := edge.Stop(patience); err != nil {
		t.Fatal(err)
	}
	replay(t, file, 2, "--target", u.addr(), "--verify")
}

// The recording is a file like any other: tshark finds the requests and nothing
// to complain about, and shows the notes.
func TestTsharkReadsRecording(t *testing.T) {
	requireTool(t, "tshark")
	file, requests := recordVisits(t, startOrigin(t, ""))

	count := func(filter string) int {
		t.Helper()
		return strings.Count(tshark(t, file, "-Y", filter), "\n")
	}
	// Each request was recorded on both sides of the edge.
	if n := count("http.request"); n != 2*requests {
		t.Errorf("tshark sees %d requests, want %d", n, 2*requests)
	}
	if n := count("http.response"); n != 2*requests {
		t.Errorf("tshark sees %d responses, want %d", n, 2*requests)
	}
	if n := count("syslog"); n == 0 {
		t.Error("tshark sees no notes")
	}
	// Checksums are not verified by default, so ask for it.
	complaints := strings.Join([]string{
		"_ws.malformed", "_ws.expert.severity == error", "tcp.analysis.flags",
		"tcp.checksum.status == 0", "ip.checksum.status == 0", "udp.checksum.status == 0",
	}, " or ")
	if out := tshark(t, file, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y", complaints); out != "" {
		t.Errorf("tshark complains about:\n%s", out)
	}
	// What was recorded of a message is what was sent: tshark puts it together.
	bodies := tshark(t, file, "-Y", "http.request.method == POST", "-T", "fields", "-e", "http.file_data")
	if !strings.Contains(bodies, "text=hello") && !strings.Contains(strings.ToLower(bodies), fmt.Sprintf("%x", "text=hello")) {
		t.Errorf("tshark does not show the form that was posted: %q", bodies)
	}
}

func tshark(t *testing.T, file string, args ...string) string {
	t.Helper()
	return run(t, "", nil, "tshark", tsharkOf(file, args...)...)
}

// tsharkOf has tshark look at the bytes before the ports: a client's may be one that it
// knows for another protocol.
func tsharkOf(file string, args ...string) []string {
	return append([]string{"-n", "-o", "tcp.try_heuristic_first:TRUE", "-r", file}, args...)
}

// What tcpdump captures of traffic that no program of ours took part in is
// replayed like a recording.
func TestTcpdumpCaptureIsReplayed(t *testing.T) {
	requireTool(t, "tcpdump")
	u := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(site[mediumFile])
		fmt.Fprintf(w, "%q %s %s\n", body, r.Method, r.URL)
	})
	file, stop := capture(t, u.addr())
	requests := 1 // the one that stop sends
	for range 4 {
		transport := &http.Transport{}
		for _, body := range []string{"", "a=b", "", strings.Repeat("long ", 1000)} {
			request, err := http.NewRequestWithContext(t.Context(), "POST", u.URL+"/path", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, transport, request)
			requests++
		}
		transport.CloseIdleConnections()
	}
	stop()
	for _, perConnection := range []string{"0", "1"} {
		replay(t, file, requests, "--target", u.addr(), "--verify", "--requests-per-connection", perConnection)
	}
}

// Who ends the connections of a replay, and how, is what --close says, as tcpdump
// sees it.
func TestTcpdumpSeesWhoCloses(t *testing.T) {
	requireTool(t, "tcpdump")
	u := startUpstream(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.URL) })
	type end struct {
		how  events.Means
		from events.Direction
	}
	for by, want := range map[string]end{
		"fin":    {events.FIN, events.Inbound},
		"rst":    {events.RST, events.Inbound},
		"header": {events.FIN, events.Outbound}, // the server does as it is told
	} {
		t.Run(by, func(t *testing.T) {
			file, stop := capture(t, u.addr())
			run(t, "", nil, filepath.Join(binaries, "loadgen"), "replay", "--close", by,
				"-n", "6", "-c", "1", "--requests-per-connection", "3", u.URL+"/asked")
			stop()
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			recording, err := recordings.Read(f)
			if err != nil {
				t.Fatal(err)
			}
			requests := 0
			for _, c := range recording.Connections {
				if !strings.HasPrefix(string(c.Exchanges[0].Request.Raw), "GET /asked ") {
					continue
				}
				requests += len(c.Exchanges)
				if got := (end{c.Closed.How, c.Closed.From}); got != want {
					t.Errorf("connection %s with %d requests: %v, want %v", c.ID, len(c.Exchanges), got, want)
				}
				last := string(c.Exchanges[len(c.Exchanges)-1].Request.Raw)
				if strings.Contains(last, "Connection: close") != (by == "header") {
					t.Errorf("the last request is %q", last)
				}
			}
			if requests != 6 {
				t.Errorf("tcpdump has seen %d requests, want 6", requests)
			}
		})
	}
}

// capture starts tcpdump for the given address, whose server ends each response
// with the request's target. stop sends one more request, waits until all that
// was sent is in the file, and ends tcpdump.
func capture(t *testing.T, addr string) (file string, stop func()) {
	t.Helper()
	// tcpdump gives up its privileges, and then has to write.
	dir, err := os.MkdirTemp("", "hopwire-capture-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file = filepath.Join(dir, "lo.pcap")
	_, port, _ := strings.Cut(addr, ":")
	me := fmt.Sprint("--relinquish-privileges=", run(t, "", nil, "id", "-un"))
	p := start(t, "tcpdump", exec.Command("tcpdump", strings.TrimSpace(me), "-i", "lo", "-n", "-U", "-B", "16384", "-w", file, "tcp port "+port))
	if _, err := p.WaitLog(regexp.MustCompile("listening on lo"), patience); err != nil {
		if strings.Contains(p.Log(), "permission") || strings.Contains(p.Log(), "ermitted") {
			missing(t, "tcpdump may not capture: "+strings.TrimSpace(p.Log()))
		}
		t.Fatalf("%v\n%s", err, p.Log())
	}
	return file, func() {
		t.Helper()
		const marker = "the-last-request-of-this-capture"
		request, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+"/"+marker, nil)
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, http.DefaultTransport, request)
		eventually(t, func() string {
			if b, err := os.ReadFile(file); err != nil || bytes.Count(b, []byte(marker)) < 2 {
				return fmt.Sprintf("tcpdump has not written the last request and its response (%v, %d bytes)", err, len(b))
			}
			return ""
		})
		if err := p.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(patience); err != nil {
			t.Fatalf("tcpdump: %v\n%s", err, p.Log())
		}
		if !strings.Contains(p.Log(), "\n0 packets dropped by kernel") {
			t.Fatalf("the capture has gaps:\n%s", p.Log())
		}
	}
}

// A replayReport is what is wanted of the report that loadgen writes.
type replayReport struct {
	Ended       string
	Requests    int
	Errors      int
	Connections struct{ Opened int }
}

// replay replays a recording of so many requests, which all have to succeed.
func replay(t *testing.T, file string, requests int, args ...string) replayReport {
	t.Helper()
	report := replayAny(t, file, args...)
	if report.Requests != requests || report.Errors != 0 {
		t.Errorf("%d of %d requests failed; want none of %d", report.Errors, report.Requests, requests)
	}
	return report
}

// replayAny replays a recording to its end.
func replayAny(t *testing.T, file string, args ...string) replayReport {
	t.Helper()
	return replayFiles(t, []string{file}, args...)
}

// replayFiles replays recordings, or one in several files.
func replayFiles(t *testing.T, files []string, args ...string) (report replayReport) {
	t.Helper()
	line := slices.Concat([]string{"replay"}, files, []string{"--format", "json"}, args)
	out := run(t, "", nil, filepath.Join(binaries, "loadgen"), line...)
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("the report is not JSON: %v\n%s", err, out)
	}
	if report.Ended != "complete" {
		t.Errorf("the replay ended %s", report.Ended)
	}
	return report
}
