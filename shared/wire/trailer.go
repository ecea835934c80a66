package wire

// A Trailer iterates over the field lines of a trailer section (RFC 9112 section
// 7.1.2), without allocating. The zero value with Raw set is at the first line:
//
//	for t := (wire.Trailer{Raw: section}); ; {
//		line, ok := t.Next()
//		if !ok {
//			break
//		}
//		...
//	}
type Trailer struct {
	// Raw is the section with the empty line behind it, as a [BodyScanner] has
	// passed it, so it is whole and of the right grammar. The lines point into it.
	Raw []byte

	next int // where in Raw the next line begins
}

// Next returns the next field line; ok is false at the empty line.
func (t *Trailer) Next() (line FieldLine, ok bool) {
	b, start := t.Raw, t.next
	colon := skipToken(b, start)
	if colon == start || colon == len(b) {
		return line, false
	}
	value := skipOWS(b, colon+1)
	valueEnd := skipText(b, value)
	t.next = min(valueEnd+len("\r\n"), len(b))
	line.start, line.value, line.end = uint32(start), uint32(value), uint32(t.next)
	line.Name, line.Value = part(b, start, colon), part(b, value, trimOWS(b, value, valueEnd))
	line.ID = IdentifyField(line.Name)
	return line, true
}
