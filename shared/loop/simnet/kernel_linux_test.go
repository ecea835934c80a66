package simnet_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A duel is a connection whose two ends are in one task's hands, and the notes
// of what each operation gave.
type duel struct {
	loop  *loop.Loop
	a, b  *loop.Conn
	notes []string
	died  loop.Signal
}

func (d *duel) note(what string, n int, err error) {
	d.notes = append(d.notes, fmt.Sprintf("%s %d %v", what, n, cause(err)))
}

// cause is an error without what differs from run to run, such as ports.
func cause(err error) error {
	var errno syscall.Errno
	for _, known := range []error{io.EOF, os.ErrDeadlineExceeded} {
		if errors.Is(err, known) {
			return known
		}
	}
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

func (d *duel) read(c *loop.Conn) {
	var p [100]byte
	n, err := c.Read(p[:])
	d.note("read", n, err)
}

func (d *duel) write(c *loop.Conn, s string) {
	n, err := c.Write([]byte(s))
	d.note("write", n, err)
}

func (d *duel) closeWrite(c *loop.Conn) { d.note("shutdown", 0, c.CloseWrite()) }

// dies waits until the loop is told that a's connection is dead.
func (d *duel) dies() {
	d.a.Watch(d)
	d.note("dies", 0, d.died.Wait(d.loop, d.soon()))
}

func (d *duel) Readable(*loop.Conn) {}
func (d *duel) Expired(*loop.Conn)  {}
func (d *duel) Aborted(*loop.Conn)  { d.died.Fire() }

func (d *duel) soon() loop.Time { return d.loop.Now().Add(5 * time.Second) }

// duels are what the kernel and the simulated one have to agree about. Whatever
// depends on when something arrives waits for it.
var duels = map[string]func(*duel){
	"a reset, then read": func(d *duel) {
		d.b.Reset()
		d.dies()
		d.read(d.a)
		d.read(d.a)
		d.write(d.a, "x")
	},
	"a reset, then write": func(d *duel) {
		d.b.Reset()
		d.dies()
		d.write(d.a, "x")
		d.write(d.a, "x")
		d.read(d.a)
		d.closeWrite(d.a)
	},
	"bytes, then a reset": func(d *duel) {
		d.write(d.b, "hello")
		d.a.WaitReadable()
		d.b.Reset()
		d.dies()
		d.read(d.a)
		d.read(d.a)
		d.read(d.a)
	},
	"the end, then a reset": func(d *duel) {
		d.write(d.b, "hello")
		d.closeWrite(d.b)
		d.read(d.a)
		d.read(d.a)
		d.b.Reset()
		d.dies()
		d.read(d.a)
		d.write(d.a, "x")
		d.write(d.a, "x")
	},
	"closed with bytes unread": func(d *duel) {
		d.write(d.a, "request")
		d.b.WaitReadable()
		d.write(d.b, "hello")
		d.b.Close()
		d.dies()
		d.read(d.a)
		d.read(d.a)
		d.read(d.a)
	},
	"bytes to a closed socket": func(d *duel) {
		d.b.Close()
		d.read(d.a)
		d.write(d.a, "x")
		d.dies()
		d.read(d.a)
		d.write(d.a, "x")
	},
	"half-close, both ways": func(d *duel) {
		d.write(d.a, "request")
		d.closeWrite(d.a)
		d.write(d.a, "x")
		d.read(d.b)
		d.read(d.b)
		d.write(d.b, "response")
		d.closeWrite(d.b)
		d.read(d.a)
		d.read(d.a)
		d.read(d.b)
		d.closeWrite(d.a)
	},
	"writing until it is full": func(d *duel) {
		d.a.WriteDeadline(d.loop.Now().Add(50 * time.Millisecond))
		n, err := d.a.Write(make([]byte, 64<<20))
		d.note("write", min(n, 1), err)
		d.a.WriteDeadline(0)
		for d.b.ReadDeadline(d.soon()); n > 0 && err != nil; {
			var m int
			if m, err = d.b.Read(make([]byte, 1<<20)); err == nil {
				n, err = n-m, os.ErrDeadlineExceeded
			}
		}
		d.note("left", n, err)
		d.write(d.a, "x")
		d.read(d.b)
	},
	"nobody listens": func(d *duel) {
		_, err := d.loop.Dial(mustParse("127.0.0.1:1"), d.soon())
		d.note("dial", 0, err)
		_, err = d.loop.Dial(mustParse("unix:/nowhere/at/all"), d.soon())
		d.note("dial", 0, err)
	},
}

func mustParse(s string) *loop.Address {
	a, err := loop.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// fight runs a duel on a loop of the world, or of the kernel if that is nil.
func fight(t *testing.T, w *simnet.World, script func(*duel)) []string {
	t.Helper()
	d := &duel{}
	start := func(g *loop.Group) error {
		ln, err := g.Listen("127.0.0.1:0", func(c *loop.Conn) {
			d.b = c
			d.died.Fire()
		})
		if err != nil {
			return err
		}
		d.loop = g.Loop(0)
		d.loop.Go(loop.Func(func() {
			defer g.Stop()
			if d.a, err = d.loop.Dial(ln.Address(), d.soon()); err != nil {
				t.Error(err)
				return
			}
			if d.b == nil {
				d.died.Wait(d.loop, d.soon())
			}
			d.a.ReadDeadline(d.soon())
			d.b.ReadDeadline(d.soon())
			script(d)
		}))
		return nil
	}
	if err := runOn(w, start); err != nil {
		t.Error(err)
	}
	return d.notes
}

func runOn(w *simnet.World, start func(*loop.Group) error) error {
	if w != nil {
		return w.Run(loop.Config{}, start)
	}
	g, err := loop.NewGroup(1, loop.Config{})
	if err != nil {
		return err
	}
	if err := start(g); err != nil {
		return err
	}
	return g.Run()
}

func TestSameAsTheKernel(t *testing.T) {
	for name, script := range duels {
		t.Run(name, func(t *testing.T) {
			want := fight(t, nil, script)
			for seed := range uint64(20) {
				o := simnet.Options{}
				if seed > 0 {
					// On the loopback interface octets arrive whole, and
					// leave before write returns.
					o = simnet.Rough(seed)
					o.Piece, o.Buffer, o.ShortWrites, o.Pace = 0, 0, 0, simnet.Range{}
				}
				if got := fight(t, simnet.New(seed, o), script); !slices.Equal(got, want) {
					t.Fatalf("seed %d:\n%s\nthe kernel:\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}
