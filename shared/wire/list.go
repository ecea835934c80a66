package wire

// A List is a comma-separated field value of tokens, such as that of Connection
// (RFC 9110 section 5.6.1). Iterating over it allocates nothing:
//
//	for list := wire.List(value); ; {
//		member, ok := list.Next()
//		if !ok {
//			break
//		}
//		...
//	}
//
// Quoted strings are not known to it: a list whose members may hold them must
// not be read this way.
type List []byte

// Next returns the next member without the whitespace around it, and removes it
// from the list. Empty members are passed over, as RFC 9110 section 5.6.1.2
// demands. ok is false at the end. The member points into the list's octets.
func (l *List) Next() (member []byte, ok bool) {
	for len(*l) > 0 {
		member = l.cut()
		if len(member) > 0 {
			return member, true
		}
	}
	return nil, false
}

// cut removes what stands before the first comma, which may be nothing, and
// that comma.
func (l *List) cut() []byte {
	b := *l
	i := 0
	for i < len(b) && b[i] != ',' {
		i++
	}
	*l = b[min(i+1, len(b)):]
	start := skipOWS(b[:i], 0)
	return b[start:trimOWS(b, start, i)]
}

// Contains reports whether one of the members is token, in any case.
func (l List) Contains(token string) bool {
	for {
		member, ok := l.Next()
		if !ok {
			return false
		}
		if EqualFold(member, token) {
			return true
		}
	}
}

// Members iterates over the members of a list field that may stand on several
// lines, which together are one list (RFC 9110 section 5.3).
type Members struct {
	lines []FieldLine // those not yet begun
	id    FieldID
	list  List
}

// Next returns the next member, as [List.Next] does.
func (m *Members) Next() (member []byte, ok bool) {
	for {
		if member, ok = m.list.Next(); ok {
			return member, true
		}
		if !m.nextLine() {
			return nil, false
		}
	}
}

func (m *Members) nextLine() bool {
	for i := range m.lines {
		if m.lines[i].ID == m.id {
			m.list = m.lines[i].Value
			m.lines = m.lines[i+1:]
			return true
		}
	}
	m.lines = nil
	return false
}
