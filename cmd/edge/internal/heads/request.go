package heads

import (
	"bytes"
	"net/netip"
	"strconv"
	"time"

	"github.com/hopwire/hopwire/shared/wire"
)

var (
	ownVersion  = []byte("HTTP/1.1")
	space       = []byte(" ")
	slash       = []byte("/")
	asterisk    = []byte("*")
	crlf        = []byte("\r\n")
	hostName    = []byte("Host: ")
	maxForwards = []byte("Max-Forwards: ")
)

// A Policy is what a gateway does to heads.
type Policy struct {
	// Name is the token by which the gateway calls itself in Via. Empty means that
	// it does not.
	Name string
	// Authority is the host of requests in HTTP/1.0 that name none.
	Authority string
	// Now is the clock by which responses without Date are given one. Nil means that
	// there is none, and that they go on without.
	Now func() time.Time
	// Verbatim sends heads on as they were received, in both directions.
	Verbatim bool
	// Forwarded and XForwarded tell origins for whom a request is forwarded, in
	// the field of RFC 7239 and in those that came before it.
	Forwarded, XForwarded bool
	// Trusted are the clients whose own such fields are believed, and sent on;
	// TrustUnix adds those that come by a Unix socket. None means that nobody is.
	Trusted   []netip.Prefix
	TrustUnix bool
}

// An Editor lists what is changed in heads by one policy. It is made once, and
// serves every head.
type Editor struct {
	policy Policy
	via    [2][]byte // the Via line for requests received in HTTP/1.0 and HTTP/1.1
	host   []byte    // the Host line for requests in HTTP/1.0 that have none
}

// NewEditor makes the lines that do not depend on the head.
func NewEditor(p Policy) *Editor {
	return &Editor{
		policy: p,
		via: [2][]byte{
			[]byte("Via: 1.0 " + p.Name + "\r\n"),
			[]byte("Via: 1.1 " + p.Name + "\r\n"),
		},
		host: []byte("Host: " + p.Authority + "\r\n"),
	}
}

// Request lists what is changed in a request on its way to the origin, and
// decides whether that is asked to leave HTTP. client is the one that sent it,
// the zero value for a Unix socket.
func (ed *Editor) Request(e *Edits, h *wire.RequestHead, client netip.AddrPort) Upgrade {
	upgrade := decideUpgrade(h)
	e.Begin(h.Raw)
	if !ed.policy.Verbatim {
		ed.editRequest(e, h, upgrade, client)
	}
	e.End()
	return upgrade
}

func (ed *Editor) editRequest(e *Edits, h *wire.RequestHead, upgrade Upgrade, client netip.AddrPort) {
	editTarget(e, h)
	if h.Minor != 1 {
		end := h.FieldsStart() - len(crlf)
		e.Drop(end-len(ownVersion), end, OwnVersion)
		e.Insert(end, ownVersion, OwnVersion)
	}
	ed.addHost(e, h)
	f, t := ed.policy.forwarding(h, client), findTE(h)
	editFields(e, h, upgrade, &f, &t)
	end := len(h.Raw) - len(crlf)
	if upgrade == Offered {
		e.Insert(end, upgradeLine, UpgradeOption)
	}
	t.sayOn(e, end)
	ed.policy.addForwarding(e, h, &f)
	if ed.policy.Name != "" {
		e.Insert(end, ed.via[min(h.Minor, 1)], ViaAdded)
	}
}

// editFields drops the field lines that are not for the origin, and changes what
// it is to read in another way.
func editFields(e *Edits, h *wire.RequestHead, upgrade Upgrade, fw *forwarding, t *te) {
	named := h.NominatesAny()
	for i := range h.Fields {
		f := &h.Fields[i]
		why := hopByHop(f.ID)
		switch {
		case f.ID == wire.FieldUpgrade && upgrade == Offered, i == t.line:
			continue
		case why != AsReceived:
		case named && h.Nominates(f.Name):
			why = ConnectionOption
		case f.ID == wire.FieldExpect && h.Minor == 0:
			why = OldExpectation
		case fw.untrusted && isClaim(f.Name, f.ID):
			why = ClaimUntrusted
		}
		switch {
		case why != AsReceived:
			from, to := f.Span()
			e.Drop(from, to, why)
		case i == fw.lastFor:
			fw.joinList(e, f)
		case f.ID == wire.FieldHost && h.Form == wire.AbsoluteForm:
			replaceHost(e, h, f)
		case f.ID == wire.FieldMaxForwards:
			countHop(e, h, f)
		}
	}
}

// editTarget makes the origin form of an absolute target. An OPTIONS request
// for a whole server is the one whose target becomes an asterisk (RFC 9112
// section 3.2.4).
func editTarget(e *Edits, h *wire.RequestHead) {
	if h.Form != wire.AbsoluteForm {
		return
	}
	_, _, path := h.Absolute()
	from := len(h.Method) + len(" ")
	to := from + len(h.Target) - len(path)
	e.Drop(from, to, TargetForm)
	switch {
	case len(path) == 0 && h.Is("OPTIONS"):
		e.Insert(to, asterisk, TargetForm)
	case len(path) == 0 || path[0] == '?':
		e.Insert(to, slash, TargetForm)
	}
}

// addHost gives a request in HTTP/1.0 the Host field that HTTP/1.1 demands: that
// of the target, or else the origin's own name.
func (ed *Editor) addHost(e *Edits, h *wire.RequestHead) {
	if h.Minor != 0 {
		return
	}
	if _, ok := h.Field(wire.FieldHost); ok {
		return
	}
	at := h.FieldsStart()
	if h.Form != wire.AbsoluteForm {
		e.Insert(at, ed.host, HostMissing)
		return
	}
	_, authority, _ := h.Absolute()
	e.Insert(at, hostName, TargetHost)
	e.Insert(at, authority, TargetHost)
	e.Insert(at, crlf, TargetHost)
}

// replaceHost makes Host agree with an absolute target, which goes before it:
// an origin that decides by Host must not see another one than the client and
// the gateway did.
func replaceHost(e *Edits, h *wire.RequestHead, f *wire.FieldLine) {
	_, authority, _ := h.Absolute()
	if bytes.Equal(f.Value, authority) {
		return
	}
	from, to := f.Span()
	e.Drop(from, to, TargetHost)
	e.Insert(to, hostName, TargetHost)
	e.Insert(to, authority, TargetHost)
	e.Insert(to, crlf, TargetHost)
}

// countHop takes one off Max-Forwards, by which a client follows a request along
// the gateways on its way.
func countHop(e *Edits, h *wire.RequestHead, f *wire.FieldLine) {
	n, ok := HopsLeft(h)
	if !ok || n == 0 {
		return
	}
	from, to := f.Span()
	e.Drop(from, to, HopCounted)
	e.Insert(to, maxForwards, HopCounted)
	e.Insert(to, strconv.AppendUint(e.number[:0], n-1, 10), HopCounted)
	e.Insert(to, crlf, HopCounted)
}

// HopsLeft is the value of Max-Forwards, where it means something: in OPTIONS
// and TRACE (RFC 9110 section 7.6.2).
func HopsLeft(h *wire.RequestHead) (n uint64, ok bool) {
	value, ok := h.Field(wire.FieldMaxForwards)
	if !ok || !h.Is("OPTIONS") && !h.Is("TRACE") {
		return 0, false
	}
	return decimal(value)
}
