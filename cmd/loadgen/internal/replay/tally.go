package replay

import (
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
)

// A Tally counts what happened. Each lane has its own, which only its loop
// touches; they are merged when the run is over.
type Tally struct {
	// Requests have come to an end, well or not. Errors are those that failed;
	// Causes says why.
	Requests, Errors int64
	Causes           [causes]int64
	// Unfinished requests were under way when the run ended. They are no
	// Requests.
	Unfinished int64
	// Saved exchanges failed and were told to Config.Failures; Unsaved ones had no room
	// there any more.
	Saved, Unsaved int64
	// Warmup counts those that came to an end before the measuring began. They are no
	// Requests either.
	Warmup int64
	// Statuses counts final responses by status code, Interim the 1xx ones.
	Statuses [1000]int64
	Interim  int64
	// BytesIn and BytesOut are bytes of messages, heads included.
	BytesIn, BytesOut int64
	// Times are histograms, of latencies and others.
	measure.Times

	// Opened connections; ConnectFailures counts attempts to open one.
	Opened          int64
	ConnectFailures [causes]int64
	// Resumed handshakes, of those in Times.TLS.
	Resumed int64
	// First and Reused count the whole responses to the first request of a
	// connection, and to those on one that was kept alive.
	First, Reused int64
	// ClosedByPeer: the server was first to send a FIN or a RST. ClosedByUs: we
	// were.
	ClosedByUs, ClosedByPeer int64
	// Connecting: attempts to open one that the end of the run cut short.
	Connecting int64
	// Early responses were whole before their request had been sent. Unread counts
	// those after which the server took no more of it, so that we closed the
	// connection.
	Early, Unread int64
	// Stale: a request found that the server had closed a connection kept alive.
	// Retries counts those that were sent again; the others have failed.
	Stale, Retries int64
	// Pauses after failures, and how long workers have spent in them.
	Pauses int64
	Paused time.Duration
}

// ByStatus are the statuses that there were.
func (t *Tally) ByStatus() map[int]int64 {
	all := map[int]int64{}
	for code, n := range t.Statuses {
		if n != 0 {
			all[code] = n
		}
	}
	return all
}

// merge adds u to t.
func (t *Tally) merge(u *Tally) {
	t.Requests += u.Requests
	t.Errors += u.Errors
	t.Unfinished += u.Unfinished
	t.Warmup += u.Warmup
	t.Interim += u.Interim
	t.Saved += u.Saved
	t.Unsaved += u.Unsaved
	t.BytesIn += u.BytesIn
	t.BytesOut += u.BytesOut
	t.Opened += u.Opened
	t.Resumed += u.Resumed
	t.First += u.First
	t.Reused += u.Reused
	t.ClosedByUs += u.ClosedByUs
	t.ClosedByPeer += u.ClosedByPeer
	t.Connecting += u.Connecting
	t.Early += u.Early
	t.Unread += u.Unread
	t.Stale += u.Stale
	t.Retries += u.Retries
	t.Pauses += u.Pauses
	t.Paused += u.Paused
	add(t.Causes[:], u.Causes[:])
	add(t.ConnectFailures[:], u.ConnectFailures[:])
	add(t.Statuses[:], u.Statuses[:])
	t.Times.Merge(&u.Times)
}

func add(to, from []int64) {
	for i, n := range from {
		to[i] += n
	}
}
