package integration

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	recordings "github.com/hopwire/hopwire/shared/capture"
)

// A second edge that is to record to the same file ends, and says why. It leaves
// the first one's recording as it is.
func TestSecondEdgeDestroysNoRecording(t *testing.T) {
	u := startUpstream(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "here") })
	file := filepath.Join(t.TempDir(), "visits.pcapng")
	edge := startEdge(t, u.addr(), "--record", file, "--reuse-port")
	if err := fetch(&http.Transport{DisableKeepAlives: true}, edge.url("/"), []byte("here")); err != nil {
		t.Fatal(err)
	}
	second := start(t, "second edge", command("edge", "--listen", edge.Addr, "--origin", u.addr(), "--record", file, "--reuse-port"))
	var exit *exec.ExitError
	if err := second.Wait(patience); !errors.As(err, &exit) || exit.ExitCode() != 1 || strings.Count(second.Log(), "\n") != 1 ||
		!strings.Contains(second.Log(), "another edge is recording to "+file+"; name another file, also for one that takes its place with --reuse-port") {
		t.Errorf("it ends with %v", err)
	}
	if err := edge.Stop(patience); err != nil {
		t.Fatal(err)
	}
	rec, err := recordings.ReadFile(file)
	if err != nil || len(rec.Connections) != 2 || len(rec.Warnings) > 0 {
		t.Errorf("%+v, %v", rec, err)
	}
}

// A recording with a bound goes on in further files. tshark reads each of them
// without a complaint, and one after the other they are replayed like one.
func TestRecordingInSeveralFiles(t *testing.T) {
	requireTool(t, "tshark")
	content := noise(50_000)
	u := startUpstream(t, func(w http.ResponseWriter, r *http.Request) { w.Write(content) })
	file := filepath.Join(t.TempDir(), "visits.pcapng")
	edge := startEdge(t, u.addr(), "--record", file, "--record-max", "1MB")
	const requests = 100
	for n := range requests {
		if err := fetch(http.DefaultTransport, edge.url(fmt.Sprint("/", n)), content); err != nil {
			t.Fatal(err)
		}
	}
	if err := edge.Stop(patience); err != nil {
		t.Fatal(err)
	}
	files := []string{file}
	for n := 1; n < 100; n++ {
		if next := fmt.Sprintf("%s.%d", file, n); exists(next) {
			files = append(files, next)
		}
	}
	if len(files) < 10 {
		t.Fatalf("files: %q", files)
	}
	for i, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Mode() != 0o600 || info.Size() > 1_200_000 || info.Size() < 1_000_000 && i < len(files)-1 {
			t.Errorf("%s: %v, %v bytes, %v", file, info.Mode(), info.Size(), err)
		}
		if out := tshark(t, file, "-Y", "_ws.malformed or _ws.expert.severity == error or tcp.analysis.flags"); out != "" {
			t.Errorf("tshark complains about file %d:\n%s", i, out)
		}
		if named := strings.Contains(tshark(t, file, "-Y", "frame.comment", "-T", "fields", "-e", "frame.comment"), "c1 goes on, opened by 127.0.0.1:"); named != (i > 0) {
			t.Errorf("file %d names the connection that goes on: %v", i, named)
		}
	}
	report := replayFiles(t, files, "--target", u.addr())
	if report.Requests != requests || report.Errors > 0 {
		t.Errorf("%+v, want %d requests", report, requests)
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// On a full disk the recording ends behind a whole packet, and what it loses is
// said. When there is room again it goes on.
func TestDiskIsFullForAWhile(t *testing.T) {
	const disk, left = 64 << 20, 256 << 10
	content := noise(1 << 20)
	u := startUpstream(t, func(w http.ResponseWriter, r *http.Request) { w.Write(content) })
	edge, dir := startOnDisk(t, disk, left, u.addr(), "--loops", "1", "--tap-memory", "8MiB")
	ask := func() {
		if err := fetch(http.DefaultTransport, edge.url("/"), content); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 { // which is more than memory holds
		ask()
	}
	if _, err := edge.WaitLog(regexp.MustCompile(`the recording has lost \d+ events with \d+ bytes: .*no space left on device`), patience); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(dir, "r.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() // which outlives the disk
	read := func() (rec *recordings.Recording, cut bool) {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if rec, err = recordings.Read(file); err != nil {
			t.Fatal(err)
		}
		return rec, slices.ContainsFunc(rec.Warnings, func(w string) bool { return strings.Contains(w, "cut or damaged") })
	}
	eventually(t, func() string {
		if _, cut := read(); cut { // perhaps by an attempt to write that is under way
			return "the recording ends in the middle of a packet"
		}
		return ""
	})
	if err := edge.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	lost, err := edge.WaitLog(regexp.MustCompile(`(?m)^events-lost \d+\nevents-lost\.bytes (\d+)$`), patience)
	if err != nil {
		t.Fatal(err)
	}
	lostBytes, err := strconv.ParseInt(lost[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		if info, err := file.Stat(); err != nil || info.Size() < 2*10<<20-lostBytes { // all that memory held: both hops, ten times
			return fmt.Sprintf("the recording does not go on: %d bytes, %v", info.Size(), err)
		}
		return ""
	})
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	ask() // on a connection of its own
	if err := edge.Stop(patience); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^edge: the recording lacks \d+ events with \d+ bytes$`).MatchString(edge.Log()) {
		t.Error("the last line does not say what is missing")
	}
	rec, cut := read()
	last := rec.Connections[len(rec.Connections)-1]
	if cut || len(last.Exchanges) != 1 || last.Exchanges[0].Response.Cut || len(last.Exchanges[0].Response.Body()) < len(content) || last.ID != "c2" {
		t.Errorf("the last connection is %s with %d exchanges; warnings %q", last.ID, len(last.Exchanges), rec.Warnings)
	}
}

// startOnDisk starts an edge that records to r.pcapng on a small disk of its own. Dir
// is where others see it.
func startOnDisk(t *testing.T, size, left int, origin string, args ...string) (edge *server, dir string) {
	t.Helper()
	return startWithDisk(t, size, left, "edge", func(mount string) []string {
		return append([]string{"--origin", origin, "--record", filepath.Join(mount, "r.pcapng")}, args...)
	})
}

// startWithDisk starts origin or edge with a small disk of its own, on which a file
// called ballast leaves little room. Dir is where others see it.
func startWithDisk(t *testing.T, size, left int, name string, args func(mount string) []string) (s *server, dir string) {
	t.Helper()
	requireTool(t, "unshare")
	mount := t.TempDir()
	script := fmt.Sprintf(`mount -t tmpfs -o size=%d none "$0" && head -c %d /dev/zero > "$0/ballast" && shift && exec "$@"`, size, size-left)
	if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", mount).CombinedOutput(); err != nil {
		missing(t, "no disk can be made: "+string(out))
	}
	words := append([]string{"-rm", "sh", "-c", script, mount, "", filepath.Join(binaries, name), "--listen", "127.0.0.1:0"}, args(mount)...)
	s = startListening(t, exec.Command("unshare", words...))
	return s, filepath.Join(fmt.Sprintf("/proc/%d/root", s.PID()), mount)
}
