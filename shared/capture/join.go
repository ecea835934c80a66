package capture

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"github.com/hopwire/hopwire/shared/english"
)

// maxTries bounds the search for messages in a connection behind holes, or of which
// the beginning was not captured.
const maxTries = 4096

// findRequest moves the inbound side to the first head of a request: to the
// beginning of the segment around a version of HTTP, or of the line around it. A
// capture that began in the middle of a connection may have begun in the middle of
// content, and what looks like a request there cannot be told from one.
func (c *cutter) findRequest() bool {
	const version = " HTTP/1."
	s := &c.inbound
	run := s.at // where the octets without a hole begin
	for at := run; c.tries < maxTries; c.tries++ {
		octets := s.from(run)
		i := bytes.Index(octets[at-run:], []byte(version))
		if i < 0 {
			hole, ok := s.holeAfter(at)
			if !ok {
				return false
			}
			run, at = hole.to, hole.to
			continue
		}
		at += i
		line := run + bytes.LastIndexByte(octets[:at-run], '\n') + 1
		for _, start := range []int{s.markAt(at).place, line} {
			if start >= run && c.beginsRequest(s.from(start)) {
				s.at = start
				return true
			}
		}
		at += len(version)
	}
	return false
}

// resume moves the inbound side behind the first hole after begin, to the next
// request: to where the one that the hole is in ends, if its head says that, or to
// the next segment that begins with a request.
func (c *cutter) resume(begin int) bool {
	s := &c.inbound
	hole, ok := s.holeAfter(begin)
	if !ok {
		return false
	}
	c.partial = false
	c.lost++
	c.adrift = true
	c.owed++
	s.at = max(s.at, hole.to)
	found := c.atRequest()
	for i := s.markAfter(s.at); !found && i < len(s.marks); i++ {
		s.at = s.marks[i].place
		found = c.atRequest()
	}
	if !found {
		s.at = s.length()
		return false
	}
	c.shortest = min(c.shortest, len(c.request.Raw))
	c.more += max(0, (s.at-begin)/c.shortest-1)
	return true
}

// atRequest reports whether the inbound side stands at a whole head of a request.
func (c *cutter) atRequest() bool {
	rest := c.inbound.rest()
	line, _, _ := bytes.Cut(rest[:min(len(rest), maxLine)], []byte("\n"))
	if c.tries == maxTries || !bytes.Contains(line, []byte(" HTTP/1.")) {
		return false
	}
	c.tries++
	if !c.beginsRequest(rest) {
		return false
	}
	c.tries = 0
	return true
}

// beginsRequest reports whether octets begin with a whole head of a request, and so
// clearly that they may be taken for one in the middle of a connection: lines of
// content have many words.
func (c *cutter) beginsRequest(octets []byte) bool {
	_, _, _, err := ParseRequest(octets, &c.request)
	return err == nil && !bytes.Contains(c.request.Target, []byte(" "))
}

// follow moves the outbound side to where the response to the last request begins.
// No response comes before its request. So whatever the client had received when it
// sent this one answers others, or nothing, and so does what the server had sent
// before it saw this one:
//
//	inbound   │ HEAD /1 │                       │ GET /2, acknowledges all up to ▼ │
//	outbound            │ head │ content of /1  ▼                                  │ head
//
// Where the outbound side is adrift, this is all that is known. It says enough if
// the client waits for each response before it asks again, or if all responses are
// there that it was waiting for. That the client waits is supposed, until it is seen
// to send a request without having received the response to the last one.
func (c *cutter) follow(connection *Connection) {
	s := &c.outbound
	asked := c.inbound.markAt(c.asked)
	received := s.placeOf(asked.ack)
	switch {
	case received > s.length() || received <= -near: // nobody knows
		received = s.at
	case received < 0 && len(connection.Exchanges) == 0 && s.begun && !s.opened:
		s.at = received // the response began before what was captured
		c.uncertain++
	case received < s.at || c.adrift && received == s.at:
		if !c.pipelined && c.supposed >= 0 {
			c.withdraw(connection)
			c.adrift, c.more = true, math.MaxInt32
		}
		c.pipelined = true
	}
	begin := s.at
	if place := max(received, c.seenAt(asked)); place > begin {
		c.pass(connection, place)
	}
	if !c.adrift {
		return
	}
	complete := c.owed+c.more == 0 && len(s.rest()) > 0
	if s.at > begin && mayBeResponse(s.rest()) && (complete || !c.pipelined) {
		c.adrift, c.owed, c.more = false, 0, 0
		if c.supposed < 0 {
			c.supposed = len(connection.Exchanges)
		}
		return
	}
	c.owed++
	if s.at < s.length() {
		c.uncertain++
	}
}

// seenAt returns the first place without a hole in front of it at which the server
// had seen the last request. What says that it had not is the number up to which it
// had received, if that is true: if the octets were captured before the request, or
// other ones acknowledge it.
func (c *cutter) seenAt(asked mark) int {
	s := &c.outbound
	end := s.at + len(s.rest())
	for i := max(0, s.markAfter(s.at)-1); i < len(s.marks) && s.marks[i].place < end; i++ {
		seen := func(m mark) bool { return c.inbound.placeOf(m.ack) > c.asked }
		m, last := s.marks[i], s.marks[len(s.marks)-1]
		if seen(m) || !m.at.Before(asked.at) && !seen(last) {
			return max(s.at, m.place)
		}
	}
	return end
}

