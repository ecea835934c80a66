package plan

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/wire"
)

// A Plan is what is to be sent: sessions, in the order of the recording.
type Plan struct {
	Sessions []Session
	// Joined: sessions follow each other on one connection without end, unless
	// the number of requests per connection is set. So it is with URLs, which
	// have no recorded connection that could end.
	Joined bool
	// Targets are the servers that URLs name, each once, as host:port, those of https
	// as https://host:port; recordings name none.
	Targets []string
	// Notes say what of the recording cannot be sent or compared, and why. Each
	// is one sentence. The first Losses of them are about what may have been asked
	// of a server and is not sent.
	Notes  []string
	Losses int
	// Source is by what name a recording is called, where there are several.
	Source string
}

// A Session is what one recorded connection carried. Its requests go out in
// order, on one connection.
type Session struct {
	// Name tells sessions apart in explanations.
	Name     string
	Requests []Request
}

// A Request is ready to be sent.
type Request struct {
	// Bytes are the octets to send: head and body, as recorded.
	Bytes []byte
	// Final, if not nil, is sent instead where the connection is to end behind
	// this request: the same with "Connection: close" (RFC 9112 section 9.6).
	// Recorded requests have none, since they go out as they are.
	Final []byte
	// Method and Target point into Bytes.
	Method, Target []byte
	// Idempotent: it does no harm to send the request twice (RFC 9110 section
	// 9.2.2), which is what allows it when a connection turns out to be closed.
	Idempotent bool
	// Closes: the request itself asks for the end of the connection.
	Closes bool
	// NoContent: whatever its head says, the response has no content, since the
	// method is HEAD.
	NoContent bool
	// At is when it was recorded, since the first one of the plan; 0 for URLs.
	At time.Duration
	// Expect is what was recorded of the response; nil when that is not all of
	// it, and for URLs.
	Expect *Expectation
}

// An Expectation is what a response is compared with.
type Expectation struct {
	Status  int
	Content []byte // without the chunked coding, so that chunks may fall otherwise
	Head    []byte // up to the empty line and with it
	Framing wire.FramingKind
}

// Len is the number of requests in all sessions.
func (p *Plan) Len() int {
	n := 0
	for i := range p.Sessions {
		n += len(p.Sessions[i].Requests)
	}
	return n
}

