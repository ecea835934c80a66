package loop

import (
	"testing"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// What happens for each request allocates nothing, once the tasks, buffers and
// pipes that it borrows are there.
func TestNoAllocations(t *testing.T) {
	if wiretest.RaceDetector {
		t.Skip("the race detector allocates")
	}
	file := makeFile(t, 1<<10)
	bufs := [][]byte{[]byte("head"), []byte("content")}
	for name, prepare := range map[string]func(l *Loop, a, b *Conn) (exchange func()){
		"read and write": func(l *Loop, a, b *Conn) func() {
			return func() { mustPass(t, a, b, func() (int64, error) { n, err := a.Write(bufs[0]); return int64(n), err }) }
		},
		"writev": func(l *Loop, a, b *Conn) func() {
			return func() { mustPass(t, a, b, func() (int64, error) { return a.Writev(bufs) }) }
		},
		"sendfile": func(l *Loop, a, b *Conn) func() {
			return func() { mustPass(t, a, b, func() (int64, error) { return a.Sendfile(file, 1, 100) }) }
		},
		"splice": func(l *Loop, a, b *Conn) func() {
			return func() {
				a.Write(bufs[1])
				mustPass(t, b, a, func() (int64, error) { return b.spliceFrom(b, int64(len(bufs[1]))) })
			}
		},
		"deadlines": func(l *Loop, a, b *Conn) func() {
			return func() {
				b.ReadDeadline(l.Now().Add(patience))
				a.WriteDeadline(l.Now().Add(patience))
				mustPass(t, a, b, func() (int64, error) { return a.Writev(bufs) })
			}
		},
		"a task": func(l *Loop, a, b *Conn) func() {
			w := &writer{a, bufs}
			return func() {
				l.Go(w)
				mustPass(t, a, b, func() (int64, error) { return 11, nil })
			}
		},
		"a signal": func(l *Loop, a, b *Conn) func() {
			w := &firer{}
			return func() {
				l.Go(w)
				w.s.Wait(l, l.soon())
			}
		},
		"sleep": func(l *Loop, a, b *Conn) func() { return func() { l.Sleep(1) } },
		"an alarm": func(l *Loop, a, b *Conn) func() {
			w := &firer{}
			return func() {
				l.Alarm(l.Now()+1000, w)
				w.s.Wait(l, l.soon())
			}
		},
		"give way": func(l *Loop, a, b *Conn) func() { return func() { pauseOnce(l) } },
		"a parked echo": func(l *Loop, a, b *Conn) func() {
			b.Park(&echoer{b}, 0)
			return func() {
				a.Write(bufs[0])
				mustPass(t, b, a, func() (int64, error) { return 4, nil })
			}
		},
		"a watch": func(l *Loop, a, b *Conn) func() {
			h := &echoer{a}
			return func() {
				a.Watch(h)
				a.Watch(nil)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			overTCP(t, func(a, b *Conn) {
				exchange := prepare(a.Loop(), a, b)
				for range 10 {
					exchange()
				}
				if n := testing.AllocsPerRun(200, exchange); n != 0 {
					t.Errorf("an exchange allocates %v times", n)
				}
			})
		})
	}
}

// mustPass has as many octets arrive at b as send says that it sent.
func mustPass(t *testing.T, a, b *Conn, send func() (int64, error)) {
	n, err := send()
	buf := b.Loop().Buffer()
	for err == nil && buf.Len() < int(n) {
		_, err = buf.FillFrom(b)
	}
	if buf.Len() != int(n) || err != nil {
		t.Errorf("%d bytes of %d arrived, %v", buf.Len(), n, err)
	}
	buf.Release()
}

type writer struct {
	c    *Conn
	bufs [][]byte
}

func (w *writer) Run() { w.c.Writev(w.bufs) }

type firer struct{ s Signal }

func (f *firer) Run() { f.s.Fire() }

// BenchmarkExchange is one request and one response, from parked to parked, with
// both ends on one loop.
func BenchmarkExchange(b *testing.B) {
	g := newGroup(b, 1, Config{})
	ln := listen(b, g, "127.0.0.1:0", echo)
	l := g.start()
	do(b, l, func() {
		c, err := l.Dial(ln.Address(), 0)
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		p := make([]byte, 100)
		b.ReportAllocs()
		for b.Loop() {
			c.Write(p)
			if n, err := c.Read(p); n != len(p) || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}
