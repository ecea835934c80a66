package accesslog

import (
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/wire"
)

func TestTraceparent(t *testing.T) {
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	const usual = "00-" + trace + "-" + parent + "-01"
	for _, test := range []struct{ name, fields, want string }{
		{"usual", "traceparent: " + usual, usual},
		{"in another case", "TraceParent: " + usual, usual},
		{"none", "tracestate: a=b", ""},
		{"empty", "traceparent:", ""},
		{"twice", "traceparent: " + usual + "\r\nTraceparent: " + usual, ""},
		{"too short", "traceparent: " + usual[:54], ""},
		{"too long", "traceparent: " + usual + "-", ""},
		{"of a later version", "traceparent: cc" + usual[2:], "cc" + usual[2:]},
		{"of one with more parts", "traceparent: cc" + usual[2:] + "-what \"it\" likes", "cc" + usual[2:]},
		{"of one with longer parts", "traceparent: cc" + usual[2:] + "1", ""},
		{"forbidden version", "traceparent: ff" + usual[2:], ""},
		{"upper case", "traceparent: " + strings.ToUpper(usual), ""},
		{"no trace", "traceparent: 00-" + strings.Repeat("0", 32) + "-" + parent + "-01", ""},
		{"no parent", "traceparent: 00-" + trace + "-" + strings.Repeat("0", 16) + "-01", ""},
	} {
		if got := traceparentOf(t, test.fields); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	for i := range usual { // no byte may be another one
		if got := traceparentOf(t, "traceparent: "+usual[:i]+"g"+usual[i+1:]); got != "" {
			t.Errorf("with another byte %d: %q", i, got)
		}
	}
}

func traceparentOf(t *testing.T, fields string) string {
	t.Helper()
	var h wire.RequestHead
	if _, err := wire.ParseRequestHead([]byte("GET / HTTP/1.1\r\nHost: a\r\n"+fields+"\r\n\r\n"), 0, &h); err != nil {
		t.Fatal(err)
	}
	return string(Traceparent(&h))
}
