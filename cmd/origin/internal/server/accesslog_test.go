package server

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/accesslog"
)

// A page is a file in memory.
type page struct{ bytes.Buffer }

func (p *page) Close() error { return nil }

func TestAccessLog(t *testing.T) {
	var out page
	log := accesslog.New(&out, nil)
	r := start(t, files, Config{AccessLog: log})
	r.converse(get("GET", "/?q") + get("HEAD", "/") + get("GET", "/nothing") + get("GET", "/", "Range: bytes=0-1") +
		get("POST", "/post", "Content-Length: 5000") + strings.Repeat("x", 5000) + get("GET", `/"quoted"`) + "nonsense\r\n\r\n")
	r.stop()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`"GET /?q HTTP/1.1" 200 10`,
		`"HEAD / HTTP/1.1" 200 -`,
		`"GET /nothing HTTP/1.1" 404 -`,
		`"GET / HTTP/1.1" 206 2`,
		`"POST /post HTTP/1.1" 200 5000`,
		`"-" 400 - !target-byte`,
	}
	got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	start := regexp.MustCompile(`^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] `)
	if len(got) != len(want) {
		t.Fatalf("%d lines; want %d:\n%s", len(got), len(want), out.String())
	}
	for i, line := range got {
		if rest := start.ReplaceAllString(line, ""); rest != want[i] {
			t.Errorf("%s; want %s", line, want[i])
		}
	}
}

// Objects have what lines of text have, with the bytes of content that were read, and
// the trace that a request belongs to.
func TestLogObjects(t *testing.T) {
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	var out page
	log := accesslog.New(&out, nil)
	log.JSON = true
	r := start(t, files, Config{AccessLog: log, Faults: script(t, `
faults: [{path: /, name: short, fin: at byte 4 of body}]
connections: [{name: race, stale: 100%}]
`)})
	p := r.dial()
	p.send(get("GET", "/nothing?a", "traceparent: "+trace) + "POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + "nonsense\r\n\r\n")
	p.ending(false)
	p = r.dial()
	p.send(get("GET", "/nothing"))
	p.expect(response("404 Not Found", "Content-Length: 0"))
	p.send(get("GET", "/"))
	p.ending(false)
	p = r.dial()
	p.send(get("GET", "/"))
	p.ending(false)
	r.stop()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	want := `{"event":"exchange","method":"GET","target":"/nothing?a","version":"1.1","traceparent":"` + trace + `","status":404,"request_bytes":0,"response_bytes":0}
{"event":"exchange","method":"POST","target":"/post","version":"1.1","status":200,"request_bytes":5,"response_bytes":15}
{"event":"exchange","status":400,"request_bytes":0,"response_bytes":0,"rule":"target-missing"}
{"event":"exchange","method":"GET","target":"/nothing","version":"1.1","status":404,"request_bytes":0,"response_bytes":0}
{"event":"fault","fault":"race"}
{"event":"exchange","method":"GET","target":"/","version":"1.1","status":200,"request_bytes":0,"response_bytes":4,"fault":"short"}
`
	differs := regexp.MustCompile(`"time":"[^"]+Z","program":"origin",|"client":"127\.0\.0\.1:\d+",`)
	if got := differs.ReplaceAllString(out.String(), ""); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// stuck is a writer that waits, and fails.
type stuck struct{ release chan struct{} }

func (s stuck) Write([]byte) (int, error) {
	<-s.release
	return 0, errors.New("no space left on device")
}

func (s stuck) Close() error { return nil }

// A log that cannot be written does not hold up the loop, and what is lost is
// told.
func TestLogThatIsStuck(t *testing.T) {
	var said reports
	w := stuck{make(chan struct{})}
	log := accesslog.New(w, said.add)
	r := start(t, files, Config{AccessLog: log})
	p := r.dial()
	requests := strings.Repeat(get("GET", "/nothing?"+strings.Repeat("x", 4000)), 100)
	answers := strings.Repeat(response("404 Not Found", "Content-Length: 0"), 100)
	for range 10 {
		p.send(requests)
		p.expect(answers)
	}
	close(w.release)
	r.stop()
	if err := log.Close(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Error(err)
	}
	all := strings.Join(said.texts, "\n")
	if !strings.Contains(all, "the access log cannot be written fast enough; lines lost so far: ") || len(said.texts) > 1 {
		t.Errorf("reported: %s", all)
	}
}
