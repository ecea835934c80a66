// Package simulation proves the gateway in simulated worlds. It has no code but
// tests: the gateway's own code runs between clients and origins that do what a
// seed says, on a network that does so too, and a judge looks on.
//
//	          the seed
//	  ┌──────────┼───────────────┬─────────────────┐
//	  ▼          ▼               ▼                 ▼
//	clients ─► network ─► the gateway itself ─► network ─► origins
//	  │          │ every step      │ access log            │
//	  │ intends  ▼                 ▼                       │ intends
//	  └──────► judge: octets, order, ends, causes, leaks ◄─┘
//
// Each request and each response is made twice at the same time, as it is sent
// and as it has to arrive at the other hop (see twin), so the judge knows what
// the gateway has to write without using a line of its code. It compares when
// the gateway writes, octet for octet, and looks into no message.
//
// # What always holds
//
//   - A client receives exactly the octets of the responses to its own requests,
//     in their order, an answer of the gateway's own in place of one, or an end
//     that the access log names with a cause that somebody has given reason for.
//     What was cut off does not look whole.
//   - An origin receives nothing but requests that clients sent, with the edits
//     that are due, each whole before the next, in the order of their client
//     connection; none twice unless it is safe, the connection was reused and
//     gave no octet of a response, and then on a new one; none on a connection on
//     which the origin had spoken unasked or had ended. In a tunnel it is the
//     octets of both sides that are compared.
//   - Where there are fewer places than clients, a client that gives way is idle, it
//     is its turn, and somebody waits.
//   - Everything ends by itself, nothing is left open or borrowed, and the
//     counters add up.
//   - Where nobody misbehaves and nothing is lost, every request is answered by
//     an origin.
//   - Where the gateway records, the recording has every octet that it read and
//     wrote on each connection, no other one, and no end that did not come. The
//     edits in its comments lead from each head and trailer section on one hop to
//     that on the other; without a comment it is the same on both, and so is the
//     rest of a body. Its notes agree with the access log.
//
// # One seed
//
// A seed draws the network, the gateway's configuration, how clients and origins
// behave, and every choice on the way. A failure names it:
//
//	go test ./cmd/edge/internal/simulation -run '^TestSeed$' -seed N -v
//
// tells its story, as a page: a line for each exchange, what was out of the ordinary
// between them, and where the judge found a fault, that exchange on both hops. With
// -story all it is each step with its octets, and what the scripts were up to. The
// script simulate runs seeds by the million. That the judge can see is tested by mutants: copies of the gateway
// with one mistake each, which it has to find.
package simulation
