package names

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A server that does not answer in time has timed out, be it the reader who sees that
// first or whoever closes the connection then.
func TestSilentServer(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	r := round{ctx: t.Context(), system: OneServer(silent.LocalAddr().String()), exchange: overNetwork}
	r.system.Timeout = 10 * time.Millisecond
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if o := r.askInTurn(question{"a.", dns.TypeA}); o.failure.kind() != TimedOut {
				t.Errorf("%v, not %v: %s", o.failure.Kind, TimedOut, o.failure.Text)
			}
		})
	}
	all.Wait()
}
