package wire

// A RequestHead is the request line and header section of a request (RFC 9112
// section 3). All its slices point into the octets given to [ParseRequestHead];
// they are valid as long as these are left alone. The zero value works, and is
// best used again and again: after the first few heads parsing allocates
// nothing.
type RequestHead struct {
	// Raw is the whole head, from the request line to the empty line, as
	// received. An empty line before it is not part of it.
	Raw []byte

	Method []byte // a token; upper and lower case differ
	Target []byte // as received, in the form that Form says
	Minor  uint8  // the version is HTTP/1.Minor; from 1 on all behave as HTTP/1.1
	Form   TargetForm

	// Fields are the field lines in order. The array is reused by the next
	// parse.
	Fields []FieldLine

	// Limits bounds the head: Head, Target and Fields count. Parsing leaves it
	// alone; change it between heads only.
	Limits Limits

	state     requestState
	seen      int // octets of an incomplete head that were parsed; 0 if there is none
	skipped   int // of these, the empty line before the request line
	methodEnd int
	targetEnd int
	version   version
	lineEnd   int
	section   fieldSection
}

// requestState is where in a request head the octets ran out.
type requestState uint8

const (
	inRequestStart requestState = iota
	inEmptyLine                 // after the CR of an empty line before the request line
	inMethod
	inTarget
	inRequestVersion
	inRequestLineEnd
	inRequestFields
)

// maxMethod is longer than any registered method (the longest has 17 octets).
const maxMethod = 64

// ParseRequestHead parses one request head at the start of b. It has three
// outcomes:
//
//   - n > 0: h holds the head, and n octets of b were consumed, an empty line
//     before the request line included (RFC 9112 section 2.2 has it ignored).
//   - ErrIncomplete: b is a valid beginning. Call again with the same octets
//     and more behind them; they may have moved in memory.
//   - *Error: the message must be refused. Where the next one would begin is not
//     known, so the connection cannot be used any further.
//
// seen is 0 for a new head. After ErrIncomplete it is how many octets b had in
// that call: then parsing goes on behind them, so that however a head is cut
// into pieces, the work is linear in its length.
//
//	for seen := 0; ; {
//		n, err := wire.ParseRequestHead(b, seen, &h)
//		if err != wire.ErrIncomplete {
//			return n, err
//		}
//		seen = len(b)
//		b = more(b)
//	}
//
// Parsing goes on only if the last call on h returned ErrIncomplete for just
// that many octets. In any other case, and always if seen is 0, it begins anew
// whatever h holds, which is as right and merely slower. So a head that is given
// up half-way needs no farewell.
//
// The content's framing is not decided here; see [RequestFraming].
func ParseRequestHead(b []byte, seen int, h *RequestHead) (n int, err error) {
	limit := h.Limits.head()
	view := b[:min(len(b), limit)]
	if seen == 0 || seen != h.seen || seen > len(view) {
		h.begin()
	}
	n, err = h.parse(view)
	if err == ErrIncomplete {
		if len(view) < limit {
			h.seen = len(view)
			return 0, err
		}
		err = refuse(h.tooLarge(), limit-h.skipped)
	}
	h.seen = 0
	if err != nil {
		err.(*Error).Offset += h.skipped
		return 0, err
	}
	return h.skipped + n, nil
}

// begin forgets the head before this one, but for the array of Fields.
func (h *RequestHead) begin() {
	h.Raw, h.Method, h.Target, h.Fields = nil, nil, nil, nil
	h.Minor, h.Form = 0, 0
	h.state = inRequestStart
	h.seen, h.skipped = 0, 0
	h.section.reset()
}

// parse goes on with the head that begins in b, perhaps after an empty line.
func (h *RequestHead) parse(b []byte) (n int, err error) {
	if h.state < inMethod {
		if err = h.skipEmptyLine(b); err != nil {
			return 0, err
		}
	}
	b = b[h.skipped:]
	i := max(0, h.seen-h.skipped)
	if h.state < inRequestFields {
		if i, err = h.parseLine(b, i); err != nil {
			return 0, err
		}
		h.state, h.lineEnd = inRequestFields, i
		h.section.ofRequest, h.section.limit = true, h.Limits.fields()
	}
	if n, err = h.section.parse(b, i); err != nil {
		return 0, err
	}
	return n, h.finish(b[:n])
}

// skipEmptyLine passes over one CRLF before the request line: old clients send
// it after content, uncounted.
func (h *RequestHead) skipEmptyLine(b []byte) error {
	switch {
	case len(b) == 0:
		return ErrIncomplete
	case h.state == inRequestStart && b[0] != '\r':
		h.state = inMethod
		return nil
	case len(b) == 1:
		h.state = inEmptyLine
		return ErrIncomplete
	case b[1] != '\n':
		return refuse(RuleBareCR, 0)
	}
	h.skipped, h.state = 2, inMethod
	return nil
}

