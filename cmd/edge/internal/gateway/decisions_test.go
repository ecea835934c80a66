package gateway

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/wire"
)

func TestReplayRule(t *testing.T) {
	stale := attempt{reused: true, safe: true, taken: true, held: true}
	for _, test := range []struct {
		name   string
		change func(*attempt)
		want   Replay
	}{
		{"stale, safe", func(*attempt) {}, Replayed},
		{"not safe, but no octet was taken", func(a *attempt) { a.safe, a.taken = false, false }, Replayed},
		{"not safe, octets taken", func(a *attempt) { a.safe = false }, Abandoned},
		{"no longer held", func(a *attempt) { a.held = false }, Abandoned},
		{"not safe, not taken, no longer held", func(a *attempt) { *a = attempt{reused: true} }, Abandoned},
		{"new connection", func(a *attempt) { a.reused = false }, Reported},
		{"a response had begun", func(a *attempt) { a.begun = true }, Reported},
		{"silent, not stale", func(a *attempt) { a.timedOut = true }, Reported},
		{"new connection, not safe", func(a *attempt) { a.reused, a.safe = false, false }, Reported},
	} {
		a := stale
		test.change(&a)
		if got := decideReplay(a); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestSafeMethods(t *testing.T) {
	for method, want := range map[string]bool{
		"GET": true, "HEAD": true, "OPTIONS": true, "TRACE": true,
		"POST": false, "PUT": false, "DELETE": false, "PATCH": false, "get": false, "GETS": false,
	} {
		if got := isSafe(&wire.RequestHead{Method: []byte(method)}); got != want {
			t.Errorf("%s: %v", method, got)
		}
	}
}

func TestFailuresBecomeRefusals(t *testing.T) {
	wrap := func(errno syscall.Errno) error {
		return &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errno)}
	}
	for _, test := range []struct {
		got  Refusal
		want string
	}{
		{connectFailure(wrap(syscall.ECONNREFUSED)), "502 connection_refused"},
		{connectFailure(wrap(syscall.ENOENT)), "502 connection_refused"},
		{connectFailure(&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}), "504 connection_timeout"},
		{connectFailure(wrap(syscall.ETIMEDOUT)), "504 connection_timeout"},
		{connectFailure(wrap(syscall.EHOSTUNREACH)), "502 destination_ip_unroutable"},
		{connectFailure(wrap(syscall.ECONNRESET)), "502 connection_terminated"},
		{connectFailure(wrap(syscall.EMFILE)), "503 connection_limit_reached"},
		{connectFailure(errors.New("?")), "503 destination_unavailable"},
		{responseFailure(io.EOF), "502 http_response_incomplete"},
		{responseFailure(wrap(syscall.ECONNRESET)), "502 connection_terminated"},
		{responseFailure(os.ErrDeadlineExceeded), "504 http_response_timeout"},
		{malformedRequest(&wire.Error{Status: 431, Rule: wire.RuleHeadTooLarge}), "431 http_request_error head-too-large"},
		{malformedResponse(&wire.Error{Status: 502, Rule: wire.RuleHeadTooLarge}), "502 http_response_header_section_size head-too-large"},
		{malformedResponse(&wire.Error{Status: 400, Rule: wire.RuleChunkSize}), "502 http_protocol_error chunk-size"},
		{Refusal{}, ""},
	} {
		if test.got.String() != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func TestWhoIsToBlame(t *testing.T) {
	for e := range ProxyErrors {
		want := e != NoError && e != HTTPRequestError && e != ProxyLoopDetected
		if got := originError(e, "").blamesOrigin(); got != want {
			t.Errorf("%v blames the origin: %v", e, got)
		}
	}
}

func TestRefusalOnTheWire(t *testing.T) {
	for _, test := range []struct {
		refusal Refusal
		to      heads.ClientSide
		want    string
	}{
		{badRequest(400, "host-missing"), heads.ClientSide{Closes: true},
			"HTTP/1.1 400 Bad Request\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n" +
				"Proxy-Status: hopwire; error=http_request_error; details=\"host-missing\"\r\nContent-Type: text/plain\r\nContent-Length: 45\r\nConnection: close\r\n\r\n"},
		{originError(ConnectionTimeout, ""), heads.ClientSide{},
			"HTTP/1.1 504 Gateway Timeout\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n" +
				"Proxy-Status: hopwire; error=connection_timeout\r\nContent-Type: text/plain\r\nContent-Length: 60\r\n\r\n"},
	} {
		got := string(test.refusal.appendTo(nil, "hopwire", test.to, 0))
		if got != test.want {
			t.Errorf("%q\nwant %q", got, test.want)
		}
		if n, err := wire.ParseResponseHead([]byte(got), 0, new(wire.ResponseHead)); err != nil || n != len(got) {
			t.Errorf("%q: %d, %v", got, n, err)
		}
	}
}

func TestRefusalInWords(t *testing.T) {
	for _, test := range []struct {
		refusal Refusal
		want    string
	}{
		{originError(ConnectionRefused, ""), "502: no connection to the origin: connection refused\n"},
		{originError(ConnectionLimitReached, "queue-full"),
			"503: no connection to the origin: there are as many as there may be: too many requests wait for one already; try again later\n"},
		{originError(HTTPProtocolError, "field-no-colon"), "502: the origin's response does not follow HTTP: a field line has no colon\n"},
		{originError(ProxyLoopDetected, "via"), "502: the request goes round in circles; look at what the gateways in Via send to each other\n"},
		{badRequest(400, "host-missing"), "400: the request has no Host field; send one\n"},
		{badRequest(400, "tls-hello"), "400: a TLS handshake begins where plain HTTP is spoken; send http, not https\n"},
		{badRequest(408, "head-timeout"), "408: the head of the request did not come in time; send it at once\n"},
		{badRequest(400, ""), "400: the request does not follow HTTP\n"},
		{Refusal{Status: 200, Rule: "max-forwards"}, "200: Max-Forwards is 0, so the request goes no further than here\n"},
	} {
		if got := string(test.refusal.appendContent(nil)); got != test.want || len(got) != test.refusal.contentLength() {
			t.Errorf("%v: %q, of length %d, want %q", test.refusal, got, test.refusal.contentLength(), test.want)
		}
	}
	for e := NoError + 1; e < ProxyErrors; e++ {
		if errorWords[e] == "" {
			t.Errorf("nothing is said of %v", e)
		}
	}
}

func TestValuesHaveNames(t *testing.T) {
	seen := make(map[string]bool)
	name := func(s string) {
		if s == "" || s == "unknown" || seen[s] {
			t.Errorf("the name %q", s)
		}
		seen[s] = true
	}
	for c := range Causes {
		name(c.String())
	}
	for r := range Replays {
		name(r.String())
	}
	for e := range ProxyErrors {
		name(e.String())
	}
}
