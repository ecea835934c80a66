package gateway

import (
	"bytes"
	"net/netip"
	"strconv"

	"github.com/hopwire/hopwire/shared/wire"
)

var (
	ownVersion    = []byte("HTTP/1.1")
	slash         = []byte("/")
	asterisk      = []byte("*")
	crlf          = []byte("\r\n")
	hostName      = []byte("Host: ")
	maxForwards   = []byte("Max-Forwards: ")
	closeLine     = []byte("Connection: close\r\n")
	keepAliveLine = []byte("Connection: keep-alive\r\n")
	upgradeLine   = []byte("Connection: upgrade\r\n")
)

// An inbound is what the gateway adds to requests; it is made once.
type inbound struct {
	via  [2][]byte // the Via line for requests received in HTTP/1.0 and HTTP/1.1
	host []byte    // the Host line for requests in HTTP/1.0 that have none

	verbatim  bool // nothing at all
	forwarded forwarded
}

func newInbound(c *Config) inbound {
	return inbound{
		verbatim:  c.Verbatim,
		forwarded: newForwarded(c),
		via: [2][]byte{
			[]byte("Via: 1.0 " + c.Name + "\r\n"),
			[]byte("Via: 1.1 " + c.Name + "\r\n"),
		},
		host: []byte("Host: " + c.Authority + "\r\n"),
	}
}

// editRequest lists what is changed in a request on its way to the origin.
func editRequest(e *Edits, h *wire.RequestHead, in *inbound, upgrade Upgrade, client netip.AddrPort) {
	e.Begin(h.Raw)
	if in.verbatim {
		e.End()
		return
	}
	editTarget(e, h)
	if h.Minor != 1 {
		end := h.FieldsStart() - len("\r\n")
		e.Drop(end-len(ownVersion), end, OwnVersion)
		e.Insert(end, ownVersion, OwnVersion)
	}
	addHost(e, h, in)
	t := in.forwarded.decide(h, client)
	editFields(e, h, upgrade, &t)
	if upgrade == Offered {
		e.Insert(len(h.Raw)-len("\r\n"), upgradeLine, UpgradeOption)
	}
	if in.forwarded.any {
		in.forwarded.tell(e, h, &t)
	}
	e.Insert(len(h.Raw)-len("\r\n"), in.via[min(h.Minor, 1)], ViaAdded)
	e.End()
}

// editFields drops the field lines that are not for the origin, and changes what
// it is to read in another way.
func editFields(e *Edits, h *wire.RequestHead, upgrade Upgrade, t *telling) {
	named := h.NominatesAny()
	for i := range h.Fields {
		f := &h.Fields[i]
		why := hopByHop(f.ID)
		if why == AsReceived && named && h.Nominates(f.Name) {
			why = ConnectionOption
		}
		if why == AsReceived && t.doubts && claims(f) {
			why = ClaimUntrusted
		}
		switch {
		case f.ID == wire.FieldUpgrade && upgrade == Offered:
		case why != AsReceived:
			from, to := f.Span()
			e.Drop(from, to, why)
		case i == t.lastFor:
			t.join(e, f)
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
func addHost(e *Edits, h *wire.RequestHead, in *inbound) {
	if h.Minor != 0 {
		return
	}
	if _, ok := h.Field(wire.FieldHost); ok {
		return
	}
	at := h.FieldsStart()
	if h.Form != wire.AbsoluteForm {
		e.Insert(at, in.host, HostMissing)
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
	n, ok := hopsLeft(h)
	if !ok || n == 0 {
		return
	}
	from, to := f.Span()
	e.Drop(from, to, HopCounted)
	e.Insert(to, maxForwards, HopCounted)
	e.Insert(to, strconv.AppendUint(e.number[:0], n-1, 10), HopCounted)
	e.Insert(to, crlf, HopCounted)
}

// hopsLeft is the value of Max-Forwards, where it means something: in OPTIONS
// and TRACE.
func hopsLeft(h *wire.RequestHead) (n uint64, ok bool) {
	value, ok := h.Field(wire.FieldMaxForwards)
	if !ok || !h.Is("OPTIONS") && !h.Is("TRACE") || len(value) > 9 {
		return 0, false
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(value) > 0
}

// An outbound is what the gateway tells the client of their connection.
type outbound struct {
	closes    bool // the connection ends after this response
	keepAlive bool // it goes on although the client speaks HTTP/1.0
	decoded   bool // the client does not know transfer codings
	upgrade   bool // it leaves HTTP
	verbatim  bool // nothing at all, whatever the others say
}

// editResponse lists what is changed in a response on its way to the client.
func editResponse(e *Edits, h *wire.ResponseHead, out outbound) {
	e.Begin(h.Raw)
	if out.verbatim {
		e.End()
		return
	}
	if h.Minor != 1 {
		e.Drop(0, len(ownVersion), OwnVersion)
		e.Insert(len(ownVersion), ownVersion, OwnVersion)
	}
	dropFields(e, h, out)
	end := len(h.Raw) - len("\r\n")
	switch {
	case out.upgrade:
		e.Insert(end, upgradeLine, UpgradeOption)
	case out.closes:
		e.Insert(end, closeLine, CloseAnnounced)
	case out.keepAlive:
		e.Insert(end, keepAliveLine, KeepAliveAnswer)
	}
	e.End()
}

// dropFields drops the field lines that are not for the client.
func dropFields(e *Edits, h *wire.ResponseHead, out outbound) {
	named := h.NominatesAny()
	for i := range h.Fields {
		f := &h.Fields[i]
		why := hopByHop(f.ID)
		if why == AsReceived && named && h.Nominates(f.Name) {
			why = ConnectionOption
		}
		if out.decoded && framesChunks(f.ID) {
			why = CodingRemoved
		}
		if why != AsReceived && !(out.upgrade && f.ID == wire.FieldUpgrade) {
			from, to := f.Span()
			e.Drop(from, to, why)
		}
	}
}

func framesChunks(id wire.FieldID) bool {
	return id == wire.FieldTransferEncoding || id == wire.FieldTrailer
}

// hopByHop says why a field does not go on to the next hop, whether Connection
// names it or not, or AsReceived.
func hopByHop(id wire.FieldID) Reason {
	switch id {
	case wire.FieldConnection:
		return ConnectionField
	case wire.FieldKeepAlive, wire.FieldProxyConnection, wire.FieldTE, wire.FieldUpgrade, wire.FieldHTTP2Settings:
		return HopByHop
	}
	return AsReceived
}

// maxOptions bounds the work that a Connection field can cause, which is the
// product of its options and the field lines.
const maxOptions = 32

// tooManyOptions reports whether Connection has more options than that.
func tooManyOptions(options wire.Members) bool {
	for range maxOptions {
		if _, ok := options.Next(); !ok {
			return false
		}
	}
	_, more := options.Next()
	return more
}
