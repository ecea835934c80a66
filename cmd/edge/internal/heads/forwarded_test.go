package heads

import (
	"net/netip"
	"strings"
	"testing"
)

const (
	lineFor   = `insert "X-Forwarded-For: 192.0.2.1\r\n" forwarded by custom` + "\n"
	lineProto = `insert "X-Forwarded-Proto: http\r\n" forwarded by custom` + "\n"
	lineHost  = `insert "X-Forwarded-Host: a\r\n" forwarded by custom` + "\n"
	lineOwn   = `insert "Forwarded: for=192.0.2.1;host=\"a\";proto=http\r\n" forwarded` + "\n"
)

// dropped lists the edits that leave out the lines of an untrusted client.
func dropped(lines ...string) (s string) {
	for _, l := range lines {
		s += `drop "` + l + `\r\n" claim of an untrusted client` + "\n"
	}
	return s
}

func TestForwardedEdits(t *testing.T) {
	standard, custom := Policy{Forwarded: true}, Policy{XForwarded: true}
	both := Policy{Forwarded: true, XForwarded: true}
	trusting := func(c Policy, prefixes ...string) Policy {
		for _, p := range prefixes {
			c.Trusted = append(c.Trusted, netip.MustParsePrefix(p))
		}
		return c
	}
	claim := "Forwarded: for=\"_x\"|X-Forwarded-For: 10.0.0.1|x-forwarded-host: evil|X-Forwarded-Port: 1|" +
		"X-Forwarded-Proto: https|X-Forwarded-Server: s|X-Real-IP: 10.0.0.1"
	for _, test := range []struct {
		name   string
		policy Policy
		client string // empty: by a Unix socket
		fields string // separated by |
		edits  string // without that of Via
		want   string // the fields as they are sent, without Host and Via
	}{
		{"off", Policy{}, "192.0.2.1:5", claim, "", claim},
		{"off, whoever is trusted", trusting(Policy{}, "10.0.0.0/8"), "192.0.2.1:5", claim, "", claim},
		{"Forwarded", standard, "192.0.2.1:5", "A: b", lineOwn, `A: b|Forwarded: for=192.0.2.1;host="a";proto=http`},
		{"X-Forwarded", custom, "192.0.2.1:5", "A: b", lineFor + lineProto + lineHost,
			"A: b|X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a"},
		{"both", both, "192.0.2.1:5", "", lineOwn + lineFor + lineProto + lineHost,
			`Forwarded: for=192.0.2.1;host="a";proto=http|X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a`},
		{"one family is told, the claims of both go", standard, "192.0.2.1:5", claim, dropped(strings.Split(strings.ReplaceAll(claim, `"`, `\"`), "|")...) + lineOwn,
			`Forwarded: for=192.0.2.1;host="a";proto=http`},
		{"other claims", custom, "192.0.2.1:5", "X-Forwarded-Ssl: on|x-forwarded-by: 1|X-Forwarded: for=1|X-Client-IP: 1|X-Forward: 1|X-Client-IPs: 1|Client-IP: 1",
			dropped("X-Forwarded-Ssl: on", "x-forwarded-by: 1", "X-Forwarded: for=1", "X-Client-IP: 1") + lineFor + lineProto + lineHost,
			"X-Forward: 1|X-Client-IPs: 1|Client-IP: 1|X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a"},
		{"other characters than hyphens", custom, "192.0.2.1:5", "x_forwarded-for: 1|X.Real_IP: 1|X_CLIENT~IP: 1|X.Forwarded.Scheme: 1|XXForwarded-For: 1|X-Real1IP: 1|_: 1",
			dropped("x_forwarded-for: 1", "X.Real_IP: 1", "X_CLIENT~IP: 1", "X.Forwarded.Scheme: 1") + lineFor + lineProto + lineHost,
			"XXForwarded-For: 1|X-Real1IP: 1|_: 1|X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a"},
		{"trusted, with claims", trusting(both, "192.0.2.0/24"), "192.0.2.1:5", claim,
			`insert ", 192.0.2.1" forwarded by custom` + "\n" + lineOwn,
			strings.Replace(claim, "10.0.0.1", "10.0.0.1, 192.0.2.1", 1) + `|Forwarded: for=192.0.2.1;host="a";proto=http`},
		{"trusted, without", trusting(custom, "10.0.0.0/8", "192.0.2.1/32"), "192.0.2.1:5", "", lineFor + lineProto + lineHost,
			"X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a"},
		{"trusted, the last of several lines is added to", trusting(custom, "192.0.2.0/24"), "192.0.2.1:5",
			"X-Forwarded-For: 1|A: b|X-Forwarded-For: 2 |X-Forwarded-Proto: https|X-Forwarded-Host: first",
			`insert ", 192.0.2.1" forwarded by custom` + "\n",
			"X-Forwarded-For: 1|A: b|X-Forwarded-For: 2 , 192.0.2.1|X-Forwarded-Proto: https|X-Forwarded-Host: first"},
		{"trusted, an empty list", trusting(custom, "192.0.2.0/24"), "192.0.2.1:5", "X-Forwarded-For:|X-Forwarded-Proto: https|X-Forwarded-Host: first",
			`insert "192.0.2.1" forwarded by custom` + "\n",
			"X-Forwarded-For:192.0.2.1|X-Forwarded-Proto: https|X-Forwarded-Host: first"},
		{"trusted, but meant for this hop", trusting(custom, "192.0.2.0/24"), "192.0.2.1:5", "Connection: x-forwarded-for|X-Forwarded-For: 1|X-Forwarded-Proto: https|X-Forwarded-Host: first",
			`drop "Connection: x-forwarded-for\r\n" connection field` + "\n" + `drop "X-Forwarded-For: 1\r\n" named by connection` + "\n" + lineFor,
			"X-Forwarded-Proto: https|X-Forwarded-Host: first|X-Forwarded-For: 192.0.2.1"},
		{"not quite trusted", trusting(custom, "192.0.2.2/31", "::/0"), "192.0.2.1:5", "X-Real-IP: 1", dropped("X-Real-IP: 1") + lineFor + lineProto + lineHost,
			"X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a"},
		{"IPv4 by an IPv6 socket", trusting(standard, "192.0.2.0/24"), "[::ffff:192.0.2.1]:5", "X-Real-IP: 1", lineOwn,
			`X-Real-IP: 1|Forwarded: for=192.0.2.1;host="a";proto=http`},
		{"IPv6", both, "[2001:db8::1]:5", "",
			`insert "Forwarded: for=\"[2001:db8::1]\";host=\"a\";proto=http\r\n" forwarded` + "\n" +
				strings.Replace(lineFor, "192.0.2.1", "2001:db8::1", 1) + lineProto + lineHost,
			`Forwarded: for="[2001:db8::1]";host="a";proto=http|X-Forwarded-For: 2001:db8::1|X-Forwarded-Proto: http|X-Forwarded-Host: a`},
		{"IPv6 with a zone", trusting(standard, "fe80::/10"), "[fe80::1%eth0]:5", "X-Real-IP: 1",
			`insert "Forwarded: for=\"[fe80::1]\";host=\"a\";proto=http\r\n" forwarded` + "\n",
			`X-Real-IP: 1|Forwarded: for="[fe80::1]";host="a";proto=http`},
		{"a Unix socket", trusting(both, "0.0.0.0/0", "::/0"), "", "X-Real-IP: 1",
			dropped("X-Real-IP: 1") + strings.Replace(lineOwn+lineFor, "192.0.2.1", "unknown", 2) + lineProto + lineHost,
			`Forwarded: for=unknown;host="a";proto=http|X-Forwarded-For: unknown|X-Forwarded-Proto: http|X-Forwarded-Host: a`},
		{"a trusted Unix socket", Policy{Forwarded: true, TrustUnix: true}, "", "Forwarded: for=1",
			strings.Replace(lineOwn, "192.0.2.1", "unknown", 1),
			`Forwarded: for=1|Forwarded: for=unknown;host="a";proto=http`},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.policy.Name = "hopwire"
			ed := NewEditor(test.policy)
			var client netip.AddrPort
			if test.client != "" {
				client = netip.MustParseAddrPort(test.client)
			}
			head := func(fields string) string {
				if fields != "" {
					fields = strings.ReplaceAll(fields, "|", "\r\n") + "\r\n"
				}
				return "GET / HTTP/1.1\r\nHost: a\r\n" + fields
			}
			received := head(test.fields) + "\r\n"
			h := parseRequest(t, received)
			var e Edits
			ed.Request(&e, h, client)
			sent := head(test.want) + "Via: 1.1 hopwire\r\n\r\n"
			checkEdits(t, &e, received, test.edits+via, sent)
			parseRequest(t, sent)
		})
	}
}

