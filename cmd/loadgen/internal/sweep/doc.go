// Package sweep measures servers at the points of a grid, and says from how many requests
// per connection on keeping it alive longer gains nothing.
//
//	Axes ──► Cells ──► Order of a round ──► replay.Run, one per cell and round
//	                                                 │
//	                                               Round
//	                                                 ▼
//	Report ◄── BreakEven, Ratio ◄── Estimate ◄── rounds of a cell
//
// Where to read on:
//
//	grid.go       what is measured, and in which order
//	run.go        the loop over rounds and cells
//	round.go      what one run gives
//	system.go     what the kernel knows of it
//	estimate.go   medians and ratios, and how far they are certain
//	breakeven.go  from how many requests on it stops mattering
//	report.go     all that together, with names for JSON
//
// Only run.go opens sockets, and only that and system.go look at a clock.
package sweep
