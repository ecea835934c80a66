package wire

// protocol begins every version; its case matters (RFC 9112 section 2.3).
const protocol = "HTTP/"

// versionLen is the length of HTTP-version: "HTTP/" DIGIT "." DIGIT.
const versionLen = len("HTTP/1.1")

// http11 is "HTTP/1.1" as word reads it.
const http11 = 'H' | 'T'<<8 | 'T'<<16 | 'P'<<24 | '/'<<32 | '1'<<40 | '.'<<48 | '1'<<56

// A version is HTTP-version, kept while it arrives.
type version struct {
	start        int // where it begins
	major, minor uint8
}

// parse parses the version and the octet that must follow it: CR in a request
// line, SP in a status line. It goes on at b[i] and returns the index after
// that octet.
func (v *version) parse(b []byte, i int, end byte) (int, error) {
	if i == v.start && len(b)-i > versionLen && word(b, i) == http11 && b[i+versionLen] == end {
		v.major, v.minor = 1, 1
		return i + versionLen + 1, nil
	}
	for ; i < len(b); i++ {
		at := i - v.start
		if !v.octet(b[i], at, end) {
			return 0, refuseLine(RuleVersion, b[i], i)
		}
		if at < versionLen {
			continue
		}
		if v.major != 1 {
			return 0, refuse(RuleMajorVersion, v.start)
		}
		return i + 1, nil
	}
	return 0, ErrIncomplete
}

// octet takes the version's octet number at, and says whether it may stand
// there.
func (v *version) octet(c byte, at int, end byte) bool {
	switch at {
	case len("HTTP/"):
		v.major = c - '0'
		return v.major <= 9
	case len("HTTP/1"):
		return c == '.'
	case len("HTTP/1."):
		v.minor = c - '0'
		return v.minor <= 9
	case versionLen:
		return c == end
	}
	return c == protocol[at]
}
