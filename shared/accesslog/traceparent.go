package accesslog

import "github.com/hopwire/hopwire/shared/wire"

// What a traceparent has (W3C Trace Context, section 3.2.2):
//
//	00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//	version  trace-id                   parent-id        flags
const (
	versionEnd  = 2
	traceIDEnd  = versionEnd + 1 + 32
	parentIDEnd = traceIDEnd + 1 + 16
	flagsEnd    = parentIDEnd + 1 + 2
)

// Traceparent is by what a request belongs to a trace (W3C Trace Context); nil if it
// has no such field, or several, or one that is none. Of a version that is to come
// there are the parts that this one has.
func Traceparent(h *wire.RequestHead) (value []byte) {
	for i := range h.Fields {
		if wire.EqualFold(h.Fields[i].Name, "traceparent") {
			if value != nil {
				return nil
			}
			value = h.Fields[i].Value
		}
	}
	if len(value) < flagsEnd || len(value) > flagsEnd && (string(value[:versionEnd]) == "00" || value[flagsEnd] != '-') {
		return nil
	}
	version, traceID, parentID := value[:versionEnd], value[versionEnd+1:traceIDEnd], value[traceIDEnd+1:parentIDEnd]
	if value[versionEnd] != '-' || value[traceIDEnd] != '-' || value[parentIDEnd] != '-' ||
		!isHex(version) || string(version) == "ff" || !isHex(traceID) || isZero(traceID) ||
		!isHex(parentID) || isZero(parentID) || !isHex(value[parentIDEnd+1:flagsEnd]) {
		return nil
	}
	return value[:flagsEnd]
}

// isHex reports whether all are digits as the field has them, in lower case.
func isHex(p []byte) bool {
	for _, c := range p {
		if (c < '0' || '9' < c) && (c < 'a' || 'f' < c) {
			return false
		}
	}
	return true
}

// isZero: an identity of zeros is none.
func isZero(p []byte) bool {
	for _, c := range p {
		if c != '0' {
			return false
		}
	}
	return true
}
