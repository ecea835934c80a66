package heads

import "github.com/hopwire/hopwire/shared/wire"

var (
	closeLine     = []byte("Connection: close\r\n")
	keepAliveLine = []byte("Connection: keep-alive\r\n")
	upgradeLine   = []byte("Connection: upgrade\r\n")
)

// A ClientSide is what the client is told of the connection that it gets a response on,
// and what it can read.
type ClientSide struct {
	Closes    bool // the connection ends after this response
	KeepAlive bool // it goes on although the client speaks HTTP/1.0
	HTTP10    bool // the client speaks HTTP/1.0, which does not know transfer codings
}

// ConnectionLine is the field line that tells of the connection, and why it has
// to be there; nil where nothing needs to be said.
func (c ClientSide) ConnectionLine() ([]byte, Reason) {
	switch {
	case c.Closes:
		return closeLine, CloseAnnounced
	case c.KeepAlive:
		return keepAliveLine, KeepAliveAnswer
	}
	return nil, AsReceived
}

// Response lists what is changed in a response on its way to the client.
func (ed *Editor) Response(e *Edits, h *wire.ResponseHead, to ClientSide) {
	e.Begin(h.Raw)
	if !ed.policy.Verbatim {
		ed.editResponse(e, h, to)
	}
	e.End()
}

func (ed *Editor) editResponse(e *Edits, h *wire.ResponseHead, to ClientSide) {
	editStatusLine(e, h)
	_, upgrades := h.Field(wire.FieldUpgrade)
	upgrades = upgrades && namesProtocols(h.Status)
	named, dated := h.NominatesAny(), false
	for i := range h.Fields {
		f := &h.Fields[i]
		why := hopByHop(f.ID)
		switch {
		case f.ID == wire.FieldUpgrade && upgrades:
			continue
		case why == AsReceived && named && h.Nominates(f.Name):
			why = ConnectionOption
		case f.ID == wire.FieldContentLength && isEmpty(h.Status):
			why = LengthOfNothing
		case to.HTTP10 && framesChunks(f.ID):
			why = CodingRemoved
		}
		if why != AsReceived {
			from, end := f.Span()
			e.Drop(from, end, why)
		}
		dated = dated || why == AsReceived && f.ID == wire.FieldDate
	}
	end := len(h.Raw) - len(crlf)
	if h.Status >= 200 && !dated && ed.policy.Now != nil {
		b := wire.AppendDate(append(e.made, "Date: "...), ed.policy.Now().Unix())
		e.insertMade(end, append(b, crlf...), DateMissing)
	}
	if upgrades {
		e.Insert(end, upgradeLine, UpgradeOption)
	}
	if line, why := to.ConnectionLine(); line != nil {
		e.Insert(end, line, why)
	}
}

// editStatusLine tells the gateway's own version, and puts in the space that is
// due behind the status code without a reason phrase, too.
func editStatusLine(e *Edits, h *wire.ResponseHead) {
	const length = len("HTTP/1.1 200")
	if h.Minor != 1 {
		e.Drop(0, len(ownVersion), OwnVersion)
		e.Insert(len(ownVersion), ownVersion, OwnVersion)
	}
	if h.Raw[length] != ' ' {
		e.Insert(length, space, SpaceMissing)
	}
}

// namesProtocols reports whether a response with that status says by Upgrade what
// the client asked for: to which protocol the connection switches, or has to
// (RFC 9110 section 15.5.22). In others it advertises what this hop alone could do.
func namesProtocols(status int) bool { return status == 101 || status == 426 }

// isEmpty reports whether a response with that status never has content, of which
// a length could be sent.
func isEmpty(status int) bool { return status < 200 || status == 204 }

func framesChunks(id wire.FieldID) bool {
	return id == wire.FieldTransferEncoding || id == wire.FieldTrailer
}
