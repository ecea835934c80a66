package loop_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

const (
	greedy   = 16      // connections whose tasks never have to wait
	stock    = 4 << 20 // octets that each of them finds to read
	piece    = 64 << 10
	turns    = 4 // of the loop, within which a small exchange comes to its end
	inATurn  = 256 << 10
	opsATurn = 64
	atOnce   = 256 << 10 // one operation
)

// However tasks move octets that they need not wait for, an exchange of a hundred
// beside them is over within a few turns of the loop, and a turn moves little.
func TestSmallExchangeBesideGreedyTasks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := make([]byte, piece)
	for name, step := range map[string]func(b *bulk) error{
		"Read":     func(b *bulk) error { _, err := b.conn.Read(p); return err },
		"Write":    func(b *bulk) error { _, err := b.conn.Write(p); return err },
		"Writev":   func(b *bulk) error { _, err := b.conn.Writev([][]byte{p[:piece/2], p[piece/2:]}); return err },
		"Sendfile": func(b *bulk) error { _, err := b.conn.Sendfile(f, 0, 1<<20); return err },
		"Splice":   (*bulk).splice,
		"bytes":    func(b *bulk) error { _, err := b.conn.Read(p[:1]); return err },
		"Linger":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := besideGreedy(t, step)
			if s.octets > turns*(inATurn+atOnce) {
				t.Errorf("%d bytes went by during one exchange", s.octets)
			}
			if s.ops > turns*opsATurn+10 {
				t.Errorf("%d operations were done during one exchange", s.ops)
			}
			if s.held > 0 {
				t.Errorf("%d tasks held a pipe while others had their turn, although there was room", s.held)
			}
		})
	}
}

// strain is what went on, at worst, while one exchange took place.
type strain struct{ octets, ops, held int }

// besideGreedy makes a few exchanges beside tasks that do the step over and over,
// or beside connections that linger.
func besideGreedy(t *testing.T, step func(*bulk) error) (worst strain) {
	var now strain
	w := simnet.New(1, simnet.Options{Buffer: 1 << 30, History: func(s simnet.Step) {
		if s.What == simnet.Read || s.What == simnet.Wrote {
			now.octets += s.Octets
			now.ops++
		}
	}})
	err := w.Run(loop.Config{}, func(g *loop.Group) error {
		var fed []*loop.Conn
		feeder, err1 := g.Listen("127.0.0.1:0", func(c *loop.Conn) { fed = append(fed, c) })
		ln, err2 := g.Listen("127.0.0.1:0", func(c *loop.Conn) {
			(&server{conn: c, idle: time.Hour, expired: new(int), ended: new(int)}).park()
		})
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		l := g.Loop(0)
		l.Go(loop.Func(func() {
			defer g.Stop()
			var all []*bulk
			for range greedy {
				all = append(all, &bulk{conn: connect(t, l, feeder), to: connect(t, l, feeder), step: step})
			}
			small := connect(t, l, ln)
			for len(fed) < 2*greedy {
				l.Sleep(1)
			}
			for i := 0; i < len(fed); i += 2 {
				fed[i].Write(make([]byte, stock))
			}
			l.Sleep(1)
			for _, b := range all {
				if step == nil {
					b.conn.Linger(time.Hour, time.Hour)
				} else {
					l.Go(b)
				}
			}
			exchange(t, small) // by its end all have shown themselves
			for range 5 {
				now = strain{}
				exchange(t, small)
				for _, b := range all {
					if b.pipe.Held() > 0 {
						now.held++
					}
				}
				worst = strain{max(worst.octets, now.octets), max(worst.ops, now.ops), max(worst.held, now.held)}
			}
			if now.ops <= 4 { // those of the exchange itself
				t.Error("the others have nothing left to do: nothing is shown")
			}
		}))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return worst
}

func connect(t *testing.T, l *loop.Loop, to *loop.Listener) *loop.Conn {
	c, err := l.Dial(to.Address(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func exchange(t *testing.T, c *loop.Conn) {
	p := make([]byte, requestSize)
	if _, err := c.Write(p); err != nil {
		t.Error(err)
	}
	for n := 0; n < len(p); {
		m, err := c.Read(p[n:])
		if n += m; err != nil {
			t.Error(err)
			return
		}
	}
}

// A bulk is a task that goes on for as long as it can.
type bulk struct {
	conn, to *loop.Conn
	pipe     loop.Splice
	step     func(*bulk) error
}

func (b *bulk) Run() {
	defer b.pipe.End()
	for b.step(b) == nil {
	}
}

func (b *bulk) splice() error {
	_, err := b.pipe.From(b.conn, piece)
	for err == nil && b.pipe.Held() > 0 {
		_, err = b.pipe.To(b.to)
	}
	return err
}
