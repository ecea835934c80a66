package integration

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// startHeadReader is an origin that answers every request with the octets of its
// head.
func startHeadReader(t *testing.T, fields string) (addr string) {
	t.Helper()
	return listenRaw(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			var head strings.Builder
			for !strings.HasSuffix(head.String(), "\r\n\r\n") {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				head.WriteString(line)
			}
			response := http.Response{ProtoMajor: 1, ProtoMinor: 1, StatusCode: 200, ContentLength: int64(head.Len()), Body: io.NopCloser(strings.NewReader(head.String()))}
			var b strings.Builder
			response.Write(&b)
			io.WriteString(c, strings.Replace(b.String(), "\r\n", "\r\n"+fields, 1))
		}
	})
}

// An origin is told whose request it is, and believes only what the gateway or
// one that it trusts has said.
func TestForwarded(t *testing.T) {
	origin := startHeadReader(t, "")
	const claims = "Forwarded: for=x\r\nX-Forwarded-For: 192.0.2.1\r\nX_Forwarded_For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Ssl: on\r\nX.Client-IP: 192.0.2.1\r\n"
	const own = "Forwarded: for=127.0.0.1;host=\"a:80\";proto=http\r\n"
	const custom = "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a:80\r\n"
	for _, test := range []struct{ name, args, want string }{
		{"off", "--via x", claims},
		{"Forwarded", "--via x --forwarded", own},
		{"X-Forwarded", "--via x --x-forwarded", "X-Forwarded-For: 127.0.0.1\r\n" + custom},
		{"another is trusted", "--via x --forwarded --trusted 10.0.0.0/8", own},
		{"this one is", "--via x --forwarded --x-forwarded --trusted 127.0.0.0/8,unix",
			strings.Replace(claims, "For: 192.0.2.1\r\n", "For: 192.0.2.1, 127.0.0.1\r\n", 1) + own + custom},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := dialRaw(t, startEdge(t, origin, strings.Fields(test.args)...).Addr)
			for range 2 {
				c.send("GET / HTTP/1.1\r\nHost: a:80\r\n" + claims + "\r\n")
				want := "GET / HTTP/1.1\r\nHost: a:80\r\n" + test.want + "Via: 1.1 x\r\n\r\n"
				if _, body := c.response("GET"); body != want {
					t.Errorf("the origin received\n%s\nwant\n%s", body, want)
				}
			}
		})
	}
}

// With --via - nothing tells the origin of the gateway. All other edits are made,
// and refusals still have a name.
func TestEdits(t *testing.T) {
	const sent = "GET / HTTP/1.1\r\nHost: a\r\n"
	c := dialRaw(t, startEdge(t, startHeadReader(t, ""), "--via", "-").Addr)
	c.send(sent + "TE: trailers, deflate\r\n\r\n")
	res, head := c.response("GET")
	if want := sent + "TE: trailers\r\nConnection: TE\r\n\r\n"; head != want {
		t.Errorf("the origin received\n%s\nwant\n%s", head, want)
	}
	if _, err := http.ParseTime(res.Header.Get("Date")); err != nil {
		t.Errorf("the date: %v", err)
	}
	c.send("GET / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n")
	res, _ = c.response("GET")
	if got := res.Header.Get("Proxy-Status"); res.StatusCode != 400 || got != `hopwire; error=http_request_error; details="framing-field-misspelled"` {
		t.Errorf("%d, Proxy-Status: %s", res.StatusCode, got)
	}
}

// Two edges that send each other what they get notice it by what they call
// themselves.
func TestLoop(t *testing.T) {
	front := "unix:" + t.TempDir() + "/front"
	back := startEdge(t, front)
	startListening(t, command("edge", "--listen", front, "--origin", back.Addr))
	c := dialRaw(t, back.Addr)
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	res, _ := c.response("GET")
	if got := res.Header.Get("Proxy-Status"); res.StatusCode != 502 || !strings.Contains(got, "proxy_loop_detected") {
		t.Errorf("%d, Proxy-Status: %s", res.StatusCode, got)
	}
}

// Heads go through as they are, in both directions.
func TestVerbatim(t *testing.T) {
	const fields = "Connection: X-A\r\nX-A:  odd \r\nKeep-Alive: timeout=5\r\n"
	origin := startHeadReader(t, fields)
	edge := startEdge(t, origin, "--verbatim")
	for _, head := range []string{
		"GET http://b/ HTTP/1.1\r\nHost: a\r\nConnection: close, X-A\r\nX-A: 1\r\nTE: trailers\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nConnection: close\r\nUpgrade: h2c\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
	} {
		answer := rawAnswer(t, edge.Addr, head)
		if !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n"+fields) || !strings.HasSuffix(answer, "\r\n\r\n"+head) {
			t.Errorf("%q was answered by %q", head, answer)
		}
	}
}
