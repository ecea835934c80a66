package simulation

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/events/view"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/hopwire/hopwire/shared/wiretest"
)

var (
	oneSeed  = flag.Uint64("seed", 0, "the seed of TestSeed; and the first one of TestSeeds")
	playFor  = flag.Duration("for", 0, "how long TestSeeds goes on, and prints what it does; 0: a few seconds' worth")
	failures = flag.Int("failures", 10, "after how many failures TestSeeds stops")
	telling  = flag.String("story", "", "what TestSeed tells: page, as with -v, or all")
	parallel = flag.Int("worlds", runtime.GOMAXPROCS(0), "how many worlds TestSeeds runs at once")
)

// A run plays seeds one after the other, several at once, until it is told to
// stop or has found something.
type run struct {
	next  atomic.Uint64
	until time.Time // and so many at least
	least uint64

	mu     sync.Mutex
	tally  tally
	worlds int
	failed []*failure
}

func (r *run) goOn(seed uint64) bool { return seed < r.least || time.Now().Before(r.until) }

func (r *run) work(first uint64, most int) {
	for {
		seed := r.next.Add(1) - 1
		if !r.goOn(seed) {
			return
		}
		w := play(first+seed, nil)
		r.mu.Lock()
		r.worlds++
		r.tally.add(&w.tally)
		if w.failure != nil {
			r.failed = append(r.failed, w.failure)
		}
		enough := len(r.failed) >= most
		r.mu.Unlock()
		if enough {
			return
		}
	}
}

func (r *run) play(first uint64, most int) {
	var all sync.WaitGroup
	for range *parallel {
		all.Go(func() { r.work(first, most) })
	}
	all.Wait()
}

func TestSeeds(t *testing.T) {
	r := &run{least: 1000}
	if testing.Short() || wiretest.RaceDetector {
		r.least = 60
	}
	if *playFor > 0 {
		r.until = time.Now().Add(*playFor)
		stop := r.report()
		defer stop()
	}
	began := time.Now()
	r.play(*oneSeed, *failures)
	took := time.Since(began)
	for _, f := range r.failed {
		t.Error(f)
	}
	text := fmt.Sprintf("%d seeds, %.0f exchanges/s, %.0f in a second of one processor\n%v", r.worlds,
		float64(r.tally.exchanges)/took.Seconds(), float64(r.tally.exchanges)/processorTime().Seconds(), &r.tally)
	if *playFor > 0 {
		fmt.Println(text)
	} else {
		t.Log(text)
	}
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return time.Hour
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report prints how far it has come, now and then.
func (r *run) report() (stop func()) {
	tick := time.NewTicker(5 * time.Second)
	done := make(chan bool)
	go func() {
		for {
			select {
			case <-tick.C:
				r.mu.Lock()
				fmt.Fprintf(os.Stderr, "%d seeds, %d exchanges, %d failures\n", r.worlds, r.tally.exchanges, len(r.failed))
				r.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
	return func() { tick.Stop(); close(done) }
}

// TestSeed plays one world, and with -v or -story tells its story.
func TestSeed(t *testing.T) {
	var s *story
	if testing.Verbose() || *telling != "" {
		columns, terminal := program.Width(os.Stdout)
		s = newStory(os.Stdout, view.Style{Width: columns, Colour: terminal && os.Getenv("NO_COLOR") == ""}, *telling == "all")
	}
	switch w := play(*oneSeed, s); {
	case w.failure != nil && s == nil:
		t.Error(w.failure)
	case w.failure != nil:
		t.Fail() // as the story says
	}
}

func TestOneSeedIsOneHistory(t *testing.T) {
	for seed := range uint64(10) {
		a, b := play(seed, nil), play(seed, nil)
		if a.net.Digest() != b.net.Digest() || a.net.Steps() != b.net.Steps() {
			t.Errorf("seed %d: %d steps and %d steps", seed, a.net.Steps(), b.net.Steps())
		}
	}
}
