package wire

import "strconv"

// The functions below append parts of a message to b and return it, as append
// does. They write what they are given: whoever passes text from outside checks
// it first (see [IsToken]), since an octet that ends a line would begin another
// field or another message (response splitting).

// AppendRequestLine appends a request line in HTTP/1.1.
func AppendRequestLine[M, T string | []byte](b []byte, method M, target T) []byte {
	b = append(b, method...)
	b = append(b, ' ')
	b = append(b, target...)
	return append(b, " HTTP/1.1\r\n"...)
}

// AppendStatusLine appends a status line in HTTP/1.1. An empty reason stands
// for StatusText(status).
func AppendStatusLine[R string | []byte](b []byte, status int, reason R) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = append(b, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10), ' ')
	if len(reason) == 0 {
		b = append(b, StatusText(status)...)
	}
	b = append(b, reason...)
	return append(b, "\r\n"...)
}

// AppendField appends a field line.
func AppendField[N, V string | []byte](b []byte, name N, value V) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// AppendFieldInt appends a field line whose value is a decimal number, such as
// Content-Length.
func AppendFieldInt[N string | []byte](b []byte, name N, value int64) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = strconv.AppendInt(b, value, 10)
	return append(b, "\r\n"...)
}

// AppendHeadEnd appends the empty line that ends a head.
func AppendHeadEnd(b []byte) []byte { return append(b, "\r\n"...) }

// IsToken reports whether s is a token (RFC 9110 section 5.6.2): fit for a
// method or a field name.
func IsToken(s string) bool {
	for i := range len(s) {
		if class[s[i]]&tchar == 0 {
			return false
		}
	}
	return s != ""
}
