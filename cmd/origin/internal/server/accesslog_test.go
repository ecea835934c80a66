package server

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestAccessLog(t *testing.T) {
	var log bytes.Buffer
	r := start(t, files, Config{AccessLog: &log})
	r.converse(get("GET", "/?q") + get("HEAD", "/") + get("GET", "/nothing") + get("GET", "/", "Range: bytes=0-1") +
		get("POST", "/post", "Content-Length: 5000") + strings.Repeat("x", 5000) + get("GET", `/"quoted"`) + "nonsense\r\n\r\n")
	r.stop()
	want := []string{
		`"GET /?q HTTP/1.1" 200 10`,
		`"HEAD / HTTP/1.1" 200 -`,
		`"GET /nothing HTTP/1.1" 404 -`,
		`"GET / HTTP/1.1" 206 2`,
		`"POST /post HTTP/1.1" 200 5000`,
		`"-" 400 -`,
	}
	got := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
	start := regexp.MustCompile(`^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] `)
	if len(got) != len(want) {
		t.Fatalf("%d lines; want %d:\n%s", len(got), len(want), log.String())
	}
	for i, line := range got {
		if rest := start.ReplaceAllString(line, ""); rest != want[i] {
			t.Errorf("%s; want %s", line, want[i])
		}
	}
}

func TestQuoting(t *testing.T) {
	got := string(appendQuoted(nil, []byte("GET /\"a\\b\x1b[2J\n\xe9 HTTP/1.1")))
	if want := `GET /\x22a\x5cb\x1b[2J\x0a\xe9 HTTP/1.1`; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

// stuck is a writer that waits, and fails.
type stuck struct{ release chan struct{} }

func (s stuck) Write([]byte) (int, error) {
	<-s.release
	return 0, errors.New("no space left on device")
}

// A log that cannot be written does not hold up the loop, and what is lost is
// told.
func TestLogThatIsStuck(t *testing.T) {
	var said reports
	w := stuck{make(chan struct{})}
	r := start(t, files, Config{AccessLog: w, Report: said.add})
	p := r.dial()
	requests := strings.Repeat(get("GET", "/nothing?"+strings.Repeat("x", 4000)), 100)
	answers := strings.Repeat(response("404 Not Found", "Content-Length: 0"), 100)
	for range 10 {
		p.send(requests)
		p.expect(answers)
	}
	close(w.release)
	r.stop()
	all := strings.Join(said.texts, "\n")
	if !strings.Contains(all, "no space left") || !strings.Contains(all, "lines of the access log were lost") || len(said.texts) > 10 {
		t.Errorf("reported: %s", all)
	}
}
