package capture

import (
	"net/netip"
	"time"

	"github.com/hopwire/hopwire/shared/events"
)

// A Recording is what a capture file holds, as HTTP.
//
// All of its types are plain: a recording can as well be put together by hand.
type Recording struct {
	// Connections that carried HTTP/1.x, in the order of their first packets.
	Connections []*Connection
	// Notes of the gateway that wrote the file, in the order of time.
	Notes []Note
	// Warnings say, one sentence each, what of the file is not among the
	// connections, and why. They are for people. The first Losses of them are about
	// what may have been asked of a server and is not there.
	Warnings []string
	Losses   int
	// Reasons are the warnings in short: a sentence for each kind of thing that is
	// wrong, and those first which may be why there are no connections.
	Reasons []string
}

// A Connection is one TCP connection and the exchanges on it.
type Connection struct {
	// ID is the name that the edge gave to the connection, such as "c3", or in
	// captures made by others its number in the file, from "1".
	ID             string
	Hop            events.Hop
	Client, Server netip.AddrPort
	// Opened is when the first packet was seen.
	Opened time.Time
	// Joined says that the beginning of the connection was not captured.
	Joined    bool
	Exchanges []Exchange
	// Upgraded says that HTTP ended with the last exchange, and that a tunnel
	// followed (101, or 2xx to CONNECT).
	Upgraded bool
	Closed   Closing
}

// A Closing is how a connection ended: by which side first.
type Closing struct {
	How  events.Means     // NotEnded: the capture did not see it
	From events.Direction // Inbound: by the client
	At   time.Time
}

// An Exchange is a request and its responses (RFC 9110 section 3.4).
type Exchange struct {
	Request Message
	// Interim responses (1xx), in order; nil mostly.
	Interim []Message
	// Response is the final response. It is empty when none was seen, or none that
	// can be read.
	Response Message
}

// A Message is one request or response as it was sent.
type Message struct {
	// Raw holds the exact octets of head and body. Messages of one connection
	// share memory: treat it as read-only.
	Raw []byte
	// HeadLen is how many octets of Raw are the head, its empty line included.
	HeadLen int
	// At is when the first octet was seen, and End when the last one was.
	At, End time.Time
	// Cut says that the body is not complete: the connection or the capture
	// ended before it.
	Cut bool
	// Fault says what is wrong with a message of which it is clear all the same where
	// it ends; nil mostly. See ParseRequest.
	Fault error
}

// Body returns what follows the head, framing included.
func (m *Message) Body() []byte { return m.Raw[m.HeadLen:] }
