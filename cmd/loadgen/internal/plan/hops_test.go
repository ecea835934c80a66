package plan

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/events"
)

// TestHopsOfACapture tells of which connections of a capture by others it is seen
// that a gateway opened them.
func TestHopsOfACapture(t *testing.T) {
	const fetch = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
	// seen is a connection with one request, asked and answered at so many seconds.
	seen := func(client, server, request string, from, to int64) *capture.Connection {
		c := plantest.Record([]plantest.Exchange{{request, plantest.OK}}).Connections[0]
		c.Hop, c.Client, c.Server = events.UnknownHop, netip.MustParseAddrPort(client), netip.MustParseAddrPort(server)
		x := &c.Exchanges[0]
		x.Request.At, x.Response.End = time.Unix(from, 0), time.Unix(to, 0)
		return c
	}
	const client, gateway, origin = "10.0.0.1:4000", "10.0.0.2:80", "10.0.0.3:80"
	asked := seen(client, gateway, fetch, 10, 20)
	// answering has another response.
	answering := func(content string, c *capture.Connection) *capture.Connection {
		c.Exchanges[0].Response.Raw = []byte("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + content)
		return c
	}
	for _, test := range []struct {
		name        string
		connections []*capture.Connection
		passed      bool
	}{
		{"within", []*capture.Connection{asked, seen("10.0.0.2:5000", origin, fetch, 11, 19)}, true},
		{"within, from another address of the gateway", []*capture.Connection{asked, seen("10.9.0.2:5000", origin, fetch, 11, 20)}, true},
		{"within, asked as a proxy", []*capture.Connection{
			seen(client, gateway, "GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", 10, 20), seen("10.0.0.2:5000", origin, fetch, 11, 19)}, true},
		{"another target", []*capture.Connection{asked, seen("10.0.0.2:5000", origin, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n", 11, 19)}, false},
		{"before", []*capture.Connection{asked, seen("10.0.0.2:5000", origin, fetch, 9, 19)}, false},
		{"at the same time", []*capture.Connection{asked, seen("10.0.0.2:5000", origin, fetch, 10, 20)}, false},
		{"answered later", []*capture.Connection{asked, seen("10.0.0.2:5000", origin, fetch, 11, 21)}, false},
		{"from the same client", []*capture.Connection{asked, seen("10.0.0.1:4001", origin, fetch, 11, 19)}, false},
		{"most are not", []*capture.Connection{asked, seen("10.0.0.2:5000", origin, fetch, 11, 19),
			seen("10.0.0.2:5001", origin, fetch, 31, 32), seen("10.0.0.2:5002", origin, fetch, 33, 34)}, false},
		{"from two machines", []*capture.Connection{asked, seen("10.0.0.2:5000", origin, fetch, 11, 12), seen("10.0.0.9:5000", origin, fetch, 13, 14)}, false},
		{"more often than was asked", []*capture.Connection{asked, seen("10.0.0.2:5000", origin, fetch, 11, 12),
			seen("10.0.0.2:5001", origin, fetch, 13, 14), seen("10.0.0.2:5002", origin, fetch, 15, 16)}, false},
		{"with another response", []*capture.Connection{asked, answering("x", seen("10.0.0.2:5000", origin, fetch, 11, 19))}, true},
		{"with another response, from another address", []*capture.Connection{asked, answering("x", seen("10.9.0.2:5000", origin, fetch, 11, 19))}, false},
		{"on one machine", []*capture.Connection{seen("10.0.0.2:4000", gateway, fetch, 10, 20), seen("10.0.0.2:5000", "10.0.0.3:80", fetch, 11, 19)}, true},
		{"with another response, on one machine", []*capture.Connection{seen("10.0.0.2:4000", gateway, fetch, 10, 20),
			answering("x", seen("10.0.0.2:5000", "10.0.0.3:80", fetch, 11, 19))}, false},
		{"another request of long ago", []*capture.Connection{seen("10.0.0.4:4000", gateway, fetch, 1, 30), seen("10.0.0.4:4001", gateway, fetch, 2, 3),
			seen("10.0.0.2:5000", origin, fetch, 11, 19)}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan, err := FromRecording(&capture.Recording{Connections: test.connections}, events.ClientHop)
			if !test.passed {
				if err == nil || !strings.Contains(err.Error(), "10.0.0.2:80 with") || !strings.Contains(err.Error(), "10.0.0.3:80 with") {
					t.Errorf("plan %v, error %v", plan, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			inner := 0
			for _, c := range test.connections {
				if c.Server.String() == origin {
					inner++
				}
			}
			want := "the capture has both hops, 10.0.0.2:80 passing on to 10.0.0.3:80: left out " + english.Plural(inner, "request") + " to 10.0.0.3:80, which --hop origin takes"
			if plan.Len() != len(test.connections)-inner || len(plan.Notes) != 1 || plan.Notes[0] != want {
				t.Errorf("%d requests, notes %q", plan.Len(), plan.Notes)
			}
		})
	}
}

// TestPairs tells how many spans lie within ones that are theirs alone.
func TestPairs(t *testing.T) {
	spans := func(times ...int64) (spans []span) {
		for i := 0; i < len(times); i += 2 {
			spans = append(spans, span{time.Unix(times[i], 0), time.Unix(times[i+1], 0)})
		}
		return spans
	}
	for _, test := range []struct {
		inner, outer []span
		want         int
	}{
		{spans(1, 2), nil, 0},
		{spans(2, 3), spans(1, 4), 1},
		{spans(2, 3, 3, 4), spans(1, 4), 1},
		{spans(2, 3, 3, 9), spans(1, 9, 1, 4), 2}, // the long one is kept for who needs it
		{spans(2, 3, 5, 6), spans(1, 4, 1, 4), 1}, // too late
		{spans(2, 5, 3, 4), spans(1, 4), 1},
	} {
		if n := pairs(test.inner, test.outer); n != test.want {
			t.Errorf("%v within %v: %d, want %d", test.inner, test.outer, n, test.want)
		}
	}
}
