package server

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// A Server serves one site at one address.
type Server struct {
	config   Config
	group    *loop.Group
	listener *loop.Listener
	workers  []*worker // one for each loop
}

// New makes a server on the loops of group.
func New(group *loop.Group, config Config) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, group: group}
	for i := range group.Len() {
		s.workers = append(s.workers, newWorker(s, group.Loop(i)))
	}
	return s, nil
}

// Listen opens a socket at address: "127.0.0.1:8081", ":0", "unix:/path". It is
// called once, before the loops run.
func (s *Server) Listen(address string) (net.Addr, error) {
	listener, err := s.group.Listen(address, s.accept)
	if err != nil {
		return nil, err
	}
	s.listener = listener
	return listener.Addr(), nil
}

// Run runs the loops. It serves until ctx is done, and then drains: it accepts
// nothing more, and lets exchanges under way come to their end, and idle clients
// send one last request within DrainIdle, until all have gone, DrainTimeout has
// passed or hurry is closed.
func (s *Server) Run(ctx context.Context, hurry <-chan struct{}) error {
	over := make(chan struct{})
	var draining sync.WaitGroup
	draining.Go(func() {
		select {
		case <-ctx.Done():
			s.drain(hurry, over)
		case <-over:
		}
	})
	err := s.group.Run()
	close(over)
	draining.Wait()
	s.close()
	return err
}

// close closes files, after the loops have ended.
func (s *Server) close() {
	for _, w := range s.workers {
		w.cache.Close()
		if w.stored != nil {
			w.stored.Close()
		}
	}
}

// drainCheck is how often a draining server looks whether it is done.
const drainCheck = 5 * time.Millisecond

func (s *Server) drain(hurry, over <-chan struct{}) {
	defer s.group.Stop()
	var accepting atomic.Bool
	accepting.Store(true)
	s.listener.CloseThen(func() { accepting.Store(false) })
	for _, w := range s.workers {
		w.loop.Post(w.drain)
	}
	check := time.NewTicker(drainCheck)
	defer check.Stop()
	enough := time.NewTimer(s.config.DrainTimeout)
	defer enough.Stop()
	// Connections that close lingering count as well: their last response may
	// not have arrived yet.
	for accepting.Load() || s.group.Conns() > 0 {
		select {
		case <-check.C:
		case <-over:
			return
		case <-hurry:
			return
		case <-enough.C:
			s.config.Report(fmt.Errorf("%d connections were cut off, since they did not end within %v", s.group.Conns(), s.config.DrainTimeout))
			return
		}
	}
}

// accept welcomes a connection, on its loop.
func (s *Server) accept(conn *loop.Conn) {
	w := s.workers[conn.Loop().Index()]
	c := &client{worker: w, conn: conn}
	w.counters.Clients++
	if w.faults != nil && c.welcome() {
		return
	}
	c.rest()
}
