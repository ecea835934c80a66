package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifyOfHeads: the server has a Date of its own, and says Content-Type.
func TestVerifyOfHeads(t *testing.T) {
	address, _ := origin(t)
	const line, dated, length, kind = "HTTP/1.1 200 OK\r\n", "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "Content-Length: 16\r\n", "Content-Type: text/plain; charset=utf-8\r\n"
	for _, test := range []struct {
		name, head string
		flags      []string
		want       string // in the report; empty: all are as recorded
	}{
		{"as recorded", dated + length + kind, nil, ""},
		{"undated", length + kind, nil, ""},
		{"a field more was recorded", length + kind + "ETag: x\r\n", nil, "no more fields, recorded \"ETag: x\" at offset 78 "},
		{"one that is volatile", length + "ETag: x\r\n" + kind, []string{"--volatile", "X-A,etag"}, ""},
		{"another order", kind + length, nil, "head-mismatch: head differs at offset "},
		{"another order of what is volatile", kind + length, []string{"--volatile", "content-type"}, ""},
		{"chunked", "Transfer-Encoding: chunked\r\n" + kind, nil, "head-mismatch: framing length, recorded chunked; head differs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			content := "you asked for /a"
			if strings.Contains(test.head, "chunked") {
				content = "10\r\n" + content + "\r\n0\r\n\r\n"
			}
			file := pcapOf(t, address, []string{request("/a"), line + test.head + "\r\n" + content})
			stdout, stderr, status := loadgen(t, append([]string{"replay", file, "--verify-head", "--target", address}, test.flags...)...)
			if test.want == "" {
				if status != 0 {
					t.Errorf("status %d, %s%s", status, stderr, stdout)
				}
				return
			}
			if words := strings.Join(strings.Fields(stdout), " "); status != 1 || !strings.Contains(words, test.want) || !strings.Contains(stdout, "\n  + 0000") {
				t.Errorf("status %d, want %q in\n%s", status, test.want, stdout)
			}
			if _, stderr, status := loadgen(t, "replay", file, "--verify", "--target", address); status != 0 {
				t.Errorf("without heads: status %d, %s", status, stderr)
			}
		})
	}
}

// The help lists what is not compared.
func TestVolatileFieldsAreListed(t *testing.T) {
	help := strings.Join(strings.Fields(verifyDescription), " ")
	if list := strings.Join(volatile, ", "); !strings.Contains(help, strings.Replace(list, ", Via", ", Via and those", 1)) {
		t.Errorf("the help does not list %s", list)
	}
}

// TestFailuresAreShownAndSentAgain: what is saved of requests that failed shows why,
// and is a recording like any other.
func TestFailuresAreShownAndSentAgain(t *testing.T) {
	address, asked := origin(t)
	file := pcapOf(t, address, []string{request("/a"), response("you asked for /b"), request("/c"), response("you asked for /c")})
	saved := filepath.Join(t.TempDir(), "failures.pcapng")
	if err := os.WriteFile(saved, []byte("what was there"), 0o644); err != nil {
		t.Fatal(err)
	}
	stdout, _, status := loadgen(t, "replay", file, "--verify", "--target", address, "--save-failures", saved)
	if words := strings.Join(strings.Fields(stdout), " "); status != 1 || !strings.Contains(words, "1 exchange that failed saved in ") {
		t.Errorf("status %d:\n%s", status, stdout)
	}
	if info, err := os.Stat(saved); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if stdout, stderr, status := loadgen(t, "show", saved, "--exchange", "c1#1"); status != 0 || !strings.Contains(stdout, "GET /a  200") ||
		!strings.Contains(stdout, "!content-mismatch") || !strings.Contains(stdout, "you asked for /a") {
		t.Errorf("status %d, %s:\n%s", status, stderr, stdout)
	}
	asked.Store(0)
	if stdout, stderr, status := loadgen(t, "replay", saved, "--verify", "--target", address); status != 0 || asked.Load() != 1 {
		t.Errorf("status %d, %s, asked %d times:\n%s", status, stderr, asked.Load(), stdout)
	}
	stdout, _, status = loadgen(t, "replay", saved, "--target", address, "--save-failures", saved+"2")
	if words := strings.Join(strings.Fields(stdout), " "); status != 0 || !strings.Contains(words, "0 exchanges that failed saved in ") {
		t.Errorf("status %d:\n%s", status, stdout)
	}
}

