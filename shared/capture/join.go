package capture

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/wire"
)

// maxTries bounds the search for the first message of a joined connection.
const maxTries = 4096

// findRequest moves the inbound side to the first head of a request. A capture
// that began in the middle of a connection may have begun in the middle of
// content, and what looks like a request there cannot be told from one.
func (c *cutter) findRequest() bool {
	return c.find(&c.inbound, " HTTP/1.", func(b []byte) error {
		_, err := wire.ParseRequestHead(b, 0, &c.request)
		return err
	})
}

// findResponse moves the outbound side to the first response that can be the
// answer to the first request: one that was not seen before it.
func (c *cutter) findResponse() {
	c.before = c.inbound.at
	asked := c.inbound.when(c.inbound.at)
	c.outbound.at = c.outbound.firstSince(asked)
	found := c.find(&c.outbound, "HTTP/1.", func(b []byte) error {
		_, err := wire.ParseResponseHead(b, 0, &c.response)
		return err
	})
	if !found {
		c.outbound.at = len(c.outbound.octets)
	}
}

// find moves s to the first place where parse accepts a head. Such a place is
// the beginning of the line around version, or of the segment around it, since
// the content in front of a head need not end with a line.
func (c *cutter) find(s *side, version string, parse func([]byte) error) bool {
	for at, tries := s.at, 0; tries < maxTries; tries++ {
		i := bytes.Index(s.octets[at:], []byte(version))
		if i < 0 {
			return false
		}
		at += i
		line := bytes.LastIndexByte(s.octets[:at], '\n') + 1
		for _, start := range []int{line, s.segmentAround(at)} {
			if start >= s.at && parse(s.octets[start:]) == nil {
				s.at = start
				return true
			}
		}
		at += len(version)
	}
	return false
}

// segmentAround returns where the octets begin that became readable together
// with the one at offset.
func (h *half) segmentAround(offset int) int {
	i := h.markAfter(offset)
	if i == 0 {
		return 0
	}
	return h.marks[i-1].offset
}

// firstSince returns the offset of the first octet seen at t or later.
func (h *half) firstSince(t time.Time) int {
	for _, m := range h.marks {
		if !m.at.Before(t) {
			return m.offset
		}
	}
	return len(h.octets)
}

// explain adds to the stream's warnings what of it is not in the connection.
func (c *cutter) explain(connection *Connection) {
	warn := func(format string, arguments ...any) {
		where := fmt.Sprintf("connection %s (%s > %s): ", connection.ID, connection.Client, connection.Server)
		c.stream.warnings = append(c.stream.warnings, where+fmt.Sprintf(format, arguments...))
	}
	kept := len(connection.Exchanges)
	if goesOn := c.stream.named && c.before == 0; connection.Joined && kept > 0 && !goesOn {
		warn("the capture began in the middle of it; left out %s in front of its first request", english.Plural(c.before, "byte"))
	}
	if c.inbound.lost > 0 {
		warn("%s of requests missing; kept %s in front of them", english.Plural(c.inbound.lost, "byte"), english.Plural(kept, "exchange"))
	}
	if c.outbound.lost > 0 {
		warn("%s of responses missing; kept only requests from there on", english.Plural(c.outbound.lost, "byte"))
	}
	if c.partial {
		warn("its last request is not whole and was left out")
	}
	if c.failed != nil && c.looksLikeHTTP() {
		warn("%v; left it out, and what follows", c.failed)
	}
	if rest := len(c.outbound.rest()); rest > 0 && c.failed == nil && !connection.Upgraded && kept > 0 && !c.partial {
		warn("%s behind the last response answer no request and were left out", english.Plural(rest, "byte"))
	}
}

// whyNone says why no exchange was found.
func (c *cutter) whyNone() error {
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
