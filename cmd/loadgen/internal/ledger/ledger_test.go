package ledger

import (
	"maps"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
)

// A story is what a run's parties have counted.
type story struct {
	r            replay.Result
	edge, origin Counters
}

// smooth is a story of 100 requests on 10 connections, of which the edge sends 95 on by
// 4 of its own, and closes one of these.
func smooth() *story {
	s := &story{
		edge: Counters{
			"requests": 100, "requests.under-way": 0, "request-ends.answered": 95, "request-ends.refused": 5, "request-ends.broken-off": 0,
			"client-connections": 10, "client-connections.open": 0, "client-connections.closed-by-client": 8, "client-connections.closed-by-edge": 2,
			"requests-sent": 95, "requests-sent-again": 0, "origin-connections": 4, "origin-connections.open": 3,
			"origin-connections.closed-by-edge": 1, "origin-connections.closed-by-origin": 0, "checks.connections": 0,
		},
		origin: Counters{
			"requests": 95, "requests.under-way": 0, "request-ends.answered": 95,
			"client-connections": 4, "client-connections.open": 3, "client-connections.closed-by-client": 1, "client-connections.closed-by-origin": 0,
		},
	}
	s.r.Requests, s.r.Opened, s.r.ClosedByUs, s.r.ClosedByPeer = 100, 10, 8, 2
	return s
}

// programs are those of the story, whose counters had values before.
func (s *story) programs() []Program {
	all := []Program{{Kind: "edge", Address: "E"}, {Kind: "origin", Address: "O"}}
	for i, more := range []Counters{s.edge, s.origin} {
		before, after := Counters{}, maps.Clone(more)
		for name := range more {
			if !strings.HasSuffix(name, ".open") && !strings.HasSuffix(name, ".under-way") {
				before[name] = 1000
				after[name] += 1000
			}
		}
		all[i].Before, all[i].After = before, after
	}
	return all
}

