package wire

import (
	"net/netip"
	"testing"
)

func TestParseTarget(t *testing.T) {
	for _, c := range []struct {
		method, target string
		form           TargetForm
		rule           Rule
	}{
		{"GET", "/", OriginForm, ""},
		{"GET", "//a", OriginForm, ""},
		{"GET", "/%41?%", OriginForm, ""},
		{"GET", "/%4?", 0, RuleTargetPercent},
		{"GET", "", 0, RuleTargetMissing},
		{"OPTIONS", "*", AsteriskForm, ""},
		{"options", "*", 0, RuleTargetForm},
		{"GET", "http://a", AbsoluteForm, ""},
		{"GET", "a://b?c", AbsoluteForm, ""},
		{"GET", "http:a", 0, RuleTargetForm},
		{"GET", "1a://b", 0, RuleTargetForm},
		{"GET", "-a://b", 0, RuleTargetForm},
		{"GET", "http://", 0, RuleAuthority},
		{"GET", "http://a@b/", 0, RuleAuthority},
		{"CONNECT", "a:1", AuthorityForm, ""},
		{"CONNECT", "a:65535", AuthorityForm, ""},
		{"CONNECT", "a:65536", 0, RuleAuthority},
		{"CONNECT", "a:99999999999999999999", 0, RuleAuthority},
		{"CONNECT", "a", 0, RuleAuthority},
		{"connect", "a:1", 0, RuleTargetForm},
	} {
		form, rule := parseTarget([]byte(c.method), []byte(c.target))
		if rule != c.rule || rule == "" && form != c.form {
			t.Errorf("%s %s: form %d, %q; want %d, %q", c.method, c.target, form, rule, c.form, c.rule)
		}
	}
}

func TestSplitAbsolute(t *testing.T) {
	for target, want := range map[string][3]string{
		"http://a":         {"http", "a", ""},
		"http://a/":        {"http", "a", "/"},
		"http://a?b/c":     {"http", "a", "?b/c"},
		"http://a:1/b?c":   {"http", "a:1", "/b?c"},
		"x+y.z-1://[::1]/": {"x+y.z-1", "[::1]", "/"},
		"http:///a":        {"http", "", "/a"},
		"http:/a":          {},
		"://a":             {},
		"/http://a":        {},
	} {
		scheme, authority, rest := splitAbsolute([]byte(target))
		if got := [3]string{string(scheme), string(authority), string(rest)}; got != want {
			t.Errorf("%s is split into %q, want %q", target, got, want)
		}
	}
}

// FuzzIPv6 compares the addresses in brackets with those that net/netip knows.
func FuzzIPv6(f *testing.F) {
	for _, seed := range []string{"::", "::1", "1:2:3:4:5:6:7:8", "1::8", "1:2:3:4:5:6:1.2.3.4", "::1.2.3.4",
		"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::2::3", "1:2:3:4:5:6:7", ":::", "1:", ":1", "12345::",
		"1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:1.2.3.4", "::01.2.3.4", "::256.1.1.1", "::1.2.3", "::1.2.3.4.5", "1.2.3.4", "::1%a", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		addr, err := netip.ParseAddr(s)
		want := err == nil && addr.Is6() && addr.Zone() == ""
		if got := isIPv6([]byte(s)); got != want {
			t.Errorf("isIPv6(%q) = %v", s, got)
		}
	})
}
