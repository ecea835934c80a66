package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// The tests of this package play scenes: a gateway between clients and origins,
// both of which are scripts.
//
//	smooth.visit(t, Config{}, func(c *peer) {
//		c.send(get("/"))
//		c.expect(hello)
//	}, answering(hello))
//
// smooth is a stage: a simulated network, in which an hour passes in no time and
// a seed plays the scene in the same way every time. On the stage kernel the same
// scene is played over sockets of the machine, for what only they can show.

// A script is what is done on one connection with the gateway. An origin's
// connection is closed when its script has come to its end.
type script func(*peer)

// A stage is where scenes are played. The zero value is a smooth simulated
// network, with one seed.
type stage struct {
	name  string         // for messages, beside the seed
	world simnet.Options // of the simulated network
	seed  uint64         // the first one
	seeds uint64         // how many are tried, one after the other; 0: one
	// loops is, unless 0, how many the gateway has on the kernel's sockets, over
	// which the scene is played once.
	loops int
	// places is how many clients there may be at a time; 0: as many as there are.
	places int
}

var (
	smooth = stage{seeds: 10}
	kernel = stage{loops: 1}
	// bytewise has octets arrive one by one.
	bytewise = stage{seeds: 10, world: simnet.Options{Piece: 1}}
	// narrow has room for little between the two ends, so that it is their tempo
	// that counts.
	narrow = stage{world: simnet.Options{Buffer: 1000}}
)

// called is the stage under a name.
func (st stage) called(name string) stage {
	st.name = name
	return st
}

// patience bounds every wait of a scene that is not meant to end by time.
const patience = time.Minute

// seeds is how many seeds to try.
func seeds(n uint64) uint64 {
	if testing.Short() || wiretest.RaceDetector {
		return n / 10
	}
	return n
}

// A scene is a gateway between origins, one for each script, and clients, which
// the plot dials.
type scene struct {
	t       *testing.T
	config  Config
	plot    func(*scene)
	scripts []script

	network
	where   string // it is played, for messages
	server  *Server
	group   *loop.Group
	address *loop.Address // the gateway's
	clients int
	origins []*origin
	page    page // of the access log, in the simulated network
	endings []func()

	mu      sync.Mutex // on the kernel's sockets scripts run at the same time
	asked   string     // which origins were, in order; in capitals those that refused
	changes []string   // of the origins' health, as the gateway reports them
	panics  string     // what the gateway is expected to report
	failed  atomic.Bool
}

// An origin is one of those that the gateway sends requests to.
type origin struct {
	name    string // a, b, c
	address *loop.Address
	refuses bool // connections, from now on; in the simulated network
	made    int  // connections, ever
	open    int  // now
	most    int  // at once, ever
}

// play plays a scene, which ends with the plot. Origins without a script are
// addresses where nobody listens. It stops at the first seed that fails, and
// reports whether none did.
func (st stage) play(t *testing.T, config Config, plot func(*scene), scripts ...script) bool {
	t.Helper()
	for seed := st.seed; seed < st.seed+max(st.seeds, 1); seed++ {
		s := &scene{t: t, config: config, plot: plot, scripts: scripts}
		if st.loops > 0 {
			s.where = "on sockets"
			s.playOnSockets(st)
		} else {
			s.where = strings.TrimPrefix(fmt.Sprintf("%s, seed %d", st.name, seed), ", ")
			s.simulate(seed, st)
		}
		for _, f := range s.endings {
			f()
		}
		if s.failed.Load() {
			t.Logf("%s: the access log ends with\n%s", s.where, s.page.Bytes()[max(s.page.Len()-2000, 0):])
			return false
		}
	}
	return true
}

// visit plays a scene of one client, which is a script, too.
func (st stage) visit(t *testing.T, config Config, client script, scripts ...script) bool {
	t.Helper()
	return st.play(t, config, func(s *scene) { client(s.dial()) }, scripts...)
}

