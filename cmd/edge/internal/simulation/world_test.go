package simulation

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/gateway"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A world is one gateway with its clients and origins on one network, and the
// judge of them all.
type world struct {
	seed  uint64
	rng   *rand.Rand
	story *story // nil: nobody listens
	temper

	net     *simnet.World
	group   *loop.Group
	loop    *loop.Loop
	server  *gateway.Server
	address *loop.Address // of the gateway

	listeners []*loop.Address // of the origins

	actors       int // clients that are still there
	authors      []*author
	requests     []*request
	lines        []*line // by number, from 1
	accepted     []*line // of clients, by the gateway, in order
	dialing      *call   // the next line is its
	lastAccepted *line   // by an origin
	refusals     int     // connects refused
	hangs        int
	gaveWay      uint64 // clients for whom others wait
	struck       bool   // a connection was
	logs         int
	connections  connections
	draining     bool
	drainedAt    loop.Time
	finished     bool

	failure *failure
	tally   tally
	tape    *tape    // nil: the gateway does not record
	outputs *outputs // nil: the gateway says nothing, or nothing that anybody could hold up

	scratch [64 << 10]byte // what is read, and not looked at
	draft   twin
	paper   []byte

	looker *looker // nil: nobody looks
}

// A failure is what the judge found.
type failure struct {
	seed     uint64
	at       loop.Time
	what     string
	detail   string
	concerns *request // nil: none that is known of
}

func (f *failure) Error() string {
	return fmt.Sprintf("seed %d, after %v: %s\n%s\nits story: scripts/simulate --seed %d --story",
		f.seed, f.after(), f.what, f.detail, f.seed)
}

func (f *failure) after() time.Duration { return time.Duration(f.at - loop.Time(time.Second)) }

// play lets the world of a seed run from its beginning to its end.
func play(seed uint64, s *story) *world {
	w := newWorld(seed, s)
	w.run()
	return w
}

func newWorld(seed uint64, s *story) *world {
	w := &world{seed: seed, rng: rand.New(rand.NewPCG(seed, 0x73696d756c617465)), story: s}
	w.tally.causes = make(map[string]int)
	options := w.draw()
	options.History = w.step
	options.Fate = w.fate
	options.Lifetime = 1000 * time.Hour
	w.net = simnet.New(seed, options)
	return w
}

func (w *world) run() {
	if w.story != nil {
		w.story.begin(w)
		defer w.story.end()
	}
	err := w.net.Run(loop.Config{MaxConns: w.places, Report: w.reported}, w.start)
	switch {
	case err == nil && !w.finished && w.failure == nil:
		err = errors.New("it was stopped before its end")
		fallthrough
	case err != nil:
		w.fail("the world did not end well", "%v", err)
	}
	if w.tape != nil {
		w.judgeRecording()
	}
	if w.outputs != nil && w.outputs.close() {
		w.fail("what the gateway says holds it up", "it went on when somebody took its messages and its recording")
	}
}

// reported is told what the loop has to say. That clients give way is no fault.
func (w *world) reported(err error) {
	if !errors.Is(err, loop.ErrFull) {
		w.fail("the world did not end well", "%v", err)
	}
}

func (w *world) fail(what, format string, args ...any) {
	if w.failure != nil {
		return
	}
	w.failure = &failure{seed: w.seed, at: w.net.Now(), what: what, detail: fmt.Sprintf(format, args...), concerns: concerned(args)}
	if w.group != nil {
		w.group.Stop()
	}
}

// concerned is the request of which one speaks who speaks of these.
func concerned(args []any) *request {
	for _, arg := range args {
		switch about := arg.(type) {
		case *request:
			return about
		case *line:
			if r := about.last(); r != nil {
				return r
			}
		}
	}
	return nil
}

// remark is for a story of the world, and explains what is out of the ordinary: what
// a script is about to do, or the network has done.
func (w *world) remark(who any, format string, args ...any) {
	if w.story != nil {
		w.story.remark(who, fmt.Sprintf(format, args...))
	}
}

// tell is for one that has everything.
func (w *world) tell(who any, format string, args ...any) {
	if w.story != nil && w.story.all {
		w.story.remark(who, fmt.Sprintf(format, args...))
	}
}

