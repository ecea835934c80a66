//go:build !race

package gateway

import (
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/accesslog"
)

// An exchange on connections that are there allocates nothing: measured from
// outside, with a client and an origin that allocate nothing either.
func TestKeepAliveAllocatesNothing(t *testing.T) {
	for _, test := range []struct {
		name    string
		log     *accesslog.Log
		origins int
		balance string
	}{
		{"plain", nil, 1, "round-robin"},
		{"logged", accesslog.New(discard{}, nil), 1, "round-robin"},
		{"logged as JSON", asJSON(accesslog.New(discard{}, nil)), 1, "round-robin"},
		{"in turn", nil, 3, "round-robin"},
		{"least connections", nil, 3, "least-connections"},
		{"two choices", nil, 3, "two-choices"},
		{"hashed", nil, 3, "hash:user-agent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			balance, err := origins.ParseBalance(test.balance)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { test.log.Close() })
			config := Config{Balance: balance, Eject: origins.Ejection{After: 3, For: time.Second}, OriginMaxConnections: 10, Log: test.log, LogConnections: true}
			kernel.play(t, config, func(s *scene) {
				c, request := s.dial(), get("/", "Connection: keep-alive", "User-Agent: test", "Accept: */*", "Traceparent: "+traceparent)
				const exchanges = 1000
				c.repeat(request, hello, exchanges/10)
				if n := allocations(func() { c.repeat(request, hello, exchanges) }); n > exchanges/50 {
					s.errorf("%d allocations in %d exchanges", n, exchanges)
				}
			}, slices.Repeat([]script{fixed}, test.origins)...)
		})
	}
}

// Waiting for a connection allocates nothing either.
func TestWaitingAllocatesNothing(t *testing.T) {
	const exchanges, clients = 500, 4
	config := Config{OriginMaxConnections: 1, QueueMax: clients, QueueTimeout: patience}
	kernel.play(t, config, func(s *scene) {
		var all [clients]*peer
		for i := range all {
			all[i] = s.dial()
		}
		round := func(n int) {
			var done sync.WaitGroup
			for _, c := range all {
				done.Go(func() { c.repeat(get("/"), hello, n) })
			}
			done.Wait()
		}
		round(exchanges / 10)
		if n := allocations(func() { round(exchanges) }); n > clients*exchanges/50 {
			s.errorf("%d allocations in %d exchanges", n, clients*exchanges)
		}
		if c := s.counters(); c.Queued < exchanges {
			s.errorf("only %d waited", c.Queued)
		}
	}, fixed)
}

// Trailer sections are held and edited without allocating, both ways.
func TestTrailersAllocateNothing(t *testing.T) {
	const section, rest = "0\r\nTE: a\r\nX-Sum: 1\r\n\r\n", "0\r\nX-Sum: 1\r\n\r\n"
	const exchanges = 500
	kernel.play(t, Config{Forwarded: true}, func(s *scene) {
		c := s.dial()
		round := func(n int) { c.repeat(post(chunks, section), chunkedHead+rest, n) }
		round(exchanges / 10)
		if n := allocations(func() { round(exchanges) }); n > exchanges/50 {
			s.errorf("%d allocations in %d exchanges", n, exchanges)
		}
	}, func(p *peer) {
		buf, octets := make([]byte, len(forwardedChunks+rest)), []byte(chunkedHead+section)
		for {
			if _, err := io.ReadFull(p, buf); err != nil {
				return
			}
			p.Write(octets)
		}
	})
}

// allocations is how many there are in the program while f runs.
func allocations(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// repeat makes n exchanges without allocating.
func (p *peer) repeat(request, response string, n int) {
	octets, buf := []byte(request), make([]byte, len(response)+len(someDate))
	for range n {
		if _, err := p.Write(octets); err != nil {
			p.errorf("%v", err)
			return
		}
		if _, err := io.ReadFull(p, buf); err != nil {
			p.errorf("%v", err)
			return
		}
	}
}

// fixed answers whatever comes in one read by the same octets.
func fixed(p *peer) {
	buf, octets := make([]byte, 4096), []byte(hello)
	for {
		if _, err := p.Read(buf); err != nil {
			return
		}
		p.Write(octets)
	}
}

type discard struct{ io.Writer }

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }
