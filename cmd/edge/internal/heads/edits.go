package heads

import "bytes"

// An Op is what an edit does with its bytes.
type Op uint8

const (
	// Copy sends received bytes on.
	Copy Op = iota
	// Drop leaves received bytes out.
	Drop
	// Insert sends bytes that were not received.
	Insert
)

func (o Op) String() string { return [...]string{"copy", "drop", "insert"}[o] }

// A Reason says why an edit is made.
type Reason uint8

const (
	AsReceived       Reason = iota // nothing is to be changed
	ConnectionField                // Connection is for this hop only
	ConnectionOption               // the field is named by Connection
	HopByHop                       // the field is for this hop only, named or not
	OwnVersion                     // every sender tells its own version
	TargetForm                     // origin servers are sent the origin form
	TargetHost                     // the target's authority goes before Host
	HostMissing                    // HTTP/1.1 demands what HTTP/1.0 did not send
	HopCounted                     // one hop fewer is left
	ViaAdded                       // a gateway names itself
	CloseAnnounced                 // the connection will be closed after this response
	KeepAliveAnswer                // HTTP/1.0 keeps a connection only when told so
	CodingRemoved                  // HTTP/1.0 does not know the chunked coding
	ForwardedFor                   // the origin is told whose request it is
	ForwardedCustom                // and so in the fields that came before Forwarded
	ClaimUntrusted                 // whoever is not trusted may say nothing of the kind
	UpgradeOption                  // Upgrade is for this hop, so Connection names it
	TrailersTaken                  // of TE, that trailer fields are taken goes on, for one hop at a time
	OldExpectation                 // HTTP/1.0 expects nothing
	DateMissing                    // whoever has a clock dates a response that comes without
	LengthOfNothing                // what never has content has no length of it
	SpaceMissing                   // a status code has a space behind it, with a phrase or without
)

var reasons = [...]struct{ name, section string }{
	AsReceived:       {"as received", "RFC 9110 section 7.7"},
	ConnectionField:  {"connection field", "RFC 9110 section 7.6.1"},
	ConnectionOption: {"named by connection", "RFC 9110 section 7.6.1"},
	HopByHop:         {"hop-by-hop field", "RFC 9110 section 7.6.1"},
	OwnVersion:       {"own version", "RFC 9112 section 2.3"},
	TargetForm:       {"origin form", "RFC 9112 section 3.2.1"},
	TargetHost:       {"host of the target", "RFC 9112 section 3.2.2"},
	HostMissing:      {"host missing", "RFC 9112 section 3.2"},
	HopCounted:       {"hop counted", "RFC 9110 section 7.6.2"},
	ViaAdded:         {"via", "RFC 9110 section 7.6.3"},
	CloseAnnounced:   {"close announced", "RFC 9112 section 9.6"},
	KeepAliveAnswer:  {"keep-alive answer", "RFC 9112 section 9.3"},
	CodingRemoved:    {"chunked coding removed", "RFC 9112 section 6.1"},
	ForwardedFor:     {"forwarded", "RFC 7239 section 4"},
	ForwardedCustom:  {"forwarded by custom", "RFC 7239 section 7.4"},
	ClaimUntrusted:   {"claim of an untrusted client", "RFC 7239 section 8.1"},
	UpgradeOption:    {"upgrade option", "RFC 9110 section 7.8"},
	TrailersTaken:    {"trailers are taken", "RFC 9110 section 10.1.4"},
	OldExpectation:   {"expectation in HTTP/1.0", "RFC 9110 section 10.1.1"},
	DateMissing:      {"date missing", "RFC 9110 section 6.6.1"},
	LengthOfNothing:  {"length of no content", "RFC 9110 section 8.6"},
	SpaceMissing:     {"space missing", "RFC 9112 section 4"},
}

func (r Reason) String() string { return reasons[r].name }

// Section is where the reason stands.
func (r Reason) Section() string { return reasons[r].section }

// An Edit is one step in making the head that is sent from the head that was
// received. The bytes of Copy and Drop are those of the received head, one edit
// after the other and none left out. A trailer section is edited as a head is.
type Edit struct {
	Op     Op
	Reason Reason
	Octets []byte
}

// Edits is everything that happens to one head on its way through the gateway.
// What is sent is made from this list and from nothing else, so whoever has the
// list knows the difference between the two hops.
//
// It is built from the front to the back of the head: what no call mentions is
// copied.
type Edits struct {
	raw     []byte
	covered int // bytes of raw that the list accounts for
	list    []Edit
	number  [20]byte // memory for an inserted number
	made    []byte   // and for lines that are made for one head
}

// Begin starts the list for a head, reusing the memory of the one before. The
// head has to stay where it is until the list has been used.
func (e *Edits) Begin(raw []byte) {
	e.raw, e.covered, e.list, e.made = raw, 0, e.list[:0], e.made[:0]
}

// Drop leaves out raw[from:to].
func (e *Edits) Drop(from, to int, why Reason) {
	e.copyUpTo(from)
	e.list = append(e.list, Edit{Drop, why, e.raw[from:to]})
	e.covered = to
}

// Insert sends bytes before raw[at].
func (e *Edits) Insert(at int, bytes []byte, why Reason) {
	e.copyUpTo(at)
	e.list = append(e.list, Edit{Insert, why, bytes})
}

// insertMade inserts what was appended to e.made before raw[at].
func (e *Edits) insertMade(at int, made []byte, why Reason) {
	bytes := made[len(e.made):]
	e.made = made
	e.Insert(at, bytes, why)
}

// End copies what is left of the head.
func (e *Edits) End() { e.copyUpTo(len(e.raw)) }

func (e *Edits) copyUpTo(to int) {
	if to > e.covered {
		e.list = append(e.list, Edit{Copy, AsReceived, e.raw[e.covered:to]})
		e.covered = to
	}
}

// List is what was built. It is valid until Begin.
func (e *Edits) List() []Edit { return e.list }

// HeadLen is the length of the head that the list is of.
func (e *Edits) HeadLen() int { return len(e.raw) }

// Untouched reports whether the head is sent as it was received.
func (e *Edits) Untouched() bool { return len(e.list) == 1 && e.list[0].Op == Copy }

// AppendTo appends the bytes to be sent.
func (e *Edits) AppendTo(b []byte) []byte {
	for i := range e.list {
		if e.list[i].Op != Drop {
			b = append(b, e.list[i].Octets...)
		}
	}
	return b
}

// String lists the changes as AppendText does.
func (e *Edits) String() string { return string(e.AppendText(nil)) }

// AppendText appends a list of the changes, one a line: "drop Connection: close
// (connection field, RFC 9110 section 7.6.1)". There is none when nothing is changed.
func (e *Edits) AppendText(b []byte) []byte {
	start := len(b)
	for i := range e.list {
		edit := &e.list[i]
		if edit.Op == Copy {
			continue
		}
		if len(b) > start {
			b = append(b, '\n')
		}
		b = append(append(b, edit.Op.String()...), ' ')
		b = append(b, bytes.TrimSuffix(edit.Octets, []byte("\r\n"))...)
		b = append(append(b, " ("...), edit.Reason.String()...)
		b = append(append(b, ", "...), edit.Reason.Section()...)
		b = append(b, ')')
	}
	return b
}
