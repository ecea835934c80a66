package heads

import (
	"net/netip"
	"slices"

	"github.com/hopwire/hopwire/shared/wire"
)

// A forwarding is what an origin is told of the client that a request is forwarded
// for: in Forwarded (RFC 7239), in the X-Forwarded fields that came before it, in
// both or in neither.
//
//	client 192.0.2.1                 gateway                          origin
//	  │ X-Forwarded-For: 127.0.0.1      │                               │
//	  │ Host: a                         │ Host: a                       │
//	  ├────────────────────────────────►│ Forwarded: for=192.0.2.1;     │
//	  │  a claim, which is dropped      │   host="a";proto=http         │
//	  │  unless the client is trusted   ├──────────────────────────────►│
//
// As long as nothing is to be told, nothing is dropped either: the gateway makes
// no difference for an origin that relies on such fields. When something is, all
// claims go, those that the gateway has nothing to tell of included: an origin
// believes the one field that it happens to read.
//
// What a trusted client says is kept: it is another gateway. This one adds itself
// to the lists. A host or protocol is not added to those which that one has told,
// as it knew the request as its maker sent it.
type forwarding struct {
	client    netip.AddrPort
	untrusted bool // the client's claims are dropped
	lastFor   int  // the line of X-Forwarded-For that goes on and is added to; negative if there is none
}

// tells reports whether anything is told at all.
func (p *Policy) tells() bool { return p.Forwarded || p.XForwarded }

func (p *Policy) forwarding(h *wire.RequestHead, client netip.AddrPort) forwarding {
	fw := forwarding{client: client, untrusted: p.distrusts(client), lastFor: -1}
	if p.XForwarded && fw.goesOn(h, wire.FieldXForwardedFor) {
		fw.lastFor = lastLine(h, wire.FieldXForwardedFor)
	}
	return fw
}

// distrusts reports whether the client's claims are dropped.
func (p *Policy) distrusts(client netip.AddrPort) bool { return p.tells() && !p.trusts(client) }

func (p *Policy) trusts(client netip.AddrPort) bool {
	if !client.IsValid() {
		return p.TrustUnix
	}
	host := nodeAddress(client)
	return slices.ContainsFunc(p.Trusted, func(trusted netip.Prefix) bool { return trusted.Contains(host) })
}

// nodeAddress is the address by which a host is known to others: an IPv4 host that
// came in by an IPv6 socket is still one, and a zone means something here alone.
func nodeAddress(client netip.AddrPort) netip.Addr { return client.Addr().Unmap().WithZone("") }

// isClaim reports whether a field says for whom a request is forwarded, or could be
// taken to say so.
func isClaim(name []byte, id wire.FieldID) bool {
	const family = "X-Forwarded"
	return id == wire.FieldForwarded || len(name) >= len(family) && spells(name[:len(family)], family) ||
		spells(name, "X-Real-IP") || spells(name, "X-Client-IP")
}

// goesOn reports whether the client's field of that name is sent on.
func (fw *forwarding) goesOn(h *wire.RequestHead, id wire.FieldID) bool {
	_, ok := h.Field(id)
	return ok && !fw.untrusted && !hasOption(h.Members(wire.FieldConnection), id.String())
}

// lastLine is the index of the last line of a field that is there.
func lastLine(h *wire.RequestHead, id wire.FieldID) int {
	i := len(h.Fields) - 1
	for h.Fields[i].ID != id {
		i--
	}
	return i
}

// joinList adds the client to the list on a line of X-Forwarded-For, since many an
// origin reads a single one.
func (fw *forwarding) joinList(e *Edits, f *wire.FieldLine) {
	_, end := f.Span()
	b := e.made
	if len(f.Value) > 0 {
		b = append(b, ", "...)
	}
	e.insertMade(end-len(crlf), appendHost(b, fw.client), ForwardedCustom)
}

// addForwarding adds lines at the end of the head. Forwarded goes on in another line,
// which is the same as in another element, and is not caught in a quoted string
// that an element before it has left open.
func (p *Policy) addForwarding(e *Edits, h *wire.RequestHead, fw *forwarding) {
	end := len(h.Raw) - len(crlf)
	if p.Forwarded {
		e.insertMade(end, appendForwarded(e.made, h, fw.client), ForwardedFor)
	}
	if !p.XForwarded {
		return
	}
	if fw.lastFor < 0 {
		b := append(e.made, "X-Forwarded-For: "...)
		e.insertMade(end, append(appendHost(b, fw.client), crlf...), ForwardedCustom)
	}
	if !fw.goesOn(h, wire.FieldXForwardedProto) {
		e.Insert(end, protoLine, ForwardedCustom)
	}
	if host := targetHost(h); host != nil && !fw.goesOn(h, wire.FieldXForwardedHost) {
		b := append(e.made, "X-Forwarded-Host: "...)
		e.insertMade(end, append(append(b, host...), crlf...), ForwardedCustom)
	}
}

var protoLine = []byte("X-Forwarded-Proto: http\r\n")

// targetHost is what the client asked for, before an edit changes Host: nil for
// a request in HTTP/1.0 that does not say.
func targetHost(h *wire.RequestHead) []byte {
	if h.Form == wire.AbsoluteForm {
		_, authority, _ := h.Absolute()
		return authority
	}
	return h.Host()
}

// appendForwarded writes the line of RFC 7239. There is no by: Via names the
// gateway. A host may have a port, for which it has to be quoted; it has no
// byte that would have to be escaped then, since it would have been refused.
func appendForwarded(b []byte, h *wire.RequestHead, client netip.AddrPort) []byte {
	b = append(b, "Forwarded: for="...)
	if client.IsValid() && nodeAddress(client).Is6() {
		b = append(b, `"[`...)
		b = append(appendHost(b, client), `]"`...)
	} else {
		b = appendHost(b, client)
	}
	if host := targetHost(h); host != nil {
		b = append(b, `;host="`...)
		b = append(append(b, host...), '"')
	}
	return append(b, ";proto=http\r\n"...)
}

// appendHost writes the client's address without its port, which the fields
// before RFC 7239 have no place for. That of a Unix socket is unknown (RFC 7239
// section 6.2).
func appendHost(b []byte, client netip.AddrPort) []byte {
	if !client.IsValid() {
		return append(b, "unknown"...)
	}
	return nodeAddress(client).AppendTo(b)
}
