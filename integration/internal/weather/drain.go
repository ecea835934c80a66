package weather

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

// Drains is a gateway that is stopped and replaced under load.
type Drains struct {
	// Start starts a gateway that listens on the address. It fails as long as
	// another one listens there.
	Start func(listen string) (*servers.Server, error)
	// Reload, if not nil, is the signal at which the gateway replaces its own
	// workers, the way of those that have a master. Otherwise it is sent SIGTERM
	// and another one is started.
	Reload os.Signal
	// Overlap: the next gateway is started before the signal, which needs one
	// that shares its port.
	Overlap bool
	// Rounds is how many times the gateway is replaced.
	Rounds int
	// Idle is how long an idle client may send one last request after the
	// signal. No client here is idle for longer than 7 tenths of it.
	Idle time.Duration
	// Clients is how many there are of each kind.
	Clients int
	// Seed draws the gaps between requests.
	Seed uint64
}

// The kinds of clients.
const (
	busy    = iota // keeps its connection and sends one request after the other
	patient        // keeps it, and sends one now and then
	once           // sends one request on each connection
	kinds
)

var kindNames = [kinds]string{"busy", "patient", "once"}

// A Round is the replacement of one gateway by the next, and what its clients
// saw from then on until the next one.
type Round struct {
	Answered int64
	Told     int64         // responses with "Connection: close" that the client had not asked for
	Gone     int64         // connections that ended while idle, as the client saw in time
	Refused  int64         // connections that were not made, and tried again
	First    int64         // lost requests that were the first of their connection
	Later    int64         // lost requests that were not
	Away     time.Duration // from the signal to the next gateway listening
	Waited   time.Duration // the longest that a client was without a connection it wanted
	Drain    time.Duration // from the signal to the end of the process
	Losses   []string      // some of them, in words
}

// Lost is how many requests, sent on a connection that had been made, and of which
// the client had not been told that there would be no more, got no right answer.
func (r *Round) Lost() int64 { return r.First + r.Later }

// Add adds another round. Of the losses in words it keeps none.
func (r *Round) Add(s Round) {
	r.Answered += s.Answered
	r.Told += s.Told
	r.Gone += s.Gone
	r.Refused += s.Refused
	r.First += s.First
	r.Later += s.Later
	r.Away += s.Away
	r.Drain += s.Drain
	r.Waited = max(r.Waited, s.Waited)
}

