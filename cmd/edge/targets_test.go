package main

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/gateway"
	"github.com/hopwire/hopwire/cmd/edge/internal/names"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
)

func TestUnresolved(t *testing.T) {
	for _, test := range []struct {
		why  names.Kind
		want gateway.ProxyError
	}{
		{names.TimedOut, gateway.DNSTimeout},
		{names.Failed, gateway.DNSError},
		{names.NoName, gateway.DNSError},
		{names.NoAddress, gateway.DestinationNotFound},
	} {
		if got := unresolved(test.why); got != test.want {
			t.Errorf("%v: %v, want %v", test.why, got, test.want)
		}
	}
}

// The start waits for names, but not for ever, and not when it is to end.
func TestAwaitNames(t *testing.T) {
	over := make(chan struct{})
	close(over)
	ended, end := context.WithCancel(t.Context())
	end()
	for _, test := range []struct {
		name     string
		ctx      context.Context
		first    chan struct{}
		patience time.Duration
		says     string
	}{
		{"looked up", t.Context(), over, time.Hour, ""},
		{"to end", ended, nil, time.Hour, ""},
		{"too late", t.Context(), nil, time.Millisecond, "edge: not all origins were looked up within 1ms"},
	} {
		var said strings.Builder
		(&edge{messages: &said}).awaitNames(test.ctx, test.first, test.patience)
		if !strings.HasPrefix(said.String(), test.says) || (said.Len() > 0) != (test.says != "") {
			t.Errorf("%s: it says %q", test.name, &said)
		}
	}
}

// What a name stood for once it does not stand for any more.
func TestRegistry(t *testing.T) {
	at := func(s string) *loop.Address { return &loop.Address{TCP: netip.MustParseAddrPort(s)} }
	r := registry{targets: []names.Target{{Name: "a", Port: 80}, {Name: "_x.b"}}}
	r.set(0, []origins.Member{{Address: at("10.0.0.3:80")}})
	r.set(0, []origins.Member{{Address: at("10.0.0.1:80")}})
	r.set(1, []origins.Member{{Address: at("10.0.0.2:80")}})
	for _, test := range []struct{ address, want string }{
		{"10.0.0.1:80", "a:80"}, {"10.0.0.2:80", "b"}, {"10.0.0.1:81", ""}, {"10.0.0.3:80", ""},
	} {
		if got := r.host(at(test.address)); got != test.want {
			t.Errorf("%s: %q, want %q", test.address, got, test.want)
		}
	}
}

func TestIsPath(t *testing.T) {
	for path, want := range map[string]bool{
		"/": true, "/health?full=1": true,
		"health": false, "*": false, "http://a/": false, "/a b": false, "/a\r\nB: c": false, "/ü": false,
	} {
		if got := isPath(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}
