package view

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/hopwire/hopwire/shared/events"
)

// What a Collector keeps of what has not ended.
const (
	// keep bounds what is kept of one passage: the first bytes, where heads are.
	keep = 64 << 10
	// keepAll bounds what is kept of all of them.
	keepAll = 64 << 20
	// maxOpen bounds how many exchanges are followed at a time, and how many
	// connections. Beyond it those that began first are let go.
	maxOpen = 16 << 10
	// maxTries and maxDecisions are more than any gateway makes for one exchange.
	maxTries, maxDecisions = 8, 64
)

// A Collector puts the events of an exchange together. The zero value is one. It is
// bounded: of what goes on for ever, such as a tunnel, it keeps the beginning, and
// counts the rest.
type Collector struct {
	began time.Time // when the first event was
	open  map[events.Use]*Exchange
	conns map[events.ConnID]*conn
	ready []*Exchange // which Add and Next have not returned yet
	kept  int         // bytes, of all that is open, and of what is left to the next
}

// A conn is what is known of a connection that is open.
type conn struct {
	opened time.Time
	who    string
	used   bool
	over   events.Use // the last exchange on it that has ended
	x      *Exchange  // that it is used for
	before *Exchange  // that had not ended when this one began
	gaps   [2]uint64  // of bytes that passed between two exchanges
	next   []byte     // what was read with a request, and is behind it
}

// An Exchange is what was seen of one; or of a connection that was opened and closed
// without: then it has no ID.
type Exchange struct {
	ID events.Exchange
	// Start is when the first event of all was, by which times are shown.
	Start time.Time
	// Begun is when the first of its bytes was seen, and Ended when its end was
	// noted.
	Begun, Ended time.Time
	// Client is the client's connection, and Tries those to origins, of which the
	// last one counts: there are two where the first was stale.
	Client Side
	Tries  []Side
	// End is the note of its end; nil while that has not come.
	End *events.Note
	// LetGo says that its end will not be seen: it was not kept, or there is no room to
	// wait for it.
	LetGo bool
	// Decisions are the other notes.
	Decisions []Decision
	// Who opened a connection that no exchange was on, and how it was closed.
	Who, Cause string

	kept int
}

// A Side is what passed on one of the connections.
type Side struct {
	Conn events.ConnID
	Use  events.Use
	In   Passage // the request
	Out  Passage // the responses
}

// A Passage is what went one way.
type Passage struct {
	Bytes       []byte // those that were kept
	Left        []Left // what passed and was not kept
	Total       uint64 // how many there were
	First, Last time.Time
	Edits       []Edits
}

// A Left is how many bytes are missing before those at an index of Bytes.
type Left struct {
	At   int
	Size uint64
}

// Edits are those that made what was sent at an index of Bytes.
type Edits struct {
	At   int
	Text string
}

// A Decision is a note with its time.
type Decision struct {
	At   time.Time
	Note *events.Note
}

// Add takes an event. When that is the end of an exchange, the exchange is returned.
// It may be the end of several; [Collector.Next] returns the others.
func (c *Collector) Add(e *events.Event) *Exchange {
	if c.open == nil {
		c.began = e.At
		c.open, c.conns = make(map[events.Use]*Exchange), make(map[events.ConnID]*conn)
	}
	switch e.Kind {
	case events.Opened:
		c.makeRoom()
		c.conns[e.Conn] = &conn{opened: e.At, who: openedBy(e)}
	case events.Bytes:
		c.take(e)
	case events.Gap:
		c.gap(e)
	case events.Noted:
		c.note(e)
	case events.Closed:
		c.close(e)
	}
	return c.Next()
}

// Next returns the next exchange that has ended; nil if there is none.
func (c *Collector) Next() *Exchange {
	if len(c.ready) == 0 {
		return nil
	}
	x := c.ready[0]
	c.ready = c.ready[1:]
	return x
}

// Open are the exchanges whose end has not come, as they began.
func (c *Collector) Open() []*Exchange {
	var all []*Exchange
	for _, x := range c.open {
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b *Exchange) int {
		return cmp.Or(a.Begun.Compare(b.Begun), cmp.Compare(a.Client.Conn.N, b.Client.Conn.N), cmp.Compare(a.Client.Use.N, b.Client.Use.N))
	})
	return all
}

