package server

import (
	"time"

	"github.com/hopwire/hopwire/cmd/origin/internal/fault"
	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/tally"
	"github.com/hopwire/hopwire/shared/wire"
)

// A worker is what the connections of one loop have in common.
type worker struct {
	config    *Config
	loop      *loop.Loop
	cache     *site.Cache
	stored    *site.Cache // of what was posted; nil: nothing is stored
	idle      *loop.Idlers[*client]
	spare     *loop.FreeList[*exchange]
	log       *accesslog.Batch // nil: none is wanted
	faults    *fault.Player    // nil: nothing goes wrong
	began     loop.Time
	keepAlive []byte // what responses say of a connection that persists
	busy      int    // clients that are not idle
	counters  Counters
	durations tally.Durations // of requests that are over
	draining  bool
	tidying   bool // soon

	// The wall clock, to the second.
	second int64     // since 1970
	nextAt loop.Time // when the next one begins
	date   []byte    // as a Date field has it
}

func newWorker(s *Server, l *loop.Loop) *worker {
	w := &worker{config: &s.config, loop: l, idle: loop.NewIdlers[*client](l), spare: loop.NewFreeList[*exchange](l), log: s.config.AccessLog.Batch(l),
		began: l.Now(), keepAlive: keepAliveFields(s.config.IdleTimeout)}
	if s.config.Faults != nil {
		w.faults = s.config.Faults.Player(l.Index())
	}
	files := l.Share(s.config.OpenFiles)
	if stored := s.config.Stored; stored != nil {
		files = (files + 1) / 2
		w.stored = stored.NewCache(w.appendForeignHead, files)
	}
	w.cache = s.config.Site.NewCache(w.appendFileHead, files)
	w.readClock()
	return w
}

// drain lets every connection have one last request. Those that wait for one are
// not closed at once, since it may be on its way already; only the response can
// tell a client not to send another.
func (w *worker) drain() {
	w.draining = true
	for c := range w.idle.All {
		c.park(w.config.DrainIdle)
	}
}

// tidyEvery is how often a worker looks for files that are open and not used.
const tidyEvery = 2 * time.Second

// tidyLater is called when a file has been opened.
func (w *worker) tidyLater() {
	if !w.tidying {
		w.tidying = true
		w.loop.After(tidyEvery, w.tidy)
	}
}

func (w *worker) tidy() {
	w.tidying = false
	more := w.cache.CloseUnused(w.loop.Now())
	if w.stored != nil && w.stored.CloseUnused(w.loop.Now()) || more {
		w.tidyLater()
	}
}

// aside runs what waits for the disk on a goroutine of its own, and suspends the task
// meanwhile, so that the loop's other connections notice nothing. When it returns, f
// has returned.
func (w *worker) aside(f func()) {
	done := make(chan struct{})
	var back loop.Signal
	go func() {
		f()
		close(done)
		w.loop.Post(func() { back.Fire() })
	}()
	if back.Wait(w.loop, 0) != nil {
		<-done // The loop has been stopped: there are no others.
	}
}

// exchange takes a spare exchange or makes one.
func (w *worker) exchange() *exchange {
	x, ok := w.spare.Get()
	if !ok {
		x = &exchange{worker: w}
	}
	return x
}

func (w *worker) giveBack(x *exchange) {
	x.client, x.conn, x.in, x.strike = nil, nil, nil, nil
	x.why = Broken
	if x.out = x.out[:0]; cap(x.out) > maxOut {
		x.out = nil
	}
	w.spare.Put(x)
}

// tick keeps what is known of the wall clock up to date.
func (w *worker) tick() {
	if w.loop.Now() >= w.nextAt {
		w.readClock()
	}
}

func (w *worker) readClock() {
	wall := w.loop.Wall()
	w.second = wall.Unix()
	w.nextAt = w.loop.Now().Add(time.Second - time.Duration(wall.Nanosecond()))
	w.date = wire.AppendDate(w.date[:0], w.second)
}
