package wire

// A ResponseHead is the status line and header section of a response (RFC 9112
// section 4), interim ones included. What [RequestHead] says of its slices and
// of being used again holds here too.
type ResponseHead struct {
	// Raw is the whole head, from the status line to the empty line, as
	// received.
	Raw []byte

	Minor  uint8  // the version is HTTP/1.Minor; from 1 on all behave as HTTP/1.1
	Status int    // 100 to 999
	Reason []byte // may be empty

	// Fields are the field lines in order. The array is reused by the next
	// parse.
	Fields []FieldLine

	// Limits bounds the head: Head and Fields count. Parsing leaves it alone;
	// change it between heads only.
	Limits Limits

	state     responseState
	seen      int // octets of an incomplete head that were parsed; 0 if there is none
	version   version
	digits    int // digits seen of the status code
	reason    int // where the reason phrase begins
	reasonEnd int
	section   fieldSection
}

// responseState is where in a response head the octets ran out.
type responseState uint8

const (
	inResponseVersion responseState = iota
	inStatus
	inReason
	inResponseLineEnd
	inResponseFields
)

// ParseResponseHead parses one response head at the start of b, with the three
// outcomes of [ParseRequestHead], and with seen as there. Nothing may stand
// before the status line: an octet too many after the last response must not be
// taken for a part of this one (response splitting). An *Error has Status 502.
func ParseResponseHead(b []byte, seen int, h *ResponseHead) (n int, err error) {
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
		err = refuse(RuleHeadTooLarge, limit)
	}
	h.seen = 0
	if err != nil {
		return 0, asResponse(err)
	}
	return n, nil
}

// begin forgets the head before this one, but for the array of Fields.
func (h *ResponseHead) begin() {
	h.Raw, h.Reason, h.Fields = nil, nil, nil
	h.Minor, h.Status = 0, 0
	h.state = inResponseVersion
	h.seen, h.digits, h.version = 0, 0, version{}
	h.section.reset()
}

// parse goes on with the head that begins at b[0].
func (h *ResponseHead) parse(b []byte) (n int, err error) {
	i := h.seen
	if h.state < inResponseFields {
		if i, err = h.parseLine(b, i); err != nil {
			return 0, err
		}
		h.state = inResponseFields
		h.section.limit = h.Limits.fields()
	}
	if n, err = h.section.parse(b, i); err != nil {
		return 0, err
	}
	h.Raw = part(b, 0, n)
	h.Minor = h.version.minor
	h.Reason = part(b, h.reason, h.reasonEnd)
	h.Fields = h.section.lines
	return n, nil
}

// parseLine parses the status line: HTTP-version SP status-code SP [
// reason-phrase ]. The second space is due even without a phrase; many a sender
// forgets it then, and no two recipients read that differently.
func (h *ResponseHead) parseLine(b []byte, i int) (_ int, err error) {
	switch h.state {
	case inResponseVersion:
		if i, err = h.version.parse(b, i, ' '); err != nil {
			return 0, err
		}
		h.state = inStatus
		fallthrough

	case inStatus:
		if i, err = h.parseStatus(b, i); err != nil {
			return 0, err
		}
		h.state, h.reason = inReason, i
		fallthrough

	case inReason:
		if i = skipText(b, i); i == len(b) {
			return 0, ErrIncomplete
		}
		if b[i] != '\r' {
			return 0, refuseLine(RuleReason, b[i], i)
		}
		h.state, h.reasonEnd = inResponseLineEnd, i
		i++
		fallthrough

	default: // inResponseLineEnd
		if i == len(b) {
			return 0, ErrIncomplete
		}
		if b[i] != '\n' {
			return 0, refuse(RuleBareCR, i-1)
		}
		return i + 1, nil
	}
}

// parseStatus parses status-code SP, or the code alone before a CR. There is no
// class of codes below 100 (RFC 9110 section 15).
func (h *ResponseHead) parseStatus(b []byte, i int) (int, error) {
	for ; i < len(b) && h.digits < 3; i++ {
		d := b[i] - '0'
		if d > 9 || h.Status == 0 && d == 0 {
			return 0, refuseLine(RuleStatusCode, b[i], i)
		}
		h.Status = h.Status*10 + int(d)
		h.digits++
	}
	if i == len(b) {
		return 0, ErrIncomplete
	}
	switch b[i] {
	case ' ':
		return i + 1, nil
	case '\r':
		return i, nil
	}
	return 0, refuseLine(RuleStatusCode, b[i], i)
}

// Field returns the value of the first line of a known field.
func (h *ResponseHead) Field(id FieldID) (value []byte, ok bool) { return h.section.field(id) }

// Members iterates over the members of a known list field, on whichever lines
// they stand.
func (h *ResponseHead) Members(id FieldID) Members { return h.section.members(id) }

// Interim reports whether this is an interim response: another one answers the
// same request (RFC 9110 section 15.2). A 101 is none in this sense, since it
// is the last response in HTTP.
func (h *ResponseHead) Interim() bool { return h.Status < 200 && h.Status != 101 }
