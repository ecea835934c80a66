package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/net/netutil"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/tally"
)

// Config is what a program tells of itself.
type Config struct {
	// Program is its name: of edge, the metrics begin with hopwire_edge_.
	Program string
	// Metrics are what Prometheus is shown of the counters.
	Metrics []Metric
	// Read asks the program, and returns ctx.Err() if it has not answered when ctx is
	// done. Any goroutine may call it.
	Read func(ctx context.Context) (Reading, error)
	// Messages is told where the server is, and what goes wrong.
	Messages io.Writer
}

// A Reading is what a program holds at one moment, and what it has counted until then.
type Reading struct {
	Counters  iter.Seq2[string, uint64] // and gauges, by name
	Durations tally.Durations           // of requests
}

const (
	// patience is how long the loops may take to answer, and a request to arrive. A
	// response may take as long again.
	patience = 5 * time.Second
	// idle is how long a connection is kept for the next request.
	idle = 30 * time.Second
	// connections is how many there are at most; those that come beyond wait.
	connections = 8
)

// A Server answers until it is closed. The zero of *Server answers nothing.
type Server struct {
	config   Config
	draining <-chan struct{}
	ready    atomic.Bool
	patience time.Duration
	started  time.Time
	own      *prometheus.Registry // of the process and the Go runtime
	http     http.Server
	address  net.Addr
	served   chan struct{} // closed when it accepts no more
}

// Start listens at the address, says so, and serves; without an address it returns
// nil. The program is ready from Ready on, until ctx is cancelled.
func Start(ctx context.Context, at *loop.Address, config Config) (*Server, error) {
	if at == nil {
		return nil, nil
	}
	ln, err := listen(at)
	if err != nil {
		if number, ok := errors.AsType[syscall.Errno](err); ok {
			err = number // without what package net has to say of it
		}
		return nil, fmt.Errorf("--admin %w", loop.ListenError(at, err))
	}
	s := &Server{config: config, draining: ctx.Done(), patience: patience, started: time.Now(), own: prometheus.NewRegistry(), address: ln.Addr(), served: make(chan struct{})}
	s.own.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.http = http.Server{
		Handler:        http.HandlerFunc(s.answer),
		ReadTimeout:    patience,
		WriteTimeout:   2 * patience,
		IdleTimeout:    idle,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       log.New(config.Messages, config.Program+": admin: ", 0),
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(netutil.LimitListener(ln, connections)); err != http.ErrServerClosed {
			fmt.Fprintf(config.Messages, "%s: --admin has ended: %v\n", config.Program, err)
		}
	}()
	where := "http://" + s.address.String()
	if at.Path != "" {
		where = at.String()
	}
	fmt.Fprintf(config.Messages, "admin on %s\n", where)
	return s, nil
}

// listen takes the place of a Unix socket on which nobody listens any more.
func listen(at *loop.Address) (net.Listener, error) {
	if at.Path == "" {
		return net.Listen("tcp", at.String())
	}
	ln, err := net.Listen("unix", at.Path)
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(at.Path) && os.Remove(at.Path) == nil {
		return net.Listen("unix", at.Path)
	}
	return ln, err
}

// abandoned says that the file is a socket on which nobody listens: a connection to
// other files is refused, too.
func abandoned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// Ready is called when the program listens.
func (s *Server) Ready() {
	if s != nil {
		s.ready.Store(true)
	}
}

// Close ends what is under way, whoever waits for it.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	err := s.http.Close()
	<-s.served
	return err
}
