// Package servers starts origin and edge, and beside them nginx and HAProxy, each
// with one worker and from a configuration of its own in a folder of the caller's,
// as the user who runs the test or the benchmark, on a free port of 127.0.0.1.
package servers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hopwire/hopwire/integration/internal/process"
)

// A Server is one that accepts connections.
type Server struct {
	*process.Process
	// Addr is where it listens.
	Addr string
}

// startTimeout bounds the time in which a server has to accept connections.
const startTimeout = 10 * time.Second

// Ours starts origin or edge by a command line.
func Ours(name string, cmd *exec.Cmd) (*Server, error) {
	p, err := process.Start(name, cmd)
	if err != nil {
		return nil, err
	}
	addr, err := p.Listening(startTimeout)
	if err != nil {
		p.Kill()
		return nil, fmt.Errorf("%w\n%s", err, strings.TrimSpace(p.Log()))
	}
	return &Server{Process: p, Addr: addr}, nil
}

// A program says how one of the servers is configured and run.
type program struct {
	name   string
	config string                       // with LISTEN for the address and FOLDER for the folder
	args   func(config string) []string // with which the program reads it
	pinned func(cmd []string) *exec.Cmd // how to run a command line; nil: as it is
}

// An Option changes how a server is run.
type Option func(*program)

// On runs the server on the given processor only.
func On(processor int) Option {
	return func(p *program) {
		p.pinned = func(cmd []string) *exec.Cmd { return Pinned(processor, cmd...) }
	}
}

// Pinned is a command that runs on one processor only.
func Pinned(processor int, cmd ...string) *exec.Cmd {
	return exec.Command("taskset", append([]string{"-c", fmt.Sprint(processor)}, cmd...)...)
}

// start writes the configuration to dir and runs the server. A port that was
// free a moment ago may be somebody else's by then, hence more than one try.
func start(dir string, p program, options []Option) (*Server, error) {
	for _, option := range options {
		option(&p)
	}
	var err error
	for range 3 {
		var s *Server
		if s, err = tryStart(dir, p); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func tryStart(dir string, p program) (*Server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, p.name+".conf")
	text := strings.NewReplacer("LISTEN", addr, "FOLDER", dir).Replace(p.config)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	line := append([]string{p.name}, p.args(config)...)
	cmd := exec.Command(line[0], line[1:]...)
	if p.pinned != nil {
		cmd = p.pinned(line)
	}
	running, err := process.Start(p.name, cmd)
	if err != nil {
		return nil, err
	}
	if err := waitAccepting(running, addr); err != nil {
		running.Kill()
		return nil, fmt.Errorf("%w\n%s", err, running.Log())
	}
	return &Server{Process: running, Addr: addr}, nil
}

// freeAddress is one that nobody listened on a moment ago.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// waitAccepting connects until that succeeds or the process ends.
func waitAccepting(p *process.Process, addr string) error {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	late := time.After(startTimeout)
	for {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		select {
		case <-again.C:
		case <-p.Done():
			return fmt.Errorf("%s ended before it accepted connections", p.Name)
		case <-late:
			return fmt.Errorf("%s does not accept connections after %v: %w", p.Name, startTimeout, err)
		}
	}
}
