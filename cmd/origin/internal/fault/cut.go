package fault

import "time"

// A Step is what is done with a connection in place of sending a response.
type Step struct {
	Kind  StepKind
	Bytes []byte        // to write; they are the strike's, and good until it goes on
	Time  time.Duration // to wait
}

// A StepKind is what is done. What ends the response comes behind what does not.
type StepKind uint8

// What is done.
const (
	Write StepKind = iota
	Wait
	dribble // what follows goes out in pieces; no step, but many
	FIN     // close: FIN, and then RST for what still comes or was not read
	Reset   // RST
	Stop    // say nothing more, but hold the connection
)

func (k StepKind) ends() bool { return k >= FIN }

// An act is what happens at a place.
type act struct {
	kind  StepKind
	place place
	time  time.Duration // of Wait; between two pieces
	bytes int64         // of a piece
}

// A cutter makes steps of the bytes of a response, and of what happens among them.
type cutter struct {
	yield  func(Step) bool
	out    []byte // not yet written
	over   bool   // the response has been ended, or nobody takes steps any more
	struck bool   // something was not as it should have been

	acts []act // those at bytes lie before us
	part mark  // byteOfHead or byteOfBody
	at   int64 // in that part

	pace  act   // how it dribbles; no bytes: it does not
	piece int64 // what is left of the piece under way
}

// enter begins the head, or the body.
func (c *cutter) enter(part mark) {
	c.part, c.at = part, 0
	c.due()
}

// send sends bytes of the part, and does what is to happen among them.
func (c *cutter) send(b []byte) {
	for len(b) > 0 && !c.over {
		n := int64(len(b))
		for _, a := range c.acts {
			if a.place.mark == c.part && a.place.at > c.at {
				n = min(n, a.place.at-c.at)
			}
		}
		c.put(b[:n])
		b = b[n:]
		c.at += n
		c.due()
	}
}

// due does what is to happen at the byte that has been reached.
func (c *cutter) due() {
	for _, a := range c.acts {
		if a.place.mark == c.part && a.place.at == c.at {
			c.do(a)
		}
	}
}

// pass does what is to happen at a mark, of the kinds from the one to the other.
func (c *cutter) pass(m mark, from, to StepKind) {
	for _, a := range c.acts {
		if a.place.mark == m && a.kind >= from && a.kind <= to {
			c.do(a)
		}
	}
}

func (c *cutter) do(a act) {
	if c.over {
		return
	}
	c.struck = true
	if a.kind == dribble {
		c.flush()
		c.pace, c.piece = a, a.bytes
		return
	}
	c.step(Step{Kind: a.kind, Time: a.time})
	c.over = c.over || a.kind.ends()
}

// enough is how much is gathered for one write.
const enough = 64 << 10

// put has bytes written, in pieces if it dribbles.
func (c *cutter) put(b []byte) {
	for len(b) > 0 && !c.over {
		n := min(int64(len(b)), enough)
		if c.pace.bytes > 0 {
			if c.piece == 0 {
				c.step(Step{Kind: Wait, Time: c.pace.time})
				c.piece = c.pace.bytes
			}
			n = min(n, c.piece)
			c.piece -= n
		}
		c.out = append(c.out, b[:n]...)
		b = b[n:]
		if len(c.out) >= enough {
			c.flush()
		}
	}
}

// step has a step done, after what is to be written.
func (c *cutter) step(s Step) {
	c.flush()
	c.over = c.over || !c.yield(s)
}

func (c *cutter) flush() {
	if len(c.out) > 0 && !c.over {
		c.over = !c.yield(Step{Kind: Write, Bytes: c.out})
	}
	c.out = c.out[:0]
}
