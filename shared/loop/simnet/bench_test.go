package simnet_test

import (
	"io"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// An exchange is a request of 100 octets and a response of 1,000, over one of 16
// persistent connections.
func BenchmarkExchanges(b *testing.B) {
	for _, c := range []struct {
		name string
		o    simnet.Options
	}{
		{"smooth", simnet.Options{}},
		{"rough", simnet.Options{Delay: simnet.Range{Max: time.Millisecond}, Piece: 200, Late: 0.1, ShortWrites: 0.1}},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkExchanges(b, c.o) })
	}
}

func benchmarkExchanges(b *testing.B, o simnet.Options) {
	const conns = 16
	response := octets(1, 1000)
	serve := func(c *loop.Conn) {
		c.Loop().Go(loop.Func(func() {
			defer c.Close()
			var p [100]byte
			for {
				if _, err := io.ReadFull(c, p[:]); err != nil {
					return
				}
				c.Write(response)
			}
		}))
	}
	b.ReportAllocs()
	err := simnet.New(1, o).Run(loop.Config{}, func(g *loop.Group) error {
		ln, err := g.Listen("127.0.0.1:0", serve)
		l, left := g.Loop(0), conns
		for range conns {
			l.Go(loop.Func(func() {
				c, err := l.Dial(ln.Address(), 0)
				if err != nil {
					b.Error(err)
					return
				}
				p := make([]byte, 1000)
				for range (b.N + conns - 1) / conns {
					c.Write(p[:100])
					io.ReadFull(c, p)
				}
				c.Close()
				if left--; left == 0 {
					g.Stop()
				}
			}))
		}
		return err
	})
	if err != nil {
		b.Error(err)
	}
}
