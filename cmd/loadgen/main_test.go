package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestMain makes the test binary the program when it is run by loadgen.
func TestMain(m *testing.M) {
	if os.Getenv("LOADGEN_TEST_AS_PROGRAM") != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is the program with its arguments, not started yet.
func process(args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd = exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "LOADGEN_TEST_AS_PROGRAM=1")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

// loadgen runs the program to its end.
func loadgen(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd, out, errs := process(args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer limit.Stop()
	cmd.Wait()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// origin is a server that is not ours. It answers with the target in various
// framings, and knows how often it was asked.
func origin(t *testing.T) (address string, asked *atomic.Int64) {
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		io.Copy(io.Discard, r.Body)
		if strings.HasPrefix(r.URL.Path, "/chunked") {
			w.(http.Flusher).Flush()
		}
		fmt.Fprintf(w, "you asked for %s", r.URL.Path)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), asked
}

// newPcap begins a pcap file that the test's end closes.
func newPcap(t *testing.T) (path string, w *pcapgo.Writer) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "recorded.pcap")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	w = pcapgo.NewWriter(file)
	if err := w.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	return path, w
}

// pcapOf writes a pcap file as tcpdump would, of one connection per session.
// A session is requests and responses in turns.
func pcapOf(t *testing.T, server string, sessions ...[]string) string {
	t.Helper()
	path, w := newPcap(t)
	for i, s := range sessions {
		tape := &tape{t: t, w: w, ends: [2]netip.AddrPort{
			netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(40000+i)), netip.MustParseAddrPort(server),
		}}
		tape.packet(0, "", func(tcp *layers.TCP) { tcp.SYN, tcp.ACK = true, false })
		tape.packet(1, "", func(tcp *layers.TCP) { tcp.SYN = true })
		for j, message := range s {
			tape.packet(j%2, message, func(tcp *layers.TCP) { tcp.PSH = true })
		}
		tape.packet(0, "", func(tcp *layers.TCP) { tcp.FIN = true })
		tape.packet(1, "", func(tcp *layers.TCP) { tcp.FIN = true })
	}
	return path
}

// A tape is one recorded connection.
type tape struct {
	t    *testing.T
	w    *pcapgo.Writer
	ends [2]netip.AddrPort
	seq  [2]uint32
	at   time.Time
}

func (p *tape) packet(from int, content string, flags func(*layers.TCP)) {
	p.t.Helper()
	src, dst := p.ends[from], p.ends[1-from]
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()),
		Seq: p.seq[from], Ack: p.seq[1-from], ACK: true, Window: 65535,
	}
	flags(tcp)
	tcp.SetNetworkLayerForChecksum(ip)
	p.seq[from] += uint32(len(content))
	if tcp.SYN || tcp.FIN {
		p.seq[from]++
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeIPv4},
		ip, tcp, gopacket.Payload(content))
	p.at = p.at.Add(time.Millisecond)
	info := gopacket.CaptureInfo{Timestamp: time.Unix(1700000000, 0).Add(p.at.Sub(time.Time{})), CaptureLength: len(b.Bytes()), Length: len(b.Bytes())}
	if err := errors.Join(err, p.w.WritePacket(info, b.Bytes())); err != nil {
		p.t.Fatal(err)
	}
}

func request(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n" }

func response(content string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(content), content)
}

// numbers reads some of the JSON report.
type numbers struct {
	Requests    int64            `json:"requests"`
	Errors      int64            `json:"errors"`
	Unfinished  int64            `json:"unfinished"`
	Unsent      int64            `json:"unsent"`
	Retries     int64            `json:"retries"`
	Pauses      int64            `json:"pauses"`
	Ended       string           `json:"ended"`
	DurationS   float64          `json:"duration_s"`
	Statuses    map[string]int64 `json:"statuses"`
	Connections struct {
		Opened int64 `json:"opened"`
		Reused int64 `json:"reused_requests"`
	} `json:"connections"`
	LatencyUS struct {
		P50 float64 `json:"p50"`
		Max float64 `json:"max"`
	} `json:"latency_us"`
	Verdict struct {
		State   string   `json:"state"`
		Reasons []string `json:"reasons"`
	} `json:"verdict"`
	Settings struct {
		Requests          int64   `json:"requests"`
		DurationS         float64 `json:"duration_s"`
		ConnectionsClosed string  `json:"connections_closed"`
	} `json:"settings"`
}

