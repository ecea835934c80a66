// Package admin is --admin, by which a program is looked at while it runs: a small
// HTTP server beside the loops, with four pages.
//
//	/metrics    counters, gauges and a histogram, in Prometheus' text format
//	/counters   the counters and gauges as JSON: {"client-connections": 12, ...}
//	/healthz    200 for as long as the program lives
//	/readyz     200 while it serves; 503 before it listens and from its first signal on
//
// It has goroutines of its own and shares nothing with the loops but what they answer
// when they are asked, between two of their turns:
//
//	Prometheus ──► goroutine ── Config.Read ──► Post to each loop
//	                   ▲                             │ its counters, copied
//	                   └───────── added up ◄─────────┘
//
// A loop that is busy for long costs whoever asks a 503, and a scraper that stops
// reading costs nobody but itself: everything here is bounded in time, there are few
// connections at a time, and the end of the program waits for none.
//
// Nobody is asked who he is, so addresses that other machines reach are refused unless
// --admin-open is given.
package admin
