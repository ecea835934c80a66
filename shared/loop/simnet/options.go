package simnet

import (
	"cmp"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// Options say how rough the network is. The zero value is a smooth one: octets
// arrive whole and at once, and nothing fails.
type Options struct {
	// Delay is how long a piece of octets, or a signal such as a connection
	// request, travels. Zero: it arrives at the instant at which it was sent,
	// in the next Wait.
	Delay Range
	// Pace is how long octets lie in the send buffer until the network takes
	// the next piece. Zero: no longer than until the next Wait.
	Pace Range
	// Piece is the most octets that travel together. The length of each piece
	// is random up to that. Zero: as many as there are.
	Piece int
	// Buffer is how many octets a send buffer holds, and a receive buffer
	// together with what travels towards it. Zero: 64 KiB.
	Buffer int
	// ShortWrites is the probability that a write is given less room than
	// there is. Zero: never.
	ShortWrites float64

	// Backlog is how many connections wait in a listener; further ones try
	// again after a second, then after two, and so on. Zero: 128.
	Backlog int
	// MaxSockets is how many sockets, listeners included, may be open; beyond
	// it Accept, Connect and Listen give EMFILE. Zero: no limit.
	MaxSockets int

	// Refuse is the probability that a connect is refused, Hang that it never
	// ends. Zero: never.
	Refuse, Hang float64
	// Reset is the probability, for each direction of a connection, that the
	// network resets the connection after a random octet; End, that the
	// direction ends there and the connection is dead to its sender, as if its
	// host had been switched off. Zero: never.
	Reset, End float64
	// FaultWithin is how many octets of a direction a Reset or End may let
	// pass at most. Zero: 4096.
	FaultWithin int
	// ResetDiscards is the probability that an arriving reset throws away what
	// had arrived before it and was not read. Zero: never, as in Linux. Other
	// systems do (RFC 9112 section 9.6 warns of it).
	ResetDiscards float64

	// Spurious is the probability, for each piece that arrives anywhere, that
	// a random socket is reported ready for no reason, and for each socket
	// that is closed, that it is reported once more, under a token which by
	// then means nothing. Zero: never.
	Spurious float64
	// Late is the probability that a report comes later than the readiness, by
	// a time in LateBy. Zero: never.
	Late   float64
	LateBy Range

	// Lifetime is how much simulated time may pass; beyond it Wait returns
	// ErrLifetime, so that a test whose timers go on for ever ends. Zero: any.
	Lifetime time.Duration
	// Fate decides about each connection in place of the probabilities of
	// Refuse, Hang, Reset and End. Nil: they decide.
	Fate func(Dial) Fate
	// Epoch is the wall clock's time when the world begins. Zero: the
	// beginning of the year 2026, UTC.
	Epoch time.Time
	// History is told every step, as it happens. Nil: nobody is.
	History func(Step)
}

// A Range is a time between Min and Max, both included, every one as likely.
// With Max below Min it is Min.
type Range struct{ Min, Max time.Duration }

// A Dial is a connection about to be made.
type Dial struct {
	// Number counts the world's connections, from 1.
	Number uint64
	// To is where to.
	To *loop.Address
}

// A Fate is what will become of one connection. The zero value is a good one.
type Fate struct {
	Connect ConnectFate
	// Up cuts the octets from the side that dialed, Down those to it.
	Up, Down Cut
}

// A ConnectFate is how a connect ends.
type ConnectFate uint8

const (
	// ConnectReaches is a connect which gets to the address: it is established
	// if somebody listens there.
	ConnectReaches ConnectFate = iota
	// ConnectRefused is a connect that ends with ECONNREFUSED.
	ConnectRefused
	// ConnectHangs is a connect that never ends.
	ConnectHangs
)

// A Cut is where a direction of a connection breaks.
type Cut struct {
	Kind CutKind
	// At is how many octets pass before.
	At int64
}

// A CutKind is what a Cut looks like from the receiving end. The sending end
// sees a reset in both cases.
type CutKind uint8

const (
	// CutNone leaves the direction whole.
	CutNone CutKind = iota
	// CutReset is a reset.
	CutReset
	// CutEnd is the end of stream; writing back provokes a reset.
	CutEnd
)

// complete puts the defaults in the place of zeros.
func (o Options) complete() Options {
	o.Buffer = cmp.Or(o.Buffer, 64<<10)
	o.Backlog = cmp.Or(o.Backlog, 128)
	o.FaultWithin = cmp.Or(o.FaultWithin, 4096)
	if o.Epoch.IsZero() {
		o.Epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	return o
}

// Rough draws the options themselves from a seed, for tests which run many
// seeds: some worlds have slow links, some tiny buffers, some late reports, some
// all of these. Every octet still arrives and every connect to a listener
// succeeds, so that code under test has to succeed as well.
func Rough(seed uint64) Options {
	c := newChance(seed, roughStream)
	return Options{
		Delay:       c.someRange(20 * time.Millisecond),
		Pace:        c.someRange(time.Millisecond),
		Piece:       pick(c, 0, 1, 7, 64, 1000, 1<<20),
		Buffer:      pick(c, 1, 10, 100, 1000, 4096, 64<<10),
		ShortWrites: pick(c, 0, 0.1, 0.5),
		Spurious:    pick(c, 0, 0.02, 0.2),
		Late:        pick(c, 0, 0.1, 0.9),
		LateBy:      c.someRange(10 * time.Millisecond),
	}
}

// Hostile is Rough with faults: connects are refused or hang, connections are
// reset or end at any octet. Code under test has to end each exchange with a
// named cause, and to leave nothing open.
func Hostile(seed uint64) Options {
	o, c := Rough(seed), newChance(seed, hostileStream)
	o.Refuse = pick(c, 0, 0.05, 0.3)
	o.Hang = pick(c, 0, 0.02)
	o.Reset = pick(c, 0, 0.05, 0.3)
	o.End = pick(c, 0, 0.05, 0.3)
	o.FaultWithin = pick(c, 64, 1024, 64<<10)
	o.ResetDiscards = pick(c, 0, 0.5)
	return o
}
