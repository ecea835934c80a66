package site

import (
	"bytes"
	"math"

	"github.com/hopwire/hopwire/shared/wire"
)

// A Selection is what a GET or HEAD of a file comes to: 200 with all of the
// content, 206 with a part of it, or 304, 412 or 416 with none.
type Selection struct {
	Status         int
	Offset, Length int64 // octets of content
}

// Conditional says whether fields hold any that Select heeds. Most requests
// have none.
func Conditional(fields []wire.FieldLine) bool {
	for i := range fields {
		switch fields[i].ID {
		case wire.FieldIfMatch, wire.FieldIfNoneMatch, wire.FieldIfModifiedSince,
			wire.FieldIfUnmodifiedSince, wire.FieldIfRange, wire.FieldRange:
			return true
		}
	}
	return false
}

// Select evaluates the conditional fields in the order of RFC 9110 section
// 13.2.2, and then the range if ranges says that the method has them, which is
// to say that it is GET (section 14.2).
//
// A field that may stand only once and stands twice is ignored, as one that
// cannot be understood is. A request for several ranges gets everything: for a
// client that needs the parts at once one response with all is no loss, and
// many small overlapping ones cost a server more than the client.
func (f *File) Select(fields []wire.FieldLine, ranges bool) Selection {
	all := Selection{Status: 200, Length: f.Size}
	if list := find(fields, wire.FieldIfMatch); list.lines > 0 { // step 1
		if !f.matches(fields, wire.FieldIfMatch) {
			return Selection{Status: 412}
		}
	} else if since, ok := f.date(fields, wire.FieldIfUnmodifiedSince); ok && f.Modified > since { // step 2
		return Selection{Status: 412}
	}
	if list := find(fields, wire.FieldIfNoneMatch); list.lines > 0 { // step 3
		if f.matches(fields, wire.FieldIfNoneMatch) {
			return Selection{Status: 304}
		}
	} else if since, ok := f.date(fields, wire.FieldIfModifiedSince); ok && f.Modified <= since { // step 4
		return Selection{Status: 304}
	}
	if r := find(fields, wire.FieldRange); ranges && r.lines == 1 && f.sameAs(find(fields, wire.FieldIfRange)) { // step 5
		return selectRange(r.value, f.Size)
	}
	return all // step 6
}

// found is the field lines of one name.
type found struct {
	lines int
	value []byte // of the last one
}

func find(fields []wire.FieldLine, id wire.FieldID) (f found) {
	for i := range fields {
		if fields[i].ID == id {
			f.lines++
			f.value = fields[i].Value
		}
	}
	return f
}

// date is the value of a field that stands once and is an HTTP-date, in seconds
// since 1970. There is nothing to compare it with if f has no date (RFC 9110
// sections 13.1.3 and 13.1.4).
func (f *File) date(fields []wire.FieldLine, id wire.FieldID) (seconds int64, ok bool) {
	field := find(fields, id)
	if field.lines != 1 || f.Modified == Undated {
		return 0, false
	}
	return wire.ParseDate(field.value)
}

// matches says whether a list of entity tags, which may have several lines,
// names f's. For If-None-Match the comparison is weak, for If-Match strong (RFC
// 9110 section 8.8.3.2); our own tag is always strong.
func (f *File) matches(fields []wire.FieldLine, id wire.FieldID) bool {
	for i := range fields {
		if fields[i].ID == id && f.inList(fields[i].Value, id == wire.FieldIfNoneMatch) {
			return true
		}
	}
	return false
}

func (f *File) inList(list []byte, weakly bool) bool {
	if string(list) == "*" {
		return true
	}
	for {
		tag, weak, rest, ok := nextTag(list)
		if !ok {
			return false
		}
		if string(tag) == f.ETag && (weakly || !weak) {
			return true
		}
		list = rest
	}
}

// nextTag reads the next entity tag of a list. The list is not split at commas
// first, since a tag may contain them.
func nextTag(list []byte) (tag []byte, weak bool, rest []byte, ok bool) {
	list = bytes.TrimLeft(list, " \t,")
	if weak = bytes.HasPrefix(list, []byte("W/")); weak {
		list = list[2:]
	}
	if len(list) < 2 || list[0] != '"' {
		return nil, false, nil, false
	}
	end := bytes.IndexByte(list[1:], '"')
	if end < 0 {
		return nil, false, nil, false
	}
	return list[:end+2], weak, list[end+2:], true
}

// sameAs says whether the part that the client has is of f, so that another one
// fits it (RFC 9110 section 13.1.5). Without If-Range the client takes that for
// granted. A date must be the very one that f has.
func (f *File) sameAs(ifRange found) bool {
	if ifRange.lines != 1 {
		return ifRange.lines == 0
	}
	if string(ifRange.value) == f.ETag {
		return true
	}
	date, ok := wire.ParseDate(ifRange.value)
	return ok && date == f.Modified
}

// selectRange reads one range of octets: first-last, first-, or -suffix (RFC
// 9110 section 14.1.2). A range that is malformed, or of which no octet exists,
// is 416.
func selectRange(value []byte, size int64) Selection {
	all, nothing := Selection{Status: 200, Length: size}, Selection{Status: 416}
	unit, spec, ok := bytes.Cut(value, []byte("="))
	if !ok || !wire.EqualFold(unit, "bytes") || bytes.IndexByte(spec, ',') >= 0 {
		return all
	}
	first, last, ok := bytes.Cut(bytes.Trim(spec, " \t"), []byte("-"))
	if !ok {
		return nothing
	}
	if len(first) == 0 {
		suffix, ok := parsePosition(last)
		if !ok || suffix == 0 || size == 0 {
			return nothing
		}
		suffix = min(suffix, size)
		return Selection{Status: 206, Offset: size - suffix, Length: suffix}
	}
	from, ok := parsePosition(first)
	to := size - 1
	if ok && len(last) > 0 {
		to, ok = parsePosition(last)
	}
	if !ok || from > to || from >= size {
		return nothing
	}
	return Selection{Status: 206, Offset: from, Length: min(to, size-1) - from + 1}
}

// parsePosition reads a number of digits only. One that is too large stands
// for the largest there is: it lies behind the end of every file.
func parsePosition(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(b) > 0
}
