package heads

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/wire"
)

func TestTrailerEdits(t *testing.T) {
	const hopByHop = "Connection: X-B\r\nkeep-alive:5\r\nTE: trailers\r\nUpgrade: h2c\r\nProxy-Connection: a\r\nHTTP2-Settings: a\r\n"
	const hopByHopDropped = `drop "Connection: X-B\r\n" connection field` + "\n" +
		`drop "keep-alive:5\r\n" hop-by-hop field` + "\n" +
		`drop "TE: trailers\r\n" hop-by-hop field` + "\n" +
		`drop "Upgrade: h2c\r\n" hop-by-hop field` + "\n" +
		`drop "Proxy-Connection: a\r\n" hop-by-hop field` + "\n" +
		`drop "HTTP2-Settings: a\r\n" hop-by-hop field`
	const claims = "Forwarded: for=a\r\nX-Forwarded-For: a\r\nx_real_ip: a\r\n"
	const claimsDropped = `drop "Forwarded: for=a\r\n" claim of an untrusted client` + "\n" +
		`drop "X-Forwarded-For: a\r\n" claim of an untrusted client` + "\n" +
		`drop "x_real_ip: a\r\n" claim of an untrusted client`
	for _, test := range []struct {
		name        string
		policy      Policy
		named       string
		section     string
		edits, want string
		allowed     bool // to an origin
	}{
		{name: "as it came", named: "X-A", section: "X-Sum:  1 \r\nx-sum:\r\n\r\n", want: "X-Sum:  1 \r\nx-sum:\r\n\r\n"},
		{name: "hop-by-hop fields", section: hopByHop + "X-B: 1\r\n\r\n", edits: hopByHopDropped, want: "X-B: 1\r\n\r\n"},
		{name: "all of them", section: hopByHop + "\r\n", edits: hopByHopDropped, want: "\r\n"},
		{name: "fields named by Connection", named: "close,x-A,X-B,", section: "X-a: 1\r\nX-AB: 2\r\nx-b:3\r\n\r\n",
			edits: `drop "X-a: 1\r\n" named by connection` + "\n" + `drop "x-b:3\r\n" named by connection`, want: "X-AB: 2\r\n\r\n"},
		{name: "claims, and nothing is told", section: claims + "\r\n", want: claims + "\r\n"},
		{name: "claims", policy: Policy{Forwarded: true}, section: "A: b\r\n" + claims + "\r\n", edits: claimsDropped, want: "A: b\r\n\r\n", allowed: true},
		{name: "claims, in the other family", policy: Policy{XForwarded: true}, section: claims + "\r\n", edits: claimsDropped, want: "\r\n", allowed: true},
		{name: "claims of a trusted client", policy: Policy{Forwarded: true, Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
			section: claims + "\r\n", want: claims + "\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ed := NewEditor(test.policy)
			var e Edits
			ed.RequestTrailer(&e, []byte(test.section), wire.List(test.named), netip.MustParseAddrPort("192.0.2.1:1"))
			checkEdits(t, &e, test.section, test.edits, test.want)
			edits, want := test.edits, test.want
			if test.allowed {
				edits, want = "", test.section
			}
			ed.ResponseTrailer(&e, []byte(test.section), wire.List(test.named))
			checkEdits(t, &e, test.section, edits, want)
		})
	}
}

func TestTrailerMisspellsFraming(t *testing.T) {
	for _, test := range []struct {
		section string
		want    bool
	}{
		{"\r\n", false},
		{"A: b\r\n\r\n", false},
		{"Transfer_Encoding: chunked\r\n\r\n", true},
		{"A: b\r\ncontent.LENGTH: 5\r\n\r\n", true},
		{"Content~Length: 5\r\nA: b\r\n\r\n", true},
		{"ContentLength: 5\r\n\r\n", false},
		{"Content__Length: 5\r\n\r\n", false},
		{"Content_Lengthy: 5\r\n\r\n", false},
		{"Content_Type: a\r\nTransfer_Encodin: b\r\nA: Transfer_Encoding\r\n\r\n", false},
	} {
		if got := TrailerMisspellsFraming([]byte(test.section)); got != test.want {
			t.Errorf("%q: %v", test.section, got)
		}
	}
}

func TestTrailerEditsAllocateNothing(t *testing.T) {
	ed := NewEditor(Policy{Forwarded: true})
	section, named := []byte("X-A: 1\r\n"+strings.Repeat("X-B: 2\r\n", 10)+"TE: a\r\nForwarded: for=b\r\n\r\n"), wire.List("x-a,x-c,")
	var e Edits
	var sent []byte
	edit := func() {
		if !TrailerMisspellsFraming(section) {
			ed.RequestTrailer(&e, section, named, netip.AddrPort{})
			sent = e.AppendTo(sent[:0])
		}
	}
	edit()
	if n := testing.AllocsPerRun(100, edit); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