// Run drains gateways in front of the origin, round after round, and tells each
// of them when it is over. It returns an error when a gateway did not start or
// did not end well.
func (d *Drains) Run(ctx context.Context, each func(Round)) error {
	gateway, err := d.Start("127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { gateway.Kill() }()
	crowd := &crowd{drains: d, addr: gateway.Addr}
	leave := crowd.come(ctx)
	defer leave()
	rng := rand.New(rand.NewPCG(d.Seed, 0))
	for n := 0; n < d.Rounds && ctx.Err() == nil; n++ {
		// Not until connections of all kinds are in all states.
		sleep(ctx, d.Idle/4+time.Duration(rng.Int64N(int64(d.Idle)/4)))
		signalled := time.Now()
		replace := d.replace
		if d.Reload != nil {
			replace = d.reload
		}
		next, round, err := replace(ctx, gateway)
		if next != nil {
			gateway = next // the other one has been told to end
		}
		if err != nil {
			return err
		}
		// By then each client has found out what became of its connection.
		sleep(ctx, d.Idle-time.Since(signalled))
		each(crowd.take(round))
	}
	leave()
	if err = gateway.Stop(patience); d.Reload != nil {
		err = nil // a master's status after SIGTERM is its own affair
	}
	return errors.Join(err, ctx.Err())
}

// replace stops a gateway and starts the next one.
func (d *Drains) replace(ctx context.Context, old *servers.Server) (next *servers.Server, r Round, err error) {
	if d.Overlap {
		if next, err = d.Start(old.Addr); err != nil {
			return nil, r, err
		}
	}
	signalled := time.Now()
	if err := old.Signal(syscall.SIGTERM); err != nil {
		return next, r, err
	}
	ended := make(chan error, 1)
	var drain time.Duration
	go func() {
		err := old.Wait(patience)
		drain = time.Since(signalled)
		ended <- err
	}()
	if next == nil {
		next, err = d.takeOver(ctx, old.Addr)
		r.Away = time.Since(signalled)
	}
	if endErr := <-ended; endErr != nil {
		err = errors.Join(err, fmt.Errorf("%s did not end well after SIGTERM: %w", old.Name, endErr))
	}
	r.Drain = drain
	return next, r, err
}

// reload has the gateway replace its workers. Nobody tells when the old ones have
// ended.
func (d *Drains) reload(_ context.Context, g *servers.Server) (_ *servers.Server, r Round, err error) {
	return g, r, g.Signal(d.Reload)
}

// takeOver starts a gateway, again and again until the port is free.
func (d *Drains) takeOver(ctx context.Context, addr string) (next *servers.Server, err error) {
	for begun := time.Now(); time.Since(begun) < patience; {
		if next, err = d.Start(addr); err == nil || ctx.Err() != nil {
			return next, err
		}
	}
	return nil, err
}

// sleep sleeps, at most until ctx ends, and reports whether it has not.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// A crowd is all the clients, and what they have seen.
type crowd struct {
	drains *Drains
	addr   string
	next   atomic.Int64 // numbers the requests

	mu   sync.Mutex
	seen Round
}

// DrainIDs is how many numbers of requests Drains uses, over and over.
const DrainIDs = 1 << 16

// DrainOctets is the size of each response.
const DrainOctets = 1024

// come has the clients begin. The function it returns has them end, and waits for
// that.
func (w *crowd) come(ctx context.Context) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range w.drains.Clients * kinds {
		p := &person{crowd: w, kind: i % kinds, client: newClient(DrainOctets),
			rng: rand.New(rand.NewPCG(w.drains.Seed, uint64(i)+1))}
		all.Go(func() { p.live(ctx) })
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// take returns what was seen since the last time, with the times of the round.
func (w *crowd) take(times Round) Round {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.seen
	r.Away, r.Drain = times.Away, times.Drain
	w.seen = Round{}
	return r
}

// A person is one client, who connects again whenever that is needed.
type person struct {
	crowd *crowd
	kind  int
	rng   *rand.Rand
	*client
}

func (p *person) live(ctx context.Context) {
	for ctx.Err() == nil && p.arrive(ctx) {
		p.use(ctx)
		p.disconnect()
	}
}

// arrive connects, however often it has to try.
func (p *person) arrive(ctx context.Context) bool {
	begun := time.Now()
	for p.connect(p.crowd.addr) != nil {
		p.crowd.note(func(r *Round) { r.Refused++ })
		if !sleep(ctx, time.Millisecond) {
			return false
		}
	}
	p.crowd.note(func(r *Round) { r.Waited = max(r.Waited, time.Since(begun)) })
	return true
}

// use sends requests on a connection until it is known to be the last one.
func (p *person) use(ctx context.Context) {
	for n, persists := 1, true; persists && sleep(ctx, p.gap()); n++ {
		if n > 1 && p.ended() {
			p.crowd.note(func(r *Round) { r.Gone++ })
			return
		}
		q := request{id: p.crowd.next.Add(1) % DrainIDs, last: p.kind == once}
		var o Outcome
		o, persists = p.ask(q)
		p.crowd.note(func(r *Round) { r.add(o, persists || q.last, n, p.kind) })
	}
}

func (p *person) gap() time.Duration {
	idle := p.crowd.drains.Idle
	switch p.kind {
	case patient:
		return idle/10 + time.Duration(p.rng.Int64N(int64(idle)*6/10))
	case once:
		return 4 * time.Millisecond
	}
	return time.Duration(p.rng.Int64N(int64(4 * time.Millisecond)))
}

func (w *crowd) note(what func(*Round)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what(&w.seen)
}

// add counts the n-th request on a connection.
func (r *Round) add(o Outcome, expected bool, n, kind int) {
	switch {
	case o == Answered:
		r.Answered++
		if !expected {
			r.Told++
		}
		return
	case n == 1:
		r.First++
	default:
		r.Later++
	}
	if len(r.Losses) < 5 {
		r.Losses = append(r.Losses, fmt.Sprintf("%v: request %d on a connection of a client that is %s", o, n, kindNames[kind]))
	}
}
