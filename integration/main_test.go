package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/integration/internal/process"
	"github.com/hopwire/hopwire/integration/internal/servers"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// patience bounds each wait for something that takes milliseconds, on a machine
// that has much else to do.
const patience = 30 * time.Second

// binaries is the folder of origin, edge and loadgen.
var binaries string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) (status int) {
	dir, err := os.MkdirTemp("", "hopwire-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binaries = dir

	cmd := exec.Command("go", "build", "-buildvcs=false", fmt.Sprintf("-race=%t", wiretest.RaceDetector),
		"-o", dir+"/", "./cmd/origin", "./cmd/edge", "./cmd/loadgen")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
		return 1
	}
	return m.Run()
}

// A server is one of our programs, listening.
type server struct{ *servers.Server }

func (s *server) url(path string) string { return "http://" + s.Addr + path }

// startOrigin starts origin on the files under dir, or on its example site if
// dir is empty.
func startOrigin(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	if dir != "" {
		args = append([]string{"--root", dir}, args...)
	}
	return startServer(t, "origin", args...)
}

// startEdge starts edge in front of the origin at the given address.
func startEdge(t *testing.T, origin string, args ...string) *server {
	t.Helper()
	return startServer(t, "edge", append([]string{"--origin", origin}, args...)...)
}

// startServer starts origin or edge on a port of its own and waits until it
// listens. When the test ends it is stopped by SIGTERM, and has to end by that
// with exit status 0.
func startServer(t *testing.T, name string, args ...string) *server {
	t.Helper()
	s := startListening(t, command(name, append([]string{"--listen", "127.0.0.1:0"}, args...)...))
	t.Cleanup(func() {
		if err := s.Stop(patience); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	return s
}

// startListening starts origin or edge by a command line, waits until it listens,
// and kills it when the test ends.
func startListening(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	p := start(t, filepath.Base(cmd.Path), cmd)
	addr, err := p.Listening(patience)
	if err != nil {
		t.Fatal(err)
	}
	return &server{&servers.Server{Process: p, Addr: addr}}
}

// start starts a program, which is killed when the test ends, and whose log is
// shown if the test failed.
func start(t *testing.T, name string, cmd *exec.Cmd) *process.Process {
	t.Helper()
	p, err := process.Start(name, cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", p.Name, p.Log())
		}
	})
	return p
}

// command is a command line of one of our programs.
func command(name string, args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(binaries, name), args...)
}

// run runs a command that has to succeed and returns its standard output.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, &stderr, &stdout)
	}
	return stdout.String()
}

// requireTool returns which of the names is installed, or skips the test.
func requireTool(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			return name
		}
	}
	missing(t, names[0]+" is not installed")
	return ""
}

// missing skips the test for want of something outside of this repository, or
// fails it where everything is supposed to be there.
func missing(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("HOPWIRE_REQUIRE_TOOLS") == "1" {
		t.Fatalf("%s, and HOPWIRE_REQUIRE_TOOLS=1 allows no test to be skipped", reason)
	}
	t.Skip(reason)
}

// notForRaces skips a test of what the scripts do with the programs, where these are
// built with the race detector: other tests run the same programs.
func notForRaces(t *testing.T) {
	t.Helper()
	if wiretest.RaceDetector {
		t.Skip("races are looked for by other tests")
	}
}

// eventually waits until the condition holds. problem says what it is when it
// does not yet.
func eventually(t *testing.T, problem func() string) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for {
		text := problem()
		if text == "" {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("after %v: %s", patience, text)
		}
	}
}
