package heads

import (
	"bytes"

	"github.com/hopwire/hopwire/shared/wire"
)

// An Upgrade says what becomes of the Upgrade field of a request: RFC 9110
// section 7.8 as one value. Offered alone goes on to the origin. In all other
// cases the request is one without the field, as the RFC allows, and is answered
// in HTTP/1.1.
type Upgrade uint8

const (
	NotAsked   Upgrade = iota // there is no such field
	Offered                   // the origin may switch to a protocol that the client named
	FromOld                   // in HTTP/1.0 the field means nothing
	NotForUs                  // Connection does not name it, so it was not for this hop
	Misspelled                // it is not a list of protocols
	HTTPInside                // it would carry requests past the gateway's eyes

	// Upgrades is how many there are.
	Upgrades
)

var upgradeNames = [Upgrades]string{
	NotAsked:   "not-asked",
	Offered:    "offered",
	FromOld:    "http-1.0",
	NotForUs:   "not-named-by-connection",
	Misspelled: "not-protocols",
	HTTPInside: "http-inside",
}

func (u Upgrade) String() string { return upgradeNames[u] }

// decideUpgrade reads the request's fields.
func decideUpgrade(h *wire.RequestHead) Upgrade {
	if _, ok := h.Field(wire.FieldUpgrade); !ok {
		return NotAsked
	}
	switch {
	case h.Minor == 0:
		return FromOld
	case !h.Nominates(upgradeToken):
		return NotForUs
	}
	return decideProtocols(h.Members(wire.FieldUpgrade))
}

var upgradeToken = []byte("upgrade")

func decideProtocols(protocols wire.Members) Upgrade {
	if TooManyOptions(protocols) {
		return Misspelled // beyond what is worth comparing with an answer
	}
	decision := Misspelled // unless there is one
	for {
		protocol, ok := protocols.Next()
		if !ok {
			return decision
		}
		name, version, versioned := bytes.Cut(protocol, slash)
		switch {
		case !wire.IsToken(string(name)) || versioned && !wire.IsToken(string(version)):
			return Misspelled
		case carriesHTTP(name):
			return HTTPInside
		}
		decision = Offered
	}
}

// carriesHTTP reports whether a protocol is HTTP in another guise. A client that
// has the origin switch to h2c sends its further requests through the tunnel,
// where no rule of this gateway, or of one before it, is applied to them
// (request smuggling by h2c). TLS within the connection hides them as well
// (RFC 2817).
func carriesHTTP(name []byte) bool {
	return wire.EqualFold(name, "h2c") || wire.EqualFold(name, "h2") ||
		wire.EqualFold(name, "HTTP") || wire.EqualFold(name, "TLS")
}

// SwitchFault names what is wrong with a 101; it is empty when the 101 answers
// what was offered, the list of the request's protocols, in the form that RFC 9110
// sections 7.8 and 15.2.2 give it.
// Whoever takes another response for a tunnel lets a client send the origin what
// it likes, on a connection that both ends still take for HTTP.
func SwitchFault(offer []byte, h *wire.ResponseHead) string {
	switch {
	case len(offer) == 0:
		return "switching-protocols-unasked"
	case h.Minor == 0:
		return "switching-protocols-http-1.0"
	case !h.Nominates(upgradeToken):
		return "switching-protocols-not-in-connection"
	case !allOffered(offer, h.Members(wire.FieldUpgrade)):
		return "switching-protocols-not-offered"
	}
	return ""
}

// allOffered reports whether the answer names a protocol, and none that was not
// in the offer. The number of either is bounded.
func allOffered(offer []byte, protocols wire.Members) bool {
	if TooManyOptions(protocols) {
		return false
	}
	any := false
	for {
		protocol, ok := protocols.Next()
		if !ok {
			return any
		}
		if !wire.List(offer).Contains(string(protocol)) {
			return false
		}
		any = true
	}
}
