package gateway

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
	if tooManyOptions(protocols) {
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

// appendProtocols lists the protocols that a request offers, since its head is
// gone when the answer comes.
func appendProtocols(b []byte, protocols wire.Members) []byte {
	for {
		protocol, ok := protocols.Next()
		if !ok {
			return b
		}
		b = append(append(b, protocol...), ',')
	}
}

// switchFailure refuses a 101 unless it answers what was offered, in the form
// that RFC 9110 sections 7.8 and 15.2.2 give it. Whoever takes another response
// for a tunnel lets a client send the origin what it likes, on a connection that
// both ends still take for HTTP.
func switchFailure(offer []byte, h *wire.ResponseHead) Refusal {
	_, length := h.Field(wire.FieldContentLength)
	switch {
	case len(offer) == 0:
		return originError(HTTPProtocolError, "switching-protocols-unasked")
	case h.Minor == 0:
		return originError(HTTPUpgradeFailed, "switching-protocols-http-1.0")
	case length:
		return originError(HTTPUpgradeFailed, "switching-protocols-with-length")
	case !h.Nominates(upgradeToken):
		return originError(HTTPUpgradeFailed, "switching-protocols-not-in-connection")
	case !allOffered(offer, h.Members(wire.FieldUpgrade)):
		return originError(HTTPUpgradeFailed, "switching-protocols-not-offered")
	}
	return Refusal{}
}

// allOffered reports whether the answer names a protocol, and none that was not
// in the offer. The number of either is bounded.
func allOffered(offer []byte, protocols wire.Members) bool {
	if tooManyOptions(protocols) {
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

// switchProtocols ends HTTP on both connections: the 101 goes to the client,
// with what the origin sent behind it, and the exchange becomes a tunnel.
func (x *exchange) switchProtocols(h *wire.ResponseHead, n int) bool {
	if _, r := x.judge(h); r.refuses() {
		return x.refuse(r)
	}
	if r := switchFailure(x.offer, h); r.refuses() {
		return x.refuse(r)
	}
	if !x.finishUpload() {
		return false
	}
	x.gateway.origins.Answered(&x.ticket)
	behind := x.out.Len() - n
	x.status, x.begun = h.Status, true
	editResponse(&x.pad.edits, h, outbound{upgrade: true, verbatim: x.gateway.config.Verbatim})
	if !x.toClient(&x.pad.edits, x.out.Unread()) {
		return false
	}
	x.dropPad()
	x.releaseOut()
	if x.message > 0 {
		x.consume()
	}
	x.openTunnel(behind)
	return false
}

// finishUpload waits until the request is complete, since the new protocol
// begins behind it. A client that waits for 100 would wait for ever: the origin
// has to send that before 101.
func (x *exchange) finishUpload() bool {
	if x.expects && !x.up.whole {
		return x.refuse(originError(HTTPUpgradeFailed, "switching-protocols-before-continue"))
	}
	for x.up.running {
		if x.up.ended.Wait(x.loop, 0) != nil {
			return false // the loop has been stopped
		}
	}
	if !x.written && !x.aborted() {
		return x.refuse(originError(HTTPUpgradeFailed, "request-unfinished"))
	}
	return x.written && !x.aborted()
}
