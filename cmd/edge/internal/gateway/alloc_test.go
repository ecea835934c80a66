//go:build !race

package gateway

import (
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/accesslog"
)

// An exchange on connections that are there allocates nothing: measured from
// outside, with a client and an origin that allocate nothing either.
func TestKeepAliveAllocatesNothing(t *testing.T) {
	for _, test := range []struct {
		name    string
		log     bool
		origins int
		balance string
	}{
		{"plain", false, 1, "round-robin"},
		{"logged", true, 1, "round-robin"},
		{"in turn", false, 3, "round-robin"},
		{"least connections", false, 3, "least-connections"},
		{"two choices", false, 3, "two-choices"},
		{"hashed", false, 3, "hash:user-agent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			balance, err := origins.ParseBalance(test.balance)
			if err != nil {
				t.Fatal(err)
			}
			config := Config{Balance: balance, Eject: origins.Ejection{After: 3, For: time.Second}, OriginMaxConnections: 10}
			if test.log {
				config.Log = accesslog.New(discard{}, nil)
				t.Cleanup(func() { config.Log.Close() })
			}
			var addresses []string
			for range test.origins {
				addresses = append(addresses, scripted(t, fixed).address)
			}
			c := start(t, config, addresses...).dial()
			buf := make([]byte, len(hello))
			request := []byte(get("/", "Connection: keep-alive", "User-Agent: test", "Accept: */*"))
			const exchanges = 1000
			perform(t, c, request, buf, exchanges/10)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			perform(t, c, request, buf, exchanges)
			runtime.ReadMemStats(&after)
			if n := after.Mallocs - before.Mallocs; n > exchanges/50 {
				t.Errorf("%d allocations in %d exchanges", n, exchanges)
			}
		})
	}
}

// Waiting for a connection allocates nothing either.
func TestWaitingAllocatesNothing(t *testing.T) {
	const exchanges, clients = 500, 4
	r := start(t, Config{OriginMaxConnections: 1, QueueMax: clients, QueueTimeout: patience}, scripted(t, fixed).address)
	request := []byte(get("/"))
	var all [clients]*peer
	for i := range all {
		all[i] = r.dial()
	}
	round := func(n int) {
		var done sync.WaitGroup
		for _, c := range all {
			done.Go(func() { perform(t, c, request, make([]byte, len(hello)), n) })
		}
		done.Wait()
	}
	round(exchanges / 10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	round(exchanges)
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > clients*exchanges/50 {
		t.Errorf("%d allocations in %d exchanges", n, clients*exchanges)
	}
	if c := r.server.Counters(); c.Queued < exchanges {
		t.Errorf("only %d waited", c.Queued)
	}
}

// fixed answers whatever comes in one read by the same octets.
func fixed(_ int, p *peer) {
	buf := make([]byte, 4096)
	for {
		if _, err := p.Read(buf); err != nil {
			return
		}
		p.Write([]byte(hello))
	}
}

// What every idle client connection costs beside its loop.Conn.
func TestClientIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(client{}); n > 64 {
		t.Errorf("%d octets", n)
	}
}

type discard struct{ io.Writer }

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

func perform(t *testing.T, c net.Conn, request, buf []byte, n int) {
	t.Helper()
	for range n {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Fatal(err)
		}
	}
}
