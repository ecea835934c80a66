package events

import (
	"net/netip"
	"strings"
	"time"
)

// A Kind says what happened.
type Kind uint8

// The kinds, and which of an Event's fields they have beside At, Conn and Exchange.
const (
	// Opened: a connection was. Client, Server.
	Opened Kind = iota
	// Bytes were read from a connection or written to it, by one read or write; or a
	// part of them was. Direction, Offset, Content, Partial, and Comment: the edits of
	// a head that was sent.
	Bytes
	// Ended: one direction did, since its sender has no more to say. Direction,
	// Offset, Means.
	Ended
	// Closed: both did. Direction (who did it), Offset, Reverse, Means, and Comment: the
	// cause.
	Closed
	// Noted: something was decided. Note.
	Noted
	// Gap: bytes passed that were not kept. Direction, Offset, Missing.
	Gap
)

// String is a stable name, such as "bytes".
func (k Kind) String() string {
	return [...]string{"opened", "bytes", "ended", "closed", "note", "gap"}[k]
}

// An Event is one thing that happened. Whoever is given one may not keep it, nor its
// Content and its Note.
type Event struct {
	Seq      uint64 // from 1, without holes
	At       time.Time
	Kind     Kind
	Conn     ConnID   // the zero value: none
	Exchange Exchange // the zero value: none, or not known

	Client, Server netip.AddrPort // zero: a Unix domain socket
	Direction      Direction
	Offset         uint64 // how much had passed in that direction before
	Reverse        uint64 // and in the other one
	Content        []byte
	Partial        bool // the same read or write goes on in the next event
	Missing        uint64
	Means          Means
	Comment        string
	Note           *Note
}

// A Param is one name and value of a note. The name is printable ASCII without '=',
// ']', '"' and space, 32 bytes at most.
type Param struct{ Name, Value string }

// A Note is what is known beyond bytes: where a connection came from, why it was
// closed, which rule refused a message.
type Note struct {
	// Kind is the stable short name of what was decided, such as "exchange";
	// printable ASCII without space, 32 bytes at most. Empty means none.
	Kind    string
	Warning bool // and not merely information
	Params  []Param
	Text    string
}

// Clone returns a copy that may be kept.
func (n *Note) Clone() *Note {
	c := &Note{Kind: strings.Clone(n.Kind), Warning: n.Warning, Text: strings.Clone(n.Text)}
	for _, p := range n.Params {
		c.Params = append(c.Params, Param{strings.Clone(p.Name), strings.Clone(p.Value)})
	}
	return c
}

// Param is the value of the parameter of that name; empty if there is none.
func (n *Note) Param(name string) string {
	for _, p := range n.Params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
