package gateway

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/wire"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// Whatever heads arrive, what is sent is what was received with the listed edits,
// reads again, and is framed as before.

func FuzzRequestEdits(f *testing.F) {
	for _, v := range wiretest.Vectors("request") {
		f.Add(v.Input)
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		for options := range 32 {
			tryRequestEdits(t, octets, options)
		}
	})
}

func tryRequestEdits(t *testing.T, octets []byte, options int) {
	var h, sent wire.RequestHead
	if _, err := wire.ParseRequestHead(octets, 0, &h); err != nil {
		return
	}
	framing, err := wire.RequestFraming(&h)
	config := &Config{Name: "hopwire", Authority: "a:1", Verbatim: options&1 != 0, Forwarded: options&2 != 0, XForwarded: options&4 != 0}
	config.NoVia = options&16 != 0
	if options&8 != 0 {
		config.Trusted = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	}
	if err != nil || forbidden(&h, config.Verbatim).refuses() {
		return
	}
	var e heads.Edits
	heads.NewEditor(config.headPolicy(time.Now)).Request(&e, &h, netip.MustParseAddrPort("192.0.2.1:1024"))
	after := applied(t, &e, h.Raw)

	sent.Limits = roomier
	n, err := wire.ParseRequestHead(after, 0, &sent)
	if err != nil || n != len(after) {
		t.Fatalf("%q is sent as %q: %d, %v", h.Raw, after, n, err)
	}
	if got, err := wire.RequestFraming(&sent); got != framing || err != nil {
		t.Errorf("%q is framed by %+v; sent as %q by %+v, %v", h.Raw, framing, after, got, err)
	}
	if !config.Verbatim && !wire.RequestPersists(&sent) {
		t.Errorf("%q is sent as %q, which ends the connection", h.Raw, after)
	}
}

func FuzzResponseEdits(f *testing.F) {
	for _, v := range wiretest.Vectors("response") {
		f.Add(v.Input)
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		for options := range 16 {
			tryResponseEdits(t, octets, options)
		}
	})
}

func tryResponseEdits(t *testing.T, octets []byte, options int) {
	var h, sent wire.ResponseHead
	if _, err := wire.ParseResponseHead(octets, 0, &h); err != nil {
		return
	}
	verbatim := options&1 != 0
	to := heads.ClientSide{Closes: options&2 != 0, HTTP10: options&4 != 0}
	to.KeepAlive = to.HTTP10 && !to.Closes
	toHead := options&8 != 0
	framing, refusal := frame(&h, toHead)
	offer := heads.AppendMembers(nil, h.Members(wire.FieldUpgrade))
	switches := h.Status == 101
	if refusal.refuses() || switches && heads.SwitchFault(offer, &h) != "" {
		return
	}
	var e heads.Edits
	heads.NewEditor(heads.Policy{Name: "hopwire", Now: time.Now, Verbatim: verbatim}).Response(&e, &h, to)
	after := applied(t, &e, h.Raw)

	sent.Limits = roomier
	n, err := wire.ParseResponseHead(after, 0, &sent)
	if err != nil || n != len(after) {
		t.Fatalf("%q is sent as %q: %d, %v", h.Raw, after, n, err)
	}
	if to.HTTP10 && !verbatim && framing.Kind == wire.Chunked {
		framing = wire.Framing{Kind: wire.UntilClose}
	}
	got, refusal := frame(&sent, toHead)
	if got != framing || refusal.refuses() {
		t.Errorf("%q is framed by %+v; sent as %q by %+v, %v", h.Raw, framing, after, got, refusal)
	}
	if want := !to.Closes && got.Kind != wire.UntilClose; !verbatim && !switches && wire.ResponsePersists(&sent, got) != want {
		t.Errorf("%q is sent as %q, and is to let the connection persist: %v", h.Raw, after, want)
	}
}

// FuzzTrailerEdits wants of a trailer section that it ends as before, that nothing is
// left in it which does not go on, and that all else does.
func FuzzTrailerEdits(f *testing.F) {
	for _, v := range wiretest.Vectors("chunked") {
		f.Add(v.Input, []byte("A,x"))
	}
	f.Fuzz(func(t *testing.T, octets, named []byte) {
		octets = append([]byte("0\r\n"), octets...)
		section, ok := sectionOf(octets)
		if !ok {
			return
		}
		for _, p := range []heads.Policy{{}, {Forwarded: true}} {
			tryTrailerEdits(t, heads.NewEditor(p), section, named)
		}
	})
}

// sectionOf is the trailer section of a body, with its empty line.
func sectionOf(octets []byte) (section []byte, ok bool) {
	var s wire.BodyScanner
	s.Reset(wire.Framing{Kind: wire.Chunked})
	n, whole, _ := s.Scan(octets)
	s.Reset(wire.Framing{Kind: wire.Chunked})
	s.HoldTrailer(true)
	from, _, _ := s.Scan(octets)
	return octets[from:n], whole && from < n
}

func tryTrailerEdits(t *testing.T, ed *heads.Editor, section, named []byte) {
	var e, again heads.Edits
	client := netip.MustParseAddrPort("192.0.2.1:1024")
	ed.RequestTrailer(&e, section, named, client)
	after := applied(t, &e, section)
	if left, ok := sectionOf(append([]byte("0\r\n"), after...)); string(after) != "\r\n" && (!ok || !bytes.Equal(left, after)) {
		t.Fatalf("%q is sent as %q, whose trailer section is %q", section, after, left)
	}
	if ed.RequestTrailer(&again, after, named, client); !again.Untouched() {
		t.Fatalf("%q is sent as %q, in which there is left\n%v", section, after, &again)
	}
	if ed.ResponseTrailer(&again, section, named); len(again.List()) > len(e.List()) {
		t.Fatalf("of %q more is left out for a client than for an origin:\n%v", section, &again)
	}
}

// roomier lets a head be as long as the edits make it.
var roomier = wire.Limits{Head: 1 << 20, Target: 1 << 20, Fields: 1 << 16}

// applied checks what Edits promises of every list, and returns the octets to be sent.
func applied(t *testing.T, e *heads.Edits, raw []byte) []byte {
	var before, after []byte
	for _, edit := range e.List() {
		if edit.Op != heads.Insert {
			before = append(before, edit.Octets...)
		}
		if edit.Op != heads.Drop {
			after = append(after, edit.Octets...)
		}
	}
	if !bytes.Equal(before, raw) {
		t.Errorf("the edits are of %q, not of %q", before, raw)
	}
	if sent := e.AppendTo(nil); !bytes.Equal(after, sent) || e.Untouched() && !bytes.Equal(before, after) {
		t.Errorf("the edits of %q make %q, and %q is sent, untouched %v", raw, after, sent, e.Untouched())
	}
	return after
}
