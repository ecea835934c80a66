package server

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// Where all places are taken by clients that send nothing, those who come later are
// served all the same: who never sent a request gives way first, then who has been
// idle for longest, and nobody within a second.
func TestIdleClientsGiveWay(t *testing.T) {
	var gone []string // in order
	var said reports
	dir := lay(t, files)
	err := simnet.New(1, simnet.Options{}).Run(loop.Config{MaxConns: 3}, func(g *loop.Group) error {
		server, err := New(g, Config{Site: openSite(t, dir), Report: said.add})
		if err != nil {
			return err
		}
		addr, err := server.Listen("127.0.0.1:80")
		if err != nil {
			return err
		}
		at, err := loop.ParseAddress(addr.String())
		l := g.Loop(0)
		client := func(name string, after time.Duration, asks bool) {
			l.Go(loop.Func(func() {
				l.Sleep(after)
				c, err := l.Dial(at, 0)
				if err != nil {
					t.Error(err)
					return
				}
				if asks {
					io.WriteString(c, get("GET", "/nothing"))
					if n, err := c.Read(make([]byte, 1000)); n == 0 {
						t.Errorf("%s was not served: %v", name, err)
					}
				}
				io.Copy(io.Discard, c)
				gone = append(gone, name)
				c.Close()
			}))
		}
		client("first, idle", 0, true)
		client("second, idle", time.Second, true)
		client("silent", 2*time.Second, false)
		client("fourth", 4*time.Second, true)
		client("fifth", 4*time.Second, true)
		client("sixth", 4*time.Second, true)
		client("seventh", 4*time.Second, true)
		l.After(4900*time.Millisecond, func() { gone = append(gone, "pause") })
		l.After(6*time.Second, g.Stop)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	const want = "silent; first, idle; second, idle; pause; fourth"
	if got := strings.Join(gone[:min(5, len(gone))], "; "); got != want {
		t.Errorf("gone are %s; want %s", got, want)
	}
	if len(said.texts) != 1 || !strings.Contains(said.texts[0], "gave way") {
		t.Errorf("reported: %q", said.texts)
	}
}
