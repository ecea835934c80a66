// Package plantest makes recordings for the tests of what is made of them.
package plantest

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
)

// OK is a recorded response with "hi" as its content.
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

// An Exchange is a recorded request and response.
type Exchange = [2]string

// Get is a recorded request.
func Get(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n" }

// Gets is a session of GETs that were answered with OK.
func Gets(targets ...string) (session []Exchange) {
	for _, t := range targets {
		session = append(session, Exchange{Get(t), OK})
	}
	return session
}

// Record makes a recording of sessions, as the capture package would.
func Record(sessions ...[]Exchange) *capture.Recording {
	rec := &capture.Recording{}
	for i, s := range sessions {
		c := &capture.Connection{
			ID: fmt.Sprintf("c%d", i+1), Hop: events.ClientHop,
			Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(50001+i)),
			Server: netip.MustParseAddrPort("127.0.0.1:8080"),
		}
		for _, x := range s {
			c.Exchanges = append(c.Exchanges, capture.Exchange{Request: message(x[0]), Response: message(x[1])})
		}
		rec.Connections = append(rec.Connections, c)
	}
	return rec
}

func message(raw string) capture.Message {
	return capture.Message{Raw: []byte(raw), HeadLen: strings.Index(raw, "\r\n\r\n") + 4}
}