// pass moves the outbound side to place, over octets that answer none of the
// requests from here on. Unless it is adrift, they are more of the last response
// than there should be, or answer nothing, as 408 does; or those before were taken
// for answers to the wrong requests.
func (c *cutter) pass(connection *Connection, place int) {
	s, begin := &c.outbound, c.outbound.at
	responds := mayBeResponse(s.rest())
	n := c.countResponses(place)
	unread := s.at < place
	s.at = max(s.at, place)
	switch {
	case c.adrift:
		found := max(0, n-c.owed) // which answer requests in holes
		c.owed, c.more = max(0, c.owed-n), max(0, c.more-found)
		if c.lost > 0 {
			c.lost += found
		}
	case c.supposed == len(connection.Exchanges): // they answer what was asked before the capture
	case !responds && len(connection.Exchanges) > 0:
		c.blameLast(connection)
	case c.supposed >= 0 && (n > 0 || unread):
		c.withdraw(connection)
	default:
		c.unasked += s.at - begin
	}
}

// withdraw takes back the responses that were supposed to be to their requests.
func (c *cutter) withdraw(connection *Connection) {
	for i := range connection.Exchanges[c.supposed:] {
		x := &connection.Exchanges[c.supposed+i]
		if x.Interim != nil || len(x.Response.Raw) > 0 {
			c.uncertain++
		}
		x.Interim, x.Response = nil, Message{}
	}
	c.supposed = len(connection.Exchanges)
}

// blameLast is for the last response, if it is whole as far as its head knows.
func (c *cutter) blameLast(connection *Connection) {
	last := &connection.Exchanges[len(connection.Exchanges)-1].Response
	if len(last.Raw) > 0 && !last.Cut && last.Fault == nil {
		last.Fault = errExcess
		c.blame(errExcess)
	}
}

// conclude looks at what is left when there are no more requests.
func (c *cutter) conclude(connection *Connection) {
	unread := c.failed != nil || c.partial && !c.adrift // what is left may be for this one
	if len(c.outbound.rest()) > 0 && !unread && !connection.Upgraded && len(connection.Exchanges) > 0 {
		c.pass(connection, c.outbound.length())
	}
}

// mayBeResponse reports whether a response could begin with these octets.
func mayBeResponse(octets []byte) bool {
	const version = "HTTP/1."
	n := min(len(octets), len(version))
	return string(octets[:n]) == version[:n]
}

// countResponses counts the final responses before place, as far as they can be
// read as responses to GET. 408 is none: servers send it when nobody asks (RFC 9110
// section 15.5.9).
func (c *cutter) countResponses(place int) (n int) {
	for c.outbound.at < place {
		_, err := c.cutResponse([]byte("GET"))
		if err != nil {
			break
		}
		if !c.response.Interim() && c.response.Status != 408 {
			n++
		}
	}
	return n
}

// blame counts a response that is not by the book.
func (c *cutter) blame(fault error) {
	if c.faulty++; c.faulty == 1 {
		c.fault = fault
	}
}

// explain adds to the stream's warnings what of it is not in the connection.
func (c *cutter) explain(connection *Connection) {
	warn := func(kind warningKind, format string, arguments ...any) {
		where := fmt.Sprintf("connection %s (%s > %s): ", connection.ID, connection.Client, connection.Server)
		c.stream.warnings = append(c.stream.warnings, warning{kind, where + fmt.Sprintf(format, arguments...)})
	}
	kept := len(connection.Exchanges)
	if c.lost > 0 {
		warn(requestsMissing, "%s of requests missing; lost at least %s",
			english.Plural(c.inbound.lost(), "byte"), english.Plural(c.lost, "request"))
	}
	switch {
	case c.failed == errNoMemory:
		warn(messagesUnread, "left out what follows %s for want of memory, of which the bound is %v", english.Plural(kept, "request"), c.stream.tracer.memory)
	case c.failed != nil && (c.looksLikeHTTP() || kept > 0):
		warn(requestUnreadable, "a request cannot be read: %v; left it out, and what follows", inWords(c.failed))
	}
	if c.partial {
		warn(requestPartial, "its last request is not whole and was left out")
	}
	if hole, ok := c.outbound.holeAfter(0); ok && kept > 0 && (!connection.Upgraded || hole.from < c.outbound.at) {
		warn(responsesMissing, "%s of responses missing; kept the requests", english.Plural(c.outbound.lost(), "byte"))
	}
	if c.uncertain > 0 {
		warn(responsesUncertain, "%s kept without a response, since it is not certain which is whose", english.Plural(c.uncertain, "request"))
	}
	if c.faulty > 0 {
		first := ""
		if c.faulty > 1 {
			first = ", the first"
		}
		warn(responsesFaulty, "%s not by the book%s: %v", english.Plural(c.faulty, "response"), first, inWords(c.fault))
	}
	if c.unasked > 0 {
		warn(responsesExcess, "%s of responses answer no request and were left out", english.Plural(c.unasked, "byte"))
	}
	if goesOn := c.stream.named && c.before == 0; connection.Joined && kept > 0 && !goesOn {
		left := ""
		if c.before > 0 {
			left = fmt.Sprintf("; left out %s in front of its first request", english.Plural(c.before, "byte"))
		}
		warn(joined, "its beginning was not captured%s", left)
	}
}

// whyNone says why no exchange was found.
func (c *cutter) whyNone() error {
	if c.stream.oneSided() {
		return errOneSide
	}
	if c.failed != nil && !c.looksLikeHTTP() {
		return errForeign
	}
	return errNoRequest
}

// looksLikeHTTP reports whether the first line is that of a request of
// HTTP/1.x, be it as wrong as it may.
func (c *cutter) looksLikeHTTP() bool {
	line, _, _ := strings.Cut(string(c.inbound.octets[:min(len(c.inbound.octets), 8192)]), "\n")
	return strings.Contains(line, "HTTP/1.")
}
