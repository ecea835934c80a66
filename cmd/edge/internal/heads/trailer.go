package heads

import (
	"net/netip"

	"github.com/hopwire/hopwire/shared/wire"
)

// The fields of a trailer section are for the next hop only, or claims, by the same
// rules as those of a head (RFC 9110 section 7.6.1), whose Connection names them:
//
//	sender                          gateway                          recipient
//	  │ Connection: X-A                │                                │
//	  │ Transfer-Encoding: chunked     │ Transfer-Encoding: chunked     │
//	  ├───────────────────────────────►├───────────────────────────────►│
//	  │ 5 hello 0                      │ 5 hello 0                      │
//	  │ X-A: 1                         │                                │
//	  │ X-Sum: 2                       │ X-Sum: 2                       │
//	  ├───────────────────────────────►├───────────────────────────────►│
//
// A recipient that merges them into the head, as some do, could not tell them from
// those that were dropped there. With Policy.Verbatim trailer sections go as they
// come.

// RequestTrailer lists what is changed in the trailer section of a request, which
// stands with its empty line. named are the options of the request's Connection.
func (ed *Editor) RequestTrailer(e *Edits, section []byte, named wire.List, client netip.AddrPort) {
	editTrailer(e, section, named, ed.policy.distrusts(client))
}

// ResponseTrailer is the same for a response.
func (ed *Editor) ResponseTrailer(e *Edits, section []byte, named wire.List) {
	editTrailer(e, section, named, false)
}

func editTrailer(e *Edits, section []byte, named wire.List, untrusted bool) {
	e.Begin(section)
	for f := range wire.TrailerFields(section) {
		why := hopByHop(f.ID)
		if why == AsReceived && len(named) > 0 && named.Contains(string(f.Name)) {
			why = ConnectionOption
		}
		if why == AsReceived && untrusted && isClaim(f.Name, f.ID) {
			why = ClaimUntrusted
		}
		if why != AsReceived {
			from, to := f.Span()
			e.Drop(from, to, why)
		}
	}
	e.End()
}
