package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/shared/loop"
)

// patience bounds every wait of the tests that is not meant to end by time.
const patience = 20 * time.Second

// modified is when the files of the tests were last changed.
var modified = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

// lay makes a folder of the files given by name.
func lay(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		err := errors.Join(
			os.MkdirAll(filepath.Dir(path), 0o755),
			os.WriteFile(path, []byte(content), 0o644),
			os.Chtimes(path, modified, modified),
		)
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openSite(t *testing.T, dir string) *site.Site {
	t.Helper()
	s, err := site.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// A rig is a server on the kernel's loops.
type rig struct {
	t      *testing.T
	group  *loop.Group
	server *Server
	addr   string
	signal context.CancelFunc // the first one
	hurry  chan struct{}      // the second one, when it is closed
	ended  chan error
}

// start serves the files on one loop.
func start(t *testing.T, files map[string]string, config Config) *rig {
	t.Helper()
	return startFolder(t, lay(t, files), config)
}

func startFolder(t *testing.T, dir string, config Config) *rig {
	t.Helper()
	if config.Site == nil {
		config.Site = openSite(t, dir)
	}
	if config.PostPath == "" {
		config.PostPath = "/post"
	}
	if config.Report == nil {
		config.Report = func(err error) { t.Error(err) }
	}
	group, err := loop.NewGroup(1, loop.Config{Report: config.Report})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(group, config)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &rig{t: t, group: group, server: s, addr: addr.String(), signal: cancel, hurry: make(chan struct{}), ended: make(chan error, 1)}
	go func() { r.ended <- s.Run(ctx, r.hurry) }()
	t.Cleanup(r.stop)
	return r
}

// awaitDraining waits until the first signal has reached the loop.
func (r *rig) awaitDraining() {
	w, draining := r.server.workers[0], make(chan bool)
	for seen := false; !seen; {
		w.loop.Post(func() { draining <- w.draining })
		seen = <-draining
	}
}

func (r *rig) stop() {
	r.checkSums()
	r.group.Stop()
	r.await()
}

// await waits for the server's end.
func (r *rig) await() {
	r.t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Error(err)
		}
		r.ended <- nil
	case <-time.After(patience):
		r.t.Error("the server does not end")
	}
}

// A peer is a client's end of a connection.
type peer struct {
	t *testing.T
	*net.TCPConn
	in *bufio.Reader
}

func (r *rig) dial() *peer {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &peer{t: r.t, TCPConn: c.(*net.TCPConn), in: bufio.NewReader(c)}
}

// send writes the parts, one write each.
func (p *peer) send(parts ...string) {
	p.t.Helper()
	for _, part := range parts {
		if _, err := io.WriteString(p, part); err != nil {
			p.t.Fatal(err)
		}
	}
}

// expect reads exactly what is wanted, dates aside.
func (p *peer) expect(want string) {
	p.t.Helper()
	got := make([]byte, len(want)+strings.Count(want, "Date: D\r\n")*(len(time.RFC1123)-1))
	n, err := io.ReadFull(p.in, got)
	if text := undated(p.t, string(got[:n])); err != nil || text != want {
		p.t.Fatalf("got\n%s\n(%v); want\n%s", text, err, want)
	}
}

// expectEnd reads the end of stream.
func (p *peer) expectEnd() {
	p.t.Helper()
	if rest, err := io.ReadAll(p.in); err != nil || len(rest) > 0 {
		p.t.Fatalf("got %q, %v; want the end of stream", rest, err)
	}
}

// converse sends everything and the end of stream, and returns everything that
// comes back.
func (r *rig) converse(parts ...string) string {
	r.t.Helper()
	p := r.dial()
	p.send(parts...)
	if err := p.CloseWrite(); err != nil {
		r.t.Fatal(err)
	}
	got, err := io.ReadAll(p.in)
	if err != nil {
		r.t.Fatal(err)
	}
	return undated(r.t, string(got))
}

var dateField = regexp.MustCompile(`Date: (.*)\r\n`)

// undated checks every Date, and replaces it.
func undated(t *testing.T, responses string) string {
	t.Helper()
	return dateField.ReplaceAllStringFunc(responses, func(line string) string {
		date, err := time.Parse("Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n", line)
		if age := time.Since(date); err != nil || age < -time.Second || age > patience {
			t.Errorf("%q is not now", line)
		}
		return "Date: D\r\n"
	})
}

// get makes a request.
func get(method, target string, fields ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: test\r\n" + lines(fields) + "\r\n"
}

// kept is what a response says of a connection that persists.
const kept = "Connection: keep-alive\r\nKeep-Alive: timeout=75\r\n"

// response makes the head of the response that get's server gives. Unless the last
// field says otherwise, the connection persists.
func response(status string, fields ...string) string {
	text := lines(fields)
	if !strings.HasSuffix(text, "Connection: close\r\n") {
		text += kept
	}
	return "HTTP/1.1 " + status + "\r\nDate: D\r\nServer: hopwire-origin\r\n" + text + "\r\n"
}

func lines(fields []string) (text string) {
	for _, f := range fields {
		text += f + "\r\n"
	}
	return text
}

// validators are the fields of a file of that size.
func validators(size int) string {
	return fmt.Sprintf("Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT\r\nETag: \"%x-%x\"", modified.UnixNano(), size)
}

func etag(size int) string { return fmt.Sprintf(`"%x-%x"`, modified.UnixNano(), size) }