func (s *scene) simulate(seed uint64, st stage) {
	s.t.Helper()
	o := st.world
	if s.config.Log == nil {
		s.config.Log = accesslog.Immediate(&s.page)
	}
	o.Lifetime = cmp.Or(o.Lifetime, 1000*time.Hour)
	o.Fate = s.fate(o.Fate)
	err := simnet.New(seed, o).Run(loop.Config{MaxConns: st.places, Report: s.report}, func(g *loop.Group) error {
		s.network = simulated{g}
		g.Loop(0).Post(func() {
			s.start(func() {
				defer g.Stop()
				s.plot(s)
			})
		})
		return s.set(g)
	})
	if err != nil {
		s.errorf("%v", err)
	}
}

// fate has connections refused by the origins that are told to. Of the others it
// lets another one decide.
func (s *scene) fate(other func(simnet.Dial) simnet.Fate) func(simnet.Dial) simnet.Fate {
	return func(d simnet.Dial) (f simnet.Fate) {
		if o := s.originAt(d.To); o != nil && o.refuses {
			s.wasAsked(strings.ToUpper(o.name))
			f.Connect = simnet.ConnectRefused
		} else if other != nil {
			f = other(d)
		}
		return f
	}
}

func (s *scene) playOnSockets(st stage) {
	s.t.Helper()
	group, err := loop.NewGroup(st.loops, loop.Config{MaxConns: st.places, Report: s.report})
	if err != nil {
		s.t.Fatal(err)
	}
	n := new(sockets)
	s.network = n
	if err := s.set(group); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- group.Run() }()
	defer n.close()
	defer func() {
		group.Stop()
		select {
		case err := <-ended:
			if err != nil {
				s.errorf("%v", err)
			}
		case <-time.After(patience):
			s.errorf("the loops do not end")
		}
	}()
	s.plot(s)
}

// set puts the gateway between the origins and whoever dials it.
func (s *scene) set(group *loop.Group) (err error) {
	s.group = group
	config := s.config
	for i, perform := range s.scripts {
		o := &origin{name: string(rune('a' + i)), address: nowhere}
		s.origins = append(s.origins, o)
		if perform == nil {
			continue
		}
		if o.address, err = s.listen(func(c conn) { s.enter(o, c, perform) }); err != nil {
			return err
		}
	}
	if config.Origins == nil {
		for _, o := range s.origins {
			config.Origins = append(config.Origins, o.address)
		}
	}
	config.Report = s.changed
	if s.server, err = New(group, config); err != nil {
		return err
	}
	ln, err := s.server.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	s.address = ln.Address()
	return nil
}

// nowhere is an address where nobody listens.
var nowhere = mustParse("127.0.0.1:1")

