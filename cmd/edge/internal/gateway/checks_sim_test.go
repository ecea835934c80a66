package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/checks"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
)

// checkable is a steady origin that answers checks with the status that stands
// for it in statuses at that time; 0: not at all.
func checkable(i int, statuses []int) role {
	return func(e *ensemble, c *loop.Conn) {
		for {
			head := hear(c, "\r\n\r\n")
			switch {
			case head == "":
				return
			case !strings.HasPrefix(head, "GET /health "):
				e.asked += e.name(i)
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%s", e.name(i))
			case statuses[i] == 0:
				hear(c, "never")
				return
			default:
				fmt.Fprintf(c, "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", statuses[i])
				return
			}
		}
	}
}

// checking is a configuration with checks every 10 seconds, whose reports go to
// changes.
func checking(changes *[]string) Config {
	return Config{Check: checks.Config{
		Target: "/health", Interval: 10 * time.Second, Timeout: time.Second,
		Thresholds: checks.Thresholds{Rise: 2, Fall: 3},
		Report:     func(c checks.Change) { *changes = append(*changes, c.String()) },
	}}
}

// asks sends n requests and returns who answered, sorted.
func (e *ensemble) asks(n int) string {
	e.asked = ""
	for range n {
		e.wants("200 OK", "/")
	}
	all := []byte(e.asked)
	slices.Sort(all)
	return string(all)
}

// Requests go to those that checks find well, at once after the first check, and
// later after as many as the thresholds say. No check is counted as an exchange.
func TestChecksDecideWhoIsAsked(t *testing.T) {
	for _, sick := range []int{503, 404, 0} {
		statuses := []int{200, sick}
		var changes []string
		rehearse(t, checking(&changes), []role{checkable(0, statuses), checkable(1, statuses)}, func(e *ensemble) {
			changes = nil
			statuses[1] = sick
			for i, step := range []struct {
				pass   time.Duration
				status int
				want   string
			}{
				{2 * time.Second, 200, "aaaa"}, // one check: down
				{11 * time.Second, 200, "aaaa"},
				{13 * time.Second, sick, "aabb"}, // two good ones
				{11 * time.Second, sick, "aabb"},
				{28 * time.Second, sick, "aaaa"}, // three bad ones
			} {
				e.loop.Sleep(step.pass)
				statuses[1] = step.status
				if got := e.asks(4); got != step.want {
					t.Errorf("%d: step %d: %s answered, want %s", sick, i, got, step.want)
				}
			}
			c := e.counters()
			if len(changes) != 3 || c.Checks.Downs != 2 || c.Checks.Ups != 1 || c.Exchanges != 20 {
				t.Errorf("%d: %q, %+v, %d exchanges", sick, changes, c.Checks, c.Exchanges)
			}
		})
	}
}

// When no origin is well all are asked: the check may be what is wrong.
func TestChecksThatFailEverywhere(t *testing.T) {
	statuses := []int{500, 404}
	var changes []string
	rehearse(t, checking(&changes), []role{checkable(0, statuses), checkable(1, statuses)}, func(e *ensemble) {
		e.loop.Sleep(2 * time.Second)
		if got := e.asks(4); got != "aabb" {
			t.Errorf("%s answered", got)
		}
		if c := e.counters(); c.Checks.Downs != 2 {
			t.Errorf("%+v", c.Checks)
		}
	})
}

// Checks begin and end with the origins.
func TestChecksOfOriginsThatComeAndGo(t *testing.T) {
	statuses := []int{200, 500}
	var changes []string
	config := checking(&changes)
	config.Authority, config.Origins = "app.example:80", []*loop.Address{}
	rehearse(t, config, []role{checkable(0, statuses), checkable(1, statuses)}, func(e *ensemble) {
		changes = nil
		checked := func() (n uint64) {
			for _, found := range e.counters().Checks.Findings {
				n += found
			}
			return n
		}
		both := []origins.Member{{Address: e.at[0]}, {Address: e.at[1]}}
		e.server.SetOrigins(1, both)
		e.loop.Sleep(time.Second)
		if n, got := checked(), e.asks(2); n != 2 || got != "aa" || len(changes) != 1 {
			t.Errorf("%d checks, %s answered, %q", n, got, changes)
		}
		e.server.SetOrigins(1, both[:1])
		e.loop.Sleep(98 * time.Second)
		if n := checked(); n < 2+9 || n > 2+11 {
			t.Errorf("%d checks", n)
		}
		before := checked()
		statuses[1] = 200
		e.server.SetOrigins(1, both)
		e.loop.Sleep(time.Second)
		if n, got := checked(), e.asks(2); n < before+1 || got != "ab" {
			t.Errorf("%d checks more, %s answered", n-before, got)
		}
		statuses[1] = 500
	})
}

// While names have no addresses clients are told why.
func TestNoOriginYet(t *testing.T) {
	config := Config{Authority: "app.example:80", Origins: []*loop.Address{}}
	rehearse(t, config, cast(1), func(e *ensemble) {
		e.wants("503 Service Unavailable", "/")
		for _, test := range []struct {
			why    ProxyError
			status string
		}{
			{DNSTimeout, "HTTP/1.1 504 Gateway Timeout\r\n"},
			{DNSError, "HTTP/1.1 502 Bad Gateway\r\n"},
			{DestinationNotFound, "HTTP/1.1 500 Internal Server Error\r\n"},
		} {
			e.server.SetMissing(test.why)
			e.loop.Sleep(time.Millisecond)
			e.wants(test.status, "/")
			e.wants("Proxy-Status: hopwire; error="+test.why.String()+"\r\n", "/")
		}
		e.server.SetOrigins(1, []origins.Member{{Address: e.at[0]}})
		e.loop.Sleep(time.Millisecond)
		e.wants("200 OK", "/")
	})
}

func TestHostOfChecks(t *testing.T) {
	tcp, unix := mustParse(t, "127.0.0.1:80"), &loop.Address{Path: "/run/app.sock"}
	named := func(at *loop.Address) string {
		if at == tcp {
			return "app.example:80"
		}
		return ""
	}
	for _, test := range []struct {
		known func(*loop.Address) string
		at    *loop.Address
		want  string
	}{
		{nil, tcp, "127.0.0.1:80"}, {nil, unix, "localhost"}, {named, tcp, "app.example:80"}, {named, unix, "localhost"},
	} {
		if got := hostOf(test.known)(test.at); got != test.want {
			t.Errorf("%v: %s, want %s", test.at, got, test.want)
		}
	}
}
