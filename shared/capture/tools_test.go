package capture

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// The field's own tools are asked what they think of a recording.

// run runs a tool on file, or skips the test where the tool is not installed, or
// fails it where no skip is allowed. In a tool there is no race of ours.
func run(t *testing.T, file []byte, tool string, arguments ...string) (stdout string) {
	t.Helper()
	if wiretest.RaceDetector {
		t.Skip("runs without the race detector")
	}
	path, err := exec.LookPath(tool)
	if err != nil && os.Getenv("HOPWIRE_REQUIRE_TOOLS") == "1" {
		t.Fatalf("%s is not installed", tool)
	}
	if err != nil {
		t.Skipf("%s is not installed", tool)
	}
	name := filepath.Join(t.TempDir(), "recording.pcapng")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	arguments = append([]string{"-n", "-r", name}, arguments...)
	if tool == "tshark" { // a client's port may be one that it knows
		arguments = append(arguments, "-o", "tcp.try_heuristic_first:TRUE")
	}
	cmd := exec.CommandContext(t.Context(), path, arguments...)
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, errors.String())
	}
	return string(out)
}

// busyTape has all that a recording can hold, in good order.
func busyTape(t *testing.T) *tape {
	tp := someTape(t)
	tp.n++
	v6 := tp.openBetween(events.OriginHop, netip.MustParseAddrPort("[::1]:5000"), netip.MustParseAddrPort("[::1]:8081"))
	tp.n++
	unix := tp.openBetween(events.ClientHop, netip.AddrPort{}, netip.AddrPort{})
	for i, f := range []*events.Flow{v6, unix} {
		size := []int{9_000_000, 1_000_000}[i] // more than a window, and less
		tp.in(f, fmt.Sprintf("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size), strings.Repeat("x", size))
		tp.out(f, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny")
		tp.finish(f)
	}
	return tp
}

// tshark finds every exchange, on ports that mean nothing to it, and TCP's own
// analysis has nothing to complain of but the reset that there was.
func TestTsharkHasNoComplaints(t *testing.T) {
	file := busyTape(t).bytes()
	http := run(t, file, "tshark", "-Y", "http", "-T", "fields", "-e", "frame.interface_name", "-e", "http.request.uri", "-e", "http.response.code", "-e", "http.content_length")
	exchange := "client\t/a\t\t\norigin\t/a\t\t\norigin\t\t200\t2\nclient\t\t200\t2\n"
	want := strings.Repeat(exchange, 3) + "origin\t/p\t\t9000000\norigin\t\t200\t1\nclient\t/p\t\t1000000\nclient\t\t200\t1\n"
	if http != want {
		t.Errorf("http:\n got %q\nwant %q", http, want)
	}
	notes := run(t, file, "tshark", "-Y", "syslog && frame.interface_name == notes", "-T", "fields", "-e", "syslog.appname", "-e", "syslog.level")
	if notes != "edge\t6\nedge\t6\nedge\t6\n" {
		t.Errorf("notes: %q", notes)
	}
	complaints := run(t, file, "tshark", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-Y", "(tcp.analysis.flags || _ws.malformed || _ws.expert.severity >= warning) && !tcp.flags.reset == 1", "-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message")
	if complaints != "" {
		t.Errorf("complaints:\n%s", complaints)
	}
}

// A client's port is whichever the system has free. To tshark some of those mean other
// protocols: 34980 is EtherCAT's.
func TestTsharkSeesRequestsFromAPortItKnows(t *testing.T) {
	tp := newTape(t)
	f := tp.openBetween(events.ClientHop, netip.MustParseAddrPort("127.0.0.1:34980"), netip.MustParseAddrPort("127.0.0.1:40000"))
	tp.in(f, askA)
	tp.out(f, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
	tp.out(f, "of a body")
	tp.finish(f)
	if got := run(t, tp.bytes(), "tshark", "-Y", "http", "-T", "fields", "-e", "http.request.uri", "-e", "http.response.code"); got != "/a\t\n\t200\n" {
		t.Errorf("http: %q", got)
	}
}

// tshark reports a hole where there is one.
func TestTsharkSeesHoles(t *testing.T) {
	tp := newTape(t)
	f := tp.open(events.ClientHop)
	tp.in(f, askA)
	f.Skip(events.Inbound, 1000)
	tp.in(f, askA)
	lost := run(t, tp.bytes(), "tshark", "-Y", "tcp.analysis.lost_segment", "-T", "fields", "-e", "tcp.seq")
	if lost != "1029\n" {
		t.Errorf("lost segments in front of %q, want 1029", lost)
	}
}

func TestTsharkReadsComments(t *testing.T) {
	tp := newTape(t)
	long := strings.Repeat("long ", 13_000)
	tp.track.Bytes(tp.open(events.ClientHop), events.Inbound, tp.tick(), []byte(askA), false, long)
	comments := run(t, tp.bytes(), "tshark", "-Y", "http", "-T", "fields", "-E", "aggregator=+", "-e", "frame.comment")
	if got := strings.ReplaceAll(strings.TrimSuffix(comments, "\n"), "+", ""); got != long {
		t.Errorf("a comment of %d bytes came as %d", len(long), len(got))
	}
}

func TestTcpdumpReads(t *testing.T) {
	out := run(t, busyTape(t).bytes(), "tcpdump", "-v", "-v")
	for _, want := range []string{"Flags [S]", "Flags [F.]", "Flags [R.]", "POST /p HTTP/1.1", "SYSLOG"} {
		if !strings.Contains(out, want) {
			t.Errorf("tcpdump prints no %q", want)
		}
	}
	for _, complaint := range []string{"incorrect", "bad cksum", "invalid"} {
		if i := strings.Index(out, complaint); i >= 0 {
			t.Errorf("tcpdump complains: %s", out[max(0, i-200):i+50])
		}
	}
}

// What tcpdump wrote is read: the file goes through it once.
func TestReadWhatTcpdumpWrites(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "theirs.pcap")
	run(t, someTape(t).bytes(), "tcpdump", "-w", out)
	rec, err := ReadFile(out)
	if err != nil || len(rec.Connections) != 2 || len(rec.Warnings) > 0 {
		t.Fatalf("got %+v, %v", rec, err)
	}
	for _, c := range rec.Connections {
		equalLines(t, c.ID, describe(c), []string{askedA, askedA, askedA})
		if c.Hop != events.UnknownHop {
			t.Errorf("%s is on hop %v: pcap has no interface names", c.ID, c.Hop)
		}
	}
}
