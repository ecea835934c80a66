package upload

import (
	"mime"
	"net/url"
	"strings"
)

// A Kind is how content is to be parsed.
type Kind uint8

// The kinds of content.
const (
	Opaque Kind = iota // not at all
	URLEncoded
	Multipart
)

// Bounds of what a form may have.
const (
	MaxForm       = 1 << 20  // bytes of names and values, and of a whole form that is urlencoded
	MaxFields     = 1000     // fields and parts
	MaxFiles      = 16       // files that are stored: each is open until all are there
	MaxPartHeader = 16 << 10 // bytes of what stands before a part's content
)

// KindOf finds out how content of that media type, the value of a Content-Type, is to
// be parsed, and the boundary of a multipart/form-data. The error is an *Error with
// 415 for a form that cannot be parsed: without a boundary (RFC 2046 section 5.1.1), or
// in another charset than UTF-8.
func KindOf(mediaType string) (kind Kind, boundary string, err error) {
	essence, _, _ := strings.Cut(mediaType, ";")
	switch strings.ToLower(strings.TrimSpace(essence)) {
	case "application/x-www-form-urlencoded":
		kind = URLEncoded
	case "multipart/form-data":
		kind = Multipart
	default:
		return Opaque, "", nil
	}
	_, params, err := mime.ParseMediaType(mediaType)
	boundary = params["boundary"]
	charset := params["charset"]
	if err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") ||
		kind == Multipart && (boundary == "" || len(boundary) > 70) {
		return Opaque, "", refuse(415, "the content is a form that cannot be parsed by its type %q", mediaType)
	}
	return kind, boundary, nil
}

// AddURLEncoded adds the fields of content that is application/x-www-form-urlencoded.
// The error is an *Error.
func (r *Report) AddURLEncoded(content string) error {
	for pair := range strings.SplitSeq(content, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return ErrForm
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return ErrForm
		}
		if err := r.AddField(name, value); err != nil {
			return err
		}
	}
	return nil
}

// Disposition reads the Content-Disposition of a part of a form (RFC 7578 section
// 4.2): the field's name and, for a file, the filename. The error is an *Error.
func Disposition(value string) (name, filename string, err error) {
	kind, params, err := mime.ParseMediaType(value)
	name, ok := params["name"]
	if err != nil || kind != "form-data" || !ok {
		return "", "", ErrForm
	}
	return name, params["filename"], nil
}
