package view

import (
	"cmp"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/events"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// A scene is a stream of events that is told by hand, a millisecond after the other.
type scene struct {
	all []events.Event
	x   events.Exchange
}

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (s *scene) tell(conn string, e events.Event) {
	e.Seq = uint64(len(s.all) + 1)
	e.At = began.Add(time.Duration(len(s.all)) * time.Millisecond)
	e.Conn, _ = events.ParseConnID(conn)
	s.all = append(s.all, e)
}

func (s *scene) open(conn string) {
	s.tell(conn, events.Event{Kind: events.Opened, Client: netip.MustParseAddrPort("10.0.0.1:4000"), Server: netip.MustParseAddrPort("10.0.0.2:80")})
}

// of names the exchange that what follows is of.
func (s *scene) of(exchange string) { s.x, _ = events.ParseExchange(exchange) }

// in and out tell of bytes, with the edits that made them.
func (s *scene) in(conn, text string, edits ...string) { s.bytes(conn, events.Inbound, text, edits) }
func (s *scene) out(conn, text string, edits ...string) {
	s.bytes(conn, events.Outbound, text, edits)
}

func (s *scene) bytes(conn string, d events.Direction, text string, edits []string) {
	s.tell(conn, events.Event{Kind: events.Bytes, Exchange: s.x, Direction: d, Content: []byte(text), Comment: strings.Join(edits, "\n")})
}

func (s *scene) gap(conn string, d events.Direction, n uint64) {
	s.tell(conn, events.Event{Kind: events.Gap, Direction: d, Missing: n})
}

// note has the parameters in turns with their values.
func (s *scene) note(kind string, params ...string) {
	n := &events.Note{Kind: kind}
	for i := 0; i < len(params); i += 2 {
		n.Params = append(n.Params, events.Param{Name: params[i], Value: params[i+1]})
	}
	s.tell(s.x.Client.Conn.String(), events.Event{Kind: events.Noted, Exchange: s.x, Note: n})
}

// end is the note of the end of an exchange of ours.
func (s *scene) end(status, client, origin string, more ...string) {
	s.note("exchange", append([]string{"status", status, "client-connection", client, "origin-connection", origin, "read", "12", "queue", "0",
		"connect", "140", "send", "31", "wait", "412", "relay", "38", "total", "633"}, more...)...)
}

func (s *scene) closed(conn string, d events.Direction, how events.Means, cause string) {
	s.tell(conn, events.Event{Kind: events.Closed, Direction: d, Means: how, Comment: cause})
}

// exchanges are those that a Collector makes of the scene.
func (s *scene) exchanges() (all []*Exchange) {
	var c Collector
	for i := range s.all {
		for x := c.Add(&s.all[i]); x != nil; x = c.Next() {
			all = append(all, x)
		}
	}
	return append(all, c.Open()...)
}

func (s *scene) lanes() *Lanes {
	var l Lanes
	for i := range s.all {
		l.Add(&s.all[i])
	}
	return &l
}

const via = "insert Via: 1.1 hopwire (via, RFC 9110 section 7.6.3)"

// get is what curl asks for, and how that is sent on.
const (
	get    = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"
	getVia = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nVia: 1.1 hopwire\r\n\r\n"
	ok     = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Much: " + "some words that go on and on, and " + "more of them, until no line has room for all of these\r\n\r\nhello\n"
)

var scenes = map[string]func(s *scene){
	"get": func(s *scene) {
		s.open("c1")
		s.of("c1#1")
		s.in("c1", get)
		s.note("pool", "taken", "new", "connection", "", "idle", "0", "passed-over", "")
		s.open("o1")
		s.of("c1#1 -> o1#1")
		s.in("o1", getVia, via)
		s.out("o1", ok)
		s.out("c1", ok)
		s.end("200", "kept", "kept")
	},
	"fields": func(s *scene) {
		s.open("c1")
		s.open("o1")
		s.of("c1#1 -> o1#1")
		s.in("c1", "GET /a?\x1b[31m\x9b HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, x-debug\r\nX-Debug: 1\r\nTE: trailers, gzip\r\nCookie: "+strings.Repeat("0123456789", 12)+"\r\n\r\n")
		s.in("o1", "GET /a?\x1b[31m\x9b HTTP/1.1\r\nHost: h\r\nCookie: "+strings.Repeat("0123456789", 12)+"\r\nTE: trailers\r\nConnection: TE\r\nVia: 1.1 hopwire\r\n\r\n",
			"drop Connection: keep-alive, x-debug (connection field, RFC 9110 section 7.6.1)",
			"drop X-Debug: 1 (named by connection, RFC 9110 section 7.6.1)",
			"drop TE: trailers, gzip (hop-by-hop field, RFC 9110 section 7.6.1)",
			"insert TE: trailers (trailers are taken, RFC 9110 section 10.1.4)",
			"insert Connection: TE (trailers are taken, RFC 9110 section 10.1.4)", via)
		s.out("o1", "HTTP/1.1 204\r\n\r\n")
		s.out("c1", "HTTP/1.1 204 \r\nDate: Thu, 26 Nov 2026 23:13:01 GMT\r\n\r\n",
			"insert   (space missing, RFC 9112 section 4)", "insert Date: Thu, 26 Nov 2026 23:13:01 GMT (date missing, RFC 9110 section 6.6.1)")
		s.end("204", "kept", "kept", "queued", "true")
	},
	"replay": func(s *scene) {
		s.open("c1")
		s.open("o1")
		s.of("c1#2")
		s.in("c1", get)
		s.note("origin", "origin", "10.0.0.2:80", "by", "least-requests", "passed-over", "10.0.0.3:80 unhealthy, 10.0.0.4:80 more-requests")
		s.note("queue", "position", "3")
		s.note("pool", "taken", "idle", "connection", "o1", "idle", "2", "passed-over", "o4 ended-while-idle, o2 idle-timeout")
		s.of("c1#2 -> o1#7")
		s.in("o1", getVia, via)
		s.note("replay", "decision", "replayed", "sign", "reset")
		s.closed("o1", events.Outbound, events.RST, "")
		s.open("o3")
		s.of("c1#2 -> o3#1")
		s.in("o3", getVia, via)
		s.out("o3", ok)
		s.out("c1", ok)
		s.end("200", "kept", "kept", "replayed", "true", "queued", "true")
	},
	"refusal": func(s *scene) {
		s.open("c1")
		s.of("c1#1")
		s.in("c1", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
		s.out("c1", "HTTP/1.1 400 Bad Request\r\nProxy-Status: hopwire; error=http_request_error; details=\"content-length-and-transfer-encoding\"\r\nContent-Length: 4\r\nConnection: close\r\n\r\nno.\n")
		s.end("400", "refused", "", "refusal", "400 http_request_error content-length-and-transfer-encoding")
		s.in("c1", "read and thrown away")
		s.closed("c1", events.Outbound, events.FIN, "refused")
	},
	"no-response": func(s *scene) {
		s.open("c1")
		s.open("o1")
		s.of("c1#1 -> o1#1")
		s.in("c1", get)
		s.in("o1", getVia, via)
		s.closed("o1", events.Outbound, events.FIN, "")
		s.out("c1", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		s.end("502", "kept", "origin-stale", "refusal", "502 connection_terminated")
	},
	"chunked": func(s *scene) {
		s.open("c2")
		s.open("o2")
		s.of("c2#1 -> o2#1")
		s.in("c2", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhel")
		s.in("o2", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nVia: 1.1 hopwire\r\n\r\n", via)
		s.in("c2", "lo\r\n0\r\nSum: 1\r\nKeep-Alive: 3\r\n\r\n")
		s.in("o2", "5;x=y\r\nhello\r\n")
		s.in("o2", "0\r\nSum: 1\r\n\r\n", "drop Keep-Alive: 3 (hop-by-hop field, RFC 9110 section 7.6.1)")
		s.out("o2", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\x00b\r\n0\r\nDigest: abc\r\nKeep-Alive: timeout=5\r\n\r\n")
		s.out("c2", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\x00b\r\n0\r\nDigest: abc\r\n\r\n",
			"drop Keep-Alive: timeout=5 (hop-by-hop field, RFC 9110 section 7.6.1)")
		s.end("200", "kept", "kept")
	},
	"pipelined": func(s *scene) {
		const second, third = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /c HTTP/1.1\r\nHost: h\r\n\r\n"
		s.open("c2")
		s.open("o2")
		s.of("c2#1 -> o2#1")
		s.in("c2", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"+second+third[:9])
		s.in("o2", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nVia: 1.1 hopwire\r\n\r\nhello", via)
		s.out("o2", "HTTP/1.1 204 No Content\r\n\r\n")
		s.out("c2", "HTTP/1.1 204 No Content\r\n\r\n")
		s.end("204", "kept", "kept")
		s.of("c2#2")
		s.note("pool", "taken", "idle", "connection", "o2", "idle", "0", "passed-over", "")
		s.of("c2#2 -> o2#2")
		s.in("o2", "GET /b HTTP/1.1\r\nHost: h\r\nVia: 1.1 hopwire\r\n\r\n", via)
		s.out("o2", "HTTP/1.1 204 No Content\r\n\r\n")
		s.out("c2", "HTTP/1.1 204 No Content\r\n\r\n")
		s.end("204", "kept", "kept")
		s.of("c2#3")
		s.in("c2", third[9:])
		s.of("c2#3 -> o2#3")
		s.in("o2", "GET /c HTTP/1.1\r\nHost: h\r\nVia: 1.1 hopwire\r\n\r\n", via)
	},
	"interim": func(s *scene) {
		s.open("c2")
		s.open("o2")
		s.of("c2#1 -> o2#1")
		s.in("c2", get)
		s.in("o2", getVia, via)
		s.out("o2", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\nX: 1\r\n\r\n")
		s.out("c2", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n",
			"drop Connection: x (connection field, RFC 9110 section 7.6.1)", "drop X: 1 (named by connection, RFC 9110 section 7.6.1)")
		s.out("o2", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		s.out("c2", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: now\r\n\r\nok", "insert Date: now (date missing, RFC 9110 section 6.6.1)")
		s.end("200", "kept", "kept")
	},
	"old-version": func(s *scene) {
		s.open("c3")
		s.open("o3")
		s.of("c3#3 -> o3#2")
		s.in("c3", "GET http://example.com/slow HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")
		s.in("o3", "GET /slow HTTP/1.1\r\nHost: example.com\r\nVia: 1.0 hopwire\r\n\r\n",
			"drop http://example.com (origin form, RFC 9112 section 3.2.1)", "drop HTTP/1.0 (own version, RFC 9112 section 2.3)",
			"insert HTTP/1.1 (own version, RFC 9112 section 2.3)", "drop Host: h (host of the target, RFC 9112 section 3.2.2)",
			"insert Host:  (host of the target, RFC 9112 section 3.2.2)", "insert example.com (host of the target, RFC 9112 section 3.2.2)",
			"insert  (host of the target, RFC 9112 section 3.2.2)", "drop Connection: keep-alive (connection field, RFC 9110 section 7.6.1)",
			"insert Via: 1.0 hopwire (via, RFC 9110 section 7.6.3)")
		s.out("o3", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\n\r\n0\r\n\r\n")
		s.out("c3", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello\n",
			"drop Transfer-Encoding: chunked (chunked coding removed, RFC 9112 section 6.1)", "insert Connection: close (close announced, RFC 9112 section 9.6)")
		s.end("200", "response-until-close", "kept")
	},
	"tunnel": func(s *scene) {
		s.open("c4")
		s.open("o4")
		s.of("c4#1 -> o4#1")
		s.in("c4", "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
		s.in("o4", "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: chat\r\nConnection: upgrade\r\nVia: 1.1 hopwire\r\n\r\n",
			"drop Connection: Upgrade (connection field, RFC 9110 section 7.6.1)", "insert Connection: upgrade (upgrade option, RFC 9110 section 7.8)", via)
		s.out("o4", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n\x00\x01hello")
		s.out("c4", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\n\x00\x01hello",
			"drop Connection: Upgrade (connection field, RFC 9110 section 7.6.1)", "insert Connection: upgrade (upgrade option, RFC 9110 section 7.8)")
		s.in("c4", "GET what is no request \x1b\r\n\r\n")
		s.in("o4", "GET what is no request \x1b\r\n\r\n")
		s.out("o4", strings.Repeat("much ", keep/4))
		s.out("c4", strings.Repeat("much ", keep/4))
	},
	"gaps": func(s *scene) {
		s.open("c5")
		s.open("o5")
		s.of("c5#1 -> o5#1")
		s.in("c5", "POST /upload HTTP/1.1\r\nHost: h\r\n")
		s.gap("c5", events.Inbound, 300)
		s.in("c5", "Content-Length: 100\r\n\r\nbegin ")
		s.gap("c5", events.Inbound, 88)
		s.in("c5", " end.\n")
		s.in("o5", "POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\nVia: 1.1 hopwire\r\n\r\n")
		s.gap("o5", events.Inbound, 100)
		s.gap("o5", events.Outbound, 1)
		s.out("c5", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		s.end("200", "kept", "kept")
	},
	"foreign": func(s *scene) {
		s.open("c1")
		s.of("c1#1")
		s.in("c1", get)
		s.out("c1", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
		s.out("c1", "ok")
		s.note("exchange", "status", "200")
		s.of("c1#2")
		s.in("c1", get)
		s.closed("c1", events.Inbound, events.RST, "")
	},
	"lanes": func(s *scene) {
		s.open("c1")
		s.open("c2")
		for n := range 30 {
			o := fmt.Sprintf("o%d", n/20+1)
			s.of(fmt.Sprintf("c%d#%d", n%2+1, n+1))
			conn := s.x.Client.Conn.String()
			s.in(conn, "POST / HTTP/1.1\r\n")
			s.in(conn, "Host: h\r\n\r\n")
			if n%20 == 0 {
				s.note("pool", "taken", "new")
				s.note("queue", "position", "1")
				s.open(o)
			}
			s.of(fmt.Sprintf("%s -> %s#%d", s.x, o, n+1))
			s.in(o, "POST / HTTP/1.1\r\n\r\n")
			s.note("something", "that", "takes its time")
			s.out(o, "HTTP/1.1 204 \r\n\r\n")
			s.out(conn, "HTTP/1.1 204 \r\n\r\n")
			s.end("204", "kept", "kept")
			s.tell("", events.Event{Kind: events.Noted, Note: &events.Note{Kind: "nothing"}})
		}
		s.closed("o1", events.Inbound, events.FIN, "idle-timeout")
		s.tell("c1", events.Event{Kind: events.Ended, Direction: events.Inbound, Means: events.FIN})
		s.closed("c1", events.Outbound, events.FIN, "client-closed")
		s.closed("c2", events.Inbound, events.RST, "")
	},
	"connections": func(s *scene) {
		s.open("c1")
		s.open("c2")
		s.closed("c1", events.Inbound, events.FIN, "client-closed")
		s.closed("c2", events.Inbound, events.RST, "")
		s.open("c3")
		s.of("c3#1")
		s.in("c3", get)
		s.of("c3#2")
		s.in("c3", get)
		s.out("c3", "HTTP/1.1 400 \r\nContent-Length: 0\r\n\r\n")
		s.end("400", "kept", "")
		s.of("c3#3")
		s.in("c3", "GET /half HTTP/1.1\r\nHo")
	},
}

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		at := 0
		g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for at < min(len(g), len(w))-1 && g[at] == w[at] {
			at++
		}
		t.Errorf("%s, line %d:\n got %s\nwant %s\n(go test ./shared/events/view -update, and look at what git shows)", path, at+1,
			cmp.Or(strings.Join(g[at:min(at+3, len(g))], "\n     ")), strings.Join(w[at:min(at+3, len(w))], "\n     "))
	}
}

// Each scene is a file: lines and pictures for 80 columns, and the same for 120.
func TestPictures(t *testing.T) {
	for name, play := range scenes {
		t.Run(name, func(t *testing.T) {
			var s scene
			play(&s)
			var b []byte
			for _, width := range []int{80, 120} {
				style := Style{Width: width}
				b = append(b, strings.Repeat("=", width)+"\n"+style.LineHead()...)
				all := s.exchanges()
				for _, x := range all {
					b = style.AppendLine(b, x)
				}
				if name == "lanes" {
					all = nil
				}
				b = style.AppendLanes(append(b, '\n'), s.lanes())
				for _, x := range all {
					b = style.AppendPicture(append(b, '\n'), x)
					b = style.AppendDecisions(append(b, '\n'), x)
					if x.Client.Out.Total < 4<<10 {
						b = style.AppendHex(append(b, '\n'), x)
					}
				}
			}
			golden(t, name, string(b))
		})
	}
}