func openedBy(e *events.Event) string {
	if !e.Client.IsValid() {
		return "through a Unix domain socket"
	}
	return "by " + e.Client.String() + " to " + e.Server.String()
}

// exchange is that of an event; nil if it has none, or one that has ended: what then
// still arrives, nobody reads.
func (c *Collector) exchange(e *events.Event) *Exchange {
	use := e.Exchange.Client
	if use == (events.Use{}) || c.ended(e.Conn, use) || c.ended(use.Conn, use) {
		return nil
	}
	x := c.open[use]
	if x == nil {
		c.makeRoom()
		x = &Exchange{Start: c.began, Begun: e.At, Client: Side{Conn: use.Conn, Use: use}}
		c.open[use] = x
		c.takeNext(x, e.At)
	}
	if e.Exchange.Origin != (events.Use{}) || x.ID == (events.Exchange{}) {
		x.ID = e.Exchange
	}
	return x
}

func (c *Collector) ended(id events.ConnID, use events.Use) bool {
	known := c.conns[id]
	return known != nil && known.over == use
}

// take takes bytes.
func (c *Collector) take(e *events.Event) {
	x := c.exchange(e)
	if x == nil {
		return
	}
	known := c.conns[e.Conn]
	if known == nil {
		known = &conn{opened: e.At} // before the file began
		c.conns[e.Conn] = known
	}
	if known.x != nil && known.x != x {
		known.before = known.x
	}
	known.used, known.x = true, x
	p := x.side(e).passage(e.Direction)
	p.miss(known.gaps[e.Direction])
	known.gaps[e.Direction] = 0
	kept := p.add(e, max(min(keep-len(p.Bytes), keepAll-c.kept), 0))
	x.kept += kept
	c.kept += kept
}

// leaveNext leaves what is behind the request to the next exchange of the connection:
// a client may send several requests at once, and then one read brings them.
func (c *Collector) leaveNext(x *Exchange) {
	in := &x.Client.In
	known := c.conns[x.Client.Conn]
	if known == nil || x.End.Param("client-connection") != "kept" || headLen(in.Bytes) >= len(in.Bytes) {
		return
	}
	at := x.Client.cut(in).at[behind]
	if n := len(in.Left); n > 0 && in.Left[n-1].At >= at {
		return
	}
	known.next = bytes.Clone(in.Bytes[at:])
	in.Bytes = in.Bytes[:at]
	in.Total -= uint64(len(known.next))
	x.kept -= len(known.next)
}

// takeNext takes what the exchange before has left.
func (c *Collector) takeNext(x *Exchange, now time.Time) {
	known := c.conns[x.Client.Conn]
	if known == nil || len(known.next) == 0 {
		return
	}
	x.Client.In = Passage{Bytes: known.next, Total: uint64(len(known.next)), First: now, Last: now}
	x.kept = len(known.next)
	known.next = nil
}

// gap counts what is missing to the exchange that the connection is used for, or to
// the next one.
func (c *Collector) gap(e *events.Event) {
	known := c.conns[e.Conn]
	switch {
	case known == nil:
	case known.x == nil:
		known.gaps[e.Direction] += e.Missing
	default:
		known.x.side(e).passage(e.Direction).miss(e.Missing)
	}
}

func (c *Collector) note(e *events.Event) {
	x := c.exchange(e)
	switch {
	case x == nil:
	case e.Note.Kind == "exchange":
		if known := c.conns[x.Client.Conn]; known != nil && known.before != nil {
			if lost := known.before; lost.Client.Use.N < x.Client.Use.N && c.open[lost.Client.Use] == lost {
				lost.LetGo = true // exchanges of a connection end in order
				c.drop(lost)
			}
		}
		x.End, x.Ended = e.Note.Clone(), e.At
		c.leaveNext(x)
		c.drop(x)
	case len(x.Decisions) < maxDecisions:
		x.Decisions = append(x.Decisions, Decision{e.At, e.Note.Clone()})
	}
}

