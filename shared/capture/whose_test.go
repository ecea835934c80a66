package capture

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/hopwire/hopwire/shared/events"
)

// A talk is a client that may have several requests unanswered, and a server, as a
// capture beside the client sees them, or some of what they send.
type talk struct {
	*rand.Rand
	tap     *wiretap
	depth   int     // requests that may be unanswered
	loss    float64 // of segments
	from    int     // the request with which the capture begins
	asked   int     // by the client
	heard   int     // by the server
	replied int
	got     int // by the client
	faulty  int // replies that cannot be read
	sent    [2]int
	seen    [2]int     // by the other end
	flight  [2][]piece // what it has yet to see
}

// A piece is a segment, with the place at which it begins and the one up to which its
// sender had seen.
type piece struct {
	content string
	at, ack int
	last    bool // of a message
}

func (k *talk) send(d events.Direction, content string, last bool) {
	s := piece{content, k.sent[d], k.seen[d^1], last}
	k.sent[d] += len(content)
	k.flight[d] = append(k.flight[d], s)
	if d == events.Inbound {
		k.capture(d, s)
	}
}

func (k *talk) capture(d events.Direction, s piece) {
	if k.asked >= k.from && k.Float64() >= k.loss {
		k.tap.sent[d^1] = s.ack
		k.tap.send(d, 0, s.at, s.content)
	}
}

func (k *talk) arrive(d events.Direction) {
	s := k.flight[d][0]
	k.flight[d] = k.flight[d][1:]
	k.seen[d] = s.at + len(s.content)
	switch {
	case d == events.Inbound:
		k.heard++
	case s.last:
		k.got++
	}
	if d == events.Outbound {
		k.capture(d, s)
	}
}

func (k *talk) step() {
	switch k.IntN(4) {
	case 0:
		if k.asked-k.got < k.depth {
			k.send(events.Inbound, fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", k.asked), true)
			k.asked++
		}
	case 1:
		if len(k.flight[events.Inbound]) > 0 {
			k.arrive(events.Inbound)
		}
	case 2:
		if k.replied < k.heard {
			k.reply()
			k.replied++
		}
	case 3:
		if len(k.flight[events.Outbound]) > 0 {
			k.arrive(events.Outbound)
		}
	}
}

func (k *talk) reply() {
	number := fmt.Sprintf("%04d", k.replied)
	switch k.IntN(12) {
	case 0:
		k.faulty++
		k.send(events.Outbound, "HTTP/1.1 200 OK\r\nX : 1\r\nContent-Length: 4\r\n\r\n"+number, true)
	case 1, 2, 3:
		k.send(events.Outbound, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n"+number, false)
		k.send(events.Outbound, "\r\n0\r\n\r\n", true)
	default:
		k.send(events.Outbound, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"+number, true)
	}
}

// Whatever a capture has missed, no response is taken for that of another request:
// rather for none. A client that waits for each response loses but those that are
// missing, or not readable.
func TestNoResponseIsAnothers(t *testing.T) {
	number := regexp.MustCompile(`\d{4}`)
	for seed := range uint64(1000) {
		random := rand.New(rand.NewPCG(seed, 11))
		k := &talk{Rand: random, tap: newWiretap(t, layers.LinkTypeEthernet), depth: 1 + random.IntN(3), loss: 0.1 * float64(random.IntN(2))}
		if k.from = max(0, random.IntN(6)-2); k.from == 0 {
			k.tap.connect()
		}
		for k.got < 12 {
			k.step()
		}
		rec := readBytes(t, k.tap.file.Bytes())
		answered, uncertain := 0, strings.Contains(strings.Join(rec.Warnings, ""), "not certain")
		for _, c := range rec.Connections {
			for _, x := range c.Exchanges {
				if len(x.Response.Raw) == 0 || x.Response.Cut {
					continue
				}
				answered++
				var want int
				fmt.Sscanf(string(x.Request.Raw), "GET /%d ", &want)
				if got := number.FindString(string(x.Response.Body())); got != fmt.Sprintf("%04d", want) {
					t.Errorf("seed %d: %d was answered with %s; warnings %q", seed, want, got, rec.Warnings)
				}
			}
		}
		if k.depth == 1 && k.loss == 0 && (uncertain || answered < 12-k.from-k.faulty) {
			t.Errorf("seed %d: %d answered, %d are not readable, the capture begins with %d; warnings %q", seed, answered, k.faulty, k.from, rec.Warnings)
		}
	}
}
