package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// startStoring starts an origin that stores what is posted in a folder.
func startStoring(t *testing.T, args ...string) (origin *server, dir string) {
	t.Helper()
	dir = t.TempDir()
	return startOrigin(t, "", append([]string{"--post", "store", "--upload-dir", dir}, args...)...), dir
}

// listing is what is in a folder.
func listing(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range all {
		names = append(names, entry.Name())
	}
	return names
}

// Every way in which curl uploads, to the origin and through the edge. What was
// uploaded is there; a second time it is refused, and not even sent by a client that
// asks before.
func TestUploadsByCurl(t *testing.T) {
	requireTool(t, "curl")
	file := filepath.Join(t.TempDir(), "large.bin")
	if err := os.WriteFile(file, site[largeFile], 0o644); err != nil {
		t.Fatal(err)
	}
	asks := []string{"-H", "Expect: 100-continue", "--expect100-timeout", "30"}
	origin, dir := startStoring(t, "--max-body", "6MB")
	for way, s := range map[string]*server{"direct": origin, "through the edge": startEdge(t, origin.Addr)} {
		for i, c := range []struct {
			name   string
			args   []string
			path   string // below /post/, and with a % for a name that nothing has
			stored string // the name, where it is not the path
		}{
			{"content", []string{"--data-binary", "@" + file}, "%.bin", ""},
			{"content, asking", append([]string{"--data-binary", "@" + file}, asks...), "%.bin", ""},
			{"a file", []string{"-X", "POST", "-T", file}, "%.bin", ""},
			{"chunks", []string{"-X", "POST", "-H", "Transfer-Encoding: chunked", "-H", "Expect:", "-T", file}, "%.bin", ""},
			{"a form", []string{"-F", "a=b", "-F", "file=@" + file + ";filename=%.bin"}, "", "%.bin"},
			{"a form, asking", append([]string{"-F", "file=@" + file + ";filename=%.bin"}, asks...), "", "%.bin"},
			{"a form for a name", []string{"-F", "file=@" + file}, "%.bin", ""},
			{"HTTP/1.0", []string{"--http1.0", "--data-binary", "@" + file}, "%.bin", ""},
		} {
			t.Run(c.name+", "+way, func(t *testing.T) {
				unique := fmt.Sprintf("%d-%s", i, strings.ReplaceAll(way, " ", "-"))
				fill := func(s string) string { return strings.ReplaceAll(s, "%", unique) }
				var args []string
				for _, a := range append(slices.Clone(c.args), s.url("/post/"+c.path)) {
					args = append(args, fill(a))
				}
				stored := fill(c.path + c.stored)
				if status, report := curl(t, args...); status != "201 1.1" || !bytes.Contains(report, []byte(`"location": "/post/`+stored+`"`)) {
					t.Fatalf("%s, %s", status, report)
				}
				onDisk, err := os.ReadFile(filepath.Join(dir, stored))
				if err != nil || !bytes.Equal(onDisk, site[largeFile]) {
					t.Errorf("stored are %d bytes, %v", len(onDisk), err)
				}
				if status, content := curl(t, s.url("/post/"+stored)); status != "200 1.1" || !bytes.Equal(content, site[largeFile]) {
					t.Errorf("GET: %s, %d bytes", status, len(content))
				}
				if status, _ := curl(t, args...); status != "409 1.1" {
					t.Errorf("again: %s", status)
				}
			})
		}
		t.Run("what is refused, "+way, func(t *testing.T) {
			for name, c := range map[string]struct {
				args   []string
				status string
			}{
				"a name that is taken":    {[]string{"--data-binary", "@" + file, s.url("/post/taken.bin")}, "409 0"},
				"too much":                {[]string{"-T", "-", "-X", "POST", s.url("/post/new.bin")}, "413"},
				"a folder that is not":    {[]string{"--data-binary", "@" + file, s.url("/post/none/a")}, "409 0"},
				"a hidden name":           {[]string{"--data-binary", "@" + file, s.url("/post/.a")}, "403 0"},
				"a coding":                {[]string{"-H", "Content-Encoding: gzip", "--data-binary", "@" + file, s.url("/post/new.bin")}, "415 0"},
				"a file without boundary": {[]string{"-H", "Content-Type: multipart/form-data", "--data-binary", "@" + file, s.url("/post/")}, "415 0"},
			} {
				if err := os.WriteFile(filepath.Join(dir, "taken.bin"), nil, 0o644); err != nil {
					t.Fatal(err)
				}
				cmd := curlCommand(t, append(slices.Concat(asks, c.args), "-w", "%{stderr}%{http_code} %{size_upload}")...)
				cmd.Stdin = bytes.NewReader(slices.Concat(site[largeFile], site[largeFile]))
				var said strings.Builder
				cmd.Stderr = &said
				if err := cmd.Run(); err != nil || !strings.HasPrefix(said.String(), c.status) {
					t.Errorf("%s: %s, %v; want %s", name, &said, err, c.status)
				}
			}
		})
	}
	for _, name := range listing(t, dir) {
		if strings.HasPrefix(name, ".") || name == "new.bin" {
			t.Errorf("%s is left", name)
		}
	}
}

