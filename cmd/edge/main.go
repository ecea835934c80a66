// Edge is a gateway: it accepts HTTP/1.1 requests, sends them on to origins over
// connections that it keeps, and the responses back.
//
//	main ─► flags.go: settings ─► run: recorder, log, loops, gateway, names, listener
//	                                │
//	             first signal       │ "listening on ..."
//	         ──────────────────►  drain: accept no more, let requests end
//	             SIGUSR1            │ ◄─ counters.go, admin.go: what has been counted
//	             SIGHUP             │ ─► the log's file is opened anew
//	             second signal      │
//	         ──────────────────►  stop
//	                                ▼
//	                       close log and recording, exit
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/hopwire/hopwire/cmd/edge/internal/checks"
	"github.com/hopwire/hopwire/cmd/edge/internal/gateway"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/admin"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/events/view"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/program"
)

func main() { program.Main(app()) }

// run serves until ctx is cancelled and what is under way has come to its end.
// Messages go to w.
func run(ctx context.Context, s *settings, w io.Writer) error {
	reopen := program.Reopen(ctx)
	asked := openInquiry()
	defer signal.Stop(asked)
	e, err := open(ctx, s, reopen, w)
	if err != nil {
		return err
	}
	program.ReturnMemory(ctx)
	program.Listening(w, e.listener.Addr())
	e.admin.Ready()

	var supervisor sync.WaitGroup
	ended := make(chan struct{})
	supervisor.Go(func() { e.supervise(ctx, ended) })
	supervisor.Go(func() { asked.answer(w, e.server, ended) })
	if e.recording != nil {
		supervisor.Go(func() { e.recording.watch(ended) })
	}
	if e.trace != nil {
		supervisor.Go(func() { e.trace.watch(ended) })
	}
	err = e.group.Run()
	close(ended)
	supervisor.Wait()
	return multierror.Append(err, e.close()).ErrorOrNil()
}

// An edge is what the program consists of while it runs.
type edge struct {
	settings  *settings
	messages  io.Writer
	group     *loop.Group
	server    *gateway.Server
	listener  *loop.Listener
	registry  registry       // of the origins that have a name
	stopNames func()         // stops looking them up; nil: nobody does
	log       *accesslog.Log // nil: none is wanted
	events    *events.Stream // nil: nobody looks
	recording *recording     // nil: none is wanted
	admin     *admin.Server  // nil: none is wanted
	trace     *trace         // nil: none is wanted
}

// open sets everything up. If something fails, what was opened is closed again. By
// reopen it hears that the log has been moved away.
func open(ctx context.Context, s *settings, reopen <-chan struct{}, w io.Writer) (_ *edge, err error) {
	e := &edge{settings: s, messages: w}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	e.group, err = loop.NewGroup(s.loops, loop.Config{
		MaxConns:  s.maxConnections,
		MaxPipes:  s.maxPipes,
		ReusePort: s.reusePort,
		Report:    func(err error) { fmt.Fprintf(w, "edge: %v\n", err) },
	})
	if err != nil {
		return nil, err
	}
	if err = e.openFiles(reopen); err != nil {
		return nil, err
	}
	config := s.gateway
	config.Log = e.log
	config.Events = e.events
	config.Report = func(c origins.Change) { fmt.Fprintf(w, "edge: %v\n", c) }
	e.registry.targets = s.targets
	config.Check.Host = e.registry.host
	config.Check.Report = func(c checks.Change) { e.say(c.String()) }
	if e.server, err = gateway.New(e.group, config); err != nil {
		return nil, err
	}
	if err = e.startAdmin(ctx); err != nil {
		return nil, err
	}
	// Before the edge listens: whoever connects to it is not to wait for DNS while
	// another edge, on the same port, could serve him.
	e.stopNames = e.watchNames(ctx)
	e.listener, err = e.server.Listen(s.listen)
	return e, err
}

// openFiles opens the log, the recording and the trace, as far as they are wanted.
func (e *edge) openFiles(reopen <-chan struct{}) (err error) {
	if path := e.settings.accessLog; path != "" {
		if e.log, err = accesslog.Open(path, reopen, func(err error) { e.say(err.Error()) }); err != nil {
			return err
		}
		e.log.JSON = e.settings.logJSON
	}
	if e.settings.record != "" || e.settings.trace != "" {
		e.events = events.NewStream(e.group.Len(), events.Options{
			Memory: e.settings.tapMemory,
			// The lines of a trace need no bodies.
			Spliced: e.settings.record == "" && e.settings.trace == lines,
		})
	}
	if trace := e.settings.trace; trace != "" {
		columns, terminal := program.Width(os.Stdout)
		e.trace = openTrace(os.Stdout, view.Style{Width: columns, Colour: terminal && os.Getenv("NO_COLOR") == ""}, trace == tracePictures, e.settings.redact, e.events, e.say)
	}
	if path := e.settings.record; path != "" {
		e.recording, err = openRecording(path, e.settings.recordMax, e.settings.redact, e.events, e.say)
	}
	return err
}

// supervise ends the loops when the program is asked to end.
func (e *edge) supervise(ctx context.Context, ended <-chan struct{}) {
	defer e.group.Stop()
	defer e.server.CutOff()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	bound := time.NewTimer(e.settings.drainTimeout)
	defer bound.Stop()
	select {
	case <-e.drain():
	case <-bound.C:
		e.cutOff(fmt.Sprintf("did not end within %v", e.settings.drainTimeout))
	case <-program.Hurry(ctx):
		e.cutOff("had not ended at the second signal")
	case <-ended:
	}
}

// cutOff says that clients are about to lose what they had under way.
func (e *edge) cutOff(why string) {
	if n := e.group.Conns(); n > 0 {
		fmt.Fprintf(e.messages, "edge: client connections are cut off, since they %s: %d\n", why, n)
	}
}

// drain keeps accepting for the grace time, then lets the clients come to their
// end. The channel is closed when none is left.
func (e *edge) drain() <-chan struct{} {
	done := make(chan struct{})
	time.AfterFunc(e.settings.drainGrace, func() {
		<-e.server.Drain()
		e.awaitLingering()
		close(done)
	})
	return done
}

// awaitLingering gives the last responses the time to arrive at clients that are
// still sending: a process that ends resets their connections.
func (e *edge) awaitLingering() {
	const step = 10 * time.Millisecond
	for waited := time.Duration(0); waited < e.settings.gateway.Linger && e.group.Conns() > 0; waited += step {
		time.Sleep(step)
	}
}

// close closes the files, after the loops have ended.
func (e *edge) close() error {
	if e.stopNames != nil {
		e.stopNames()
	}
	var files multierror.Group // none waits for another one's reader
	files.Go(e.log.Close)
	files.Go(e.recording.close)
	files.Go(e.admin.Close)
	files.Go(e.trace.close)
	return files.Wait().ErrorOrNil()
}