func numbersOf(t *testing.T, stdout string) (n numbers) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("internal/report/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	report, err := jsonschema.UnmarshalJSON(strings.NewReader(stdout))
	if err = errors.Join(err, schema.Validate(report)); err != nil {
		t.Errorf("the report is not as the schema has it: %v", err)
	}
	if err := json.Unmarshal([]byte(stdout), &n); err != nil {
		t.Fatalf("the report is no JSON: %v\n%s", err, stdout)
	}
	return n
}

func TestReplayOfAURL(t *testing.T) {
	address, asked := origin(t)
	stdout, stderr, status := loadgen(t, "replay", "http://"+address+"/a", "--requests", "500", "-c", "4", "--format", "json")
	n := numbersOf(t, stdout)
	if status != 0 || stderr != "" || n.Requests != 500 || n.Errors != 0 || asked.Load() != 500 || n.Statuses["200"] != 500 {
		t.Errorf("status %d, %s%+v, the server was asked %d times", status, stderr, n, asked.Load())
	}
	if n.Connections.Opened != 4 || n.Connections.Reused != 496 || n.LatencyUS.P50 <= 0 || n.LatencyUS.Max < n.LatencyUS.P50 {
		t.Errorf("%+v", n)
	}
}

func TestReplayOfARecording(t *testing.T) {
	address, asked := origin(t)
	file := pcapOf(t, address,
		[]string{request("/a"), response("you asked for /a"), request("/chunked"), response("you asked for /chunked")},
		[]string{"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", response("you asked for /b")})

	stdout, stderr, status := loadgen(t, "replay", file, "--verify", "--target", address)
	if status != 0 || stderr != "" || asked.Load() != 3 || !strings.Contains(stdout, "Requests     3 in") || !strings.Contains(stdout, "\n  Statuses     200 ×3\n") {
		t.Errorf("status %d, %s, asked %d times\n%s", status, stderr, asked.Load(), stdout)
	}

	asked.Store(0)
	stdout, _, status = loadgen(t, "replay", "--format=json", "--target="+address, "--requests-per-connection", "1", "-n", "7", file, file)
	if n := numbersOf(t, stdout); status != 0 || n.Requests != 7 || n.Connections.Opened != 7 || n.Connections.Reused != 0 || asked.Load() != 7 {
		t.Errorf("status %d, %+v, asked %d times", status, n, asked.Load())
	}
}

func TestReplayFindsDifferences(t *testing.T) {
	address, _ := origin(t)
	file := pcapOf(t, address, []string{request("/a"), response("you asked for /b"), request("/c"), response("you asked for /c")})
	stdout, stderr, status := loadgen(t, "replay", file, "--verify", "--target", address)
	if status != 1 || stderr != "loadgen: 1 of 2 requests failed, by content-mismatch\n" {
		t.Errorf("status %d, %q", status, stderr)
	}
	if !strings.Contains(strings.Join(strings.Fields(stdout), " "), `GET /a (request 1 of connection 1 from 127.0.0.1:40000): content-mismatch: content differs at offset 15: "a", recorded "b"`) {
		t.Errorf("the difference is not explained:\n%s", stdout)
	}
}

func TestReplayForADuration(t *testing.T) {
	address, _ := origin(t)
	stdout, stderr, status := loadgen(t, "replay", "http://"+address+"/", "--duration", "300ms", "--format", "json")
	if n := numbersOf(t, stdout); status != 0 || stderr != "" || n.Ended != "elapsed" || n.DurationS < 0.3 || n.Requests == 0 {
		t.Errorf("status %d, %s%+v", status, stderr, n)
	}
}

