// Package weather finds out what clients notice of origins that close
// connections at the worst moment, of gateways that are replaced under load, and of
// answers that come while a client still uploads.
// Everything is sent and read here by sockets and a reader of its own, so that
// nothing is tried again behind the back of whoever counts.
//
//	Load: clients in step                  gateway               Origin
//	  │  GET /17                              │                     │
//	  ├──────────────────────────────────────►│ reused connection   │
//	  │                                       ├────────────────────►│ Plan: how long it waits,
//	  │                                       │◄──── FIN or RST ────┤ and how it ends:
//	  │                                       │                     │   idle: by FIN, by RST
//	  │                                       │  again? by rule     │   struck: unread, unanswered
//	  │  the octets that belong to 17,        ├────────────────────►│ new connection: answers
//	  │◄──────────────────────────────────────┤◄────────────────────┤
//	  ▼  or what else: an Outcome
//	Tally
//
// The clients keep step: all of them send at the ticks of one clock, whose
// period is the gap. So the gateway needs as many origin connections as there are
// clients, and all of them are idle for about the gap. That is what the origin's
// idle time is swept across.
//
// Drains has clients that know nothing of each other, and a gateway that is
// stopped and replaced by a new one on the same port, over and over.
//
// Uploads has clients that read nothing until they have written 30 MB, and an origin,
// or none, for each way of answering before that: an Early. Programs are clients that
// others wrote.
//
// Soak has clients that come, go and break off in every way for a long time, after
// which a gateway and its origin are to be as large as they were.
package weather
