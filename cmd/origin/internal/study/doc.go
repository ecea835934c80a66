// Package study has the endpoints below [Path], which answer as real servers do and
// as one needs it to study what is in front of them. It decides, and sends nothing:
//
//	GET /_/stream/1MiB?chunk=4KiB&every=50ms
//	      │  For: the endpoint, its argument and parameters, with bounds
//	      ▼
//	Answer    interim responses, delay, status, fields, content in pieces with
//	          pauses, trailer fields; or what to read before
//
// What cannot be answered is an Answer, too: a 400, 404 or 405 with a sentence. So
// a server has one way to send all of them. Messages is the grammar of WebSockets,
// likewise without a socket.
package study
