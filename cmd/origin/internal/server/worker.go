package server

import (
	"time"

	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// A worker is what the connections of one loop have in common.
type worker struct {
	config   *Config
	loop     *loop.Loop
	cache    *site.Cache
	clients  list.List[*client]
	spare    []*exchange
	log      *accesslog.Batch // nil: none is wanted
	draining bool

	// The wall clock, to the second.
	second int64     // since 1970
	nextAt loop.Time // when the next one begins
	date   []byte    // as a Date field has it
}

// maxSpare bounds the exchanges kept for later; each may have grown buffers.
const maxSpare = 64

func newWorker(s *Server, l *loop.Loop) *worker {
	w := &worker{config: &s.config, loop: l, log: s.config.AccessLog.Batch(l)}
	w.cache = s.config.Site.NewCache(w.appendFileHead)
	w.readClock()
	return w
}

// drain lets every connection have one last request. Those that wait for one are
// not closed at once, since it may be on its way already; only the response can
// tell a client not to send another.
func (w *worker) drain() {
	w.draining = true
	for c := range w.clients.All() {
		if c.parked {
			c.park(w.config.DrainIdle)
		}
	}
}

// idleTime is how long a connection may wait for its next request.
func (w *worker) idleTime() time.Duration {
	if w.draining {
		return w.config.DrainIdle
	}
	return w.config.IdleTimeout
}

// exchange takes a spare exchange or makes one.
func (w *worker) exchange() *exchange {
	if n := len(w.spare) - 1; n >= 0 {
		x := w.spare[n]
		w.spare = w.spare[:n]
		return x
	}
	return &exchange{worker: w}
}

func (w *worker) giveBack(x *exchange) {
	x.conn, x.in = nil, nil
	x.out = x.out[:0]
	if len(w.spare) < maxSpare && cap(x.out) <= maxOut {
		w.spare = append(w.spare, x)
	}
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
