package wire

// The classes that an octet may belong to, as bits of an entry of class.
const (
	tchar   uint8 = 1 << iota // RFC 9110 section 5.6.2: what tokens are made of
	uric                      // what a request target is made of; see target.go
	regname                   // RFC 3986 section 3.2.2: reg-name, without the percent sign
	digit                     // RFC 5234: DIGIT
	hexdig                    // RFC 5234: HEXDIG, of either case
	text                      // field-vchar, SP or HTAB: what field values and reason phrases are made of
	schemec                   // RFC 3986 section 3.1: what follows the first letter of a scheme
)

var class = makeClass()

func makeClass() (t [256]uint8) {
	const (
		digits     = "0123456789"
		hexLetters = "abcdefABCDEF"
		letters    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		subDelims  = "!$&'()*+,;="
		unreserved = letters + digits + "-._~"
	)
	add := func(bit uint8, octets string) {
		for i := range len(octets) {
			t[octets[i]] |= bit
		}
	}
	add(tchar, "!#$%&'*+-.^_`|~"+digits+letters)
	add(uric, unreserved+subDelims+":@/?%"+browserOctets)
	add(regname, unreserved+subDelims)
	add(digit, digits)
	add(hexdig, digits+hexLetters)
	add(schemec, letters+digits+"+-.")
	for c := range 256 {
		if c == '\t' || c >= ' ' && c != 0x7f {
			t[c] |= text
		}
	}
	return t
}

// skip returns the index of the first octet of b from i on that is not of the
// class; len(b) when there is none.
func skip(b []byte, i int, bit uint8) int {
	for i < len(b) && class[b[i]]&bit != 0 {
		i++
	}
	return i
}

// all reports whether each octet of b is of the class.
func all(b []byte, bit uint8) bool { return skip(b, 0, bit) == len(b) }

// Eight octets are examined at a time by arithmetic on a word (Mycroft's test
// for a zero octet, and its kin). A carry can only make a wrong mark above a
// right one, so the lowest mark is always right, and only that is used.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// word returns the eight octets of b from i on, the first one lowest. The
// compiler makes one load of it.
func word(b []byte, i int) uint64 {
	b = b[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// halfWord is word for four octets.
func halfWord(b []byte, i int) uint32 {
	b = b[i : i+4]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// controls marks, in the high bit of each octet, those below SP and DEL.
func controls(x uint64) uint64 {
	del := x ^ 0x7f*ones
	return ((x-' '*ones)&^x | (del-ones)&^del) & highs
}

// lowest returns the index of the octet that has the lowest mark.
func lowest(marks uint64) int {
	return int(((marks-1)&^marks&ones)*ones>>56) - 1
}

// zeros marks the octets that are zero.
func zeros(x uint64) uint64 { return (x - ones) &^ x & highs }

// notLetters marks the octets that are neither letters nor hyphens, exactly.
func notLetters(x uint64) uint64 {
	low := (x | 0x20*ones) &^ highs
	letters := (low + (0x80-'a')*ones) &^ (low + (0x7f-'z')*ones)
	hyphen := x ^ '-'*ones
	notHyphen := (hyphen&^highs + 0x7f*ones) | hyphen
	return (x | ^letters) & notHyphen & highs
}

// notURIC marks the octets that no request target has: SP and below, '"' and
// '#' (which differ in one bit), '<' and '>' (likewise), and DEL and above.
func notURIC(x uint64) uint64 {
	return (x-'!'*ones)&^x&highs | x&highs | zeros(x^0x7f*ones) |
		zeros((x|1*ones)^'#'*ones) | zeros((x|2*ones)^'>'*ones)
}

// skipText returns the index of the first octet of b from i on that may stand
// neither in a field value nor in a reason phrase: a control character other
// than HTAB. A CR is one, so this finds the end of the line.
func skipText(b []byte, i int) int {
	for {
		i = skipPrintable(b, i)
		if i == len(b) || b[i] != '\t' {
			return i
		}
		i++
	}
}

// skipPrintable is skipText without the leave for HTAB.
func skipPrintable(b []byte, i int) int {
	for ; i <= len(b)-8; i += 8 {
		if m := controls(word(b, i)); m != 0 {
			return i + lowest(m)
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] != 0x7f {
		i++
	}
	return i
}

// skipToken returns the index of the first octet of b from i on that is no
// tchar. Nearly all of them are letters and hyphens.
func skipToken(b []byte, i int) int {
	for i <= len(b)-8 {
		m := notLetters(word(b, i))
		if m == 0 {
			i += 8
			continue
		}
		i += lowest(m)
		if class[b[i]]&tchar == 0 {
			return i
		}
		i++
	}
	return skip(b, i, tchar)
}

// skipTarget returns the index of the first octet of b from i on that is no
// uric.
func skipTarget(b []byte, i int) int {
	for i <= len(b)-8 {
		if m := notURIC(word(b, i)); m != 0 {
			return i + lowest(m)
		}
		i += 8
	}
	return skip(b, i, uric)
}

// skipOWS returns the index of the first octet of b from i on that is not
// optional whitespace (RFC 9110 section 5.6.3).
func skipOWS(b []byte, i int) int {
	for i < len(b) && isOWS(b[i]) {
		i++
	}
	return i
}

// trimOWS returns end moved back over the optional whitespace before it, at
// most to start.
func trimOWS(b []byte, start, end int) int {
	for end > start && isOWS(b[end-1]) {
		end--
	}
	return end
}

// lower returns an octet's lower case, if it is a letter's.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func isLetter(c byte) bool { return 'a' <= lower(c) && lower(c) <= 'z' }

func isOWS(c byte) bool { return c == ' ' || c == '\t' }

// EqualFold reports whether b and s are the same token in any mixture of cases.
// Only ASCII letters have two cases here: names that differ beyond that must
// not be taken for one another.
func EqualFold(b []byte, s string) bool { return equalFold(b, s) }

func equalFold[S string | []byte](b []byte, s S) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if b[i] != s[i] && lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}
