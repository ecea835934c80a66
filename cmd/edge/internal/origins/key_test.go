package origins

import (
	"testing"

	"github.com/hopwire/hopwire/shared/wire"
)

func TestKey(t *testing.T) {
	const fields = " HTTP/1.1\r\nHost: a\r\nX-User: 7\r\nX-Empty:\r\n\r\n"
	for _, test := range []struct {
		balance, line, hashed string // hashed: the octets; empty for no key
	}{
		{"hash:target", "GET /a?b", "/a?b"},
		{"hash:target", "GET http://c/a?b", "/a?b"},
		{"hash:target", "OPTIONS *", "*"},
		{"hash:host", "GET /", "a"},
		{"hash:Host", "GET http://c/", "c"},
		{"hash:x-user", "GET /", "7"},
		{"hash:x-user", "GET http://c/", "7"},
		{"hash:x-empty", "GET /", ""},
		{"hash:x-missing", "GET /", ""},
		{"round-robin", "GET /", ""},
		{"least-connections", "GET /", ""},
		{"two-choices", "GET /", ""},
	} {
		b, err := ParseBalance(test.balance)
		if err != nil {
			t.Fatal(err)
		}
		var h wire.RequestHead
		if _, err := wire.ParseRequestHead([]byte(test.line+fields), 0, &h); err != nil {
			t.Fatal(err)
		}
		key, ok := b.Key(&h)
		if ok != (test.hashed != "") || ok && key != digest(test.hashed) {
			t.Errorf("%s, %q: %x, %v, want that of %q", test.balance, test.line, key, ok, test.hashed)
		}
	}
}

// Other gateways, and those of other versions, choose alike.
func TestDigestStaysWhatItIs(t *testing.T) {
	for octets, want := range map[string]uint64{"": 0xf52a15e9a9b5e89b, "/a?b": 0xe8b8d072052cf317} {
		if got := digest(octets); got != want {
			t.Errorf("digest(%q) = %#x, want %#x", octets, got, want)
		}
	}
}