// What the client asked for is told, not what Host has become.
func TestForwardedHost(t *testing.T) {
	ed := NewEditor(Policy{Name: "hopwire", Authority: "origin:80", Forwarded: true})
	for head, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a:80\r\n\r\n":         `;host="a:80";`,
		"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n":     `;host="[::1]:80";`,
		"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n":    `;host="b";`,
		"GET http://b:1/ HTTP/1.0\r\n\r\n":             `;host="b:1";`,
		"GET / HTTP/1.0\r\n\r\n":                       `for=unknown;proto=http`,
		"GET / HTTP/1.1\r\nHost: a!$&'()*+,;=\r\n\r\n": `;host="a!$&'()*+,;=";`,
	} {
		var e Edits
		ed.Request(&e, parseRequest(t, head), netip.AddrPort{})
		if got := string(e.AppendTo(nil)); !strings.Contains(got, want) {
			t.Errorf("%q became %q, want %s", head, got, want)
		}
	}
}

func TestForwardedAllocatesNothing(t *testing.T) {
	ed := NewEditor(Policy{Name: "hopwire", Forwarded: true, XForwarded: true, Trusted: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}})
	h := parseRequest(t, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1\r\nX_Forwarded_For: 1\r\nX-Real-IP: 1\r\n\r\n")
	var e Edits
	var sent []byte
	for _, client := range []string{"192.0.2.1:5", "[2001:db8::1]:5"} {
		from := netip.MustParseAddrPort(client)
		edit := func() {
			ed.Request(&e, h, from)
			sent = e.AppendTo(sent[:0])
		}
		edit()
		if n := testing.AllocsPerRun(100, edit); n != 0 {
			t.Errorf("%v allocations for %s", n, client)
		}
	}
}
