// Package capture writes and reads recordings: pcapng files, which Wireshark,
// tshark and tcpdump open like any capture of a network.
//
// # What a recording holds
//
// The gateway sees octets on sockets, not packets. A Recorder puts packets around
// them, such as could have carried them: every read and every write becomes one
// TCP segment, or several if it is longer than one can be, between a handshake
// and a FIN or RST. Octets, times and the borders of writes are true; the headers
// below HTTP are made up.
//
//	client                       edge                       origin
//	   │      interface client    │     interface origin     │
//	   │                          │                          │
//	   │ SYN  "c3 opened by ..."  │                          │
//	   │─────────────────────────▶│                          │
//	   │◀──────────────── SYN ACK │                          │
//	   │ ACK ────────────────────▶│                          │
//	   │ GET /a ─────────────────▶│ interface notes:         │
//	   │                          │ syslog "exchange c3#1"   │
//	   │                          │ SYN, SYN ACK, ACK        │
//	   │                          │ GET /a ─────────────────▶│ comment: the edits
//	   │                          │◀───────────────── 200 OK │
//	   │◀───────────────── 200 OK │                          │
//	   │ FIN ────────────────────▶│                          │
//	   │◀──────────────── FIN ACK │     o4 stays open        │
//	   │ ACK ────────────────────▶│                          │
//
// In the file:
//
//	section header        the writing program, and how to look at the file
//	3 interfaces          client, origin, notes; Ethernet; nanoseconds
//	packets               in the order of time, with comments and with the
//	                      direction as the edge saw it (received, sent)
//	interface statistics  packets, and holes in what was recorded
//
// Notes are syslog datagrams (RFC 5424) from 192.0.2.1 to 192.0.2.2, so that
// they stand between the packets that they explain, and filters find them.
// Addresses of Unix domain sockets cannot be written: their clients are
// 198.51.100.1 with a port made from the connection's number, their servers
// 198.51.100.2:80. Hardware addresses end in 1 for the client, 2 for the edge
// and 3 for the origin.
//
// Only a side that has something to send acknowledges what it received, and
// after 256 KiB one that has not. So the file is not full of empty segments.
//
// # Looking at a recording
//
// Who asked what, where it went, and why:
//
//	tshark -r FILE -Y 'http || syslog' -T fields -e frame.time_relative \
//	    -e frame.interface_name -e _ws.col.Info
//
// What the edge said about single packets; the comment on a SYN tells which
// connection this is:
//
//	tshark -r FILE -Y frame.comment -T fields -e frame.number -e frame.comment
//
// One exchange on both hops, by the name that each of its packets has ("c3#2 -> o1#7",
// or "c3#2 -> -" as long as no connection to an origin is known). The space behind the
// number tells it from c3#21:
//
//	tshark -r FILE -Y 'frame.comment contains "c3#2 "'
//
// The notes alone; one side of the edge; the octets of one connection; what
// TCP has to complain of, which is where octets are missing:
//
//	tshark -r FILE -Y syslog -T fields -e syslog.msgid
//	tshark -r FILE -Y 'frame.interface_name == "origin"'
//	tshark -r FILE -q -z follow,tcp,ascii,0
//	tshark -r FILE -q -z expert
//
// tshark recognizes HTTP/1.x on any port by its first line, unless it knows one of
// the two ports for another protocol, and a client's is whichever was free: then it
// needs -o tcp.try_heuristic_first:TRUE. tcpdump knows only the usual ports, and
// prints octets with -A.
//
// # Recording under load
//
// A Recorder lets event loops record without waiting for a disk. If the disk
// is too slow, octets are left out and counted. The Flow goes on counting what
// passes, so that the recording shows a hole of exactly that size: Wireshark
// reports a segment that was not captured, and a note says what it was.
//
// At the end of a connection, what was recorded of both directions is compared with
// what the event loop has read and written, so that a hole at its very end shows, too.
//
// What a full disk has not taken waits, first in the writer and then in the
// tracks, and is written once there is room. A pipe whose reader has gone is given
// up.
//
// # Several files
//
// A recording may go on in further files when one has reached a bound. Each is
// complete, with a head, its interfaces and their statistics. A connection that is
// open goes on in the next file with the sequence numbers that it had; there its
// first packet has a comment with its name, such as "c3 goes on, opened by ...",
// and a note at the beginning lists those that may, as far as it has room.
//
// # Reading
//
// Read takes recordings of ours and captures of others, and leads from packets
// to messages:
//
//	file ─▶ packets ─▶ TCP segments ─▶ streams ─▶ exchanges
//	        pcap.go    layers          reassembly  wire
//	        pcapgo
//
// The packets of pcapng files come by package pcapgo, those of pcap files by pcap.go,
// since that package does not take all that others have written.
//
// Whatever is in a file, a Reading stays within a bound of memory. It keeps account
// of what it holds of connections, octets and messages, ends where that has come to
// three quarters of the bound, and says so.
//
// The cutting is exact: messages are framed by package wire, the same code
// that serves them, and Message.Raw holds the octets as they went.
//
// What a capture has missed costs only the messages that it was in. Requests are
// found again at the next segment that begins with one. Which response is theirs,
// TCP says: a client that waits for each response has, when it asks, acknowledged
// all that came before the next one. So it is behind a response that cannot be read.
// If the client did not wait, a response of which this is not certain is left out,
// and its request kept.
package capture