// start sets the gateway between clients and origins.
func (w *world) start(g *loop.Group) error {
	w.group, w.loop = g, g.Loop(0)
	config := w.config
	for range w.origins {
		ln, err := g.Listen("127.0.0.1:0", w.authorComes)
		if err != nil {
			return err
		}
		ln.Uncounted()
		config.Origins = append(config.Origins, ln.Address())
	}
	w.listeners, w.authority = config.Origins, config.Origins[0].String()
	config.Log, config.LogConnections = accesslog.Immediate(w), true
	var err error
	if w.records {
		if w.tape, err = newTape(); err != nil {
			return err
		}
		config.Events = w.tape.stream
	}
	if w.unread {
		if w.outputs, err = newOutputs(); err != nil {
			return err
		}
		config.Events = w.outputs.stream
		config.Report = func(c origins.Change) { fmt.Fprintf(w.outputs.messages, "edge: %v\n", c) }
	}
	if w.looker != nil {
		config.Events = w.looker.reads(config.Events)
	}
	if w.server, err = gateway.New(g, config); err != nil {
		return err
	}
	ln, err := w.server.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	w.address = ln.Address()
	w.loop.Post(w.begins)
	return nil
}

func (w *world) begins() {
	for range w.clients {
		w.actors++
		w.loop.Go(&actor{world: w, left: 1 + w.rng.IntN(w.quota)})
	}
	if w.churns {
		w.churn(100)
	}
	if w.drainAfter > 0 {
		w.loop.After(w.drainAfter, w.drain)
	}
}

// churn has origins come and go, and be well or not, for so many times at most.
// There is always one.
func (w *world) churn(times int) {
	if w.actors == 0 || w.over() || times == 0 {
		return
	}
	var some []origins.Member
	for _, at := range w.listeners {
		if w.one(2) {
			some = append(some, origins.Member{Address: at, Weight: w.rng.IntN(3)})
		}
	}
	some = append(some, origins.Member{Address: pick(w.rng, w.listeners...)})
	well := w.one(2)
	w.tell("operator", "there are %d origins, one is well: %v", len(some), well)
	w.server.SetOrigins(0, some)
	w.server.SetOrigins(1, some[:w.rng.IntN(2)])
	w.server.SetHealth(pick(w.rng, w.listeners...), well)
	w.loop.After(w.within(w.think), func() { w.churn(times - 1) })
}

func (w *world) drain() {
	if !w.draining {
		if w.actors > 0 {
			w.remark("operator", "has the gateway drain")
		}
		w.draining, w.drainedAt = true, w.net.Now()
		w.server.Drain()
	}
}

func (w *world) over() bool { return w.failure != nil || w.loop.Stopping() }

// actorLeaves ends the world with its last client: the gateway drains, the
// origins end the connections that are left, and then nothing may be there.
func (w *world) actorLeaves() {
	if w.actors--; w.actors == 0 && !w.over() {
		w.drain()
		w.tidyUp(0)
	}
}

// tidyUp waits, for some minutes at most, until all that is under way has come
// to its end.
func (w *world) tidyUp(turn int) {
	const turns = 300
	select {
	case <-w.server.Drain():
		for _, a := range w.authors {
			a.conn.CancelRead()
		}
	default:
	}
	left := w.leftOver()
	switch {
	case w.failure != nil:
	case left == "":
		w.finished = true
		w.judgeSums()
		w.judgeRest()
		w.group.Stop()
	case turn == turns:
		w.fail("something was left behind", "%s", left)
	default:
		w.loop.After(time.Second, func() { w.tidyUp(turn + 1) })
	}
}

// leftOver says what is still there; nothing if all has ended.
func (w *world) leftOver() string {
	g, l := w.server.Census(), w.loop.Census()
	if g.Clients+g.Exchanges+g.Pads+g.Origins+g.Places+g.Queued+l.Buffers+l.Tasks+len(w.authors) == 0 && w.net.OpenSockets() == w.origins {
		return ""
	}
	return fmt.Sprintf("clients %d, exchanges %d, pads %d, origin connections %d, places %d, queued %d, buffers %d, tasks %d, authors %d, sockets %d",
		g.Clients, g.Exchanges, g.Pads, g.Origins, g.Places, g.Queued, l.Buffers, l.Tasks, len(w.authors), w.net.OpenSockets())
}

