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
	Upgrade   bool // the connection leaves HTTP
}

// ConnectionLine is the field line that tells of the connection, and why it has
// to be there; nil where nothing needs to be said.
func (c ClientSide) ConnectionLine() ([]byte, Reason) {
	switch {
	case c.Upgrade:
		return upgradeLine, UpgradeOption
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
		editResponse(e, h, to)
	}
	e.End()
}

func editResponse(e *Edits, h *wire.ResponseHead, to ClientSide) {
	if h.Minor != 1 {
		e.Drop(0, len(ownVersion), OwnVersion)
		e.Insert(len(ownVersion), ownVersion, OwnVersion)
	}
	named := h.NominatesAny()
	for i := range h.Fields {
		f := &h.Fields[i]
		why := hopByHop(f.ID)
		if why == AsReceived && named && h.Nominates(f.Name) {
			why = ConnectionOption
		}
		if to.HTTP10 && framesChunks(f.ID) {
			why = CodingRemoved
		}
		if why != AsReceived && !(to.Upgrade && f.ID == wire.FieldUpgrade) {
			from, end := f.Span()
			e.Drop(from, end, why)
		}
	}
	if line, why := to.ConnectionLine(); line != nil {
		e.Insert(len(h.Raw)-len(crlf), line, why)
	}
}

func framesChunks(id wire.FieldID) bool {
	return id == wire.FieldTransferEncoding || id == wire.FieldTrailer
}