// stories begin as smooth, and their ledgers say what is missing, or nothing.
var stories = []struct {
	name   string
	change func(s *story)
	want   string // the first sentence
}{
	{"smooth", func(s *story) {}, ""},
	{"a request swallowed before the edge", func(s *story) {
		s.r.Errors, s.r.Causes[replay.Timeout] = 1, 1
		s.edge["requests"], s.edge["request-ends.answered"] = 99, 94
	}, "1 request that loadgen sent never reached the edge"},
	{"two requests swallowed behind the edge", func(s *story) { s.origin["requests"] = 93 },
		"2 requests that the edge sent on never reached the origin"},
	{"somebody else asks", func(s *story) { s.edge["requests"], s.edge["request-ends.answered"] = 103, 98 },
		"3 requests that the edge saw did not come from loadgen: somebody else asked, too"},
	{"somebody else asks the origin", func(s *story) { s.origin["requests"]++ },
		"1 request that the origin saw did not come from the edge: somebody else asked, too"},
	{"a request without an end", func(s *story) { s.edge["request-ends.answered"]-- },
		"1 request that the edge saw came to no end"},
	{"a request with two ends", func(s *story) { s.edge["request-ends.answered"]++ },
		"1 request that the edge never saw came to an end there"},
	{"an answer of somebody between", func(s *story) {
		s.edge["request-ends.answered"], s.edge["request-ends.broken-off"] = 94, 1
	}, "1 answer that loadgen received did not come from the edge: somebody between them answered"},
	{"unfinished and not seen", func(s *story) { s.r.Unfinished = 2 }, ""},
	{"unfinished and seen", func(s *story) {
		s.r.Unfinished = 2
		s.edge["requests"], s.edge["request-ends.broken-off"] = 102, 2
	}, ""},
	{"more than the unfinished seen", func(s *story) {
		s.r.Unfinished = 2
		s.edge["requests"], s.edge["request-ends.broken-off"] = 103, 3
	}, "1 request that the edge saw did not come from loadgen: somebody else asked, too"},
	{"stale, and not seen", func(s *story) { s.r.Stale, s.r.Retries = 3, 3 }, ""},
	{"stale, and seen", func(s *story) {
		s.r.Stale, s.r.Retries = 3, 3
		s.edge["requests"], s.edge["request-ends.broken-off"] = 103, 3
	}, ""},
	{"not sent for want of a connection", func(s *story) {
		s.r.Requests, s.r.Errors, s.r.Causes[replay.ConnectRefused] = 107, 7, 7
	}, ""},
	{"stale, and then without a connection", func(s *story) {
		s.r.Requests, s.r.Errors, s.r.Causes[replay.ConnectRefused], s.r.Stale = 101, 1, 1, 1
		s.edge["requests"], s.edge["request-ends.broken-off"] = 101, 1
	}, ""},
	{"replays that arrived and did not", func(s *story) {
		s.edge["requests-sent-again"], s.edge["replays.replayed"] = 5, 5
		s.origin["requests"] = 97
	}, ""},
	{"fewer than replays explain", func(s *story) {
		s.edge["requests-sent-again"], s.edge["replays.replayed"] = 5, 5
		s.origin["requests"] = 94
	}, "1 request that the edge sent on never reached the origin"},
	{"a response that the edge waited for in vain", func(s *story) {
		s.edge["replays.reported"], s.edge["refusals.http_response_timeout"] = 1, 1
		s.origin["requests"] = 94
	}, "1 request that the edge sent on never reached the origin"},
	{"a connection that ended instead of a response", func(s *story) {
		s.edge["replays.reported"], s.edge["refusals.connection_terminated"], s.edge["refusals.http_response_incomplete"] = 2, 1, 1
		s.origin["requests"] = 93
	}, ""},
	{"health checks", func(s *story) {
		s.edge["checks.connections"], s.edge["checks.passed"] = 6, 6
		s.origin["requests"] += 6
		s.origin["client-connections"] += 6
		s.origin["client-connections.closed-by-client"] += 2
		s.origin["client-connections.closed-by-origin"] += 4
	}, ""},
	{"a connection that was never accepted", func(s *story) {
		s.edge["client-connections"], s.edge["client-connections.closed-by-client"] = 9, 7
	}, "1 connection that loadgen opened never reached the edge"},
	{"an attempt cut short that was accepted", func(s *story) {
		s.r.Connecting = 1
		s.edge["client-connections"], s.edge["client-connections.closed-by-client"] = 11, 9
	}, ""},
	{"a connection that was held open", func(s *story) {
		s.edge["client-connections.open"], s.edge["client-connections.closed-by-client"] = 1, 7
	}, "1 connection that loadgen closed stayed open at the edge"},
	{"one whose request is under way", func(s *story) {
		s.r.Errors, s.r.Causes[replay.Timeout] = 1, 1
		s.edge["requests.under-way"], s.edge["request-ends.answered"] = 1, 94
		s.edge["client-connections.open"], s.edge["client-connections.closed-by-client"] = 1, 7
	}, ""},
	{"one that both closed at once", func(s *story) {
		s.edge["client-connections.closed-by-client"], s.edge["client-connections.closed-by-edge"] = 7, 3
	}, ""},
	{"one that loadgen has not closed", func(s *story) {
		s.edge["client-connections.closed-by-client"], s.edge["client-connections.closed-by-edge"] = 9, 1
	}, "1 connection that the client closed first for the edge ended otherwise for loadgen"},
	{"one that the edge has not made", func(s *story) { s.origin["client-connections"]++ },
		"1 connection that the origin accepted did not come from the edge: somebody else connected, too"},
	{"one that the origin holds open", func(s *story) { s.origin["client-connections.closed-by-client"] = 0 },
		"1 connection that ended at the edge stayed open at the origin"},
}

func TestBalance(t *testing.T) {
	for _, test := range stories {
		s := smooth()
		test.change(s)
		l := Balance(&s.r, s.programs(), nil, nil)
		var missing []string
		for _, e := range l.Equations {
			if e.Balances != (e.Missing == "") {
				t.Errorf("%s: %v", test.name, e)
			}
			if e.Missing != "" {
				missing = append(missing, e.Missing)
			}
		}
		if got := strings.Join(missing[:min(1, len(missing))], ""); got != test.want || l.Balances != (test.want == "") || (l.Err() == nil) != l.Balances {
			t.Errorf("%s: missing are %q, balances: %t, %v; want first %q", test.name, missing, l.Balances, l.Err(), test.want)
		}
	}
}

