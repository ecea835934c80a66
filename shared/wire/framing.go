package wire

// FramingKind says how the end of a message's content is found.
type FramingKind uint8

// The kinds of framing.
const (
	None       FramingKind = iota // there is no content; the message ends with its head
	Length                        // Content-Length says how many octets there are
	Chunked                       // the chunked coding says it on the way (RFC 9112 section 7.1)
	UntilClose                    // it ends with the connection; responses only
)

// String returns "none", "length", "chunked" or "until-close".
func (k FramingKind) String() string {
	return [...]string{"none", "length", "chunked", "until-close"}[k&3]
}

// A Framing is where a message's body ends: RFC 9112 section 6.3 as one value.
type Framing struct {
	Kind   FramingKind
	Length int64 // octets of content when Kind is Length; otherwise 0
}

// RequestFraming decides the framing of a request, by the rules of RFC 9112
// section 6.3 in their order. The error is an *Error; then nobody knows where
// the next request begins.
func RequestFraming(h *RequestHead) (Framing, error) {
	n := &h.section.noted

	// 1. and 2. are for responses.

	// 3., and the faults of 4. and 5.
	if err := h.section.checkFraming(h.Minor); err != nil {
		return Framing{}, err
	}

	// 4. Transfer-Encoding: chunked.
	if n.codings == codingsChunked {
		return Framing{Kind: Chunked}, nil
	}

	// 5. A faulty Content-Length is refused already.

	// 6. A valid Content-Length.
	if n.lengthLines == 1 {
		return Framing{Kind: Length, Length: n.length}, nil
	}

	// 7. A request with neither has no content.
	return Framing{Kind: None}, nil

	// 8. is for responses.
}

// ResponseFraming decides the framing of a response to a request with that
// method, by the rules of RFC 9112 section 6.3 in their order. The error is an
// *Error with Status 502; then nobody knows where the response ends.
func ResponseFraming(h *ResponseHead, requestMethod []byte) (Framing, error) {
	n := &h.section.noted

	// 3., and the faults of 4. and 5., come first: a response whose fields are
	// at odds is refused even if it has no content, for another recipient may
	// think that it has.
	if err := h.section.checkFraming(h.Minor); err != nil {
		return Framing{}, asResponse(err)
	}

	// 1. A response to HEAD, or with 1xx, 204 or 304, ends with its head,
	// whatever its fields say of the content that there would be.
	if h.Status < 200 || h.Status == 204 || h.Status == 304 || string(requestMethod) == "HEAD" {
		return Framing{Kind: None}, nil
	}

	// 2. After a 2xx to CONNECT, what follows the head is the tunnel.
	if h.Status < 300 && string(requestMethod) == "CONNECT" {
		return Framing{Kind: None}, nil
	}

	// 4. Transfer-Encoding: chunked.
	if n.codings == codingsChunked {
		return Framing{Kind: Chunked}, nil
	}

	// 5. A faulty Content-Length is refused already.

	// 6. A valid Content-Length.
	if n.lengthLines == 1 {
		return Framing{Kind: Length, Length: n.length}, nil
	}

	// 7. is for requests.

	// 8. Otherwise the content ends with the connection.
	return Framing{Kind: UntilClose}, nil
}

// checkFraming refuses fields that do not frame the content in one single way.
// Of the repairs that RFC 9112 section 6.3 allows it makes none.
func (s *fieldSection) checkFraming(minor uint8) error {
	n := &s.noted
	switch {
	case n.lengthLines == 0 && n.codings == codingsNone:
		return nil
	case n.lengthLines > 1:
		return refuse(RuleLengthRepeated, s.offset(FieldContentLength))
	case n.lengthBad:
		return refuse(RuleLength, s.offset(FieldContentLength))
	case n.codings == codingsNone:
		return nil
	case n.lengthLines > 0:
		// A recipient in front that believed the other one of the two would see
		// another request behind this one (request smuggling: CL.TE and TE.CL).
		return refuse(RuleConflict, s.offset(FieldTransferEncoding))
	}
	return s.checkCodings(minor)
}

// checkCodings refuses everything but a single chunked, and that from HTTP/1.0
// too: such a sender does not know the coding, and may have passed on a field
// that it did not understand. Codings that are not known end with the connection
// if chunked is not the last one, which a request cannot do (RFC 9112 section 6.3,
// rule 4).
func (s *fieldSection) checkCodings(minor uint8) error {
	rule := RuleCoding
	switch codings := s.noted.codings; {
	case minor == 0:
		rule = RuleCodingVersion
	case codings == codingsChunked:
		return nil
	case codings == codingsNotLast || codings == codingsUnknown && s.ofRequest:
		rule = RuleCodingNotLast
	case codings == codingsUnknown || codings == codingsUnknownChunked:
		rule = RuleCodingUnknown
	}
	return refuse(rule, s.offset(FieldTransferEncoding))
}
