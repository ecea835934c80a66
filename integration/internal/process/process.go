// Package process runs programs on behalf of the tests and the benchmark, and
// reads what the kernel counts about them.
//
//	Start ── log grows ── Listening: the line that names the address
//	  │
//	  ├── CPUTime, Resident, Descriptors: from /proc, at any time
//	  │
//	  └── Signal ── Wait: how it ended          Stop: both, and SIGKILL if need be
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"
)

// A Process is a program that was started.
type Process struct {
	// Name is what messages call it.
	Name string

	cmd  *exec.Cmd
	log  *log
	done chan struct{} // closed when it has ended, after err was set
	err  error
}

// Start starts cmd, whose standard error and standard output go to the process's
// log, unless cmd has others. Whoever starts a process stops it; should the
// caller die, the kernel does.
func Start(name string, cmd *exec.Cmd) (*Process, error) {
	p := &Process{Name: name, cmd: cmd, log: newLog(), done: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stderr = p.log
	}
	if cmd.Stdout == nil {
		cmd.Stdout = p.log
	}
	// A group of its own, so that its workers can be ended with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// A worker that outlives its master keeps the pipe of the log open.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = cmd.Wait()
		p.killGroup() // nginx's workers do not notice that their master was killed
		close(p.done)
	}()
	return p, nil
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log is what the process has written so far.
func (p *Process) Log() string { return p.log.String() }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

var listening = regexp.MustCompile(`(?m)^listening on (\S+)$`)

// Listening waits for the line that says where the process accepts connections
// and returns the address.
func (p *Process) Listening(timeout time.Duration) (addr string, err error) {
	match, err := p.WaitLog(listening, timeout)
	if err != nil {
		return "", err
	}
	return match[1], nil
}

// WaitLog waits until the log matches and returns the match and its groups.
func (p *Process) WaitLog(pattern *regexp.Regexp, timeout time.Duration) ([]string, error) {
	late := time.NewTimer(timeout)
	defer late.Stop()
	for ended := false; ; {
		grown := p.log.growth()
		if match := pattern.FindStringSubmatch(p.Log()); match != nil {
			return match, nil
		}
		if ended {
			return nil, fmt.Errorf("%s ended (%v) without writing %q", p.Name, p.err, pattern)
		}
		select {
		case <-grown:
		case <-p.done:
			ended = true // one more look: its last words may be the ones
		case <-late.C:
			return nil, fmt.Errorf("%s has not written %q within %v", p.Name, pattern, timeout)
		}
	}
}

// Signal sends a signal to the process.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Wait waits for the process to end. Its error is nil for exit status 0 and an
// *exec.ExitError otherwise.
func (p *Process) Wait(timeout time.Duration) error {
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case <-p.done:
		return p.err
	case <-late.C:
		return fmt.Errorf("%s has not ended within %v", p.Name, timeout)
	}
}

// Stop ends the process: SIGTERM, and SIGKILL when that has no effect within
// the grace time. It is an error if that was needed, or if the process ended
// with another status than 0. One that has ended already is left alone.
func (p *Process) Stop(grace time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	select {
	case <-p.done:
		return p.err
	case <-time.After(grace):
		p.Kill()
		return fmt.Errorf("%s had to be killed: it did not end within %v of SIGTERM", p.Name, grace)
	}
}

// Kill ends the process at once.
func (p *Process) Kill() {
	p.killGroup()
	<-p.done
}

// killGroup ends the process and those that it started. It fails only when they
// have ended.
func (p *Process) killGroup() { _ = syscall.Kill(-p.PID(), syscall.SIGKILL) }

// A log collects output and tells whoever waits that there is more.
type log struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // closed and replaced by each Write
}

func newLog() *log { return &log{grown: make(chan struct{})} }

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.grown)
	l.grown = make(chan struct{})
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// growth returns a channel that the next Write closes.
func (l *log) growth() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grown
}
