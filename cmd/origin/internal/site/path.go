package site

import (
	"bytes"
	"errors"
)

var (
	// ErrTarget says that a target is malformed or climbs above the root: 400.
	ErrTarget = errors.New("the request target is malformed or leaves the root")
	// ErrMissing says that a path names no file: 404.
	ErrMissing = errors.New("no such file")
)

// AppendPath appends to dst, which must be empty, the path that raw stands for;
// raw is the path of a request target without its query. The result is
// absolute, percent-decoded, and has neither empty nor dot segments, so that
// each file has one path only. A trailing slash stays, since it tells a
// directory from a file.
//
// Each segment is decoded once, and then looked at: "%2e%2e" climbs as ".."
// does, and "%252e" is the name "%2e". Climbing above the root is ErrTarget,
// since only an attack does it. An encoded slash is part of a name that no file
// can have: ErrMissing. Were it taken for a separator, a gateway that filters by
// path would have judged another path than the one served.
func AppendPath(dst, raw []byte) ([]byte, error) {
	if len(raw) == 0 || raw[0] != '/' {
		return dst, ErrTarget
	}
	dst = append(dst, '/')
	for more := true; more; {
		raw = raw[1:]
		end := bytes.IndexByte(raw, '/')
		if more = end >= 0; !more {
			end = len(raw)
		}
		var err error
		if dst, err = appendSegment(dst, raw[:end], more); err != nil {
			return dst, err
		}
		raw = raw[end:]
	}
	return dst, nil
}

// appendSegment adds one segment to a path that ends with a slash, and a slash
// behind it if more segments follow.
func appendSegment(dst, raw []byte, more bool) ([]byte, error) {
	parent := len(dst)
	dst, err := appendDecoded(dst, raw)
	if err != nil {
		return dst, err
	}
	switch name := dst[parent:]; {
	case len(name) == 0, len(name) == 1 && name[0] == '.':
		return dst[:parent], nil
	case len(name) == 2 && name[0] == '.' && name[1] == '.':
		if parent == 1 {
			return dst, ErrTarget
		}
		return dst[:bytes.LastIndexByte(dst[:parent-1], '/')+1], nil
	case more:
		dst = append(dst, '/')
	}
	return dst, nil
}

func appendDecoded(dst, raw []byte) ([]byte, error) {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' {
			if i+2 >= len(raw) || unhex[raw[i+1]] < 0 || unhex[raw[i+2]] < 0 {
				return dst, ErrTarget
			}
			c = byte(unhex[raw[i+1]]<<4 | unhex[raw[i+2]])
			i += 2
			if c == '/' {
				return dst, ErrMissing
			}
		}
		// A name that C code ends at the NUL is another file than the one
		// whose extension was looked at.
		if c == 0 {
			return dst, ErrTarget
		}
		dst = append(dst, c)
	}
	return dst, nil
}

// unhex is the value of a hexadecimal digit, -1 for any other octet.
var unhex = func() (t [256]int16) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = int16(c - '0')
		case 'a' <= c && c <= 'f':
			t[c] = int16(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			t[c] = int16(c - 'A' + 10)
		default:
			t[c] = -1
		}
	}
	return t
}()

// AppendEscaped appends path percent-encoded, as a Location field has it
// (RFC 3986 section 3.3). Since path is AppendPath's it does not begin with two
// slashes, which would send the client to another host.
func AppendEscaped(dst, path []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range path {
		if pathOctet[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

var pathOctet = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/" {
		t[c] = true
	}
	return t
}()
