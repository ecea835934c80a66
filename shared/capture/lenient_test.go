package capture

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/wire"
)

// hasRule reports whether err is wire's about this rule.
func hasRule(err error, rule wire.Rule) bool {
	refused := (*wire.Error)(nil)
	return errors.As(err, &refused) && refused.Rule == rule
}

func TestParseRequest(t *testing.T) {
	long := "/" + strings.Repeat("é", 5000)
	for _, c := range []struct {
		head, method, target string
		rule                 wire.Rule // of the fault
		kind                 wire.FramingKind
	}{
		{"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a", "", wire.None},
		{"GET /a HTTP/1.1\r\n\r\n", "GET", "/a", wire.RuleHostMissing, wire.None},
		{"\r\nGET /a HTTP/1.1\r\n\r\n", "GET", "/a", wire.RuleHostMissing, wire.None},
		{"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\n", "POST", "/a", wire.RuleHostMissing, wire.Length},
		{"POST /é HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "POST", "/é", wire.RuleTargetOctet, wire.Chunked},
		{"GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET", "/a", wire.RuleHostRepeated, wire.None},
		{"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", "GET", "/a", wire.RuleHost, wire.None},
		{"GET /a HTTP/1.1\r\nHost:\r\nHost: é\r\n\r\n", "GET", "/a", wire.RuleHost, wire.None},
		{"GET /a\"b HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a\"b", wire.RuleTargetOctet, wire.None},
		{"GET /a<b> HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a<b>", wire.RuleTargetOctet, wire.None},
		{"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a#b", wire.RuleTargetOctet, wire.None},
		{"GET /100% HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/100%", wire.RuleTargetPercent, wire.None},
		{"GET /a b  c HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a b  c", wire.RuleVersion, wire.None},
		{"GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET", " /a", wire.RuleTargetMissing, wire.None},
		{"GET a HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "a", wire.RuleTargetForm, wire.None},
		{"GET http://u@h/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "http://u@h/", wire.RuleAuthority, wire.None},
		{"GET " + long + " HTTP/1.1\r\nHost: a\r\n\r\n", "GET", long, wire.RuleTargetOctet, wire.None},
	} {
		var h wire.RequestHead
		h.Limits = Limits
		n, framing, fault, err := ParseRequest([]byte(c.head+"behind"), &h)
		if n != len(c.head) || err != nil || string(h.Method) != c.method || string(h.Target) != c.target || framing.Kind != c.kind {
			t.Errorf("%q: %d, %v, %q %q, %v", c.head, n, err, h.Method, h.Target, framing.Kind)
		}
		if string(h.Raw) != strings.TrimPrefix(c.head, "\r\n") {
			t.Errorf("%q: raw %q", c.head, h.Raw)
		}
		if (fault != nil || c.rule != "") && !hasRule(fault, c.rule) {
			t.Errorf("%q: fault %v, want %s", c.head, fault, c.rule)
		}
	}
}

// Where two readers might find another end of the message, wire's refusal stays.
func TestParseRequestRefuses(t *testing.T) {
	for head, rule := range map[string]wire.Rule{
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n":                                                    wire.RuleFieldNameSpace,
		"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n":                      wire.RuleHostMissing,
		"GET /é HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n":                              wire.RuleLength,
		"GET /é HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": wire.RuleConflict,
		"GET /é HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n":                                 wire.RuleCodingVersion,
		"GET /é HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n":                                         wire.RuleTargetOctet,
		"GET / HTTP/1.1\nHost: a\n\n\r\n\r\n":                                                   wire.RuleBareLF,
		"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n":                                                 wire.RuleTargetOctet,
		"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n":                                                 wire.RuleTargetOctet,
		"GET /\r\nHost: a\r\n\r\n":                                                              wire.RuleVersion,
		"GET HTTP/1.1\r\nHost: a\r\n\r\n":                                                       wire.RuleVersion,
		"GET / HTTP/2.0\r\nHost: a\r\n\r\n":                                                     wire.RuleMajorVersion,
		"GET / HTTP/1.1 \r\nHost: a\r\n\r\n":                                                    wire.RuleVersion,
		"CONNECT é HTTP/1.1\r\nHost: a\r\n\r\n":                                                 wire.RuleTargetOctet,
		"GET /é HTTP/1.1\r\nHost: a\r\n":                                                        wire.RuleTargetOctet,
		"GET / HTTP/1.1\r\n" + strings.Repeat("Host:\r\n", 20) + "\r\n":                         wire.RuleHost,
	} {
		var h wire.RequestHead
		if n, _, fault, err := ParseRequest([]byte(head), &h); err == nil || !hasRule(err, rule) && !hasRule(fault, rule) {
			t.Errorf("%q: %d, %v, %v, want %s", head, n, fault, err, rule)
		}
	}
}

// FuzzParseRequest: what wire reads is read in the same way, and what is read
// beside that is the head up to its empty line.
func FuzzParseRequest(f *testing.F) {
	f.Add([]byte("\r\nGET /é b%#\" HTTP/1.1\r\nHost:\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"))
	f.Add([]byte(askA))
	f.Fuzz(func(t *testing.T, b []byte) {
		var lenient, strict wire.RequestHead
		n, framing, fault, err := ParseRequest(b, &lenient)
		m, strictErr := wire.ParseRequestHead(b, 0, &strict)
		if fault == nil {
			if n != m || (strictErr != nil && err != strictErr && err.Error() != strictErr.Error()) {
				t.Fatalf("%d, %v; wire says %d, %v", n, err, m, strictErr)
			}
			return
		}
		if strictErr == nil {
			t.Fatalf("a fault in what wire reads: %v", fault)
		}
		raw := bytes.TrimPrefix(b[:n], []byte("\r\n"))
		if !bytes.Equal(raw, lenient.Raw) || bytes.Index(raw, []byte("\r\n\r\n")) != len(raw)-4 {
			t.Fatalf("%d octets: %q", n, lenient.Raw)
		}
		line := string(lenient.Method) + " " + string(lenient.Target) + " HTTP/1."
		if !bytes.HasPrefix(raw, []byte(line)) || err == nil && framing.Kind == wire.UntilClose {
			t.Fatalf("%q, %v", line, framing)
		}
	})
}
