// Package fault knows what servers do wrong, as values: it reads scripts of faults,
// chooses the one that strikes a response or a connection, and turns the bytes of a
// response into what is done instead. It opens no socket and reads no clock.
//
//	YAML ─► Parse ─► Script ─► Player ─► Fault ─► Strike ─► steps: write, wait, FIN, reset, stop
//	?fault= ─► ParseQuery ───────────────────┘                │
//	                                  bytes of our response ──┘
//
// A [Script] is for all loops, a [Player] for one: it draws the shares, from the
// script's seed. A [Strike] follows one response by wire's parser and framing, so
// that it knows its head, its body, each chunk and the last one, in whatever pieces
// they come.
//
// Where to read on:
//
//	script.go      the two lists of a file, strictly read
//	keys.go        what can be written in them: the grammar of each value
//	place.go       where in a response something happens
//	choose.go      which responses and connections it happens to
//	strike.go      what becomes of a response: its head, its body, its end
//	edit.go        what is changed in a head
//	cut.go         what happens at which byte
package fault
