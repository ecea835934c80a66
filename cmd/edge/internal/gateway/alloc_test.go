//go:build !race

package gateway

import (
	"io"
	"net"
	"runtime"
	"testing"
	"unsafe"

	"github.com/hopwire/hopwire/cmd/edge/internal/accesslog"
)

// An exchange on connections that are there allocates nothing: measured from
// outside, with a client and an origin that allocate nothing either.
func TestKeepAliveAllocatesNothing(t *testing.T) {
	for _, test := range []struct {
		name string
		log  bool
	}{{"plain", false}, {"logged", true}} {
		t.Run(test.name, func(t *testing.T) {
			config := Config{}
			if test.log {
				config.Log = accesslog.New(discard{})
				t.Cleanup(func() { config.Log.Close() })
			}
			o := scripted(t, func(_ int, p *peer) {
				buf := make([]byte, 4096)
				for {
					if _, err := p.Read(buf); err != nil {
						return
					}
					p.Write([]byte(hello))
				}
			})
			c := start(t, config, o.address).dial()
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
