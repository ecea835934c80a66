package gateway

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/accesslog"
)

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func asJSON(log *accesslog.Log) *accesslog.Log {
	log.JSON = true
	return log
}

// visitLogged plays a scene whose log is objects, and compares them, but for what
// is the same in all lines, or differs.
func visitLogged(t *testing.T, st stage, config Config, client script, want []string, scripts ...script) {
	t.Helper()
	var out *page
	config.Log = asJSON(accesslog.Immediate(writeClosed{&out}))
	st.play(t, config, func(s *scene) {
		out = &s.page
		c := s.dial()
		client(c)
		c.Close()
		c.sleep(2 * time.Minute)
		s.atEnd(func() {
			got := differs.ReplaceAllString(s.page.String(), "")
			if want := strings.Join(want, "\n") + "\n"; got != want {
				s.errorf("logged\n%swant\n%s", got, want)
			}
			for line := range strings.Lines(s.page.String()) {
				if !json.Valid([]byte(line)) {
					s.errorf("%s", line)
				}
			}
		})
	}, scripts...)
}

// differs is what of a line is not the same in each run.
var differs = regexp.MustCompile(`"time":"[^"]+","program":"edge",|"(read|connect|send|wait|relay|total)_us":\d+,`)

// writeClosed is the file that the scene of the moment has.
type writeClosed struct{ to **page }

func (w writeClosed) Write(p []byte) (int, error) { return (*w.to).Write(p) }
func (w writeClosed) Close() error                { return nil }

// What the text has, objects have, too, and the trace of a request.
func TestLogObjects(t *testing.T) {
	body := strings.Repeat("x", 1000)
	visitLogged(t, smooth, Config{LogConnections: true, Pool: pool.Limits{Idle: 30 * time.Second}}, func(c *peer) {
		c.send(get("/a?b", "traceparent: "+traceparent))
		c.expect(hello)
		c.sleep(time.Second)
		c.send(get("/again", "Traceparent: none"))
		c.expect(hello)
		c.send(post("Content-Length: 1000", body))
		c.expect(hello)
		c.send(post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"))
		c.expect(hello)
		c.send("GET /\"\x1b\xff HTTP/1.1\r\n\r\n")
		c.expectStatus(400)
	}, []string{
		`{"event":"exchange","exchange":"c1#1 -> o1#1","client":"127.0.0.1:32768","method":"GET","target":"/a?b","version":"1.1","traceparent":"` + traceparent + `","status":200,"request_bytes":0,"response_bytes":5,"origin":"127.0.0.1:20000","client_end":"kept","origin_end":"kept"}`,
		`{"event":"connection","connection":"o1","origin":"127.0.0.1:20000","local":"127.0.0.1:32769","cause":"failed","requests":2,"age_ms":1000}`,
		`{"event":"exchange","exchange":"c1#2 -> o2#1","client":"127.0.0.1:32768","method":"GET","target":"/again","version":"1.1","status":200,"request_bytes":0,"response_bytes":5,"origin":"127.0.0.1:20000","client_end":"kept","origin_end":"kept","replayed":true,"stale":"o1#2","stale_origin":"127.0.0.1:20000","stale_requests":1,"stale_idle_us":1000000,"stale_sign":"ended"}`,
		`{"event":"exchange","exchange":"c1#3 -> o2#2","client":"127.0.0.1:32768","method":"POST","target":"/","version":"1.1","status":200,"request_bytes":1000,"response_bytes":5,"origin":"127.0.0.1:20000","client_end":"kept","origin_end":"kept"}`,
		`{"event":"exchange","exchange":"c1#4 -> o2#3","client":"127.0.0.1:32768","method":"POST","target":"/","version":"1.1","status":200,"request_bytes":25,"response_bytes":5,"origin":"127.0.0.1:20000","client_end":"kept","origin_end":"kept"}`,
		fmt.Sprintf(`{"event":"exchange","exchange":"c1#5","client":"127.0.0.1:32768","request_line":"GET /\"\u001b`+"\ufffd"+` HTTP/1.1","status":400,"request_bytes":0,"response_bytes":%d,"client_end":"refused","error":"http_request_error","rule":"target-byte","proxy_status":"hopwire; error=http_request_error; details=\"target-byte\""}`,
			len(contentOf("400", `error=http_request_error; details="target-byte"`))),
		`{"event":"connection","connection":"c1","client":"127.0.0.1:32768","cause":"refused","requests":5,"age_ms":1000}`,
		`{"event":"connection","connection":"o2","origin":"127.0.0.1:20000","local":"127.0.0.1:32770","cause":"idle-timeout","requests":3,"age_ms":30000}`,
	}, func(p *peer) {
		p.head()
		p.send(hello)
		if p.number == 1 {
			p.head() // and then it closes
			return
		}
		for _, end := range []string{body, "X-Sum: 1\r\n\r\n"} {
			p.until(end)
			p.send(hello)
		}
		p.expectEnd()
	})
}

func TestLogMembers(t *testing.T) {
	e := logEntry{
		queue: 5 * time.Millisecond, total: 6 * time.Millisecond, clientConn: 3, request: 2, originConn: 1, use: 7,
		origin: mustParse("unix:/run/a\"b"), clientEnd: "tunnel-ended", tunnel: true, inbound: 30, outbound: 2000,
	}
	got := string(e.appendMembers([]byte("{")))
	want := `{"read_us":0,"queue_us":5000,"connect_us":0,"send_us":0,"wait_us":0,"relay_us":0,"total_us":6000,` +
		`"origin":"unix:/run/a\"b","client_end":"tunnel-ended","tunnel_inbound_bytes":30,"tunnel_outbound_bytes":2000`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// In text, connections that end have lines that begin as those of exchanges do.
func TestLogConnections(t *testing.T) {
	smooth.visit(t, Config{LogConnections: true, Pool: pool.Limits{Idle: 30 * time.Second}}, func(c *peer) {
		c.send(get("/"))
		c.expect(hello)
		c.sleep(time.Minute)
		c.Close()
		c.sleep(time.Second)
		const at = `127.0.0.1 - - [01/Jan/2026:00:0`
		want := []string{
			at + `0:30 +0000] "-" - - o1@127.0.0.1:20000 idle-timeout requests=1 age=30000ms local=127.0.0.1:32769`,
			at + `1:00 +0000] "-" - - c1 client-closed requests=1 age=60000ms`,
		}
		_, got, _ := strings.Cut(c.page.String(), "kept/kept\n")
		if got != strings.Join(want, "\n")+"\n" {
			c.errorf("logged\n%swant\n%s", got, strings.Join(want, "\n"))
		}
	}, answering(hello))
}
