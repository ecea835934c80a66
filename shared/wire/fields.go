package wire

import "cmp"

// A FieldLine is one line of a field section (RFC 9112 section 5). Its slices
// point into the octets of the section.
type FieldLine struct {
	Name  []byte  // as received
	Value []byte  // without the whitespace around it
	ID    FieldID // which field it is

	start, value, end uint32 // in Raw: of the line, of the value, and after the line's CRLF
}

// Span returns where the line stands in the Raw octets of its head or trailer
// section: Raw[start:end] is the line with its CRLF.
func (l *FieldLine) Span() (start, end int) { return int(l.start), int(l.end) }

// Limits bounds what a message may make its reader hold or read. Zero means the
// default of a limit, so the zero value works.
type Limits struct {
	Head      int // octets of a whole head, an empty line before it included; zero: 16 KiB, at most 1 GiB
	Target    int // octets of a request target; zero: 8 KiB
	Fields    int // field lines of a head; zero: 128, at most 65535
	ChunkLine int // octets of a chunk's size and extensions, without CRLF; zero: 1 KiB
	Trailer   int // octets of a trailer section; zero: 8 KiB
}

func (l *Limits) head() int      { return min(cmp.Or(max(l.Head, 0), 16<<10), 1<<30) }
func (l *Limits) target() int    { return cmp.Or(max(l.Target, 0), 8<<10) }
func (l *Limits) fields() int    { return min(cmp.Or(max(l.Fields, 0), 128), 1<<16-1) }
func (l *Limits) chunkLine() int { return cmp.Or(max(l.ChunkLine, 0), 1<<10) }
func (l *Limits) trailer() int   { return cmp.Or(max(l.Trailer, 0), 8<<10) }

// fieldState is where in a field section the octets ran out.
type fieldState uint8

const (
	inLineStart fieldState = iota // before a field line, or the empty line
	inName
	inOWS   // after the colon
	inValue // after the first octet of the value
	inLineEnd
	inEmptyLineEnd
)

// A fieldSection parses field lines up to the empty line that ends them, and
// notes on the way what framing and persistence will be decided by. It keeps
// its place when the octets run out.
type fieldSection struct {
	lines     []FieldLine
	limit     int  // how many lines there may be
	ofRequest bool // in whose head Host is checked

	state  fieldState
	paused bool // the octets ran out at least once
	line   lineParts

	seen  uint64              // bit id: there is a line of this known field
	first [numFieldIDs]uint16 // and this is the index of the first one
	noted noted
}

// lineParts is where the parts of a field line are.
type lineParts struct {
	start    int // of the line and the name
	colon    int
	value    int
	valueEnd int // after the last octet seen of the value that is not whitespace
}

// reset prepares for another section.
func (s *fieldSection) reset() {
	s.lines = s.lines[:0]
	s.state, s.paused = inLineStart, false
	s.seen, s.noted = 0, noted{}
}

// parse goes on at b[i], where the last call stopped, and returns the index
// after the empty line. What it has passed it does not look at again, save once
// at a line that has become complete, for the meaning of a known name or of a
// value that decides the framing.
func (s *fieldSection) parse(b []byte, i int) (int, error) {
	l := &s.line
	for {
		switch s.state {
		case inLineStart:
			if i == len(b) {
				return s.pause(inLineStart)
			}
			if b[i] == '\r' {
				i++
				return s.emptyLine(b, i)
			}
			if len(s.lines) == s.limit {
				return 0, refuse(RuleTooManyFields, i)
			}
			l.start = i
			fallthrough

		case inName:
			if i = skipToken(b, i); i == len(b) {
				return s.pause(inName)
			}
			if b[i] != ':' || i == l.start {
				return 0, s.refuseName(b[i], i)
			}
			l.colon = i
			i++
			fallthrough

		case inOWS:
			if i = skipOWS(b, i); i == len(b) {
				return s.pause(inOWS)
			}
			l.value, l.valueEnd = i, i
			fallthrough

		case inValue:
			seen := i
			i = skipText(b, i)
			if end := trimOWS(b, seen, i); end > seen {
				l.valueEnd = end
			}
			if i == len(b) {
				return s.pause(inValue)
			}
			if b[i] != '\r' {
				return 0, refuseLine(RuleFieldValue, b[i], i)
			}
			i++
			fallthrough

		case inLineEnd:
			if i == len(b) {
				return s.pause(inLineEnd)
			}
			if b[i] != '\n' {
				return 0, refuse(RuleBareCR, i-1)
			}
			i++
			if rule := s.add(b[:i]); rule != "" {
				return 0, refuse(rule, l.start)
			}
			s.state = inLineStart

		case inEmptyLineEnd:
			return s.emptyLine(b, i)
		}
	}
}

