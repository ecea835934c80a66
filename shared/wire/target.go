package wire

import "bytes"

// A TargetForm is one of the four forms of a request target (RFC 9112 section
// 3.2).
type TargetForm uint8

const (
	OriginForm    TargetForm = iota // /path?query
	AbsoluteForm                    // http://host:port/path?query, sent to proxies
	AuthorityForm                   // host:port, with CONNECT only
	AsteriskForm                    // *, with OPTIONS only
)

// browserOctets are allowed in targets although RFC 3986 has them
// percent-encoded, since browsers leave them bare in queries. They delimit
// nothing in a message. A bare # is refused: what follows it is no part of a
// target, and recipients differ on whether it is cut off.
const browserOctets = "[]{}|\\^`"

// parseTarget decides the form of a target that consists of uric octets, for a
// method. It returns the rule that the target breaks, if any.
func parseTarget(method, target []byte) (TargetForm, Rule) {
	switch {
	case len(target) == 0:
		return 0, RuleTargetMissing
	case string(method) == "CONNECT":
		return AuthorityForm, checkConnect(target)
	case target[0] == '/':
		return OriginForm, checkPercent(target)
	case string(target) == "*":
		return AsteriskForm, checkAsterisk(method)
	}
	return AbsoluteForm, checkAbsolute(target)
}

// checkConnect wants a host and a port that one can connect to: RFC 9110
// section 9.3.6 has an empty or invalid port refused.
func checkConnect(target []byte) Rule {
	_, port, _ := splitAuthority(target)
	if n, ok := parseLength(port); !ok || n == 0 || n > 65535 {
		return RuleAuthority
	}
	return ""
}

func checkAsterisk(method []byte) Rule {
	switch string(method) {
	case "OPTIONS":
		return ""
	case "PRI": // reserved for this (RFC 9113 section 11.6)
		return RuleHTTP2Preface
	}
	return RuleTargetForm
}

// checkAbsolute wants a URI with an authority, as http URIs have.
func checkAbsolute(target []byte) Rule {
	scheme, authority, rest := splitAbsolute(target)
	if scheme == nil {
		return RuleTargetForm
	}
	if _, _, ok := splitAuthority(authority); !ok {
		return RuleAuthority
	}
	return checkPercent(rest)
}

// checkPercent wants two hexadecimal digits after each percent sign of the
// path: a path that decoders read differently slips by access rules. The query
// is for the application alone to read.
func checkPercent(pathAndQuery []byte) Rule {
	if bytes.IndexByte(pathAndQuery, '%') < 0 {
		return ""
	}
	path, _, _ := bytes.Cut(pathAndQuery, []byte{'?'})
	for i, c := range path {
		if c == '%' && !isPercentEncoded(path, i) {
			return RuleTargetPercent
		}
	}
	return ""
}

// isPercentEncoded reports whether b[i], a percent sign, has its two digits.
func isPercentEncoded(b []byte, i int) bool {
	return i+2 < len(b) && class[b[i+1]]&class[b[i+2]]&hexdig != 0
}

// splitAbsolute splits scheme "://" authority and the rest, which is empty or
// begins with a slash or a question mark. scheme is nil when it is no such URI.
func splitAbsolute(target []byte) (scheme, authority, rest []byte) {
	n := skip(target, 0, schemec)
	if n == 0 || !isLetter(target[0]) || !bytes.HasPrefix(target[n:], []byte("://")) {
		return nil, nil, nil
	}
	scheme, rest = target[:n], target[n+3:]
	if i := bytes.IndexAny(rest, "/?"); i >= 0 {
		return scheme, rest[:i], rest[i:]
	}
	return scheme, rest, rest[len(rest):]
}

// splitAuthority splits a host and, after a colon, a port of any number of
// digits, none included (RFC 3986 section 3.2). There is no user information in
// HTTP (RFC 9110 section 4.2.4), and the host is not empty.
func splitAuthority(a []byte) (host, port []byte, ok bool) {
	n := hostLen(a)
	if n == 0 {
		return nil, nil, false
	}
	host, rest := a[:n], a[n:]
	switch {
	case len(rest) == 0:
		return host, nil, true
	case rest[0] != ':' || !all(rest[1:], digit):
		return nil, nil, false
	}
	return host, rest[1:], true
}

// hostLen returns how many octets at the start of a are a host (RFC 3986 section
// 3.2.2): an IP literal in brackets or a registered name, which an IPv4 address is
// too. Zero is none.
func hostLen(a []byte) int {
	if len(a) > 0 && a[0] == '[' {
		end := bytes.IndexByte(a, ']')
		if end < 0 || !isIPv6(a[1:end]) && !isIPvFuture(a[1:end]) {
			return 0
		}
		return end + 1
	}
	i := skip(a, 0, regname)
	for i < len(a) && a[i] == '%' && isPercentEncoded(a, i) {
		i = skip(a, i+3, regname)
	}
	return i
}

// isIPvFuture reports whether a is an address of a version of IP that is yet to
// come: "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ).
func isIPvFuture(a []byte) bool {
	if len(a) == 0 || lower(a[0]) != 'v' {
		return false
	}
	dot := skip(a, 1, hexdig)
	if dot == 1 || dot == len(a) || a[dot] != '.' || dot+1 == len(a) {
		return false
	}
	for _, c := range a[dot+1:] {
		if c != ':' && class[c]&regname == 0 {
			return false
		}
	}
	return true
}

// isIPv6 reports whether a is an IPv6 address. Zones mean nothing to another
// machine, and are refused.
func isIPv6(a []byte) bool {
	groups, gap := 0, false // 16-bit groups seen; whether :: was seen
	if bytes.HasPrefix(a, []byte("::")) {
		a, gap = a[2:], true
	}
	for len(a) > 0 {
		n := skip(a, 0, hexdig)
		if n < len(a) && a[n] == '.' {
			return isIPv4(a) && (groups+2 == 8 && !gap || groups+2 < 8 && gap)
		}
		if n == 0 || n > 4 {
			return false
		}
		groups++
		a = a[n:]
		switch {
		case len(a) == 0:
		case bytes.HasPrefix(a, []byte("::")) && !gap:
			a, gap = a[2:], true
		case a[0] == ':' && len(a) > 1:
			a = a[1:]
		default:
			return false
		}
	}
	return groups == 8 && !gap || groups < 8 && gap
}

// isIPv4 reports whether a is four decimal octets with dots between them.
func isIPv4(a []byte) bool {
	for part := range 4 {
		n := skip(a, 0, digit)
		v, _ := parseLength(a[:min(n, 4)])
		if n == 0 || n > 3 || v > 255 || n > 1 && a[0] == '0' {
			return false
		}
		a = a[n:]
		if part < 3 {
			if len(a) == 0 || a[0] != '.' {
				return false
			}
			a = a[1:]
		}
	}
	return len(a) == 0
}
