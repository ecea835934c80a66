package server

import (
	"io"
	"os"
	"path/filepath"
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
	var server *Server
	dir := lay(t, files)
	err := simnet.New(1, simnet.Options{}).Run(loop.Config{MaxConns: 3, Report: said.add}, func(g *loop.Group) error {
		var err error
		if server, err = New(g, Config{Site: openSite(t, dir)}); err != nil {
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
	if ends := server.workers[0].counters.ClientEnds; ends[GaveWay] != 4 {
		t.Errorf("connections ended by %v", ends)
	}
	if len(said.texts) != 1 || !strings.Contains(said.texts[0], "gave way") {
		t.Errorf("reported: %q", said.texts)
	}
}

// A file that was deleted after it had been served is closed before long, so that
// its room on the disk is free.
func TestDeletedFilesAreClosed(t *testing.T) {
	dir := lay(t, map[string]string{"large.bin": strings.Repeat("x", 70_000)})
	open := func() (n int) {
		all, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			t.Error(err)
		}
		for _, fd := range all {
			if to, _ := os.Readlink(fd); strings.HasPrefix(to, dir+"/large.bin") {
				n++
			}
		}
		return n
	}
	err := simnet.New(1, simnet.Options{}).Run(loop.Config{}, func(g *loop.Group) error {
		server, err := New(g, Config{Site: openSite(t, dir)})
		if err != nil {
			return err
		}
		addr, err := server.Listen("127.0.0.1:80")
		if err != nil {
			return err
		}
		at, err := loop.ParseAddress(addr.String())
		l := g.Loop(0)
		l.Go(loop.Func(func() {
			defer g.Stop()
			c, err := l.Dial(at, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.WriteString(c, get("GET", "/large.bin"))
			if n, err := io.CopyN(io.Discard, c, 70_000); err != nil {
				t.Errorf("%d octets came, %v", n, err)
			}
			if open() != 1 {
				t.Errorf("open %d times after it was served", open())
			}
			if err := os.Remove(filepath.Join(dir, "large.bin")); err != nil {
				t.Error(err)
			}
			if l.Sleep(13 * time.Second); open() != 0 {
				t.Error("it is open still")
			}
		}))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
