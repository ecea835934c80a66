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
	kernel.play(t, Config{Log: log}, func(s *scene) {
		c := s.dial()
		c.send(get("/a?b"))
		c.expect(hello)
		c.send("POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
		c.expectEnd()
		bad := s.dial()
		bad.send("GET /\r\n")
		bad.expectStatus(400)
		s.awaitEnd(Refused)
	}, func(p *peer) {
		p.head()
		p.send(hello)
		p.head() // the second request is not answered
	})
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	const at, phases = `127\.0\.0\.1 - - \[[^]]+\] `, ` read=\d+us connect=\d+us send=\d+us wait=\d+us relay=\d+us total=\d+us `
	want := []string{
		`"GET /a\?b HTTP/1\.1" 200 5` + phases + `c1#1 -> o1#1 kept/kept`,
		`"POST /c HTTP/1\.1" - -` + phases + `c1#2 -> o1#2 origin-stale/failed stale=o1#2 idle=\d+us sign=ended`,
		`"GET /" 400 66` + phases + `c2#1 -> - refused/- !http_request_error:version`,
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
	smooth.visit(t, Config{LogOrigins: true, Pool: pool.Limits{Max: -1}}, func(c *peer) {
		for range 2 {
			c.send(get("/"))
			c.expect(hello)
		}
		a, b := c.origins[0], c.origins[1]
		a.refuses, b.refuses = true, true
		c.send(get("/"))
		c.expectStatus(502)
		for _, want := range []string{"-> o1#1@" + a.address.String() + " ", "-> o2#1@" + b.address.String() + " ", "-> -@" + b.address.String() + " "} {
			if !strings.Contains(c.page.String(), want) {
				c.errorf("no %q in the log", want)
			}
		}
	}, answering(hello), answering(hello))
}