func TestInterruptedReplayReports(t *testing.T) {
	address, asked := origin(t)
	cmd, stdout, stderr := process("replay", "http://"+address+"/", "--duration", "1m", "--format", "json")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	for deadline := time.Now().Add(20 * time.Second); asked.Load() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait()
	if n := numbersOf(t, stdout.String()); cmd.ProcessState.ExitCode() != 0 || stderr.Len() > 0 || n.Ended != "interrupted" || n.Requests == 0 {
		t.Errorf("status %d, %s%+v", cmd.ProcessState.ExitCode(), stderr, n)
	}
}

// TestSignalWhileItIsSetUp: nobody writes to the pipe that is to be replayed.
func TestSignalWhileItIsSetUp(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, stdout, stderr := process("replay", pipe, "--target", "127.0.0.1:1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	// The program opens the pipe; the other end can be opened without waiting then.
	for deadline := time.Now().Add(20 * time.Second); ; {
		w, err := syscall.Open(pipe, syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			defer syscall.Close(w)
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	limit := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer limit.Stop()
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if want := "loadgen: stopped by a signal before it was done\n"; cmd.ProcessState.ExitCode() != 1 || stderr.String() != want || stdout.Len() > 0 {
		t.Errorf("status %d, %q", cmd.ProcessState.ExitCode(), stderr)
	}
}

// TestHangingRequestsAreCounted: they are said at once, and by the exit status.
func TestHangingRequestsAreCounted(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // its kernel takes requests that nobody reads
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	args := []string{"replay", "http://" + ln.Addr().String() + "/", "-c", "4", "-d", "1s", "--grace", "50ms"} // a second, in which a busy machine connects
	stdout, stderr, status := loadgen(t, append(args, "--format", "json")...)
	n := numbersOf(t, stdout)
	if want := "loadgen: 4 of 4 requests had no whole response when the run was over\n"; status != 3 || stderr != want || n.Unfinished != 4 || n.Requests != 0 || n.DurationS < 1 {
		t.Errorf("status %d, %q: %+v", status, stderr, n)
	}
}

// TestRetriesAreVisibleAndCanBeForbidden: the server answers the first request of a
// connection and leaves the second one unanswered.
func TestRetriesAreVisibleAndCanBeForbidden(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			octets := make([]byte, 1000)
			conn.Read(octets)
			io.WriteString(conn, response("hi"))
			conn.Read(octets)
			conn.Close()
		}
	}()
	args := []string{"replay", "http://" + ln.Addr().String() + "/", "-c", "1", "-n", "5"}
	stdout, stderr, status := loadgen(t, args...)
	if words := strings.Join(strings.Fields(stdout), " "); status != 0 || stderr != "" || !strings.Contains(words, "0 unfinished, 0 unsent, 4 sent again") || !strings.Contains(words, "- 4 requests sent again, since the server had closed") {
		t.Errorf("status %d, %s\n%s", status, stderr, stdout)
	}
	stdout, stderr, status = loadgen(t, append(args, "--retry", "none", "--format", "json")...)
	if n := numbersOf(t, stdout); status != 1 || stderr != "loadgen: 2 of 5 requests failed, by closed-before-response\n" || n.Retries != 0 || n.Errors != 2 {
		t.Errorf("status %d, %q, %+v", status, stderr, n)
	}
}

// TestShortRunToNobody: neither the format nor the number of loops hides it.
func TestShortRunToNobody(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	for _, loops := range []string{"1", "3"} {
		for _, backoff := range []string{"--no-backoff=false", "--no-backoff"} {
			args := []string{"replay", "http://" + address + "/", "-d", "50ms", "-c", "4", "--loops", loops, backoff}
			stdout, stderr, status := loadgen(t, args...)
			if want := "loadgen: 4 of 4 requests failed, by connect-refused\n"; status != 3 || stderr != want || !strings.Contains(stdout, "attempts to connect failed") {
				t.Errorf("%s loops: status %d, %q\n%s", loops, status, stderr, stdout)
			}
			stdout, _, _ = loadgen(t, append(args, "--format", "json")...)
			if n := numbersOf(t, stdout); n.Ended != "elapsed" || n.Errors != 4 || (n.Pauses == 0) != (backoff == "--no-backoff") {
				t.Errorf("%s loops: %+v", loops, n)
			}
		}
	}
}

func TestNobodyListens(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	stdout, stderr, status := loadgen(t, "replay", "http://"+address+"/", "--format", "json")
	if want := "loadgen: no connection could be opened: dial tcp " + address + ": connect: connection refused\n"; status != 3 || stderr != want {
		t.Errorf("status %d, %q, want %q", status, stderr, want)
	}
	if n := numbersOf(t, stdout); n.Ended != "unreachable" || n.Errors != 16 {
		t.Errorf("%+v", n)
	}
}

// TestSettingsAreReported: what ends the run and the connections, asked for or not.
func TestSettingsAreReported(t *testing.T) {
	address, _ := origin(t)
	file := pcapOf(t, address, []string{request("/a"), response(""), request("/b"), response("")})
	for _, test := range []struct {
		args     []string
		requests int64
		duration float64
		closed   string
	}{
		{[]string{file}, 0, 0, "as-recorded"},
		{[]string{file, "-n", "5", "--requests-per-connection", "3"}, 5, 0, "after-requests"},
		{[]string{file, "-d", "50ms"}, 0, 0.05, "as-recorded"},
		{[]string{"http://" + address + "/", "-n", "3"}, 3, 0, "never"},
		{[]string{"http://" + address + "/", "-d", "50ms"}, 0, 0.05, "never"},
	} {
		stdout, _, _ := loadgen(t, append([]string{"replay", "--format", "json", "--target", address}, test.args...)...)
		if s := numbersOf(t, stdout).Settings; s.Requests != test.requests || s.DurationS != test.duration || s.ConnectionsClosed != test.closed {
			t.Errorf("%s: %+v", test.args, s)
		}
	}
}

// TestWrongUse tells what is said of what cannot be done: one sentence.
func TestWrongUse(t *testing.T) {
	dir := t.TempDir()
	write := func(name, octets string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(octets), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := write("text", "this is no capture file")
	recording := pcapOf(t, "127.0.0.1:1", []string{request("/"), response("")})
	silent := pcapOf(t, "127.0.0.1:1", []string{request("/")})
	foreign := pcapOf(t, "127.0.0.1:1", []string{"EHLO there\r\n", "250 ok\r\n"})
	for _, test := range []struct {
		name   string
		args   []string
		status int
		want   string // part of the sentence
	}{
		{"no arguments", nil, 2, "name a recording or a URL"},
		{"no such file", []string{"missing.pcap", "--target", ":1"}, 1, "missing.pcap: no such file"},
		{"a forgotten scheme", []string{"localhost:8080/a"}, 1, "a URL begins with http://"},
		{"a directory", []string{dir, "--target", ":1"}, 1, dir},
		{"no capture", []string{text, "--target", ":1"}, 1, text},
		{"no HTTP", []string{foreign, "--target", ":1"}, 1, "there is no HTTP/1.1 request in it"},
		{"no target", []string{recording}, 2, "add --target host:port"},
		{"a target that is none", []string{recording, "--target", "nonsense"}, 2, "--target: address \"nonsense\": write host:port"},
		{"two servers", []string{"http://a/", "http://b/"}, 2, "several servers (a:80, b:80)"},
		{"TLS to several servers", []string{"https://127.0.0.1/", "http://127.0.0.1/", "--target", ":1"}, 2, "several servers (https://127.0.0.1:443, 127.0.0.1:80)"},
		{"TLS flags without TLS", []string{"http://127.0.0.1/", "--tls-resume"}, 2, "--tls-resume is for TLS"},
		{"a target with a path", []string{recording, "--target", "https://h/a"}, 2, "--target \"https://h/a\": write"},
		{"authorities that are none", []string{"https://127.0.0.1/", "--ca", text}, 2, "no certificate in PEM"},
		{"authorities that do not matter", []string{"https://127.0.0.1/", "--ca", text, "--insecure"}, 2, "give one of them"},
		{"no authorities", []string{"https://127.0.0.1/", "--ca", "missing.pem"}, 2, "--ca: open missing.pem"},
		{"the other hop", []string{recording, "--hop", "origin", "--target", ":1"}, 1, "--hop client takes those"},
		{"no hop", []string{recording, "--hop", "sideways"}, 2, "--hop is client or origin"},
		{"nothing to compare with", []string{"http://h/", "--verify"}, 2, "nothing to compare with"},
		{"no head to compare with", []string{"http://h/", "--verify-head"}, 2, "--verify-head has nothing to compare with"},
		{"volatile in vain", []string{recording, "--target", ":1", "--verify", "--volatile", "a"}, 2, "--volatile is about fields, which only --verify-head compares"},
		{"a volatile field that is none", []string{recording, "--target", ":1", "--verify-head", "--volatile", "a,b c"}, 2, "--volatile: \"b c\" is no field name"},
		{"no answers to compare with", []string{silent, "--target", ":1", "--verify"}, 2, "nothing to compare with"},
		{"no connections", []string{"http://h/", "-c", "0"}, 2, "-c is at least 1"},
		{"no requests", []string{"http://h/", "-n", "0"}, 2, "-n is at least 1"},
		{"no time", []string{"http://h/", "-d", "0s"}, 2, "-d is longer than 0"},
		{"no patience", []string{"http://h/", "--timeout", "-1s"}, 2, "--timeout is longer than 0"},
		{"no time to come in", []string{"http://h/", "--grace", "-1s"}, 2, "--grace is 0 or longer"},
		{"sent again how", []string{"http://h/", "--retry", "always"}, 2, "--retry is none or stale"},
		{"a million connections", []string{"http://127.0.0.1:1/", "-c", "1000000"}, 2, "-c: 1000000 connections to one server need as many ports, and"},
		{"and a million times as many", []string{"http://127.0.0.1:1/", "-c", "1000000000000"}, 2, "at most"},
		{"the same on a Unix socket", []string{recording, "--target", "unix:/s", "-c", "1000000000000"}, 2, "as many open files and some more"},
		{"fewer than no requests", []string{"http://h/", "--requests-per-connection", "-1"}, 2, "--requests-per-connection is 0 or more"},
		{"no format", []string{"http://h/", "--format", "xml"}, 2, "--format is text, json or bench"},
		{"too many rounds", []string{"http://h/", "--repeat", "1001"}, 2, "--repeat is from 1 to 1000"},
		{"a time that is none", []string{"http://h/", "-d", "soon"}, 2, "-d is a time such as 5s, not \"soon\"; see 'loadgen replay --help'"},
		{"a method for a recording", []string{recording, "-X", "POST", "--target", ":1"}, 2, "-X is for URLs, but the requests of " + recording + " go out as they were recorded"},
		{"a field for one of several", []string{"http://h/", recording, "--header", "A: b"}, 2, "--header is for URLs"},
		{"content for standard input", []string{"-", "--data", "a", "--target", ":1"}, 2, "--data is for URLs, but the requests of standard input"},
		{"no method", []string{"http://h/", "-X", ""}, 2, "-X is empty"},
		{"a field without a colon", []string{"http://h/", "-H", "A"}, 2, "\"A\" is no field"},
		{"content that is not there", []string{"http://h/", "--data", "@" + dir + "/missing"}, 1, "--data: open " + dir + "/missing: no such file"},
		{"an unknown flag", []string{"http://h/", "--fast"}, 2, "--fast"},
		{"a flag without its value", []string{"http://h/", "--target"}, 2, "--target needs a value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, status := loadgen(t, append([]string{"replay"}, test.args...)...)
			if status != test.status || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "loadgen: ") {
				t.Errorf("status %d, %q, want %d and %q", status, stderr, test.status, test.want)
			}
			if stdout != "" {
				t.Errorf("standard output has %q", stdout)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	stdout, stderr, status := loadgen(t, "replay", "--help")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, %s", status, stderr)
	}
	for _, want := range []string{"RECORDING...", "--requests-per-connection", "LOADGEN_TARGET", "EXAMPLES", "exit status"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the help does not say %q", want)
		}
	}
	for line := range strings.Lines(stdout) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}