// Statuses are those of recorded responses, each once, in their order.
func (p *Plan) Statuses() (all []int) {
	for i := range p.Sessions {
		for _, r := range p.Sessions[i].Requests {
			if r.Expect != nil {
				all = append(all, r.Expect.Status)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Lengths are how many requests the sessions have.
func (p *Plan) Lengths() (lengths []int) {
	for i := range p.Sessions {
		lengths = append(lengths, len(p.Sessions[i].Requests))
	}
	return lengths
}

// sinceFirst has all instants begin at the earliest.
func (p *Plan) sinceFirst() {
	first := time.Duration(math.MaxInt64)
	for i := range p.Sessions {
		for _, r := range p.Sessions[i].Requests {
			first = min(first, r.At)
		}
	}
	for i := range p.Sessions {
		for j := range p.Sessions[i].Requests {
			p.Sessions[i].Requests[j].At -= first
		}
	}
}

// InTime is the plan with its sessions in the order of their first requests.
func (p *Plan) InTime() *Plan {
	sorted := *p
	sorted.Sessions = slices.Clone(p.Sessions)
	slices.SortStableFunc(sorted.Sessions, func(a, b Session) int { return cmp.Compare(a.Requests[0].At, b.Requests[0].At) })
	return &sorted
}

// Last is when the last request was recorded, since the first.
func (p *Plan) Last() (last time.Duration) {
	for i := range p.Sessions {
		for _, r := range p.Sessions[i].Requests {
			last = max(last, r.At)
		}
	}
	return last
}

// Pipelines says whether some request may be under way with others: RFC 9112 section
// 9.3.2.
func (p *Plan) Pipelines() bool {
	for i := range p.Sessions {
		for _, r := range p.Sessions[i].Requests {
			if r.Idempotent {
				return true
			}
		}
	}
	return false
}

// Verifiable says whether a whole response was recorded for some request.
func (p *Plan) Verifiable() bool {
	for i := range p.Sessions {
		for _, r := range p.Sessions[i].Requests {
			if r.Expect != nil {
				return true
			}
		}
	}
	return false
}

// Join makes one plan of several, in the order given. Its notes say of which
// recording they are, and those about losses are first.
func Join(plans ...*Plan) *Plan {
	if len(plans) == 1 {
		return plans[0]
	}
	all := &Plan{Joined: true}
	var remarks []string
	for _, p := range plans {
		for _, s := range p.Sessions {
			if p.Source != "" {
				s.Name += " in " + p.Source
			}
			all.Sessions = append(all.Sessions, s)
		}
		for i, note := range p.Notes {
			if p.Source != "" {
				note = p.Source + ": " + note
			}
			if i < p.Losses {
				all.Notes = append(all.Notes, note)
			} else {
				remarks = append(remarks, note)
			}
		}
		all.Joined = all.Joined && p.Joined
		for _, t := range p.Targets {
			if !slices.Contains(all.Targets, t) {
				all.Targets = append(all.Targets, t)
			}
		}
	}
	all.Losses = len(all.Notes)
	all.Notes = append(all.Notes, remarks...)
	return all
}

// FromRecording makes a plan of what a recording has of one hop, of the connections
// to servers if any are given. The error says what is missing when there is nothing
// to send.
//
// A capture by others does not say which hop a connection is of. If it has requests
// to a gateway and those that this has passed on, the hops are told apart by that;
// else all connections count as the client's, and then must be to one server, or
// the error is ErrSeveralServers.
func FromRecording(rec *capture.Recording, hop events.Hop, servers ...netip.AddrPort) (*Plan, error) {
	b := newPlanner()
	connections, err := b.choose(rec.Connections, hop, servers)
	if err != nil {
		return nil, err
	}
	for _, c := range connections {
		b.session(c)
	}
	b.plan.sinceFirst()
	if len(b.plan.Sessions) == 0 {
		return nil, b.empty(hop, rec.Reasons)
	}
	losses := b.losses()
	b.plan.Notes = slices.Concat(losses, rec.Warnings, b.remarks())
	b.plan.Losses = len(losses) + rec.Losses
	return b.plan, nil
}

// A planner turns connections into sessions, and counts what it leaves out.
type planner struct {
	plan         *Plan
	otherHop     int
	malformed    int // requests
	incomplete   int
	tunnels      int
	faulty       map[string]int // replayed, but not by the book: by what is wrong
	unverifiable int            // responses
	chosen       []string       // what is to be said of the choice of connections
	head         wire.RequestHead
	seed         maphash.Seed
}

func newPlanner() *planner {
	return &planner{plan: &Plan{}, faulty: map[string]int{}, head: wire.RequestHead{Limits: capture.Limits}, seed: maphash.MakeSeed()}
}

func (b *planner) session(c *capture.Connection) {
	s := Session{Name: fmt.Sprintf("connection %s from %s", c.ID, c.Client), Requests: make([]Request, 0, len(c.Exchanges))}
	for i := range c.Exchanges {
		if r, ok := b.request(&c.Exchanges[i]); ok {
			s.Requests = append(s.Requests, r)
		}
	}
	if len(s.Requests) > 0 {
		b.plan.Sessions = append(b.plan.Sessions, s)
	}
}

// request prepares one exchange, or counts why it cannot be sent.
func (b *planner) request(x *capture.Exchange) (r Request, ok bool) {
	r, fault, err := b.prepare(x.Request.Raw)
	switch {
	case errors.Is(err, errIncomplete):
		b.incomplete++
	case err != nil:
		b.malformed++
	case b.head.Is("CONNECT"):
		b.tunnels++
	default:
		var tunnel bool
		r.Expect, tunnel = expectationOf(&x.Response, r.Method)
		if tunnel {
			b.tunnels++
			return r, false
		}
		if r.Expect == nil {
			b.unverifiable++
		}
		r.At = x.Request.At.Sub(time.Unix(0, 0)) // until sinceFirst knows better
		if broken := (*wire.Error)(nil); errors.As(fault, &broken) {
			b.faulty[inWords(broken)]++
		}
		return r, true
	}
	return r, false
}

var errIncomplete = errors.New("the message is not whole")

// prepare reads a request of which nothing may be missing: a server would wait
// for the rest until the timeout. A fault is what capture.ParseRequest says.
func (b *planner) prepare(raw []byte) (r Request, fault, err error) {
	n, framing, fault, err := capture.ParseRequest(raw, &b.head)
	if err != nil {
		return Request{}, nil, incompleteOr(err)
	}
	if _, err := contentOf(raw[n:], framing); err != nil {
		return Request{}, nil, err
	}
	return Request{
		Bytes:      raw,
		Method:     b.head.Method,
		Target:     b.head.Target,
		Idempotent: idempotent(&b.head),
		Closes:     !wire.RequestPersists(&b.head),
		NoContent:  b.head.Is("HEAD"),
	}, fault, nil
}

// idempotent knows the methods of RFC 9110 section 9.2.2. About others nothing
// is known, so they are not sent twice.
func idempotent(h *wire.RequestHead) bool {
	return slices.ContainsFunc([]string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}, h.Is)
}

// expectationOf reads a recorded final response. It is nil when that is not
// whole, or not by the book; tunnel says that the connection was no longer HTTP behind it.
func expectationOf(m *capture.Message, method []byte) (e *Expectation, tunnel bool) {
	head := wire.ResponseHead{Limits: capture.Limits}
	n, err := wire.ParseResponseHead(m.Raw, 0, &head)
	switch {
	case err != nil || m.Cut || m.Fault != nil:
		return nil, false
	case head.Status == 101:
		return nil, true
	}
	framing, err := wire.ResponseFraming(&head, method)
	if err != nil {
		return nil, false
	}
	content, err := contentOf(m.Raw[n:], framing)
	if err != nil {
		return nil, false
	}
	raw := m.Raw[:n:n]
	if framing.Kind == wire.Chunked {
		raw = bytes.Clone(raw) // which would keep the chunks from being freed
	}
	return &Expectation{Status: head.Status, Content: content, Head: raw, Framing: framing.Kind}, false
}

// contentOf takes the content out of a body of which body is all there is. It
// is a copy only where the body is chunked.
func contentOf(body []byte, framing wire.Framing) ([]byte, error) {
	s := wire.BodyScanner{Limits: capture.Limits}
	s.Reset(framing)
	all := []byte{}
	if framing.Kind == wire.Chunked {
		all = make([]byte, 0, len(body)) // at once, however small the chunks are
	}
	for {
		content, n, done, err := s.Content(body)
		if framing.Kind == wire.Chunked {
			all = append(all, content...)
		} else if len(content) > 0 {
			all = content
		}
		body = body[n:]
		switch {
		case err != nil:
			return nil, incompleteOr(err)
		case done && len(body) > 0:
			return nil, errors.New("there are bytes behind the end of the message")
		case done || len(body) == 0 && s.End() == nil:
			return all, nil
		case n == 0 || len(body) == 0:
			return nil, errIncomplete
		}
	}
}

func incompleteOr(err error) error {
	if errors.Is(err, wire.ErrIncomplete) {
		return errIncomplete
	}
	return err
}

// empty says why there is nothing to send, of which the recording may know more.
func (b *planner) empty(hop events.Hop, reasons []string) error {
	losses := b.losses()
	first := "there is no HTTP/1.1 request in it"
	switch {
	case len(losses) > 0:
		first = "none of its requests can be replayed"
	case b.otherHop > 0:
		return fmt.Errorf("it has no request of the %v's hop; --hop %v takes those of the %[2]v's", hop, opposite(hop))
	}
	return errors.New(strings.Join(slices.Concat([]string{first}, losses, reasons), "; "))
}

// opposite is the other one of the two hops.
func opposite(hop events.Hop) events.Hop {
	if hop == events.OriginHop {
		return events.ClientHop
	}
	return events.OriginHop
}

// losses says what was left out.
func (b *planner) losses() (notes []string) {
	for _, left := range []struct {
		requests int
		why      string
	}{
		{b.incomplete, "the recording has only part of it"},
		{b.malformed, "not HTTP/1.1 by the book"},
		{b.tunnels, "what follows a CONNECT or an upgrade is not HTTP"},
	} {
		if left.requests > 0 {
			notes = append(notes, fmt.Sprintf("%s left out: %s", english.Plural(left.requests, "request"), left.why))
		}
	}
	return notes
}

// remarks says what else there is to know.
func (b *planner) remarks() []string {
	notes := b.chosen
	for _, fault := range slices.Sorted(maps.Keys(b.faulty)) {
		notes = append(notes, fmt.Sprintf("%s replayed as recorded, which servers may answer with 400: %s", english.Plural(b.faulty[fault], "request"), fault))
	}
	if n := b.unverifiable; n > 0 {
		notes = append(notes, fmt.Sprintf("%s without a whole, valid recorded response, which --verify cannot compare", english.Plural(n, "request")))
	}
	return notes
}

// inWords says what is wrong with a request that is replayed nevertheless. See
// capture.ParseRequest.
func inWords(fault *wire.Error) string {
	switch fault.Rule {
	case wire.RuleVersion: // wire takes what follows a space for the version
		return "the request target has a space"
	case wire.RuleTargetMissing: // or for the target
		return "the request target has a space in front of it"
	}
	return fault.Fault()
}
