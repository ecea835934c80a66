package loop

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParsePeer(t *testing.T) {
	for in, want := range map[string]string{":8080": "127.0.0.1:8080", "[::1]:80": "[::1]:80", "unix:/a": "unix:/a", ":x": ""} {
		a, err := ParsePeer(in)
		if err == nil && a.String() != want || (err != nil) != (want == "") {
			t.Errorf("ParsePeer(%q) is %v, %v; want %s", in, a, err, want)
		}
	}
}

func TestParseAddress(t *testing.T) {
	long := "/" + strings.Repeat("x", maxPath)
	for _, test := range []struct {
		in, want string // as String gives it; empty for an error
	}{
		{"127.0.0.1:8080", "127.0.0.1:8080"},
		{"127.0.0.1:0", "127.0.0.1:0"},
		{"[::1]:80", "[::1]:80"},
		{"[fe80::1%2]:80", "[fe80::1%2]:80"},
		{":8080", "[::]:8080"},
		{"0.0.0.0:65535", "0.0.0.0:65535"},
		{"localhost:80", "127.0.0.1:80"},
		{"unix:/run/edge.socket", "unix:/run/edge.socket"},
		{"unix:relative", "unix:relative"},
		{"unix:" + long[:maxPath], "unix:" + long[:maxPath]},
		{"unix:" + long, ""},
		{"unix:", ""},
		{"", ""},
		{"8080", ""},
		{"127.0.0.1", ""},
		{"::1:80", ""},
		{"127.0.0.1:65536", ""},
		{"127.0.0.1:-1", ""},
		{"127.0.0.1:some", ""},
		{"no-such-host.invalid:80", ""},
	} {
		a, err := ParseAddress(test.in)
		switch {
		case err != nil && test.want != "":
			t.Errorf("ParseAddress(%q): %v", test.in, err)
		case err != nil && !strings.Contains(err.Error(), test.in):
			t.Errorf("ParseAddress(%q): the error does not say which address: %v", test.in, err)
		case err == nil && a.String() != test.want:
			t.Errorf("ParseAddress(%q) is %v, want %q", test.in, a, test.want)
		}
	}
}

func TestZones(t *testing.T) {
	for zone, want := range map[string]uint32{"": 0, "3": 3, "lo": 1, "no-such-interface": 0} {
		ip := netip.MustParseAddr("fe80::1").WithZone(zone)
		if got := zoneID(ip); got != want {
			t.Errorf("zone %q is interface %d, want %d", zone, got, want)
		}
	}
}