// parseLine parses the request line: method SP request-target SP HTTP-version.
func (h *RequestHead) parseLine(b []byte, i int) (_ int, err error) {
	switch h.state {
	case inMethod:
		i = skipToken(b, i)
		if i > maxMethod {
			return 0, refuse(RuleMethodTooLong, maxMethod)
		}
		if i == len(b) {
			return 0, ErrIncomplete
		}
		if b[i] != ' ' || i == 0 {
			return 0, refuseMethod(b, i)
		}
		h.methodEnd = i
		h.state = inTarget
		i++
		fallthrough

	case inTarget:
		start := h.methodEnd + 1
		i = skipTarget(b, i)
		if limit := h.Limits.target(); i-start > limit {
			return 0, refuse(RuleTargetTooLong, start+limit)
		}
		if i == len(b) {
			return 0, ErrIncomplete
		}
		if b[i] != ' ' {
			return 0, refuseTarget(b[i], i)
		}
		form, rule := parseTarget(b[:h.methodEnd], b[start:i])
		if rule != "" {
			return 0, refuse(rule, start)
		}
		h.Form, h.targetEnd = form, i
		h.state = inRequestVersion
		i++
		h.version.start = i
		fallthrough

	case inRequestVersion:
		if i, err = h.version.parse(b, i, '\r'); err != nil {
			return 0, err
		}
		h.state = inRequestLineEnd
		fallthrough

	default: // inRequestLineEnd
		if i == len(b) {
			return 0, ErrIncomplete
		}
		if b[i] != '\n' {
			return 0, refuse(RuleBareCR, i-1)
		}
		return i + 1, nil
	}
}

// finish fills in the head, which is b, and checks what only a whole one shows.
func (h *RequestHead) finish(b []byte) error {
	h.Raw = part(b, 0, len(b))
	h.Method = part(b, 0, h.methodEnd)
	h.Target = part(b, h.methodEnd+1, h.targetEnd)
	h.Minor = h.version.minor
	h.Fields = h.section.lines
	if h.Minor > 0 && !h.section.has(FieldHost) {
		return refuse(RuleHostMissing, h.lineEnd)
	}
	return nil
}

// tooLarge names the limit that a head breaks that is not complete within
// Limits.Head octets.
func (h *RequestHead) tooLarge() Rule {
	if h.state == inTarget {
		return RuleTargetTooLong
	}
	return RuleHeadTooLarge
}

// tlsHandshake begins the record of a TLS ClientHello (RFC 8446 section 5.1), and no
// request.
const tlsHandshake = 0x16

func refuseMethod(b []byte, i int) error {
	switch {
	case b[i] == '\r' && i == 0:
		return refuse(RuleEmptyLine, i)
	case b[i] == '\r':
		return refuse(RuleTargetMissing, i)
	case b[i] == tlsHandshake && i == 0:
		return refuse(RuleTLSHello, i)
	}
	return refuseLine(RuleMethod, b[i], i)
}

func refuseTarget(c byte, i int) error {
	if c == '\r' {
		return refuse(RuleVersion, i) // HTTP/0.9 has none
	}
	return refuseLine(RuleTargetOctet, c, i)
}

// Is reports whether the method is this one.
func (h *RequestHead) Is(method string) bool { return string(h.Method) == method }

// Field returns the value of the first line of a known field.
func (h *RequestHead) Field(id FieldID) (value []byte, ok bool) { return h.section.field(id) }

// Lookup returns the value of the first line of the field of that name, in any
// case. For known fields, Field is faster.
func (h *RequestHead) Lookup(name string) (value []byte, ok bool) {
	for i := range h.Fields {
		if EqualFold(h.Fields[i].Name, name) {
			return h.Fields[i].Value, true
		}
	}
	return nil, false
}

// Members iterates over the members of a known list field, on whichever lines
// they stand.
func (h *RequestHead) Members(id FieldID) Members { return h.section.members(id) }

// FieldsStart returns where in Raw the field section begins.
func (h *RequestHead) FieldsStart() int { return h.lineEnd }

// Host returns the value of the Host field: a host and perhaps a port. It is
// nil for an HTTP/1.0 request without the field.
func (h *RequestHead) Host() []byte {
	host, _ := h.section.field(FieldHost)
	return host
}

// Absolute splits a target in absolute-form. path includes the query. It may
// lack the slash that begins a path in origin-form, or be empty: then the
// origin-form has "/" before it, save that OPTIONS without path and query
// becomes "*" (RFC 9112 section 3.2.4). The authority overrides the Host field
// (section 3.2.2). All are nil for another form.
func (h *RequestHead) Absolute() (scheme, authority, path []byte) {
	if h.Form != AbsoluteForm {
		return nil, nil, nil
	}
	return splitAbsolute(h.Target)
}
