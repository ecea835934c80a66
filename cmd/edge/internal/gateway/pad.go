package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/wire"
)

// A pad is what an exchange reads a head with, edits it on and sends it from, and
// what it scans a response's body with. Between the request and the response, when
// thousands of exchanges may be waiting, none of them has a pad; and since one
// seldom waits while it has one, unless a response is long, a few pads serve all of
// them in turn, and stay in the processor's cache.
type pad struct {
	request  wire.RequestHead
	response wire.ResponseHead
	body     wire.BodyScanner // of the response
	named    []byte           // the options of its Connection, if a trailer section may follow
	edits    heads.Edits      // of the head or trailer section that was read last
	text     []byte           // the edits in words, for those who look
	told     string           // the same, as they were told last
	sent     []byte           // the edited head on its way out
	pieces   [2][]byte        // that and what follows it
}

// compose puts an edited head together. Several pieces cost more than copying a
// small head and the little that may follow it.
func (p *pad) compose(message []byte) (head, rest []byte) {
	p.sent = p.edits.AppendTo(p.sent[:0])
	rest = message[p.edits.HeadLen():]
	if len(rest) <= coalesced {
		p.sent = append(p.sent, rest...)
		rest = nil
	}
	return p.sent, rest
}

// takePad borrows a pad, unless the exchange has one.
func (x *exchange) takePad() *pad {
	if x.pad == nil {
		x.pad = x.gateway.takePad()
	}
	return x.pad
}

// dropPad gives it back. Heads read with it are void from here on.
func (x *exchange) dropPad() {
	if x.pad != nil {
		x.gateway.pads.Put(x.pad)
		x.pad = nil
	}
}

func (g *Gateway) takePad() *pad {
	if p, ok := g.pads.Get(); ok {
		return p
	}
	return new(pad)
}
