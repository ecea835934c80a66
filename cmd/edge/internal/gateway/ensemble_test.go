package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// An ensemble is a gateway, several origins and several clients, all scripts on a
// smooth simulated network.
type ensemble struct {
	t       *testing.T
	loop    *loop.Loop
	server  *Server
	to      *loop.Address // the gateway
	at      []*loop.Address
	open    []int // connections of each origin, now
	most    []int // at once, ever
	refuses []bool
	changes []string // of health, without the loop
	asked   string   // who was asked, in order: a for the first origin, and so on
}

// A role is what an origin does on each of its connections.
type role func(e *ensemble, c *loop.Conn)

// rehearse plays the plot with several seeds. It is a task; when it returns, the
// play ends.
func rehearse(t *testing.T, config Config, roles []role, plot func(e *ensemble)) {
	t.Helper()
	for seed := range uint64(5) {
		e := &ensemble{t: t, refuses: make([]bool, len(roles)), open: make([]int, len(roles)), most: make([]int, len(roles))}
		o := simnet.Options{Lifetime: 1000 * time.Hour, Fate: func(d simnet.Dial) (f simnet.Fate) {
			for i, at := range e.at {
				if *at == *d.To && e.refuses[i] {
					e.asked += strings.ToUpper(e.name(i))
					f.Connect = simnet.ConnectRefused
				}
			}
			return f
		}}
		if err := simnet.New(seed, o).Run(loop.Config{}, func(g *loop.Group) error { return e.begin(g, config, roles, plot) }); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

func (e *ensemble) name(i int) string { return string(rune('a' + i)) }

func (e *ensemble) begin(g *loop.Group, config Config, roles []role, plot func(e *ensemble)) error {
	e.loop = g.Loop(0)
	for i, r := range roles {
		ln, err := g.Listen("127.0.0.1:0", func(c *loop.Conn) { e.enter(i, r, c) })
		if err != nil {
			return err
		}
		e.at = append(e.at, ln.Address())
	}
	if config.Origins == nil {
		config.Origins = e.at
	}
	config.Report = func(c origins.Change) {
		what := "back"
		if c.Ejected {
			what = fmt.Sprintf("out after %d", c.Failures)
		}
		for i, at := range e.at {
			if *at == *c.Address {
				e.changes = append(e.changes, e.name(i)+" "+what)
			}
		}
	}
	var err error
	if e.server, err = New(g, config); err != nil {
		return err
	}
	ln, err := e.server.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	e.to = ln.Address()
	e.loop.Post(func() {
		e.start(func() {
			defer g.Stop()
			plot(e)
		})
	})
	return nil
}

func (e *ensemble) enter(i int, r role, c *loop.Conn) {
	e.open[i]++
	e.most[i] = max(e.most[i], e.open[i])
	e.start(func() {
		defer func() { c.Close(); e.open[i]-- }()
		r(e, c)
	})
}

func (e *ensemble) start(f func()) { e.loop.Go(loop.Func(f)) }

// counters are the gateway's.
func (e *ensemble) counters() Counters { return e.server.gateways[0].snapshot() }

// set is the gateway's origins.
func (e *ensemble) set() *origins.Set { return e.server.gateways[0].origins }

// client opens a connection to the gateway.
func (e *ensemble) client() *loop.Conn {
	c, err := e.loop.Dial(e.to, 0)
	if err != nil {
		e.t.Error(err)
	}
	return c
}

// ask sends a request on a connection of its own and returns what comes back, up
// to the end.
func (e *ensemble) ask(target string, fields ...string) string {
	c := e.client()
	defer c.Close()
	c.Write([]byte(get(target, append(fields, "Connection: close")...)))
	var all []byte
	p := make([]byte, 1024)
	for {
		n, err := c.Read(p)
		all = append(all, p[:n]...)
		if err != nil {
			return string(all)
		}
	}
}

// wants is ask for a response that has this in it.
func (e *ensemble) wants(what, target string, fields ...string) {
	e.t.Helper()
	if got := e.ask(target, fields...); !strings.Contains(got, what) {
		e.t.Errorf("%s was answered by %q, want %q", target, got, what)
	}
}

// steady answers each request with the origin's name, after a time.
func steady(i int, after time.Duration) role {
	return func(e *ensemble, c *loop.Conn) {
		for strings.HasSuffix(hear(c, "\r\n\r\n"), "\r\n\r\n") {
			e.asked += e.name(i)
			e.loop.Sleep(after)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%s", e.name(i))
		}
	}
}

// cast is n steady origins that answer at once.
func cast(n int) (all []role) {
	for i := range n {
		all = append(all, steady(i, 0))
	}
	return all
}

// nobody answers nothing.
func nobody(_ *ensemble, c *loop.Conn) { hear(c, "\r\n\r\n") }
