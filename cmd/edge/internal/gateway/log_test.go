package gateway

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/accesslog"
)

// A page is a file in memory.
type page struct{ bytes.Buffer }

func (p *page) Close() error { return nil }

func TestAccessLog(t *testing.T) {
	var out page
	log := accesslog.New(&out, nil)
	o := scripted(t, func(i int, p *peer) {
		p.head()
		p.send(hello)
		p.head() // the second request is not answered
	})
	r := start(t, Config{Log: log}, o.address)
	c := r.dial()
	c.send(get("/a?b"))
	c.expect(hello)
	c.send("POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
	c.expectEnd()
	bad := r.dial()
	bad.send("GET /\r\n")
	bad.expectStatus(400)
	r.await("the end", func(c Counters) bool { return c.ClientEnds[Refused] == 1 })
	r.stop()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	const at, phases = `127\.0\.0\.1 - - \[[^]]+\] `, ` read=\d+us connect=\d+us send=\d+us wait=\d+us relay=\d+us total=\d+us `
	want := []string{
		`"GET /a\?b HTTP/1\.1" 200 5` + phases + `c1#1 -> o1#1 kept/kept`,
		`"POST /c HTTP/1\.1" - -` + phases + `c1#2 -> o1#2 origin-stale/failed`,
		`"GET /" 400 -` + phases + `c2#1 -> - refused/- !http_request_error:version`,
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), out.String())
	}
	for i, line := range lines {
		if !regexp.MustCompile("^" + at + want[i] + "$").MatchString(line) {
			t.Errorf("%s\nis not %s", line, want[i])
		}
	}
}

// With several origins a line says which one had the request, and if none could be
// connected to, which one was tried last.
func TestAccessLogNamesOrigins(t *testing.T) {
	var out page
	log := accesslog.New(&out, nil)
	a, b := scripted(t, answering(hello)), scripted(t, answering(hello))
	r := start(t, Config{Log: log, LogOrigins: true, Pool: pool.Limits{Max: -1}}, a.address, b.address)
	c := r.dial()
	for range 2 {
		c.send(get("/"))
		c.expect(hello)
	}
	a.ln.Close()
	b.ln.Close()
	c.send(get("/"))
	c.expectStatus(502)
	r.stop()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"-> o1#1@" + a.address + " ", "-> o2#1@" + b.address + " ", "-> -@" + b.address + " "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
