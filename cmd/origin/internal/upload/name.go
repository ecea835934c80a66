package upload

import (
	"bytes"
	"crypto/rand"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how long a name may be on the file systems in use, in bytes.
const maxName = 255

// Split divides what a path has behind the post path into a folder, which is empty or
// ends with a slash, and the name in it, which is empty if the path gives none. The
// path is site.AppendPath's: decoded, without empty and dot segments. The error is an
// *Error with 403 for a name that is not fit: a hidden one, which begins with a dot,
// one of more than 255 bytes, or one that is not printable text in UTF-8.
func Split(rest string) (folder, name string, err error) {
	rest = strings.TrimPrefix(rest, "/")
	at := strings.LastIndexByte(rest, '/') + 1
	folder, name = rest[:at], rest[at:]
	for segment := range strings.SplitSeq(rest, "/") {
		if segment != "" && !fit(segment) {
			return "", "", errName
		}
	}
	return folder, name, nil
}

// BaseName is the name in a filename that a form gives, which may be a whole path,
// also one of Windows (RFC 7578 section 4.2). The error is Split's.
func BaseName(filename string) (string, error) {
	name := filename[strings.LastIndexAny(filename, `/\`)+1:]
	if !fit(name) {
		return "", errName
	}
	return name, nil
}

func fit(name string) bool {
	return name != "" && name[0] != '.' && len(name) <= maxName && utf8.ValidString(name) &&
		strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// Hidden says whether path, which is AppendPath's, leads through a name that Split
// would not take since it begins with a dot.
func Hidden(path []byte) bool { return bytes.Contains(path, hiddenMark) }

var hiddenMark = []byte("/.")

// OwnName makes a name that nothing has, with an extension unless that is empty.
func OwnName(extension string) string {
	name := strings.ToLower(rand.Text()) // 128 bits
	if extension != "" {
		name += "." + extension
	}
	return name
}
