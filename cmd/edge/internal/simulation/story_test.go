package simulation

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/events/view"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A story tells a world's history to people. It is a page that reads as a recording
// does: a line for each exchange, in the order of their beginnings, and between them
// what was out of the ordinary. Or it has all: each step of the network with its
// bytes, and what the scripts were up to.
//
// What it shows is what the network saw pass, and what the log says. The gateway could
// tell more, but not without looking at every byte, and one that is looked at moves
// long bodies otherwise: it would be another world.
type story struct {
	out     io.Writer
	style   view.Style
	all     bool
	world   *world
	began   time.Time
	entries []entry
}

// An entry is a line of it.
type entry struct {
	at       time.Time
	exchange *view.Exchange // or else
	who      any            // whose name is known at the end
	what     string
}

func newStory(out io.Writer, style view.Style, all bool) *story {
	return &story{out: out, style: style, all: all}
}

// remark adds what is worth a line.
func (s *story) remark(who any, what string) {
	if s.world.failure == nil {
		s.entries = append(s.entries, entry{at: s.world.net.Wall(), who: who, what: what})
	}
}

// step is told all that happens in the network, and leaves out what no byte and no end
// is moved by.
func (s *story) step(l *line, step simnet.Step) {
	if !s.all || step.What == simnet.Reported || step.What == simnet.Read {
		return
	}
	here, there, arrow := l.end(step.Side), l.end(1-step.Side), "->"
	if step.What >= simnet.Connected && step.What <= simnet.Bounced && step.What != simnet.WasCut {
		here, there, arrow = there, here, "=>"
	}
	s.remark(l, fmt.Sprintf("%s %s %s  %v%s", strings.ToUpper(here[:1]), arrow, strings.ToUpper(there[:1]), step.What, octets(step.Data)))
}

// octets are shown as far as a line has room.
func octets(p []byte) string {
	const room = 56
	if len(p) == 0 {
		return ""
	}
	if len(p) <= room {
		return fmt.Sprintf(" %d: %q", len(p), p)
	}
	return fmt.Sprintf(" %d: %q...%q", len(p), p[:room-16], p[len(p)-16:])
}

// exchange adds the one of a request, at its end or as far as it has come.
func (s *story) exchange(r *request) {
	x := s.see(r)
	s.entries = append(s.entries, entry{at: x.Begun, exchange: x})
}

// see is what passed of a request and its responses.
func (s *story) see(r *request) *view.Exchange {
	c, l := r.call, r.call.line
	x := &view.Exchange{ID: events.Exchange{Client: r.use()}, Start: s.began}
	x.Client = view.Side{Conn: l.id(), Use: r.use(), In: passed(l.said, r.from, min(r.to(), l.arrived))}
	if r.place <= len(c.ends) {
		from, to := int64(0), int64(len(l.wrote))
		if r.place > 0 {
			from = c.ends[r.place-1]
		}
		if r.place < len(c.ends) {
			to = c.ends[r.place]
		}
		x.Client.Out = passed(l.wrote, from, to)
	}
	for _, t := range r.tries {
		x.Tries = append(x.Tries, t.see())
		x.ID.Origin = t.use()
	}
	x.Begun = s.wall(max(r.cameAt, l.idleAt))
	if e := r.logged; e != nil {
		x.End, x.Ended, x.Begun = e.note(), s.wall(r.loggedAt), s.wall(r.loggedAt.Add(-e.total))
		x.ID = e.exchange()
	}
	return x
}

func (s *story) wall(at loop.Time) time.Time {
	return s.began.Add(at.Sub(loop.Time(time.Second)))
}

// see is what passed of one try.
func (t *try) see() view.Side {
	l := t.line
	wrote, read := int64(len(l.wrote)), l.read
	if i := slices.Index(l.tries, t) + 1; i < len(l.tries) {
		wrote, read = l.tries[i].start, l.tries[i].read
	}
	return view.Side{Conn: l.id(), Use: t.use(), In: passed(l.wrote, t.start, wrote), Out: passed(l.said, t.read, read)}
}