// TestSavedFailuresAreRedacted: what is secret in them is nowhere in the file.
func TestSavedFailuresAreRedacted(t *testing.T) {
	address, _ := origin(t)
	saved := filepath.Join(t.TempDir(), "failures.pcapng")
	secret := "GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: 5ecret\r\nX-Key: 5ecret\r\nX-Open: seen\r\n\r\n"
	file := pcapOf(t, address, []string{secret, response("you asked for /b")})
	if _, stderr, status := loadgen(t, "replay", file, "--verify", "--target", address, "--save-failures", saved, "--redact", "X-Key"); status != 1 {
		t.Fatalf("status %d, %s", status, stderr)
	}
	text, err := os.ReadFile(saved)
	if s := string(text); err != nil || strings.Contains(s, "5ecret") || !strings.Contains(s, "X-Key: ******\r\nX-Open: seen") || !strings.Contains(s, "Authorization: ******") {
		t.Errorf("%v, %q", err, text)
	}
	// Nor where it is what differs: then the file says where, and not what.
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("Set-Cookie", fmt.Sprint("5ecret", n))
	}))
	defer server.Close()
	address = server.Listener.Addr().String()
	file = pcapOf(t, address, []string{request("/a"), "HTTP/1.1 200 OK\r\nSet-Cookie: 5ecret0\r\nContent-Length: 0\r\n\r\n"})
	if _, stderr, status := loadgen(t, "replay", file, "--verify-head", "--target", address, "--save-failures", saved, "--redact", "standard"); status != 1 {
		t.Fatalf("status %d, %s", status, stderr)
	}
	text, err = os.ReadFile(saved)
	if s := string(text); err != nil || strings.Contains(s, "5ecret") || !strings.Contains(s, "head differs at offset ") {
		t.Errorf("%v, %q", err, text)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--redact", "X-Key"}, "--redact blanks values in what --save-failures saves; add that, or leave it out"},
		{[]string{"--redact", "a b", "--save-failures", saved}, `--redact: "a b" is not the name of a field`},
	} {
		if _, stderr, status := loadgen(t, append([]string{"replay", file, "--target", address}, test.args...)...); status != 2 || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: status %d, %s", test.args, status, stderr)
		}
	}
}

// TestWhereFailuresCannotBeSaved: what is there stays as it is.
func TestWhereFailuresCannotBeSaved(t *testing.T) {
	dir := t.TempDir()
	recording := pcapOf(t, "127.0.0.1:1", []string{request("/"), response("")})
	other, link := filepath.Join(dir, "other"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(other, []byte("text"), 0o600), os.Symlink(other, link)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		file   string
		status int
		want   string
	}{
		{"-", 2, "--save-failures names a file, since standard output has the report"},
		{recording, 2, "--save-failures would overwrite " + recording},
		{link, 1, "--save-failures: " + link + " is a symbolic link"},
		{dir + "/missing/file", 1, "--save-failures: open " + dir + "/missing/file: no such file"},
	} {
		stdout, stderr, status := loadgen(t, "replay", recording, "--target", "127.0.0.1:1", "--save-failures", test.file)
		if status != test.status || !strings.Contains(stderr, test.want) || stdout != "" {
			t.Errorf("%s: status %d, %q, want %q", test.file, status, stderr, test.want)
		}
	}
	if text, err := os.ReadFile(other); string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	if _, stderr, status := loadgen(t, "replay", "http://127.0.0.1:1/", "-n", "1", "--save-failures", "/dev/full"); status != 1 || !strings.Contains(stderr, "no space left on device") {
		t.Errorf("status %d, %q", status, stderr)
	}
}
