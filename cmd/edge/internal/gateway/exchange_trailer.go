package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/wire"
)

// The fields behind the last chunk are edited as those of heads are, in either
// direction, so they are held until the section is whole:
//
//	5 hello 0        X-A: 1   X-Sum: 2
//	└─ as it comes   └─ held, edited, written
//
// A body without such fields is never held. Their time is that of a head. When the framing of a chunked body is known, its scanner is told
// to hold, and the options of Connection are kept, since the head will be gone by
// then. With Config.Verbatim nothing is held.

// atTrailer reports whether a trailer section begins in the buffer that is to be
// held.
func (h *hop) atTrailer(body *wire.BodyScanner) bool {
	return body.AtTrailer() && len(h.unread()) > 0
}

// holdTrailer has read called until the section is whole. It stays in the buffer,
// which has room for the longest; n is how many bytes of it are there.
func (h *hop) holdTrailer(body *wire.BodyScanner, read func() error) (n int, err error) {
	body.HoldTrailer(false)
	for {
		var more int
		more, _, err = body.Scan(h.unread()[n:])
		n += more
		if err != nil || body.Done() {
			return n, err
		}
		if err = read(); err != nil {
			return n, err
		}
	}
}

// lookAtTrailer scans what has come of a trailer section that the scanner has stopped
// before, while what is wrong with it can still be answered before anything goes out.
// The section is empty if it is not whole.
func lookAtTrailer(body *wire.BodyScanner, came []byte) (section []byte, err error) {
	if !body.AtTrailer() {
		return nil, nil
	}
	looked := *body
	looked.HoldTrailer(false)
	n, whole, err := looked.Scan(came)
	if !whole {
		n = 0
	}
	return came[:n], err
}

// trailerDown sends the trailer section of a response.
func (x *exchange) trailerDown() bool {
	in := &x.originHop
	x.response.headBy = x.loop.Now().Add(x.gateway.config.ResponseTimeout)
	n, err := in.holdTrailer(&x.pad.body, x.readOrigin)
	if err != nil {
		return x.noMore(err)
	}
	section := in.unread()[:n]
	x.gateway.editor.ResponseTrailer(&x.pad.edits, section, x.pad.named)
	sent, err := x.clientHop.sendHead(x.pad, section)
	x.response.sent += sent
	in.buffer.Consume(n)
	return err == nil || x.notTaken(err)
}

// trailer sends that of a request. What was scanned of it is used up, whatever
// becomes of it: the next request begins behind it.
func (u *upload) trailer() bool {
	x := u.exchange
	in := &x.clientHop
	n, err := in.holdTrailer(&u.body, u.read)
	u.whole = u.body.Done()
	u.length += int64(n)
	section := in.unread()[:n]
	defer in.buffer.Consume(n)
	if err == nil && heads.TrailerMisspellsFraming(section) {
		err = errMisspelled
	}
	if err != nil {
		return u.notRead(err)
	}
	return !u.stopping && u.sendTrailer(section)
}

// sendTrailer takes a pad of its own, since the exchange's task may be using the
// exchange's.
func (u *upload) sendTrailer(section []byte) bool {
	x := u.exchange
	p := x.gateway.takePad()
	x.gateway.editor.RequestTrailer(&p.edits, section, x.request.named, x.clientHop.conn.Remote())
	_, err := x.originHop.sendHead(p, section)
	x.gateway.pads.Put(p)
	return err == nil
}