// An origin that is killed in the middle of uploads leaves nothing, and neither does
// the edge take what it had of them for an answer.
func TestKilledOriginLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	storing := func() *server {
		return startListening(t, command("origin", "--listen", "127.0.0.1:0", "--post", "store", "--upload-dir", dir))
	}
	origin := storing()
	var clients []*rawConn
	for i, s := range []*server{origin, startEdge(t, origin.Addr)} {
		for j, head := range []string{"Content-Length: 10000000", "Transfer-Encoding: chunked"} {
			c := dialRaw(t, s.Addr)
			c.send(fmt.Sprintf("POST /post/%d-%d HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n%s\r\n\r\n", i, j, head))
			if answer, _ := c.response("POST"); answer.StatusCode != 100 {
				t.Fatal(answer.Status)
			}
			c.send("10000\r\n" + strings.Repeat("x", 0x10000) + "\r\n")
			clients = append(clients, c)
		}
	}
	whole := dialRaw(t, origin.Addr)
	whole.send("POST /post/whole HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
	if answer, _ := whole.response("POST"); answer.StatusCode != http.StatusCreated {
		t.Fatal(answer.Status)
	}
	origin.Kill()
	for _, c := range clients {
		if heard, _ := io.ReadAll(c.r); bytes.HasPrefix(heard, []byte("HTTP/1.1 2")) { // or a reset
			t.Errorf("the client hears %q", heard)
		}
	}
	if got := listing(t, dir); !slices.Equal(got, []string{"whole"}) {
		t.Errorf("the folder has %q", got)
	}
	next := storing()
	if err := fetch(http.DefaultTransport, next.url("/post/whole"), []byte("hello")); err != nil {
		t.Errorf("after the next start: %v", err)
	}
}

// A disk that becomes full in the middle is said by 507, and has its room again.
func TestUploadsToAFullDisk(t *testing.T) {
	const size, left = 4 << 20, 1 << 20
	origin, dir := startWithDisk(t, size, left, "origin", func(mount string) []string {
		return []string{"--post", "store", "--upload-dir", mount}
	})
	edge := startEdge(t, origin.Addr)
	for _, c := range []struct {
		s      *server
		name   string
		bytes  int
		status string
	}{
		{origin, "a", 2 << 20, "507"}, {edge, "b", 2 << 20, "507"}, {origin, "c", 700_000, "201"}, {edge, "d", 700_000, "507"}, {edge, "e", 100_000, "201"},
	} {
		content := strings.Repeat("x", c.bytes)
		answer := rawAnswer(t, c.s.Addr, fmt.Sprintf("POST /post/%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", c.name, len(content), content))
		if !strings.HasPrefix(answer, "HTTP/1.1 "+c.status) {
			t.Errorf("%s: %.40q, want %s", c.name, answer, c.status)
		}
	}
	if got := listing(t, dir); !slices.Equal(got, []string{"ballast", "c", "e"}) {
		t.Errorf("the folder has %q", got)
	}
	if log := origin.Log(); strings.Count(log, "no space left on device") != 3 {
		t.Errorf("the origin says %q", log)
	}
}
