package wire

// TrailerFields yields the field lines of a trailer section (RFC 9112 section
// 7.1.2), which stands with the empty line behind it, as a [BodyScanner] has passed
// it: whole, and of the right grammar. The lines point into it.
func TrailerFields(section []byte) func(yield func(FieldLine) bool) {
	return func(yield func(FieldLine) bool) {
		for start := 0; ; {
			colon := skipToken(section, start)
			if colon == start || colon == len(section) {
				return
			}
			value := skipOWS(section, colon+1)
			valueEnd := skipText(section, value)
			end := min(valueEnd+len("\r\n"), len(section))
			line := FieldLine{
				Name: part(section, start, colon), Value: part(section, value, trimOWS(section, value, valueEnd)),
				start: uint32(start), value: uint32(value), end: uint32(end),
			}
			line.ID = IdentifyField(line.Name)
			if start = end; !yield(line) {
				return
			}
		}
	}
}
