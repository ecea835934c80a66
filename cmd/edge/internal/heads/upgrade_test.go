package heads

import (
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/wire"
)

func TestUpgradeDecision(t *testing.T) {
	for _, test := range []struct {
		name, fields string
		want         Upgrade
	}{
		{"none", "Connection: upgrade\r\n", NotAsked},
		{"one protocol", "Connection: upgrade\r\nUpgrade: websocket\r\n", Offered},
		{"in any case, among others", "Connection: keep-alive, UPGRADE\r\nUpgrade: a/1, b , ,c\r\n", Offered},
		{"on several lines", "Connection: close\r\nUpgrade: a\r\nConnection: upgrade\r\nUpgrade: b\r\n", Offered},
		{"not for this hop", "Upgrade: websocket\r\n", NotForUs},
		{"named by something like it", "Connection: upgrades\r\nUpgrade: websocket\r\n", NotForUs},
		{"empty", "Connection: upgrade\r\nUpgrade:\r\n", Misspelled},
		{"commas alone", "Connection: upgrade\r\nUpgrade: ,,\r\n", Misspelled},
		{"no token", "Connection: upgrade\r\nUpgrade: web socket\r\n", Misspelled},
		{"no version", "Connection: upgrade\r\nUpgrade: a/\r\n", Misspelled},
		{"two versions", "Connection: upgrade\r\nUpgrade: a/1/2\r\n", Misspelled},
		{"too many", "Connection: upgrade\r\nUpgrade: a" + strings.Repeat(",a", MaxOptions) + "\r\n", Misspelled},
		{"h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", HTTPInside},
		{"h2c behind another", "Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n", HTTPInside},
		{"h2c on another line", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", HTTPInside},
		{"HTTP by its own name", "Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n", HTTPInside},
		{"TLS and HTTP within it", "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n", HTTPInside},
	} {
		for minor, want := range map[string]Upgrade{"1.1": test.want, "1.0": min(test.want, 1) * FromOld} {
			h := parseRequest(t, "GET / HTTP/"+minor+"\r\nHost: a\r\n"+test.fields+"\r\n")
			if got := decideUpgrade(h); got != want {
				t.Errorf("%s, HTTP/%s: %v, want %v", test.name, minor, got, want)
			}
		}
	}
}

func TestSwitchFaults(t *testing.T) {
	const connection = "Connection: upgrade\r\n"
	for _, test := range []struct{ name, offer, version, fields, want string }{
		{"what was offered", "a,", "1.1", connection + "Upgrade: a\r\n", ""},
		{"one of several, in another case", "a/1, b ,c", "1.1", connection + "Upgrade: B\r\n", ""},
		{"layers", "a,b,", "1.1", connection + "Upgrade: a, b\r\n", ""},
		{"nothing was", "", "1.1", connection + "Upgrade: a\r\n", "switching-protocols-unasked"},
		{"something else", "a,", "1.1", connection + "Upgrade: b\r\n", "switching-protocols-not-offered"},
		{"another version", "a/1,", "1.1", connection + "Upgrade: a/2\r\n", "switching-protocols-not-offered"},
		{"something else too", "a,", "1.1", connection + "Upgrade: a, h2c\r\n", "switching-protocols-not-offered"},
		{"no protocol", "a,", "1.1", connection, "switching-protocols-not-offered"},
		{"too many", "a,", "1.1", connection + "Upgrade: a" + strings.Repeat(",a", MaxOptions) + "\r\n", "switching-protocols-not-offered"},
		{"not named by Connection", "a,", "1.1", "Upgrade: a\r\n", "switching-protocols-not-in-connection"},
		{"in HTTP/1.0", "a,", "1.0", connection + "Upgrade: a\r\n", "switching-protocols-http-1.0"},
		{"with a length, which means nothing", "a,", "1.1", connection + "Upgrade: a\r\nContent-Length: 7\r\n", ""},
	} {
		h := parseResponse(t, "HTTP/"+test.version+" 101 Switching Protocols\r\n"+test.fields+"\r\n")
		if got := SwitchFault([]byte(test.offer), h); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestOfferIsKept(t *testing.T) {
	h := parseRequest(t, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: a/1, ,b\r\nConnection: upgrade\r\nUpgrade:c\r\n\r\n")
	if got := string(AppendMembers(nil, h.Members(wire.FieldUpgrade))); got != "a/1,b,c," {
		t.Errorf("%q", got)
	}
}
