package servers

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Each server, and each gateway in front of nginx, answers with the file.
func TestServersAnswer(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.txt"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	need(t, "nginx")
	origin := started(t)(NginxFiles(t.TempDir(), root))
	check(t, origin)
	check(t, started(t)(NginxProxy(t.TempDir(), origin.Addr, On(0))))
	need(t, "haproxy")
	check(t, started(t)(HAProxyHTTP(t.TempDir(), origin.Addr, On(0))))
	check(t, started(t)(HAProxyTCP(t.TempDir(), origin.Addr)))
}

func need(t *testing.T, tool string) {
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed", tool)
	}
}

func started(t *testing.T) func(*Server, error) *Server {
	return func(s *Server, err error) *Server {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Stop(5 * time.Second) }) // HAProxy's status after SIGTERM is 143
		return s
	}
}

func check(t *testing.T, s *Server) {
	t.Helper()
	response, err := http.Get("http://" + s.Addr + "/a.txt")
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Log())
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || strings.TrimSpace(string(body)) != "hello" {
		t.Errorf("%s: %s, %q, %v", s.Name, response.Status, body, err)
	}
}
