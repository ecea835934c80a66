package capture

import (
	"bytes"
	"errors"
	"slices"

	"github.com/hopwire/hopwire/shared/wire"
)

// maxLine bounds the request line by which a request is recognized.
const maxLine = 8 << 10

// ParseRequest reads the head of a recorded request at the start of b, and decides
// the framing of its content. It consumes n octets, or fails as
// wire.ParseRequestHead and wire.RequestFraming do.
//
// Some requests that these refuse it reads nevertheless: those that break only
// rules by which no reader finds another end of the message, of the request target
// and of Host. A server may answer them with 400, but it was asked, and so were
// those behind it. fault says which rule is broken, and is nil otherwise.
//
// Package wire refuses them for good reason, and goes on doing so: it serves
// strangers, and stops at the first fault, so that what it would have made of the
// rest is not known. Here the fault is therefore mended in a copy of the head,
// which wire then reads as strictly as ever: whatever touches the framing is
// refused as it is in a server. The slices of h point into b, except for those of
// its fields.
func ParseRequest(b []byte, h *wire.RequestHead) (n int, framing wire.Framing, fault, err error) {
	n, err = wire.ParseRequestHead(b, 0, h)
	if refused := (*wire.Error)(nil); errors.As(err, &refused) {
		if n = mend(b, h, refused); n > 0 {
			fault, err = refused, nil
		}
	}
	if err == nil {
		framing, err = wire.RequestFraming(h)
	}
	return n, framing, fault, err
}

// maxFaults bounds how often a head is read again.
const maxFaults = 8

// mend reads a head in which wire found a fault. It returns 0 if it cannot be
// mended, and else the octets of the head.
func mend(b []byte, h *wire.RequestHead, fault *wire.Error) (n int) {
	if !mendable(fault.Rule) {
		return 0
	}
	end := bytes.Index(b[:min(len(b), Limits.Head)], []byte("\r\n\r\n"))
	if end < 0 {
		return 0
	}
	const host = "Host: x\r\n"
	head, added := bytes.Clone(b[:end+4]), 0
	for range maxFaults {
		switch fault.Rule {
		case wire.RuleHostMissing:
			head, added = slices.Insert(head, fault.Offset, []byte(host)...), len(host)
		case wire.RuleHost, wire.RuleHostRepeated:
			head[fault.Offset] = 'x' // another field
		default:
			if !mendTarget(head) {
				return 0
			}
		}
		n, err := wire.ParseRequestHead(head, 0, h)
		if err == nil {
			n -= added
			h.Raw = b[n-(len(h.Raw)-added) : n : n]
			method, target := len(h.Method), len(h.Target)
			h.Method, h.Target = h.Raw[:method:method], h.Raw[method+1:method+1+target]
			return n
		}
		if !errors.As(err, &fault) || !mendable(fault.Rule) {
			return 0
		}
	}
	return 0
}

func mendable(r wire.Rule) bool {
	switch r {
	case wire.RuleHostMissing, wire.RuleHost, wire.RuleHostRepeated,
		wire.RuleTargetOctet, wire.RuleTargetForm, wire.RuleTargetPercent, wire.RuleTargetMissing, wire.RuleAuthority,
		wire.RuleVersion: // what follows a space in the target is taken for it
		return true
	}
	return false
}

// mendTarget writes a path of the same length in the place of the target, which is
// all between the first space of the request line and the last one, and has no
// control character. A target that is a path by the book stays, since the fault is
// another one then; and so does that of CONNECT, behind which there is no HTTP.
func mendTarget(head []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte("\r\n")), []byte("\r\n"))
	first, last := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	if first < 0 || last <= first+1 || !bytes.HasPrefix(line[last+1:], []byte("HTTP/1.")) || string(line[:first]) == "CONNECT" {
		return false
	}
	mended := append([]byte{'/'}, bytes.Repeat([]byte{'x'}, last-first-2)...)
	target := line[first+1 : last]
	if bytes.Equal(target, mended) || bytes.ContainsFunc(target, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return false
	}
	copy(target, mended)
	return true
}
