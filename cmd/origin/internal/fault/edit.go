package fault

import (
	"bytes"

	"github.com/hopwire/hopwire/shared/wire"
)

// insert sends the interim responses that a fault has before the final one.
func (s *Strike) insert() {
	f := s.fault
	if f.interims > 0 || f.upgrade != "" {
		s.struck = true
	}
	for i := range f.interims {
		if i > 0 && f.interimEvery > 0 {
			s.step(Step{Kind: Wait, Time: f.interimEvery})
		}
		if s.over {
			return
		}
		s.put(wire.AppendHeadEnd(wire.AppendStatusLine(nil, f.interim, "")))
	}
	if f.upgrade != "" {
		head := wire.AppendStatusLine(nil, 101, "")
		head = wire.AppendField(head, "Connection", "Upgrade")
		head = wire.AppendField(head, "Upgrade", f.upgrade)
		s.put(wire.AppendHeadEnd(head))
	}
}

// edited is the head, with what the fault changes in it.
func (s *Strike) edited() []byte {
	f := s.fault
	if f.lengthBy == 0 && !f.bothLengths && !f.saidClose && !f.unsaidClose && !f.noKeepAlive && !s.coded() {
		return s.head.Raw
	}
	line, _, _ := bytes.Cut(s.head.Raw, crlf)
	edited := append(bytes.Clone(line), crlf...)
	for _, line := range s.head.Fields {
		edited = s.appendEdited(edited, line)
	}
	edited = s.appendLengths(edited)
	if f.saidClose && s.persists() {
		edited = wire.AppendField(edited, "Connection", "close")
	}
	edited = wire.AppendHeadEnd(edited)
	if string(edited) != string(s.head.Raw) {
		s.struck = true
	}
	return edited
}

// appendEdited appends a field line, unless it is one that the fault takes away.
func (s *Strike) appendEdited(b []byte, line wire.FieldLine) []byte {
	f := s.fault
	switch wire.IdentifyField(line.Name) {
	case wire.FieldConnection, wire.FieldKeepAlive:
		if f.unsaidClose || (f.saidClose || f.noKeepAlive) && s.persists() {
			return b
		}
	case wire.FieldContentLength:
		if s.coded() && !f.bothLengths {
			return b
		}
		if n, ok := parseCount(string(line.Value), 0); ok && f.lengthBy != 0 {
			return wire.AppendFieldInt(b, line.Name, max(n+f.lengthBy, 0))
		}
	}
	return wire.AppendField(b, line.Name, line.Value)
}

// appendLengths appends what else is said of the length of the content.
func (s *Strike) appendLengths(b []byte) []byte {
	switch {
	case s.coded(), s.fault.bothLengths && s.framing.Kind == wire.Length:
		return wire.AppendField(b, "Transfer-Encoding", "chunked")
	case s.fault.bothLengths && s.framing.Kind == wire.Chunked:
		return wire.AppendFieldInt(b, "Content-Length", falseLength)
	}
	return b
}

// falseLength is what is said of the length of content in chunks.
const falseLength = 10

func (s *Strike) persists() bool { return wire.ResponsePersists(&s.head, s.framing) }
