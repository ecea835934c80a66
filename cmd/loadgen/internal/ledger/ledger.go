package ledger

import (
	"errors"
	"fmt"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
)

// A Ledger is the equations of a run.
type Ledger struct {
	Balances  bool       `json:"balances"`
	Equations []Equation `json:"equations"`
	// Problem is why there are no equations, in a sentence; "" if there are.
	Problem string `json:"problem"`
	// Kernel is by how much the counters of this machine's kernel have grown, which
	// are of all programs in the network namespace. They are not judged.
	Kernel   []Term    `json:"kernel"`
	Programs []Program `json:"programs"`
}

// Balance makes the equations of a run, through edges to origins, or to one of them.
// The kernel's counters are those before and after.
func Balance(r *replay.Result, programs []Program, kernelBefore, kernelAfter Counters) *Ledger {
	l := &Ledger{Equations: []Equation{}, Programs: programs, Kernel: kernelMore(kernelBefore, kernelAfter)}
	for _, p := range programs {
		if p.Before[started] != p.After[started] {
			l.Problem = fmt.Sprintf("the %s at %s was started anew while the run went on", p.Kind, p.Address)
			return l
		}
	}
	edges, origins := groupOf("edge", programs), groupOf("origin", programs)
	first := edges
	if len(edges.programs) == 0 {
		first = origins
	}
	h := hop{r, first}
	l.Equations = append(l.Equations, h.sent(), h.seen(), h.answered())
	if len(edges.programs) > 0 && len(origins.programs) > 0 {
		l.Equations = append(l.Equations, sentOn(r, edges, origins))
	}
	l.Equations = append(l.Equations, h.opened(), h.closed(), h.closedFirst())
	if len(edges.programs) > 0 && len(origins.programs) > 0 {
		l.Equations = append(l.Equations, made(r, edges, origins), unmade(edges, origins), unmadeFirst(edges, origins))
	}
	l.Balances = true
	for _, e := range l.Equations {
		l.Balances = l.Balances && e.Balances
	}
	return l
}

// Rests says that no request is under way any more that was not so before.
func (l *Ledger) Rests() bool {
	for _, p := range l.Programs {
		if p.After["requests.under-way"] > p.Before["requests.under-way"] {
			return false
		}
	}
	return true
}

// Err is nil if all equations balance, and else one sentence for the first that does
// not. That of nil is nil.
func (l *Ledger) Err() error {
	if l == nil {
		return nil
	}
	if l.Problem != "" {
		return errors.New("the ledger: " + l.Problem)
	}
	for _, e := range l.Equations {
		if !e.Balances {
			return fmt.Errorf("the ledger does not balance: %s", e.Missing)
		}
	}
	return nil
}

// A hop is what loadgen and the servers that it asks have counted of one another.
type hop struct {
	r  *replay.Result
	at group
}

// unconnected requests failed since there was no connection to send them on. Some may
// have been sent before, on one that had been closed.
func unconnected(r *replay.Result) (n int64) {
	for c := replay.ConnectRefused; c < replay.Timeout; c++ {
		n += r.Causes[c]
	}
	return n
}

// A request counts as seen when its first byte was. One whose connection ended without
// an answer need not have been: the server may have closed before it came.
func (h hop) sent() Equation {
	r := h.r
	inVain := min(unconnected(r), max(r.Stale-r.Retries, 0))
	return equation(
		[]Term{
			exactly(r.Requests-unconnected(r), "requests sent"),
			exactly(r.Retries, "sent again"),
			upTo(inVain, "sent, and then without a connection"),
			upTo(r.Unfinished, "unfinished"),
			lessUpTo(r.Causes[replay.ClosedBeforeResponse]+r.Retries, "whose connection ended without an answer"),
		},
		[]Term{exactly(h.at.more("requests"), "seen by "+h.at.name())},
		"request", "that loadgen sent never reached "+h.at.name(),
		"that "+h.at.name()+" saw did not come from loadgen: somebody else asked, too")
}

func (h hop) seen() Equation {
	g := h.at
	return equation(
		[]Term{
			exactly(g.more("requests"), "seen by "+g.name()),
			exactly(g.before("requests.under-way"), "under way before"),
		},
		[]Term{
			exactly(g.more("request-ends.answered"), "answered"),
			exactly(g.more("request-ends.refused"), "refused"),
			exactly(g.more("request-ends.tunneled"), "tunneled"),
			exactly(g.more("request-ends.broken-off"), "broken off"),
			exactly(g.after("requests.under-way"), "under way"),
		},
		"request", "that "+g.name()+" saw came to no end", "that "+g.name()+" never saw came to an end there")
}

// Where a response was early, the server may have broken off the rest.
func (h hop) answered() Equation {
	r, g := h.r, h.at
	whole := r.Requests - r.Errors + r.Causes[replay.StatusMismatch] + r.Causes[replay.ContentMismatch]
	return equation(
		[]Term{
			exactly(whole, "answers received"),
			upTo(r.Requests-whole-unconnected(r)+r.Stale+r.Unfinished+g.before("requests.under-way"), "not received whole"),
			lessUpTo(r.Early, "that were early"),
		},
		[]Term{
			exactly(g.more("request-ends.answered")+g.more("request-ends.refused"), "answered or refused by "+g.name()),
			upTo(g.more("request-ends.tunneled"), "tunneled"),
		},
		"answer", "that loadgen received did not come from "+g.name()+": somebody between them answered", "of "+g.name()+" never reached loadgen")
}