func passed(stream []byte, from, to int64) view.Passage {
	p := stream[min(from, to):to]
	return view.Passage{Bytes: p, Total: uint64(len(p))}
}

// exchange is its name.
func (e *logLine) exchange() (x events.Exchange) {
	x.Client = events.Use{Conn: events.ConnID{Hop: events.ClientHop, N: e.client}, N: uint32(e.place)}
	if e.origin > 0 {
		x.Origin = events.Use{Conn: events.ConnID{Hop: events.OriginHop, N: e.origin}, N: uint32(e.use)}
	}
	return x
}

// note is the log line as the gateway tells it to those who look.
func (e *logLine) note() *events.Note {
	us := func(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
	n := &events.Note{Kind: "exchange", Params: []events.Param{
		{Name: "status", Value: strconv.Itoa(e.status)},
		{Name: "client-connection", Value: e.clientEnd},
		{Name: "origin-connection", Value: strings.TrimPrefix(e.originEnd, "-")},
		{Name: "queued", Value: strconv.FormatBool(e.queued)},
		{Name: "replayed", Value: strconv.FormatBool(e.replayed)},
		{Name: "wait", Value: us(e.wait)},
		{Name: "total", Value: us(e.total)},
	}}
	if e.error != "" {
		n.Params = append(n.Params, events.Param{Name: "refusal", Value: strings.TrimSpace(e.error + " " + e.rule)})
	}
	return n
}

func (s *story) begin(w *world) { s.world, s.began = w, w.net.Wall() }

// end prints it, and where the world failed, what the judge and both hops have seen.
func (s *story) end() {
	w, f := s.world, s.world.failure
	if f != nil {
		for _, l := range w.accepted {
			if c := l.call; c.logged < len(c.requests) && c.requests[c.logged].from < l.arrived && (c.end == "" || c.end == "kept") {
				s.exchange(c.requests[c.logged]) // which was under way
			}
		}
	}
	if !s.all {
		slices.SortStableFunc(s.entries, func(a, b entry) int { return a.at.Compare(b.at) })
	}
	fmt.Fprintf(s.out, "seed %d: %v\n\n%s", w.seed, w, s.style.LineHead())
	for i := range s.entries {
		s.print(&s.entries[i])
	}
	sum, _, _ := strings.Cut(w.tally.String(), "\n")
	fmt.Fprintf(s.out, "\n%s\n", sum)
	if f == nil {
		return
	}
	fmt.Fprintf(s.out, "\nFAILED after %v: %s\n%s\n", f.after(), f.what, f.detail)
	if f.concerns != nil {
		x := s.see(f.concerns)
		s.explain(x)
		fmt.Fprintf(s.out, "\n%s", s.style.AppendPicture(nil, x))
	}
	if !s.all {
		fmt.Fprintf(s.out, "\neach step: scripts/simulate --seed %d --story all\n", f.seed)
	}
}

func (s *story) print(e *entry) {
	if e.exchange != nil {
		s.out.Write(s.style.AppendLine(nil, e.exchange))
	} else {
		fmt.Fprintf(s.out, "%9.6f %-14v %s\n", e.at.Sub(s.began).Seconds(), e.who, e.what)
	}
}

// explain adds what a gateway says that is looked at, if it fails in the same way: the
// edits with their reasons, and the connection that the judge has not come to.
func (s *story) explain(x *view.Exchange) {
	w := newWorld(s.world.seed, nil)
	w.config, w.looker = s.world.config, &looker{exchanges: make(map[events.Use]*view.Exchange)}
	w.run()
	told := w.looker.exchange(x.ID.Client)
	if w.failure == nil || w.failure.what != s.world.failure.what || told == nil || len(told.Tries) < len(x.Tries) {
		return
	}
	for i, t := range told.Tries[:len(x.Tries)] {
		x.Tries[i].Conn, x.Tries[i].Use, x.Tries[i].In.Edits = t.Conn, t.Use, t.In.Edits
	}
	x.ID, x.Tries = told.ID, append(x.Tries, told.Tries[len(x.Tries):]...)
	x.Client.Out.Edits, x.Decisions = told.Client.Out.Edits, told.Decisions
}

// A looker takes what a gateway tells.
type looker struct {
	reader    *events.Reader
	collector view.Collector
	exchanges map[events.Use]*view.Exchange // that have ended
}

// reads has it look on, at what others do, too.
func (l *looker) reads(stream *events.Stream) *events.Stream {
	if stream == nil {
		stream = events.NewStream(1, events.Options{Memory: 64 << 20})
	}
	l.reader = stream.Read(l)
	return stream
}

// Take makes it a sink of events, which has room for all.
func (l *looker) Take(e *events.Event) {
	for x := l.collector.Add(e); x != nil; x = l.collector.Next() {
		l.exchanges[x.ID.Client] = x
	}
}

func (l *looker) Ready() bool          { return true }
func (l *looker) Flush() error         { return nil }
func (l *looker) Close() error         { return nil }
func (l *looker) Lose(*events.Event)   {}
func (l *looker) Lost() events.Dropped { return events.Dropped{} }

// exchange is the one of that name, after the world's end.
func (l *looker) exchange(of events.Use) *view.Exchange {
	l.reader.Close()
	if x := l.exchanges[of]; x != nil {
		return x
	}
	for _, x := range l.collector.Open() {
		if x.ID.Client == of {
			return x
		}
	}
	return nil
}

// storyOf plays a world with a story.
func storyOf(seed uint64, all bool, change func(*world)) (string, *world) {
	var out bytes.Buffer
	w := newWorld(seed, newStory(&out, view.Style{Width: 120}, all))
	if change != nil {
		change(w)
	}
	w.run()
	return out.String(), w
}

func TestStoryIsAPage(t *testing.T) {
	const seeds, most = 100, 120
	long := 0
	for seed := range uint64(seeds) {
		text, w := storyOf(seed, false, nil)
		if n := strings.Count(text, "\n"); n > most {
			t.Logf("seed %d: %d lines for %d exchanges", seed, n, w.tally.exchanges)
			long++
		}
		for _, r := range w.requests {
			if e := r.logged; e != nil && !strings.Contains(text, fmt.Sprintf(" %-14s %s ", e.exchange(), cmp.Or(strings.TrimLeft(strconv.Itoa(e.status), "0"), "-  "))) {
				t.Errorf("seed %d: %v has no line", seed, r)
			}
		}
	}
	if long > seeds*2/5 { // most of which have more exchanges than that
		t.Errorf("%d of %d seeds have more than %d lines", long, seeds, most)
	}
}

func TestStoryIsTheWorlds(t *testing.T) {
	for seed := range uint64(40) {
		silent := play(seed, nil)
		for _, all := range []bool{false, true} {
			text, w := storyOf(seed, all, nil)
			again, _ := storyOf(seed, all, nil)
			if w.net.Digest() != silent.net.Digest() || text != again {
				t.Errorf("seed %d is another world when its story is told", seed)
			}
		}
	}
}

// A gateway whose name is another one than the judge knows fails, and the story shows
// where.
func TestStoryOfAFailure(t *testing.T) {
	for _, all := range []bool{false, true} {
		text, w := storyOf(42, all, func(w *world) { w.config.Name = "mistaken" })
		if w.failure == nil || w.failure.concerns == nil {
			t.Fatalf("%v", w.failure)
		}
		for _, want := range []string{
			"FAILED after 0s: an origin is sent what the client did not send, or other edits than are due\n",
			" c4#1           -         0   0.000   0.000   0.000 GET /7 ", w.failure.detail, "► origin o1\n", "(via, RFC 9110 section 7.6.3)  │+ Via: 1.0 mistaken⏎\n",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("lacks %q:\n%s", want, text)
			}
		}
	}
}
