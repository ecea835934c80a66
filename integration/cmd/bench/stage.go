package main

import (
	"bytes"
	"os"
	"path/filepath"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

// The processors.
const (
	measured = 0
	rest     = 1
)

// document is what all requests ask for: 1 KiB.
const document = "/1k"

// A stage is what a comparison stands on: a folder, and servers that are stopped
// when it is over.
type stage struct {
	*options
	dir     string
	running []*servers.Server
}

func newStage(o *options) (*stage, error) {
	dir, err := os.MkdirTemp("", "hopwire-bench-")
	if err != nil {
		return nil, err
	}
	return &stage{options: o, dir: dir}, os.WriteFile(filepath.Join(dir, document), bytes.Repeat([]byte("x"), 1024), 0o644)
}

func (s *stage) close() {
	for _, server := range s.running {
		_ = server.Stop(5 * time.Second) // HAProxy's status after SIGTERM is 143
	}
	os.RemoveAll(s.dir)
}

// A starter starts a server on a processor, with files of its own in dir.
type starter func(dir string, processor int) (*servers.Server, error)

// start keeps a server running until the stage is closed.
func (s *stage) start(start starter, processor int) (*servers.Server, error) {
	dir, err := os.MkdirTemp(s.dir, "server-")
	if err != nil {
		return nil, err
	}
	server, err := start(dir, processor)
	if err == nil {
		s.running = append(s.running, server)
	}
	return server, err
}

// startUpstream starts the server behind the gateways.
func (s *stage) startUpstream() (addr string, err error) {
	start := s.nginxFiles
	if s.upstream == "origin" {
		start = s.origin
	}
	server, err := s.start(start, rest)
	if err != nil {
		return "", err
	}
	return server.Addr, nil
}

func (s *stage) origin(_ string, processor int) (*servers.Server, error) {
	return s.ours(processor, "origin", "--root", s.dir)
}

func (s *stage) nginxFiles(dir string, processor int) (*servers.Server, error) {
	return servers.NginxFiles(dir, s.dir, servers.On(processor))
}

// edge keeps as many idle connections to the upstream as nginx is told to.
func (s *stage) edge(upstream string, args ...string) starter {
	return func(_ string, processor int) (*servers.Server, error) {
		return s.ours(processor, "edge", append([]string{"--origin", upstream, "--pool-max", "1024"}, args...)...)
	}
}

// ours starts origin or edge with one loop.
func (s *stage) ours(processor int, name string, args ...string) (*servers.Server, error) {
	line := append([]string{filepath.Join(s.bin, name), "--listen", "127.0.0.1:0", "--loops", "1"}, args...)
	return servers.Ours(name, servers.Pinned(processor, line...))
}