// Where only one hop is asked, its equations are those that there are.
func TestOneHop(t *testing.T) {
	s := smooth()
	all := s.programs()
	if l := Balance(&s.r, all[:1], nil, nil); !l.Balances || len(l.Equations) != 6 {
		t.Errorf("edge alone: %v", l)
	}
	s.r.Requests, s.r.Opened, s.r.ClosedByUs, s.r.ClosedByPeer = 95, 1, 1, 0
	s.origin["client-connections"], s.origin["client-connections.open"] = 1, 0
	l := Balance(&s.r, s.programs()[1:], nil, nil)
	if !l.Balances || len(l.Equations) != 6 {
		t.Errorf("origin alone: %v", l)
	}
	s.r.Requests++
	if err := Balance(&s.r, s.programs()[1:], nil, nil).Err(); err == nil || err.Error() != "the ledger does not balance: 1 request that loadgen sent never reached the origin" {
		t.Error(err)
	}
}

// Several of a kind are added up.
func TestSeveralOrigins(t *testing.T) {
	s := smooth()
	second := Program{Kind: "origin", Address: "P", Before: Counters{"requests": 7}, After: Counters{"requests": 12}}
	s.origin["requests"] = 90
	if l := Balance(&s.r, append(s.programs(), second), nil, nil); !l.Balances {
		t.Error(l.Err())
	}
	second.After["requests"] = 11
	if err := Balance(&s.r, append(s.programs(), second), nil, nil).Err(); err == nil || !strings.HasSuffix(err.Error(), "1 request that the edge sent on never reached the origins") {
		t.Error(err)
	}
}

// A program that was started anew has counted something else.
func TestRestart(t *testing.T) {
	s := smooth()
	all := s.programs()
	all[0].Before[started], all[0].After[started] = 1, 2
	l := Balance(&s.r, all, nil, nil)
	if err := l.Err(); err == nil || err.Error() != "the ledger: the edge at E was started anew while the run went on" || l.Balances {
		t.Error(err)
	}
	for _, test := range []struct {
		a, b int64
		same bool
	}{{1, 1, true}, {1, 2, false}, {0, 0, false}} {
		a, b := Program{After: Counters{started: test.a}}, Program{After: Counters{started: test.b}}
		if a.Same(&b) != test.same {
			t.Errorf("%+v", test)
		}
	}
	var none *Ledger
	if err := none.Err(); err != nil {
		t.Error(err)
	}
}

func TestRests(t *testing.T) {
	s := smooth()
	if l := Balance(&s.r, s.programs(), nil, nil); !l.Rests() {
		t.Error("nothing is under way")
	}
	s.origin["requests.under-way"] = 1
	if l := Balance(&s.r, s.programs(), nil, nil); l.Rests() {
		t.Error("a request is under way")
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		`{"client-connections.closed-by-edge": 1}`:   "edge",
		`{"client-connections.closed-by-origin": 1}`: "origin",
		`{"requests": 1}`:       "these are the counters of neither edge nor origin",
		`{}`:                    "these are the counters of neither edge nor origin",
		`{"requests": "many"}`:  "these are no counters: what came is not an object of numbers",
		`<html>`:                "these are no counters: what came is not an object of numbers",
		``:                      "these are no counters: what came is not an object of numbers",
		`{"client-connections.`: "these are no counters: what came is not an object of numbers",
	} {
		c, err := Parse([]byte(text))
		if got := c.Kind(); err == nil && got != want || err != nil && err.Error() != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestKernel(t *testing.T) {
	snmp := "Ip: Forwarding TW\nIp: 1 99\nTcp: ActiveOpens AttemptFails RetransSegs\nTcp: 5 6 7\n"
	netstat := "TcpExt: TW ListenOverflows New\nTcpExt: 3 4\nIpExt: TW\nIpExt: 8\n"
	before := ParseKernel(snmp, netstat)
	if want := (Counters{"ActiveOpens": 5, "AttemptFails": 6, "RetransSegs": 7, "TW": 3, "ListenOverflows": 4}); !maps.Equal(before, want) {
		t.Errorf("got %v, want %v", before, want)
	}
	after := ParseKernel(strings.Replace(snmp, " 6 ", " 16 ", 1), netstat)
	all := kernelMore(before, after)
	if len(all) != 4 || all[0] != exactly(10, "AttemptFails") || all[1] != exactly(0, "ListenOverflows") {
		t.Errorf("%v", all)
	}
	if none := kernelMore(ParseKernel("", "Tcp:"), ParseKernel()); len(none) != 0 {
		t.Errorf("%v", none)
	}
}