func (h hop) opened() Equation {
	return equation(
		[]Term{exactly(h.r.Opened, "connections opened"), upTo(h.cutShort(), "attempts cut short")},
		[]Term{exactly(h.at.more("client-connections"), "accepted by "+h.at.name())},
		"connection", "that loadgen opened never reached "+h.at.name(),
		"that "+h.at.name()+" accepted did not come from loadgen: somebody else connected, too")
}

// cutShort attempts to connect may have succeeded for the server.
func (h hop) cutShort() int64 {
	return h.r.Connecting + h.r.ConnectFailures[replay.ConnectTimeout]
}

// An end does not stir a server that has a request of the connection under way: a client
// may have sent all that it has to send.
func (h hop) closed() Equation {
	r, g := h.r, h.at
	return equation(
		[]Term{
			exactly(r.ClosedByUs, "closed by loadgen"),
			exactly(r.ClosedByPeer, "by the server"),
			upTo(h.cutShort(), "attempts cut short"),
			upTo(g.before("client-connections.open"), "open before"),
			lessUpTo(g.after("requests.under-way"), "with a request under way"),
		},
		[]Term{
			exactly(g.more("client-connections.closed-by-client"), "closed by the client"),
			exactly(g.more("client-connections.closed-by-"+g.kind), "by "+g.name()),
		},
		"connection", "that loadgen closed stayed open at "+g.name(), "that ended at "+g.name()+" did not end at loadgen")
}

// Where both ends send a FIN before that of the other has come, each was the first.
func (h hop) closedFirst() Equation {
	r, g := h.r, h.at
	return equation(
		[]Term{
			exactly(r.ClosedByUs, "closed by loadgen first"),
			upTo(h.cutShort(), "attempts cut short"),
			upTo(g.before("client-connections.open"), "open before"),
			lessUpTo(g.after("requests.under-way"), "with a request under way"),
		},
		[]Term{
			exactly(g.more("client-connections.closed-by-client"), "closed by the client first"),
			upTo(g.more("client-connections.closed-by-"+g.kind)-r.ClosedByPeer, "by both at once"),
		},
		"connection", "that loadgen closed first ended otherwise for "+g.name(),
		"that the client closed first for "+g.name()+" ended otherwise for loadgen")
}

// What the end of the run broke off, the edge may have broken off as well before it was
// seen.
func sentOn(r *replay.Result, edges, origins group) Equation {
	return equation(
		[]Term{
			exactly(edges.more("requests-sent"), "sent on"),
			exactly(edges.more("requests-sent-again"), "sent again"),
			exactly(edges.more("checks.connections"), "health checks"),
			lessUpTo(edges.lost(), "whose connection ended without an answer"),
			lessUpTo(edges.more("checks.timed-out")+edges.more("checks.unreachable"), "health checks in vain"),
			lessUpTo(min(r.Unfinished, edges.more("request-ends.broken-off")), "broken off at the end"),
		},
		[]Term{exactly(origins.more("requests"), "seen by "+origins.name())},
		"request", "that "+edges.name()+" sent on never reached "+origins.name(),
		"that "+origins.name()+" saw did not come from "+edges.name()+": somebody else asked, too")
}

func made(r *replay.Result, edges, origins group) Equation {
	return equation(
		[]Term{
			exactly(edges.more("origin-connections"), "connections made by "+edges.name()),
			exactly(edges.more("checks.connections"), "health checks"),
			upTo(edges.more("refusals.connection_timeout")+edges.more("checks.unreachable")+min(r.Unfinished, edges.more("request-ends.broken-off")), "attempts cut short"),
		},
		[]Term{exactly(origins.more("client-connections"), "accepted by "+origins.name())},
		"connection", "that "+edges.name()+" made never reached "+origins.name(),
		"that "+origins.name()+" accepted did not come from "+edges.name()+": somebody else connected, too")
}

func unmade(edges, origins group) Equation {
	return equation(
		[]Term{
			exactly(edges.more("origin-connections.closed-by-edge"), "closed by "+edges.name()),
			exactly(edges.more("origin-connections.closed-by-origin"), "by "+origins.name()),
			exactly(edges.more("checks.connections"), "health checks"),
			lessUpTo(origins.after("requests.under-way"), "with a request under way"),
		},
		[]Term{
			exactly(origins.more("client-connections.closed-by-client"), "closed by the client"),
			exactly(origins.more("client-connections.closed-by-origin"), "by "+origins.name()),
		},
		"connection", "that ended at "+edges.name()+" stayed open at "+origins.name(), "that ended at "+origins.name()+" stayed open at "+edges.name())
}

func unmadeFirst(edges, origins group) Equation {
	return equation(
		[]Term{
			exactly(edges.more("origin-connections.closed-by-edge"), "closed by "+edges.name()+" first"),
			upTo(edges.more("checks.connections"), "health checks"),
			lessUpTo(origins.after("requests.under-way"), "with a request under way"),
		},
		[]Term{
			exactly(origins.more("client-connections.closed-by-client"), "closed by the client first"),
			upTo(origins.more("client-connections.closed-by-origin")-edges.more("origin-connections.closed-by-origin"), "by both at once"),
		},
		"connection", "that "+edges.name()+" closed first ended otherwise for "+origins.name(),
		"that the client closed first for "+origins.name()+" ended otherwise for "+edges.name())
}