// judgeSums wants the counters to add up.
func (w *world) judgeSums() {
	census := w.server.Census()
	c := census.Counters
	ends := uint64(0)
	for _, n := range c.ClientEnds {
		ends += n
	}
	if c.Clients != uint64(len(w.accepted)) || ends != c.Clients || c.ClosedByClients+c.ClosedByUs != ends {
		w.fail("the counters do not add up", "%d clients came, the gateway counts %d and %d ends, %d by clients, %d by itself",
			len(w.accepted), c.Clients, ends, c.ClosedByClients, c.ClosedByUs)
	}
	if c.Requests != uint64(w.logs) || census.UnderWay() != 0 {
		w.fail("the counters do not add up", "%d lines in the log, the gateway counts %d requests and %v ends", w.logs, c.Requests, c.RequestEnds)
	}
	if c.Origins != c.ClosedByOrigins+c.OriginsClosedByUs {
		w.fail("the counters do not add up", "%d origin connections, %d closed by origins, %d by the gateway", c.Origins, c.ClosedByOrigins, c.OriginsClosedByUs)
	}
	if c.ClientEnds[gateway.Broken]+c.ClientEnds[gateway.CutOff] > 0 {
		w.fail("the gateway broke", "%+v", c)
	}
	w.judgeConnections(c.Clients, c.Origins)
}

// judgeRest looks at what no line of the log told.
func (w *world) judgeRest() {
	for _, l := range w.accepted {
		c := l.call
		if !w.calm() || c.end != "" && c.end != "kept" || c.logged == len(c.requests) || l.arrived < c.requests[c.logged].to() {
			continue
		}
		w.fail("a request was never answered although all behaved well", "%v", c.requests[c.logged])
	}
}

// fate decides about the next connection, and writes it down.
func (w *world) fate(d simnet.Dial) (f simnet.Fate) {
	l := &line{number: d.Number, call: w.dialing, to: d.To.TCP.Port()}
	w.dialing = nil
	if w.tape != nil || w.story != nil {
		l.passage = new(passage)
	}
	w.lines = append(w.lines, l)
	if l.call != nil {
		l.call.line = l
	}
	f.Up, f.Down = w.cut(), w.cut()
	l.cuts = [2]simnet.Cut{simnet.Acceptor: f.Down, simnet.Dialer: f.Up}
	if l.call != nil {
		return f
	}
	switch {
	case w.chance(w.refuse):
		w.remark("network", "refuses a connection to port %d", l.to)
		f.Connect = simnet.ConnectRefused
		w.refusals++
	case w.chance(w.hang):
		w.remark("network", "lets a connect to port %d hang", l.to)
		f.Connect = simnet.ConnectHangs
		w.hangs++
	}
	return f
}

func (w *world) cut() (c simnet.Cut) {
	if !w.chance(w.faults) {
		return c
	}
	return simnet.Cut{Kind: pick(w.rng, simnet.CutReset, simnet.CutEnd), At: int64(w.magnitude(w.faultWithin))}
}

func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

func (w *world) within(d time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(d) + 1))
}

// pause lets a script wait for a while, as long as d at most.
func (w *world) pause(d time.Duration) { w.loop.Sleep(w.within(d)) }

// twin is a draft; keep makes a copy of its octets.
func (w *world) twin() *twin {
	w.draft = twin{sent: w.draft.sent[:0], want: w.draft.want[:0], verbatim: w.config.Verbatim}
	return &w.draft
}

func (w *world) keep(p []byte) []byte {
	if len(p) > cap(w.paper)-len(w.paper) {
		w.paper = make([]byte, 0, max(256<<10, len(p)))
	}
	at := len(w.paper)
	w.paper = append(w.paper, p...)
	return w.paper[at:len(w.paper):len(w.paper)]
}

// limitsOf draws the limits of the gateway's pools.
func limitsOf(rng *rand.Rand) pool.Limits {
	return pool.Limits{
		Idle: pick(rng, 0, 0, time.Second/2, 10*time.Second),
		Max:  pick(rng, 0, 0, 1, 3, -1),
		Age:  pick(rng, 0, 0, 0, 2*time.Second),
		Uses: pick[uint32](rng, 0, 0, 0, 1, 2, 20),
	}
}
