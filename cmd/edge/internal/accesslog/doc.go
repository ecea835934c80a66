// Package accesslog writes one line for each exchange, without ever making a
// loop wait for a disk.
//
//	loop 0: Batch ──┐ Add appends a line to the batch's octets
//	loop 1: Batch ──┤ full, or a second old: hand the octets over, go on with others
//	loop 2: Batch ──┘
//	                 │ a bounded queue; what does not fit is dropped and counted
//	                 ▼
//	            Log's goroutine ──► file
//
// A line is in Common Log Format, so that every tool for access logs reads it,
// followed by what a gateway has to tell beyond:
//
//	127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326
//	    read=14us connect=0us send=9us wait=210us relay=31us total=264us c3#2 -> o1#7 kept/kept
//
// (on one line). The size is that of the response's body as it went out, chunk
// framing included. The phases follow one another: from the first octet of the
// request to the end of its head, until an origin connection is at hand, until
// the request or what of it had arrived is written, until the first octet of the
// response, until its last. A request that had to wait until others were done with
// their connections has a phase queue=... behind read. c3#2 is the second request
// on client connection 3, o1#7 the seventh on origin connection 1, or - if the
// request reached none. Where there may be several origins, @ and an address say
// which one: o1#7@10.0.0.2:80, or -@10.0.0.2:80 when no connection could be made
// to any and this was the last one tried. The two words at the end say what became of the two
// connections. Behind them replayed says that the request was sent once more after
// a stale connection; ! and a name, and perhaps the rule that was broken, say why
// the gateway answered by itself. An exchange that ended early spent its last time
// in the phase it was in. What a client sent that is no request, or did not come
// to the end of a head, has a line too: with its own first line, or the beginning
// of that.
//
// The line of an exchange that became a tunnel is written when that has ended.
// Its size is that of what went to the client, the last phase the life of the
// tunnel, and tunnel=30/2000 the octets from and to the client.
package accesslog
