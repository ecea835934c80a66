package wire

import "strings"

// A FieldID is the identity of a field whose name is known, found while the
// name is parsed, so that nobody compares names afterwards.
type FieldID uint8

// The known fields: those that frame and route messages, those that a gateway
// handles, those that a server of files reads, and those by which gateways tell
// whom they speak for. FieldOther is any other field.
const (
	FieldOther FieldID = iota
	FieldHost
	FieldContentLength
	FieldTransferEncoding
	FieldConnection
	FieldKeepAlive
	FieldProxyConnection
	FieldTE
	FieldTrailer
	FieldUpgrade
	FieldExpect
	FieldMaxForwards
	FieldDate
	FieldVia
	FieldForwarded
	FieldIfMatch
	FieldIfNoneMatch
	FieldIfModifiedSince
	FieldIfUnmodifiedSince
	FieldIfRange
	FieldRange
	FieldContentType
	FieldHTTP2Settings
	FieldXForwardedFor
	FieldXForwardedHost
	FieldXForwardedProto
	numFieldIDs
)

var fieldNames = [numFieldIDs]string{
	FieldHost:              "Host",
	FieldContentLength:     "Content-Length",
	FieldTransferEncoding:  "Transfer-Encoding",
	FieldConnection:        "Connection",
	FieldKeepAlive:         "Keep-Alive",
	FieldProxyConnection:   "Proxy-Connection",
	FieldTE:                "TE",
	FieldTrailer:           "Trailer",
	FieldUpgrade:           "Upgrade",
	FieldExpect:            "Expect",
	FieldMaxForwards:       "Max-Forwards",
	FieldDate:              "Date",
	FieldVia:               "Via",
	FieldForwarded:         "Forwarded",
	FieldIfMatch:           "If-Match",
	FieldIfNoneMatch:       "If-None-Match",
	FieldIfModifiedSince:   "If-Modified-Since",
	FieldIfUnmodifiedSince: "If-Unmodified-Since",
	FieldIfRange:           "If-Range",
	FieldRange:             "Range",
	FieldContentType:       "Content-Type",
	FieldHTTP2Settings:     "HTTP2-Settings",
	FieldXForwardedFor:     "X-Forwarded-For",
	FieldXForwardedHost:    "X-Forwarded-Host",
	FieldXForwardedProto:   "X-Forwarded-Proto",
}

// String returns the field's name as the RFCs write it; it is empty for
// FieldOther.
func (id FieldID) String() string {
	if id < numFieldIDs {
		return fieldNames[id]
	}
	return ""
}

// A knownName is a known field's name in lower case, as letters reads it.
type knownName struct {
	head, middle, tail uint64
	len                uint8
	id                 FieldID
}

// maxKnownName is how many octets letters can read.
const maxKnownName = 24

// knownNames holds each known name at its slot, and no two have the same one.
var knownNames = makeKnownNames()

func makeKnownNames() (t [1 << slotBits]knownName) {
	for id := FieldOther + 1; id < numFieldIDs; id++ {
		name := []byte(strings.ToLower(fieldNames[id]))
		head, middle, tail := letters(name)
		t[slot(head, tail)] = knownName{head, middle, tail, uint8(len(name)), id}
	}
	return t
}

// slot spreads the known names over the table, whatever their case. The factor
// was found by trial; that it keeps them all apart is tested.
func slot(head, tail uint64) uint64 {
	const caseBits = 0x20 * ones
	return ((head | caseBits) + (tail|caseBits)*3) * 0x2b114ab05b5bd895 >> (64 - slotBits)
}

const slotBits = 7

// IdentifyField returns the identity of the field of that name, in any case.
func IdentifyField(name []byte) FieldID {
	if len(name) < 2 || len(name) > maxKnownName {
		return FieldOther
	}
	head, middle, tail := letters(name)
	k := &knownNames[slot(head, tail)]
	if differ(head, k.head)|differ(middle, k.middle)|differ(tail, k.tail) != 0 || len(name) != int(k.len) {
		return FieldOther
	}
	return k.id
}

// letters reads a name of 2 to maxKnownName octets into three words, which
// overlap when it is short: then there is no loop and nothing for the processor
// to guess.
func letters(name []byte) (head, middle, tail uint64) {
	n := len(name)
	switch {
	case n >= 8:
		return word(name, 0), word(name, min(8, n-8)), word(name, n-8)
	case n >= 4:
		head = uint64(halfWord(name, 0)) | uint64(halfWord(name, n-4))<<(8*(n-4)&63)
	default:
		head = uint64(name[0]) | uint64(name[n/2])<<(8*(n/2)&63) | uint64(name[n-1])<<(8*(n-1)&63)
	}
	return head, 0, head
}

// differ is zero if x is the same as eight octets of a known name. Only where
// that has a letter, which bit 6 tells from a hyphen, case is disregarded: CR
// differs from a hyphen in nothing but the bit of the case.
func differ(x, known uint64) uint64 {
	return (x | known>>1&(0x20*ones)) ^ known
}
