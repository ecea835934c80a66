package view

import (
	"time"

	"github.com/hopwire/hopwire/shared/events"
)

// keepHead and keepContent bound what is kept of what one side of an exchange sent:
// of the first bytes, where heads are, and of all.
const keep = 64 << 10

// A Collector puts the events of an exchange together. The zero value is one.
type Collector struct {
	began time.Time // when the first event was
	open  map[events.Use]*Exchange
}

// An Exchange is what was seen of one.
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
	// Decisions are the other notes.
	Decisions []Decision
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
	Bytes       []byte // the first of them
	Total       uint64 // how many there were
	Missing     bool   // Bytes do not have all that went before the last of them
	First, Last time.Time
	Edits       []Edits
}

// Edits are those that made what was sent at an offset.
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
func (c *Collector) Add(e *events.Event) *Exchange {
	if c.began.IsZero() {
		c.began = e.At
		c.open = make(map[events.Use]*Exchange)
	}
	if e.Exchange.Client == (events.Use{}) {
		return nil
	}
	x := c.open[e.Exchange.Client]
	if x == nil {
		x = &Exchange{Start: c.began, Begun: e.At, Client: Side{Conn: e.Exchange.Client.Conn, Use: e.Exchange.Client}}
		c.open[e.Exchange.Client] = x
	}
	x.ID = e.Exchange
	switch e.Kind {
	case events.Bytes:
		x.side(e).passage(e.Direction).add(e)
	case events.Gap:
		x.side(e).passage(e.Direction).miss(e)
	case events.Noted:
		if e.Note.Kind != "exchange" {
			x.Decisions = append(x.Decisions, Decision{e.At, e.Note})
			break
		}
		x.End, x.Ended = e.Note, e.At
		delete(c.open, e.Exchange.Client)
		return x
	}
	return nil
}

// Open are the exchanges whose end has not come.
func (c *Collector) Open() []*Exchange {
	var all []*Exchange
	for _, x := range c.open {
		all = append(all, x)
	}
	return all
}

func (x *Exchange) side(e *events.Event) *Side {
	if e.Conn == x.Client.Conn {
		return &x.Client
	}
	if n := len(x.Tries); n == 0 || x.Tries[n-1].Conn != e.Conn {
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

func (p *Passage) add(e *events.Event) {
	if p.Total == 0 {
		p.First = e.At
	}
	p.Last = e.At
	if e.Comment != "" && !p.Missing {
		p.Edits = append(p.Edits, Edits{len(p.Bytes), e.Comment})
	}
	p.Total += uint64(len(e.Content))
	if !p.Missing {
		p.Bytes = append(p.Bytes, e.Content[:min(len(e.Content), keep-len(p.Bytes))]...)
		p.Missing = uint64(len(p.Bytes)) < p.Total
	}
}

func (p *Passage) miss(e *events.Event) {
	p.Total += e.Missing
	p.Missing = true
}
