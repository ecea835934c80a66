package names

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
)

// Config is what a Watcher is set up with. Members has to be given.
type Config struct {
	// Targets are looked up. A target's source is its index.
	Targets []Target
	// Members is told which members a target has, whenever that changes.
	Members func(source int, members []origins.Member)
	// Missing is told why a target has had no members so far. Nil: nobody is.
	Missing func(source int, why Kind)
	// Report is told in one line what changed, and what began to fail or to
	// work again. Nil: nobody is.
	Report func(line string)

	// System is asked where to look names up, for each lookup. Nil: where the
	// machine's own files say.
	System func() (*System, error)

	exchange exchange              // nil: over the network
	hasRoute func(netip.Addr) bool // nil: as the machine has it
}

// A Watcher looks targets up again and again. It calls the functions of its
// configuration from several goroutines, but for one target from one.
type Watcher struct {
	config Config
	all    sync.WaitGroup
	first  sync.WaitGroup
}

// Watch begins to look the targets up, until ctx is cancelled.
func Watch(ctx context.Context, config Config) *Watcher {
	if config.System == nil {
		config.System = func() (*System, error) { return readSystem(resolvConf, hostsFile) }
	}
	if config.exchange == nil {
		config.exchange = overNetwork
	}
	if config.hasRoute == nil {
		config.hasRoute = hasRoute
	}
	w := &Watcher{config: config}
	for source, target := range config.Targets {
		w.first.Add(1)
		watch := &watch{config: &w.config, source: source, target: target}
		w.all.Go(func() { watch.run(ctx, w.first.Done) })
	}
	return w
}

// First is closed when each target has been looked up once, with members or
// without.
func (w *Watcher) First() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		w.first.Wait()
		close(done)
	}()
	return done
}

// Wait returns when the watcher has ended, after its context was cancelled.
func (w *Watcher) Wait() { w.all.Wait() }

// A watch is the watching of one target.
type watch struct {
	config *Config
	source int
	target Target

	last     map[question]answer
	known    knowledge
	schedule schedule
}

// run looks the target up until ctx is cancelled. It calls first once, after the
// first time.
func (w *watch) run(ctx context.Context, first func()) {
	first = sync.OnceFunc(first)
	defer first()
	for {
		r := w.lookup(ctx)
		if ctx.Err() != nil {
			return // a question that was cut short says nothing
		}
		w.tell(w.known.learn(r))
		first()
		select {
		case <-ctx.Done():
			return
		case <-time.After(w.schedule.next(r)):
		}
	}
}

func (w *watch) lookup(ctx context.Context) Result {
	system, err := w.config.System()
	if err != nil {
		return Result{Failure: &Failure{Failed, err.Error()}}
	}
	r := &round{ctx: ctx, system: system, exchange: w.config.exchange, hasRoute: w.config.hasRoute, last: w.last}
	result := r.lookup(w.target)
	w.last = r.seen
	return result
}

// tell hands on what is new.
func (w *watch) tell(n news) {
	if n.changed {
		w.config.Members(w.source, w.known.members)
	} else if len(w.known.members) == 0 && w.config.Missing != nil {
		w.config.Missing(w.source, n.missing)
	}
	if line := n.text(w.known.members); line != "" && w.config.Report != nil {
		w.config.Report(fmt.Sprintf("origin %s %s", w.target, line))
	}
}
