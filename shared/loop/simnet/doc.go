// Package simnet runs the code of a gateway, its clients and its origins unchanged
// in a network in memory with a clock of its own, behind the seam of package loop.
// An hour passes in milliseconds, and one seed is one history:
//
//	err := simnet.New(seed, simnet.Rough(seed)).Run(loop.Config{}, func(g *loop.Group) error {
//		// Listen, and Post what starts the clients; g.Stop ends the run.
//	})
//
// A World holds the sockets, the clock and the only source of chance. An Engine
// is the face it shows to one loop; it behaves as the kernel does behind
// edge-triggered readiness. The life of an octet from Write to Read:
//
//	 the writing socket                  the network                 the reading socket
//	┌──────────────────────┐                                      ┌──────────────────────┐
//	│ Write                │                                      │                 Read │
//	│   │ takes what there │  taken, after    travels for a       │ gives what has  ▲    │
//	│   ▼ is room for      │  Options.Pace    time in Options.    │ arrived         │    │
//	│ [send buffer] ───────┼──► in pieces ──► Delay ──────────────┼─► [receive buffer]   │
//	│   full: ErrAgain     │         │                            │    empty: ErrAgain   │
//	│                      │         │ Fate: a Cut at octet n     │                      │
//	│ ReadyWrite when a    │         ▼                            │ ReadyRead when a     │
//	│ piece was taken      │  reset or end of stream              │ piece arrived        │
//	└──────────────────────┘                                      └──────────────────────┘
//
// Both directions of a connection are one such stream each, a byte slice with
// four marks:
//
//	       read          arrived           taken          written
//	──gone──┼─ receive buffer ┼─ travelling ──┼─ send buffer ──┼── room ──
//
// The clock stands still while code runs. It moves only in Engine.Wait, when
// nothing is ready, to the next thing that happens in the network or to the
// instant that the loop asked to be woken at. When neither will ever come, Wait
// returns ErrQuiet: in a simulated world a deadlock is an error, not a hang.
//
// # Readiness
//
// A loop that works here relies on what package loop promises and on nothing
// more: readiness is reported when the loop has found a socket empty or full and
// that changed. More arrivals, before the loop looked, bring no second report
// (the kernel would bring one). Options.Spurious adds reports for which there is
// no reason, Options.Late delays them, and the order in which Wait hands out
// those that are due at one time is random.
//
// # One seed, one history
//
// Everything random comes from one generator, seeded by New. No map is iterated
// over, no goroutine runs, no clock of the machine is read. Two runs of the same
// deterministic code with the same seed and options take the same steps, octet
// for octet: World.Digest says so in one number, and Options.History shows the
// steps, so that a failing seed can be read step by step.
//
// # Errors
//
// Errors are those of Linux, bare syscall.Errno values, and a test compares the
// two. A reset leaves what had arrived readable; then the first operation that
// can do no more, be it Read or Write, is told ECONNRESET, and later ones the
// end of stream and EPIPE. A reset after the peer's end of stream is EPIPE to
// writers and nothing to readers. Closing a socket on which octets lie unread resets the connection,
// and so do octets that arrive at a closed socket.
//
// Where it differs from Linux: Unix sockets behave as TCP ones do, except for
// their names, and nothing is retransmitted, since nothing is lost.
package simnet
