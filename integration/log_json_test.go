package integration

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

// With --log-format json all that edge and origin write is objects, one a line, with the
// names that README lists and no others; and each of these shows.
func TestLogAsJSON(t *testing.T) {
	const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	faulty := func(does string) *logging {
		script := filepath.Join(t.TempDir(), "faults.yaml")
		if err := os.WriteFile(script, []byte("connections: ["+does+"]"), 0o644); err != nil {
			t.Fatal(err)
		}
		return startLogging(t, "origin", "--study", "--post", "sink", "--fault", script)
	}
	origin, hasty := faulty("{stale: 100%}"), faulty("{unasked-408: after 10ms idle}")
	edge := startLogging(t, "edge", "--origin", origin.Addr, "--log-connections", "--loops", "1", "--origin-max-connections", "1", "--queue-max", "9")
	ask := func(request string) {
		t.Helper()
		rawAnswer(t, edge.Addr, request+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTraceparent: "+traceparent+"\r\n\r\n")
	}
	rawAnswer(t, edge.Addr, "POST /post HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("x", 1e6))
	ask("GET /_/bytes/10?fault=delay:1ms")
	ask("GET /") // meets a stale connection
	tunnel := dialRaw(t, edge.Addr)
	tunnel.send("GET /_/websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	if line, err := tunnel.r.ReadString('\n'); err != nil || !strings.Contains(line, " 101 ") {
		t.Fatalf("%q, %v", line, err)
	}
	waits := dialRaw(t, edge.Addr)
	waits.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	waiting := regexp.MustCompile(`\\nqueue\.waiting 1\\n`)
	eventually(t, func() string {
		if err := edge.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if !waiting.MatchString(edge.Log()) {
			return "no request waits"
		}
		return ""
	})
	tunnel.send("\x88\x80\x00\x00\x00\x00") // closes the WebSocket
	tunnel.Conn.(*net.TCPConn).CloseWrite()
	tunnel.rest()
	waits.rest()
	dialRaw(t, hasty.Addr).rest()
	for _, s := range []*logging{edge, origin} {
		c := dialRaw(t, s.Addr)
		c.send("GET /\x1b\xff\"\\ HTTP/1.1\r\n\r\n")
		c.rest()
		c.Close() // so that the server need not listen on
	}
	documented, missing := namesInReadme(t), map[string]bool{}
	for event, names := range documented {
		for _, name := range names {
			missing[event+" "+name] = true
		}
	}
	for _, s := range []*logging{edge, origin, hasty} {
		if err := s.Stop(patience); err != nil {
			t.Error(err)
		}
		lines, err := os.ReadFile(s.accessLog)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(s.Log() + string(lines)) {
			var members map[string]any
			if err := json.Unmarshal([]byte(line), &members); err != nil {
				t.Fatalf("%s writes %q: %v", s.Name, line, err)
			}
			event, _ := members["event"].(string)
			at, _ := members["time"].(string)
			if _, err := time.Parse("2006-01-02T15:04:05.999999Z", at); err != nil || members["program"] != s.Name {
				t.Errorf("%s writes %s", s.Name, line)
			}
			for name := range members {
				if !slices.Contains(documented[event], name) {
					t.Errorf("README does not list %s of %s", name, line)
				}
				delete(missing, event+" "+name)
			}
			if bytes := members["request_bytes"]; members["target"] == "/post" && bytes != 1e6 {
				t.Errorf("%s has read %v bytes of a million: %s", s.Name, bytes, line)
			}
			if trace, ok := members["traceparent"]; ok && trace != traceparent {
				t.Errorf("%s writes %s", s.Name, line)
			}
		}
	}
	for name := range missing {
		t.Errorf("no line has %s", name)
	}
}

// A logging is origin or edge that logs as JSON.
type logging struct {
	server
	accessLog string
}

func startLogging(t *testing.T, name string, args ...string) *logging {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access.log")
	words := append([]string{"--listen", "127.0.0.1:0", "--access-log", path, "--log-format", "json"}, args...)
	p := start(t, name, command(name, words...))
	listening, err := p.WaitLog(regexp.MustCompile(`"message":"listening on ([^"]+)"`), patience)
	if err != nil {
		t.Fatal(err)
	}
	return &logging{server{&servers.Server{Process: p, Addr: listening[1]}}, path}
}

// namesInReadme are the names that README lists, by the event that has them.
func namesInReadme(t *testing.T) map[string][]string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n### As JSON\n")
	section, _, _ = strings.Cut(section, "\n## ")
	all := map[string][]string{}
	quoted := regexp.MustCompile("`([a-z_]+)`")
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\| ([a-z, ]+) \\|").FindAllStringSubmatch(section, -1) {
		events := strings.Split(row[2], ", ")
		if row[2] == "all" {
			events = []string{"exchange", "connection", "fault", "message"}
		}
		for _, event := range events {
			for _, name := range quoted.FindAllStringSubmatch(row[1], -1) {
				all[event] = append(all[event], name[1])
			}
		}
	}
	return all
}

// What is wrong with a command line is an object, too.
func TestMistakeAsJSON(t *testing.T) {
	for _, name := range []string{"origin", "edge"} {
		var said strings.Builder
		cmd := command(name, "--nonsense", "--log-format", "json")
		cmd.Stderr = &said
		if err := runWithin(t, cmd); status(err) != 2 {
			t.Errorf("%s: %v", name, err)
		}
		var object struct{ Message string }
		if err := json.Unmarshal([]byte(said.String()), &object); err != nil || !strings.HasPrefix(object.Message, "unknown flag --nonsense") {
			t.Errorf("%s says %q: %v", name, said.String(), err)
		}
	}
}
