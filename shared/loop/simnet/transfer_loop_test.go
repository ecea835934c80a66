package simnet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// relay splices n octets from its client to an echo, and back.
func relay(to **loop.Address, n int64) func(*loop.Conn) {
	return func(c *loop.Conn) {
		l := c.Loop()
		l.Go(loop.Func(func() {
			defer c.Close()
			out, err := l.Dial(*to, 0)
			if err != nil {
				return
			}
			defer out.Close()
			l.Go(loop.Func(func() { splice(out, c, n) }))
			splice(c, out, n)
		}))
	}
}

func splice(to, from *loop.Conn, n int64) {
	var s loop.Splice
	defer s.End()
	for n > 0 {
		m, err := s.From(from, n)
		if err != nil {
			return
		}
		for n -= int64(m); s.Held() > 0; {
			if _, err := s.To(to); err != nil {
				return
			}
		}
	}
}

func TestSpliceInManyWorlds(t *testing.T) {
	const size = 1000
	seeds(t, 300, func(seed uint64) error {
		p := &clients{}
		var origin *loop.Address
		err := simnet.New(seed, simnet.Rough(seed)).Run(loop.Config{}, func(g *loop.Group) error {
			back, err := g.Listen("127.0.0.1:0", acceptEcho)
			if err != nil {
				return err
			}
			front, err := g.Listen("127.0.0.1:0", relay(&origin, size))
			if err != nil {
				return err
			}
			origin, p.group, p.to = back.Address(), g, front.Address()
			p.start(2, func(i int) simnet.Client {
				return simnet.Client{Sends: octets(seed+uint64(i), size)}
			})
			return nil
		})
		return errors.Join(err, p.checkEchoes())
	})
}

func TestSendfileInManyWorlds(t *testing.T) {
	content := octets(1, 5000)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seeds(t, 300, func(seed uint64) error {
		off := int64(seed) % 5000
		var sent int64
		var sendErr error
		p, err := run(simnet.New(seed, simnet.Rough(seed)), loop.Config{}, func(c *loop.Conn) {
			c.Loop().Go(loop.Func(func() {
				defer c.Close()
				sent, sendErr = c.Sendfile(f, off, 5001-off) // one more than there is
			}))
		}, 1, func(int) simnet.Client { return simnet.Client{} })
		if sent != 5000-off || sendErr != io.ErrUnexpectedEOF {
			err = errors.Join(err, fmt.Errorf("Sendfile = %d, %v", sent, sendErr))
		}
		if got := p.clients[0].Got; !bytes.Equal(got, content[off:]) {
			err = errors.Join(err, fmt.Errorf("%d bytes came, not %d", len(got), 5000-off))
		}
		return errors.Join(err, p.clients[0].Err)
	})
}

func TestWritevInManyWorlds(t *testing.T) {
	whole := octets(1, 1000)
	bufs := [][]byte{whole[:1], whole[1:1], whole[1:300], whole[300:350], whole[350:]}
	seeds(t, 300, func(seed uint64) error {
		p, err := run(simnet.New(seed, simnet.Rough(seed)), loop.Config{}, func(c *loop.Conn) {
			c.Loop().Go(loop.Func(func() {
				defer c.Close()
				c.Writev(bufs)
			}))
		}, 1, func(int) simnet.Client { return simnet.Client{} })
		if got := p.clients[0].Got; !bytes.Equal(got, whole) {
			err = errors.Join(err, fmt.Errorf("%d bytes came, not %d", len(got), len(whole)))
		}
		return errors.Join(err, p.clients[0].Err)
	})
}
