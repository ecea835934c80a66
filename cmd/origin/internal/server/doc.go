// Package server answers requests for the files of a site, and echoes, reports or
// stores what is posted to it.
//
//	accept ─► client ── parked: this struct and a deadline, no task, no buffer
//	            │  ▲
//	   Readable │  │ onward: the connection persists, nothing is left to read
//	            ▼  │
//	         a task, with a borrowed exchange and buffer
//	            │
//	            │  readHead     wire.ParseRequestHead          ──► refuse
//	            │  respond      method and target:
//	            │    ├─ /_/         serveStudy   with Config.Study: as package study decides
//	            │    ├─ GET, HEAD   serveFile    a file of the site, whole, in part or not at all
//	            │    ├─ POST        post: echo   the content comes back as it arrives,
//	            │    │                or posting a report does, when all is there and, if
//	            │    │                           it is to be, stored
//	            │    ├─ OPTIONS     serveOptions
//	            │    └─ any other   405
//	            │  settle       what is left of the request's content, counters, the access log
//	            │
//	            ├─ another request is in the buffer: once more, and the responses
//	            │  are gathered into one write
//	            ▼
//	         an outcome: onward, hangUp, linger, abort
//
// A GET of a small file is one read and one write: its response lies ready in
// the loop's cache, head and content in one piece, and once a second the Date
// in it is set. What is unusual, such as a condition, a range, HTTP/1.0 or
// the last request of a connection, has its head written for it.
//
// Where faults are to strike (package fault), respond asks for the one of the request.
// All bytes of its response then go through a strike, whose steps the task takes:
// writing, waiting, and ending the connection in ways that nobody should. What happens
// to a connection without a request is the client's.
//
// What waits for the disk while content is stored is done aside, on another goroutine,
// while the task is suspended: see worker.aside.
//
// Each loop has one worker with a cache, a batch of the access log and
// spare exchanges of its own, so nothing here takes a lock.
package server
