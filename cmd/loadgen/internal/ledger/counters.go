package ledger

import (
	"encoding/json"
	"errors"
)

// Counters are the numbers of one program by their names.
type Counters map[string]int64

// Parse reads the JSON of /counters.
func Parse(text []byte) (Counters, error) {
	var c Counters
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, errors.New("these are no counters: what came is not an object of numbers")
	}
	if c.Kind() == "" {
		return nil, errors.New("these are the counters of neither edge nor origin")
	}
	return c, nil
}

// Kind is the program that counts so: "edge", "origin", or "" for another one.
func (c Counters) Kind() string {
	for _, kind := range []string{"edge", "origin"} {
		if _, ours := c["client-connections.closed-by-"+kind]; ours {
			return kind
		}
	}
	return ""
}

// A Program is one that was asked before and after the run.
type Program struct {
	Kind    string   `json:"kind"` // "edge" or "origin"
	Address string   `json:"address"`
	Before  Counters `json:"before"`
	After   Counters `json:"after"`
}

// started is when a program was, in microseconds since 1970. No two have the same; 0 is of
// one that does not say it.
const started = "started-us"

// Same says that two programs are one, under two names.
func (p *Program) Same(other *Program) bool {
	return p.After[started] > 0 && p.After[started] == other.After[started]
}

// A group is the programs of one kind. What they count is added up.
type group struct {
	kind     string
	programs []Program
}

func groupOf(kind string, programs []Program) (g group) {
	g.kind = kind
	for _, p := range programs {
		if p.Kind == kind {
			g.programs = append(g.programs, p)
		}
	}
	return g
}

// name is "the edge" or "the edges".
func (g group) name() string {
	if len(g.programs) > 1 {
		return "the " + g.kind + "s"
	}
	return "the " + g.kind
}

// more is by how much a counter has grown.
func (g group) more(name string) (n int64) {
	for _, p := range g.programs {
		n += p.After[name] - p.Before[name]
	}
	return n
}

// before is what a gauge was.
func (g group) before(name string) (n int64) {
	for _, p := range g.programs {
		n += p.Before[name]
	}
	return n
}

// after is what a gauge is.
func (g group) after(name string) int64 { return g.before(name) + g.more(name) }

// lost is how many requests edges have sent on connections that ended without a
// response. Those that clients are told of are refused, for this reason among others:
// where the time for a response was over, say, the origin has the request.
func (g group) lost() int64 {
	return g.more("replays.replayed") + g.more("replays.abandoned") +
		min(g.more("replays.reported"), g.more("refusals.connection_terminated")+g.more("refusals.http_response_incomplete"))
}