func mustParse(s string) *loop.Address {
	a, err := loop.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// enter performs an origin's script on a new connection.
func (s *scene) enter(o *origin, c conn, perform script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.made++
	o.open++
	o.most = max(o.most, o.open)
	p := &peer{conn: c, scene: s, origin: o, number: o.made, name: fmt.Sprintf("origin %s, connection %d", o.name, o.made)}
	s.start(func() {
		defer func() {
			p.Close()
			s.mu.Lock()
			defer s.mu.Unlock()
			o.open--
		}()
		perform(p)
	})
}

// dial opens a client's connection.
func (s *scene) dial() *peer {
	s.t.Helper()
	c, err := s.network.dial(s.address)
	if err != nil {
		s.errorf("dialing the gateway: %v", err)
		s.t.FailNow()
	}
	s.clients++
	return &peer{conn: c, scene: s, name: fmt.Sprintf("client %d", s.clients)}
}

// counters are the gateway's.
func (s *scene) counters() Counters { return s.count(s.server).Counters }

// made is how many connections the i-th origin has had.
func (s *scene) made(i int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.origins[i].made
}

func (s *scene) originAt(a *loop.Address) *origin {
	for _, o := range s.origins {
		if *o.address == *a {
			return o
		}
	}
	return nil
}

// members are those of the origins, for Server.SetOrigins.
func (s *scene) members(which ...int) (all []origins.Member) {
	for _, i := range which {
		all = append(all, origins.Member{Address: s.origins[i].address})
	}
	return all
}

// wasAsked writes down that an origin was asked.
func (s *scene) wasAsked(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked += name
}

// changed writes down what the gateway reports of an origin.
func (s *scene) changed(c origins.Change) {
	what := "back"
	if c.Ejected {
		what = fmt.Sprintf("out after %d", c.Failures)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = append(s.changes, s.originAt(c.Address).name+" "+what)
}

// await waits until the condition holds.
func (s *scene) await(what string, holds func() bool) {
	s.t.Helper()
	for began := s.now(); !holds(); {
		if err := s.sleep(time.Millisecond); err != nil || s.now().Sub(began) > patience {
			s.errorf("%s did not come about: %+v", what, s.counters())
			s.t.FailNow()
		}
	}
}

// awaitClosed waits until the channel is closed.
func (s *scene) awaitClosed(what string, c <-chan struct{}) {
	s.t.Helper()
	s.await(what, func() bool { return closed(c) })
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// expectWithin wants what is expected to take a time from the first to the second.
func (s *scene) expectWithin(from, to time.Duration, expected func()) {
	s.t.Helper()
	began := s.now()
	expected()
	if took := s.now().Sub(began); took < from || took > to {
		s.errorf("it took %v, want from %v to %v", took, from, to)
	}
}

// atEnd has f called when the gateway has ended.
func (s *scene) atEnd(f func()) { s.endings = append(s.endings, f) }

// errorf fails the test, and says where.
func (s *scene) errorf(format string, args ...any) {
	s.t.Helper()
	s.failed.Store(true)
	s.t.Errorf("%s: %s", s.where, fmt.Sprintf(format, args...))
}

// report is told what went wrong where nobody is left to be told.
func (s *scene) report(err error) {
	if errors.Is(err, loop.ErrFull) {
		return
	}
	s.mu.Lock()
	expected := s.panics
	s.panics = ""
	s.mu.Unlock()
	if expected == "" || !strings.Contains(err.Error(), expected) {
		s.errorf("reported: %v", err)
	}
}

// expectPanic wants the gateway to report one with this in it, once.
func (s *scene) expectPanic(what string) {
	s.panics = what
	s.atEnd(func() {
		if s.panics != "" {
			s.errorf("no panic was reported")
		}
	})
}

// A network is what a scene is played on.
type network interface {
	listen(accept func(conn)) (*loop.Address, error)
	dial(*loop.Address) (conn, error)
	start(func()) // beside its caller
	sleep(time.Duration) error
	now() time.Time
	count(*Server) Census
}

// simulated is a network in memory, with a clock of its own.
type simulated struct{ group *loop.Group }

func (n simulated) loop() *loop.Loop                    { return n.group.Loop(0) }
func (n simulated) dial(to *loop.Address) (conn, error) { return n.loop().Dial(to, 0) }
func (n simulated) start(f func())                      { n.loop().Go(loop.Func(f)) }
func (n simulated) sleep(d time.Duration) error         { return n.loop().Sleep(d) }
func (n simulated) now() time.Time                      { return n.loop().Wall() }
func (n simulated) count(s *Server) Census              { return s.Census() }
func (n simulated) listen(f func(conn)) (*loop.Address, error) {
	ln, err := n.group.Listen("127.0.0.1:0", func(c *loop.Conn) { f(c) })
	if err != nil {
		return nil, err
	}
	ln.Uncounted()
	return ln.Address(), nil
}

// sockets are those of the machine.
type sockets struct {
	scripts   sync.WaitGroup
	listeners []net.Listener
	clients   []net.Conn
}

func (n *sockets) start(f func())              { n.scripts.Go(f) }
func (n *sockets) sleep(d time.Duration) error { time.Sleep(d); return nil }
func (n *sockets) now() time.Time              { return time.Now() }
func (n *sockets) count(s *Server) Census {
	c, _ := s.Ask(context.Background()) // after the end all is zero
	return c
}

func (n *sockets) dial(to *loop.Address) (conn, error) {
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		return nil, err
	}
	n.clients = append(n.clients, c)
	return impatient(c), nil
}

func (n *sockets) listen(accept func(conn)) (*loop.Address, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n.listeners = append(n.listeners, ln)
	n.start(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			accept(impatient(c))
		}
	})
	return loop.ParseAddress(ln.Addr().String())
}

func (n *sockets) close() {
	for _, c := range n.clients {
		c.Close()
	}
	for _, ln := range n.listeners {
		ln.Close()
	}
	n.scripts.Wait()
}