// close tells of a connection that was for nothing.
func (c *Collector) close(e *events.Event) {
	if known := c.conns[e.Conn]; known != nil && !known.used {
		c.ready = append(c.ready, &Exchange{Start: c.began, Begun: known.opened, Ended: e.At,
			Client: Side{Conn: e.Conn}, Who: known.who, Cause: cause(e)})
	}
	c.forget(e.Conn)
}

func (c *Collector) forget(id events.ConnID) {
	if known := c.conns[id]; known != nil {
		c.kept -= len(known.next)
		delete(c.conns, id)
	}
}

// cause is how a connection was closed, in words.
func cause(e *events.Event) string {
	if e.Comment != "" {
		return e.Comment
	}
	return "by " + sender(e) + ", " + e.Means.String()
}

// sender is who sends in the direction of the event.
func sender(e *events.Event) string {
	switch {
	case e.Conn.Hop == events.OriginHop && e.Direction == events.Outbound:
		return "origin"
	case e.Conn.Hop == events.OriginHop:
		return "edge"
	case e.Direction == events.Inbound:
		return "client"
	}
	return "server"
}

// drop hands x out, and keeps nothing of it.
func (c *Collector) drop(x *Exchange) {
	c.leave(x.Client.Conn, x)
	for i := range x.Tries {
		c.leave(x.Tries[i].Conn, x)
	}
	delete(c.open, x.Client.Use)
	c.kept -= x.kept
	c.ready = append(c.ready, x)
}

func (c *Collector) leave(id events.ConnID, x *Exchange) {
	known := c.conns[id]
	if known == nil {
		return
	}
	if x.End != nil {
		known.over = x.Client.Use
	}
	if known.before == x {
		known.before = nil
	}
	if known.x == x {
		known.x, known.before = nil, nil
	}
}

// makeRoom lets the oldest go when there are too many.
func (c *Collector) makeRoom() {
	if len(c.open) >= maxOpen {
		for _, x := range c.Open()[:maxOpen/8] {
			x.LetGo = true
			c.drop(x)
		}
	}
	if len(c.conns) >= 2*maxOpen {
		var all []events.ConnID
		for id := range c.conns {
			all = append(all, id)
		}
		slices.SortFunc(all, func(a, b events.ConnID) int { return c.conns[a].opened.Compare(c.conns[b].opened) })
		for _, id := range all[:maxOpen/8] {
			c.forget(id)
		}
	}
}

func (x *Exchange) side(e *events.Event) *Side {
	if e.Conn == x.Client.Conn {
		return &x.Client
	}
	if n := len(x.Tries); n == 0 || x.Tries[n-1].Conn != e.Conn && n < maxTries {
		x.Tries = append(x.Tries, Side{Conn: e.Conn, Use: e.Exchange.Origin})
	}
	return &x.Tries[len(x.Tries)-1]
}

// Origin is the side of the last try; nil if there was none.
func (x *Exchange) Origin() *Side {
	if len(x.Tries) == 0 {
		return nil
	}
	return &x.Tries[len(x.Tries)-1]
}

func (s *Side) passage(d events.Direction) *Passage {
	if d == events.Inbound {
		return &s.In
	}
	return &s.Out
}

// add takes what there is room for, and returns how much that was.
func (p *Passage) add(e *events.Event, room int) (kept int) {
	if p.Total == 0 {
		p.First = e.At
	}
	p.Last = e.At
	if e.Comment != "" && len(e.Comment) <= room {
		p.Edits = append(p.Edits, Edits{len(p.Bytes), e.Comment})
		kept = len(e.Comment)
	}
	n := min(len(e.Content), room-kept)
	p.Bytes = append(p.Bytes, e.Content[:n]...)
	p.Total += uint64(n)
	p.miss(uint64(len(e.Content) - n))
	return kept + n
}

// miss counts bytes that were not kept.
func (p *Passage) miss(n uint64) {
	if n == 0 {
		return
	}
	p.Total += n
	if last := len(p.Left) - 1; last >= 0 && p.Left[last].At == len(p.Bytes) {
		p.Left[last].Size += n
		return
	}
	p.Left = append(p.Left, Left{len(p.Bytes), n})
}
