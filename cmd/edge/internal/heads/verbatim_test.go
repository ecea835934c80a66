package heads

import (
	"net/netip"
	"testing"
	"time"
)

func TestVerbatimEditsNothing(t *testing.T) {
	ed := NewEditor(Policy{Name: "hopwire", Verbatim: true, Now: time.Now})
	for _, head := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://a/x HTTP/1.1\r\nHost: b\r\nConnection: close, X-A\r\nX-A: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
	} {
		var e Edits
		h := parseRequest(t, head)
		ed.Request(&e, h, netip.AddrPort{})
		checkEdits(t, &e, head, "", head)
	}
	for _, to := range []ClientSide{{}, {Closes: true}, {KeepAlive: true}, {HTTP10: true}} {
		for _, line := range []string{"HTTP/1.0 200 OK", "HTTP/1.1 200", "HTTP/1.1 204 ", "HTTP/1.1 101 ", "HTTP/1.1 426 "} {
			head := line + "\r\nConnection: close, X-A\r\nX-A: 1\r\nKeep-Alive: 5\r\nUpgrade: b\r\nTrailer: x\r\nContent-Length: 0\r\n\r\n"
			var e Edits
			ed.Response(&e, parseResponse(t, head), to)
			checkEdits(t, &e, head, "", head)
		}
	}
}
