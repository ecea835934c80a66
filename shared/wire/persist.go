package wire

// RequestPersists reports whether the sender of a request wants to use the
// connection for another one (RFC 9112 section 9.3).
func RequestPersists(h *RequestHead) bool {
	return h.section.noted.persists(h.Minor)
}

// ResponsePersists reports whether the sender of a response keeps the
// connection open after it (RFC 9112 section 9.3). Content that ends with the
// connection does not let it persist, whatever Connection says. The connection
// can be used again only if the request persists as well and both messages have
// been read to their ends.
func ResponsePersists(h *ResponseHead, f Framing) bool {
	return f.Kind != UntilClose && h.section.noted.persists(h.Minor)
}

// persists applies the rules in their order: close ends it, HTTP/1.1 persists
// by itself, HTTP/1.0 must ask for it.
func (n *noted) persists(minor uint8) bool {
	return !n.connClose && (minor > 0 || n.connKeepAlive)
}

// Nominates reports whether Connection names the field of this name: then the
// field is for the next recipient alone, and a gateway removes it (RFC 9110
// section 7.6.1).
func (h *RequestHead) Nominates(name []byte) bool { return h.section.nominates(name) }

// Nominates reports whether Connection names the field of this name; see
// [RequestHead.Nominates].
func (h *ResponseHead) Nominates(name []byte) bool { return h.section.nominates(name) }

// NominatesAny reports whether Connection names anything beside close and
// keep-alive. While it does not, Nominates need not be asked for each field.
func (h *RequestHead) NominatesAny() bool { return h.section.noted.connOthers }

// NominatesAny reports whether Connection names anything beside close and
// keep-alive; see [RequestHead.NominatesAny].
func (h *ResponseHead) NominatesAny() bool { return h.section.noted.connOthers }

func (s *fieldSection) nominates(name []byte) bool {
	members := s.members(FieldConnection)
	for {
		member, ok := members.Next()
		if !ok {
			return false
		}
		if equalFold(member, name) {
			return true
		}
	}
}