// pause keeps the place where the octets ran out.
func (s *fieldSection) pause(state fieldState) (int, error) {
	s.state, s.paused = state, true
	return 0, ErrIncomplete
}

// emptyLine ends the section: i is the index after the empty line's CR.
func (s *fieldSection) emptyLine(b []byte, i int) (int, error) {
	if i == len(b) {
		return s.pause(inEmptyLineEnd)
	}
	if b[i] != '\n' {
		return 0, refuse(RuleBareCR, i-1)
	}
	if s.paused {
		s.rebase(b)
	}
	return i + 1, nil
}

// rebase points the lines into b again: lines that were parsed in an earlier
// call point to where the octets were then, and the buffer may have moved.
func (s *fieldSection) rebase(b []byte) {
	for i := range s.lines {
		l := &s.lines[i]
		l.Name = part(b, int(l.start), int(l.start)+len(l.Name))
		l.Value = part(b, int(l.value), int(l.value)+len(l.Value))
	}
}

// part returns b[start:end], whose capacity ends there too: whoever appends to
// it gets a copy, and does not overwrite what follows.
func part(b []byte, start, end int) []byte { return b[start:end:end] }

// add appends the line that ends where b does. It returns the rule that the
// line breaks by its meaning, if any.
func (s *fieldSection) add(b []byte) (broken Rule) {
	l := &s.line
	n := len(s.lines)
	if n == cap(s.lines) {
		s.grow()
	}
	s.lines = s.lines[:n+1]
	line := &s.lines[n]
	line.start, line.value, line.end = uint32(l.start), uint32(l.value), uint32(len(b))
	name, value := part(b, l.start, l.colon), part(b, l.value, l.valueEnd)
	id := IdentifyField(name)
	line.Name, line.Value, line.ID = name, value, id
	if id == FieldOther {
		return ""
	}
	if id <= lastNoted {
		broken = s.note(id, value)
	}
	if !s.has(id) {
		s.seen |= 1 << (id & 63)
		s.first[id] = uint16(n)
	}
	return broken
}

func (s *fieldSection) grow() {
	s.lines = append(make([]FieldLine, 0, max(32, 2*len(s.lines))), s.lines...)
}

// note takes down what a field says that decides framing or persistence, and
// returns the rule that it breaks, if any. The others are not its business: see
// lastNoted.
func (s *fieldSection) note(id FieldID, value []byte) Rule {
	switch id {
	case FieldHost:
		return s.checkHost(value)
	case FieldContentLength:
		s.noted.contentLength(value)
	case FieldTransferEncoding:
		s.noted.transferEncoding(value)
	case FieldConnection:
		return s.noted.connection(value)
	}
	return ""
}

// checkHost applies RFC 9112 section 3.2 to a Host line of a request. An empty
// one is refused too: no http URI has an empty host (RFC 9110 section 4.2.1).
// Two hosts, or one that hosts read differently, would let a request be served
// by one site here and by another behind (cache poisoning).
func (s *fieldSection) checkHost(value []byte) Rule {
	switch {
	case !s.ofRequest:
		return ""
	case s.has(FieldHost):
		return RuleHostRepeated
	}
	if _, _, ok := splitAuthority(value); !ok {
		return RuleHost
	}
	return ""
}

// has reports whether there is a line of a known field.
func (s *fieldSection) has(id FieldID) bool {
	return id < numFieldIDs && s.seen>>(id&63)&1 != 0
}

// field returns the value of the first line of a known field.
func (s *fieldSection) field(id FieldID) ([]byte, bool) {
	if !s.has(id) {
		return nil, false
	}
	return s.lines[s.first[id]].Value, true
}

// members iterates over the members of a known list field.
func (s *fieldSection) members(id FieldID) Members {
	if !s.has(id) {
		return Members{}
	}
	return Members{lines: s.lines[s.first[id]:], id: id}
}

// offset returns where the first line of a known field begins, of which there
// is one.
func (s *fieldSection) offset(id FieldID) int {
	return int(s.lines[s.first[id]].start)
}

// refuseName says what is wrong with c, the octet at i after the token at the
// start of the line.
func (s *fieldSection) refuseName(c byte, i int) error {
	switch {
	case c == '\r':
		return refuse(RuleFieldNoColon, s.line.start)
	case !isOWS(c):
		return refuseLine(RuleFieldName, c, i)
	case i > s.line.start:
		// A recipient that trims "Content-Length :" and one that does not know
		// such a field disagree on where the message ends.
		return refuse(RuleFieldNameSpace, i)
	case len(s.lines) > 0:
		return refuse(RuleFold, i)
	}
	return refuse(RuleStartLineSpace, i)
}
