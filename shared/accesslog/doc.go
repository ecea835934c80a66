// Package accesslog writes lines about exchanges, without ever making a loop wait
// for a disk or a pipe.
//
//	loop 0: Batch ──┐ Begin and End append a line to the batch
//	loop 1: Batch ──┤ full, or its first line maxAge old: hand the lines over
//	loop 2: Batch ──┘
//	                 │ a bounded queue; what does not fit is lost, counted and said
//	                 ▼
//	            Log's goroutine ──► file; opened anew when it has been moved away
//
// While the file cannot be written, because the disk is full or nobody reads the
// fifo, the goroutine tries again and again, and the queue fills: so a failure that
// passes costs what the queue could not hold, and never part of a line.
//
// A line begins in Common Log Format, so that every tool for access logs reads it:
//
//	127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326
//
// The client of a Unix socket is unix. A number that is 0, or not known, is a dash.
// Behind that stands what the program has to tell beyond. Text from the network is
// escaped in one way, see [AppendEscaped].
//
// Or, with [Log.JSON], a line is an object, with the time to the microsecond:
//
//	{"time":"2026-10-10T13:55:36.012345Z","program":"edge","event":"exchange",…}
package accesslog
