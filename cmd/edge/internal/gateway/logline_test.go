package gateway

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

func TestLogEntry(t *testing.T) {
	whole := logEntry{
		read: 14 * time.Microsecond, send: 9 * time.Microsecond, wait: 210 * time.Microsecond,
		relay: 31 * time.Microsecond, total: 264 * time.Microsecond,
		clientConn: 3, request: 2, originConn: 1, use: 7, clientEnd: "kept", originEnd: "kept",
	}
	const phases = " read=14us connect=0us send=9us wait=210us relay=31us total=264us "
	for _, test := range []struct {
		name   string
		change func(*logEntry)
		want   string
	}{
		{"whole", func(*logEntry) {}, phases + "c3#2 -> o1#7 kept/kept"},
		{"refused", func(e *logEntry) {
			e.originConn, e.originEnd, e.clientEnd, e.refusal = 0, "", "client-asked", "connection_refused"
		}, phases + "c3#2 -> - client-asked/- !connection_refused"},
		{"refused by a rule", func(e *logEntry) {
			e.originConn, e.originEnd, e.clientEnd, e.refusal, e.rule = 0, "", "refused", "http_request_error", "version"
		}, phases + "c3#2 -> - refused/- !http_request_error:version"},
		{"one of several origins", func(e *logEntry) {
			e.origin = &loop.Address{TCP: netip.MustParseAddrPort("[::1]:80")}
		}, phases + "c3#2 -> o1#7@[::1]:80 kept/kept"},
		{"none of several origins", func(e *logEntry) {
			e.originConn, e.originEnd = 0, ""
			e.origin, e.refusal = &loop.Address{Path: "/run/a\"b"}, "connection_refused"
		}, phases + `c3#2 -> -@unix:/run/a\"b kept/- !connection_refused`},
		{"tunnel", func(e *logEntry) {
			e.outbound, e.inbound, e.tunnel = 2000, 30, true
			e.clientEnd, e.originEnd = "tunnel-ended", "tunnel-ended"
		}, phases + "c3#2 -> o1#7 tunnel-ended/tunnel-ended tunnel=30/2000"},
		{"no request, no answer", func(e *logEntry) {
			*e = logEntry{clientConn: 1, clientEnd: "request-truncated"}
		}, " read=0us connect=0us send=0us wait=0us relay=0us total=0us c1#0 -> - request-truncated/-"},
		{"queued", func(e *logEntry) { e.queue = 5 * time.Millisecond },
			" read=14us queue=5000us connect=0us send=9us wait=210us relay=31us total=264us c3#2 -> o1#7 kept/kept"},
		{"sent again", func(e *logEntry) {
			e.replayed, e.stale = true, staleUse{conn: 9, use: 4, idled: 2 * time.Second, sign: "reset"}
		}, phases + "c3#2 -> o1#7 kept/kept replayed stale=o9#4 idle=2000000us sign=reset"},
		{"sent again, to another of several origins", func(e *logEntry) {
			e.origin = &loop.Address{TCP: netip.MustParseAddrPort("[::1]:80")}
			e.replayed, e.stale = true, staleUse{9, 4, &loop.Address{TCP: netip.MustParseAddrPort("[::1]:81")}, 2 * time.Second, "reset"}
		}, phases + "c3#2 -> o1#7@[::1]:80 kept/kept replayed stale=o9#4@[::1]:81 idle=2000000us sign=reset"},
	} {
		e := whole
		test.change(&e)
		if got := string(e.appendTo(nil)); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}
