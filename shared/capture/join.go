package capture

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/wire"
)

// maxTries bounds the search for messages in a connection behind holes, or of which
// the beginning was not captured.
const maxTries = 4096

// findRequest moves the inbound side to the first head of a request. A capture
// that began in the middle of a connection may have begun in the middle of
// content, and what looks like a request there cannot be told from one.
func (c *cutter) findRequest() bool {
	return c.find(&c.inbound, " HTTP/1.", c.beginsRequest)
}

// findResponse moves the outbound side to the first response that can be the
// answer to the first request: one that was not seen before it.
func (c *cutter) findResponse() {
	c.before = c.inbound.at
	asked := c.inbound.markAt(c.inbound.at)
	place := c.outbound.placeOf(asked.ack) // see follow
	if place >= 0 && place < c.outbound.length() && mayBeResponse(c.outbound.from(place)) {
		c.outbound.at = place
		return
	}
	c.outbound.at = c.outbound.firstSince(asked.at)
	found := c.find(&c.outbound, "HTTP/1.", func(b []byte) bool {
		_, err := wire.ParseResponseHead(b, 0, &c.response)
		return err == nil
	})
	if !found {
		c.outbound.at = c.outbound.length()
	}
}

// find moves s to the first place where a head is accepted. Such a place is
// the beginning of the line around version, or of the segment around it, since
// the content in front of a head need not end with a line.
func (c *cutter) find(s *side, version string, accept func([]byte) bool) bool {
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
		for _, start := range []int{line, s.markAt(at).place} {
			if start >= run && accept(s.from(start)) {
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
	c.owed++
	s.at = max(s.at, hole.to)
	if c.atRequest() {
		return true
	}
	for _, m := range s.marks[s.markAfter(s.at):] {
		if s.at = m.place; c.atRequest() {
			return true
		}
	}
	s.at = s.length()
	return false
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

// follow moves the outbound side to where the response to the last request begins,
// if that is further on: no response comes before its request, so whatever the
// client had received when it sent this one belongs to others. They may be responses
// to requests in a hole, or have a hole in them; they may not be readable, or go on
// behind the end that their heads say:
//
//	inbound   │ HEAD /1 │                       │ GET /2, acknowledges all up to ▼ │
//	outbound            │ head │ content of /1  ▼                                  │ head
//
// Of pipelined requests this says nothing.
func (c *cutter) follow(connection *Connection) {
	s := &c.outbound
	place := s.placeOf(c.inbound.markAt(c.asked).ack)
	known := place > s.at && place <= s.length() && mayBeResponse(s.from(place))
	hole, cut := s.holeAfter(s.at)
	switch {
	case known && (c.owed > 0 || s.at == c.unreadable || cut && hole.from < place || !mayBeResponse(s.rest())):
		c.pass(connection, place)
	case c.owed > 0: // what comes next may be for the one in the hole
		c.owed++
		c.unreadable = s.at
	}
}

// pass moves the outbound side to place, over octets that answer no request of the
// connection. If none is missing they are more of the last response than there
// should be, or one to nothing, such as 408.
func (c *cutter) pass(connection *Connection, place int) {
	s := &c.outbound
	switch {
	case c.owed > 0:
		c.lost += max(0, c.countResponses(place)-c.owed)
		c.owed = 0
	case s.at != c.unreadable && !mayBeResponse(s.rest()) && len(connection.Exchanges) > 0:
		c.blameLast(connection)
	}
	s.at = place
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
	rest := len(c.outbound.rest())
	if rest == 0 || connection.Upgraded || len(connection.Exchanges) == 0 {
		return
	}
	if c.failed == nil && c.lost == 0 && !c.partial && c.outbound.at != c.unreadable {
		c.behind = rest
	}
	if c.failed == nil {
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
// read as responses to GET.
func (c *cutter) countResponses(place int) (n int) {
	for c.outbound.at < place {
		_, err := c.cutResponse([]byte("GET"))
		if err != nil {
			break
		}
		if !c.response.Interim() {
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

// firstSince returns the place of the first octet seen at t or later.
func (h *half) firstSince(t time.Time) int {
	for _, m := range h.marks {
		if !m.at.Before(t) {
			return m.place
		}
	}
	return h.length()
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
	if c.faulty > 0 {
		first := ""
		if c.faulty > 1 {
			first = ", the first"
		}
		warn(responsesFaulty, "%s not by the book%s: %v", english.Plural(c.faulty, "response"), first, inWords(c.fault))
	}
	if c.behind > 0 {
		warn(responsesExcess, "%s behind the last response answer no request and were left out", english.Plural(c.behind, "byte"))
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
