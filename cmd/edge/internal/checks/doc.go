// Package checks asks origins now and then whether they are well, on connections
// of its own.
//
// # The life of a check
//
//	 Begin                                                              End
//	   │                                                                 │
//	   ▼                        one task, one connection                 ▼
//	┌───────┐  timer   ┌────────────────────────────────────┐   the connection is
//	│ watch ├─────────►│ connect, GET PATH, read a response │   reset, the timer
//	└───────┘          └──────────────────┬─────────────────┘   stopped
//	   ▲                                  ▼
//	   │                               Finding
//	   │ the interval,                    │
//	   │ a tenth more or less             ▼
//	   └─────────────────── standing: up or down? ──► Config.Health
//	                                      │ changed
//	                                      ▼
//	                                Config.Report
//
// A Checker belongs to one loop, and what it finds out is told to all. Its
// connections are not those of the exchanges: they come from no pool, count
// against no bound, and stand in no log.
//
// An origin counts as up until its first check has ended, and that one decides
// at once; afterwards it takes several in a row that say otherwise.
package checks
