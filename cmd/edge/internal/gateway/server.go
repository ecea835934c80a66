package gateway

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/hopwire/hopwire/cmd/edge/internal/checks"
	"github.com/hopwire/hopwire/shared/loop"
)

// A Server is the gateways of all loops of a group, and their listeners.
type Server struct {
	group    *loop.Group
	config   Config
	checker  *checks.Checker // nil: nothing is checked
	gateways []*Gateway

	mu        sync.Mutex
	listeners []*loop.Listener
	draining  sync.Once
	open      atomic.Int32 // listeners that have not closed
	full      atomic.Int32 // gateways that have clients, or may still get some
	drained   chan struct{}
}

// New sets up a gateway on each loop of the group, which must not run yet.
func New(group *loop.Group, config Config) (*Server, error) {
	if config.Authority == "" && len(config.Origins) == 0 {
		return nil, errors.New("a gateway needs an origin to send requests to, or an authority until it gets one")
	}
	if config.Authority == "" {
		config.Authority = authority(config.Origins[0])
	}
	s := &Server{group: group, config: config.withDefaults(), drained: make(chan struct{})}
	s.gateways = make([]*Gateway, group.Len())
	for i := range s.gateways {
		s.gateways[i] = newGateway(s, group.Loop(i))
	}
	s.startChecks()
	s.full.Store(int32(len(s.gateways)))
	return s, nil
}

// Listen accepts clients at the address. It is called before the group runs.
func (s *Server) Listen(address string) (*loop.Listener, error) {
	ln, err := s.group.Listen(address, s.accept)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, ln)
	return ln, nil
}

// accept is called on the loop that the connection will live on.
func (s *Server) accept(conn *loop.Conn) { s.gateways[conn.Loop().Index()].accept(conn) }

// Drain stops accepting clients and lets those that are there come to their
// end, among them the ones whose connect had succeeded by then. The channel is
// closed when none is left; how long to wait for that is the caller's choice.
// Any goroutine may call it.
func (s *Server) Drain() <-chan struct{} {
	s.draining.Do(func() {
		for _, g := range s.gateways {
			g.loop.Post(g.drain)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open.Store(int32(len(s.listeners)) + 1)
		for _, ln := range s.listeners {
			ln.CloseThen(s.closed)
		}
		s.closed() // there may be no listener at all
	})
	return s.drained
}

// closed is called when a listener has closed. After the last one no client
// comes any more.
func (s *Server) closed() {
	if s.open.Add(-1) > 0 {
		return
	}
	for _, g := range s.gateways {
		g.loop.Post(g.close)
	}
}

// CutOff ends all tunnels and closes all idle connections. It is called before the
// group is stopped, so that their ends have a cause too, and a recording has them.
// Any goroutine may call it.
func (s *Server) CutOff() {
	for _, g := range s.gateways {
		g.loop.Post(g.cutOff)
	}
}

// emptied is called by each draining gateway whose last client has left.
func (s *Server) emptied() {
	if s.full.Add(-1) == 0 {
		close(s.drained)
	}
}
