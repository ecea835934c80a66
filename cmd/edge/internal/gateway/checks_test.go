package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/checks"
	"github.com/hopwire/hopwire/shared/loop"
)

// checkable answers requests with the origin's name, and checks with the status
// that stands for the origin in statuses at that time; 0: not at all.
func checkable(statuses []int) script {
	return func(p *peer) {
		status := &statuses[p.origin.name[0]-'a']
		for {
			head := p.until("\r\n\r\n")
			switch {
			case head == "":
				return
			case !strings.HasPrefix(head, "GET /health "):
				p.wasAsked(p.origin.name)
				p.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + p.origin.name)
			case *status == 0:
				p.drain()
				return
			default:
				p.offer(fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", *status))
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

// whoAnswers sends n requests and returns who answered, sorted.
func (s *scene) whoAnswers(n int) string {
	s.asked = ""
	for range n {
		s.expectFetch("200 OK", "/")
	}
	all := []byte(s.asked)
	slices.Sort(all)
	return string(all)
}

// Requests go to those that checks find well, at once after the first check, and
// later after as many as the thresholds say. No check is counted as an exchange.
func TestChecksDecideWhoIsAsked(t *testing.T) {
	for _, sick := range []int{503, 404, 0} {
		statuses := []int{200, sick}
		var changes []string
		smooth.called(fmt.Sprint(sick)).play(t, checking(&changes), func(s *scene) {
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
				s.sleep(step.pass)
				statuses[1] = step.status
				if got := s.whoAnswers(4); got != step.want {
					s.errorf("step %d: %s answered, want %s", i, got, step.want)
				}
			}
			c := s.counters()
			if len(changes) != 3 || c.Checks.Downs != 2 || c.Checks.Ups != 1 || c.Requests != 20 {
				s.errorf("%q, %+v, %d exchanges", changes, c.Checks, c.Requests)
			}
		}, checkable(statuses), checkable(statuses))
	}
}

// When no origin is well all are asked: the check may be what is wrong.
func TestChecksThatFailEverywhere(t *testing.T) {
	statuses := []int{500, 404}
	var changes []string
	smooth.play(t, checking(&changes), func(s *scene) {
		s.sleep(2 * time.Second)
		if got := s.whoAnswers(4); got != "aabb" {
			s.errorf("%s answered", got)
		}
		if c := s.counters(); c.Checks.Downs != 2 {
			s.errorf("%+v", c.Checks)
		}
	}, checkable(statuses), checkable(statuses))
}

// Checks begin and end with the origins.
func TestChecksOfOriginsThatComeAndGo(t *testing.T) {
	statuses := []int{200, 500}
	var changes []string
	config := checking(&changes)
	config.Authority, config.Origins = "app.example:80", []*loop.Address{}
	smooth.play(t, config, func(s *scene) {
		changes = nil
		checked := func() (n uint64) {
			for _, found := range s.counters().Checks.Findings {
				n += found
			}
			return n
		}
		both := s.members(0, 1)
		s.server.SetOrigins(1, both)
		s.sleep(time.Second)
		if n, got := checked(), s.whoAnswers(2); n != 2 || got != "aa" || len(changes) != 1 {
			s.errorf("%d checks, %s answered, %q", n, got, changes)
		}
		s.server.SetOrigins(1, both[:1])
		s.sleep(98 * time.Second)
		if n := checked(); n < 2+9 || n > 2+11 {
			s.errorf("%d checks", n)
		}
		before := checked()
		statuses[1] = 200
		s.server.SetOrigins(1, both)
		s.sleep(time.Second)
		if n, got := checked(), s.whoAnswers(2); n < before+1 || got != "ab" {
			s.errorf("%d checks more, %s answered", n-before, got)
		}
		statuses[1] = 500
	}, checkable(statuses), checkable(statuses))
}

// While names have no addresses clients are told why.
func TestNoOriginYet(t *testing.T) {
	config := Config{Authority: "app.example:80", Origins: []*loop.Address{}}
	smooth.play(t, config, func(s *scene) {
		s.expectFetch("503 Service Unavailable", "/")
		for _, test := range []struct {
			why    ProxyError
			status string
		}{
			{DNSTimeout, "HTTP/1.1 504 Gateway Timeout\r\n"},
			{DNSError, "HTTP/1.1 502 Bad Gateway\r\n"},
			{DestinationNotFound, "HTTP/1.1 500 Internal Server Error\r\n"},
		} {
			s.server.SetMissing(test.why)
			s.sleep(time.Millisecond)
			s.expectFetch(test.status, "/")
			s.expectFetch("Proxy-Status: hopwire; error="+test.why.String()+"\r\n", "/")
		}
		s.server.SetOrigins(1, s.members(0))
		s.sleep(time.Millisecond)
		s.expectFetch("200 OK", "/")
	}, cast(1)...)
}

func TestHostOfChecks(t *testing.T) {
	tcp, unix := mustParse("127.0.0.1:80"), &loop.Address{Path: "/run/app.sock"}
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
