package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startCramped starts one of our programs with so many descriptors.
func startCramped(t *testing.T, descriptors int, name string, args ...string) *server {
	t.Helper()
	return startListening(t, cramped(descriptors, name, append([]string{"--listen", "127.0.0.1:0", "--loops", "2"}, args...)...))
}

func cramped(descriptors int, name string, args ...string) *exec.Cmd {
	script := fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, descriptors)
	return exec.Command("sh", append([]string{"-c", script, filepath.Join(binaries, name)}, args...)...)
}

// A crowd is clients that are all there at once, each of which asks for some paths
// on one connection. Every other one stays connected when it has been answered.
type crowd struct {
	t       *testing.T
	address string
	stay    sync.WaitGroup
}

// ask wants everybody to be answered with 200.
func (c *crowd) ask(clients int, paths func(client int) []string) {
	c.t.Helper()
	var served sync.WaitGroup
	over := make(chan struct{})
	for i := range clients {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			c.t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		served.Add(1)
		c.stay.Go(func() {
			defer conn.Close()
			if err := askOn(conn, paths(i)); err != nil {
				c.t.Errorf("client %d: %v", i, err)
			}
			if served.Done(); i%2 == 0 {
				<-over
			}
		})
	}
	served.Wait()
	close(over)
	c.stay.Wait()
}

func askOn(conn net.Conn, paths []string) error {
	in := bufio.NewReader(conn)
	for _, path := range paths {
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, response.Body)
		if err != nil || response.StatusCode != 200 || n == 0 {
			return fmt.Errorf("%s: %s, %d bytes, %v", path, response.Status, n, err)
		}
	}
	return nil
}

// layLarge makes a folder of n files that an origin keeps open while they are used.
func layLarge(t *testing.T, n int) (dir string) {
	dir = t.TempDir()
	for i := range n {
		if err := os.WriteFile(fmt.Sprintf("%s/%03d", dir, i), make([]byte, 70_000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// With more clients than there are descriptors, all are served, and none with 503:
// those who find no place wait until others go, or have been idle.
func TestMoreClientsThanDescriptors(t *testing.T) {
	const clients, descriptors, large = 300, 128, 200
	dir := layLarge(t, large)
	paths := func(client int) []string {
		return []string{fmt.Sprintf("/%03d", client%large), fmt.Sprintf("/%03d", (client+7)%large)}
	}
	t.Run("origin", func(t *testing.T) {
		s := startCramped(t, descriptors, "origin", "--root", dir)
		(&crowd{t: t, address: s.Addr}).ask(clients, paths)
		if said := s.Log(); !strings.Contains(said, "idle ones gave way") {
			t.Errorf("it says %q", said)
		}
	})
	t.Run("edge", func(t *testing.T) {
		one, other := startOrigin(t, dir), startOrigin(t, dir)
		s := startCramped(t, descriptors, "edge", "--origin", one.Addr+","+other.Addr)
		(&crowd{t: t, address: s.Addr}).ask(clients, paths)
		if said := s.Log(); strings.Contains(said, "too many open files") {
			t.Errorf("it says %q", said)
		}
	})
}

// Silent clients that take all places do not keep others out: they give way, and by
// that word are counted.
func TestSilentClientsGiveWay(t *testing.T) {
	const places, others = 3, 6
	bound := []string{"--max-connections", fmt.Sprint(places)}
	origin := startOrigin(t, "", bound...)
	edge := startEdge(t, origin.Addr, bound...)
	for _, s := range []*server{origin, edge} {
		for range places {
			c, err := net.Dial("tcp", s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		(&crowd{t: t, address: s.Addr}).ask(others, func(int) []string { return []string{"/"} })
	}
	eventually(t, func() (problem string) {
		if err := edge.Signal(syscall.SIGUSR1); err != nil {
			return err.Error()
		}
		if !strings.Contains(edge.Log(), "client-ends.gave-way") {
			return "the edge does not count who gave way"
		}
		if !strings.Contains(edge.Log(), "idle ones gave way") || !strings.Contains(origin.Log(), "idle ones gave way") {
			return "it is not said that clients gave way"
		}
		return ""
	})
}

// Files that were served do not keep new clients out.
func TestMoreFilesThanDescriptors(t *testing.T) {
	const files = 300
	s := startCramped(t, 128, "origin", "--root", layLarge(t, files))
	for client := range 2 {
		(&crowd{t: t, address: s.Addr}).ask(1, func(int) (all []string) {
			for i := range files {
				all = append(all, fmt.Sprintf("/%03d", (i+client)%files))
			}
			return all
		})
	}
}

// A bound for which there are not descriptors enough is refused, with what to do.
func TestTooManyConnectionsAreRefused(t *testing.T) {
	for _, test := range []struct {
		program []string
		limit   int
		says    string
	}{
		{[]string{"origin", "--loops", "2", "--max-connections", "1000"}, 128,
			"origin: --max-connections: 1000 connections need 2048 open files, and the system allows 128; allow 2048, by 'ulimit -Hn' as root or LimitNOFILE, or ask for 40 at most; see 'origin --help'\n"},
		{[]string{"edge", "--origin", "127.0.0.1:1", "--loops", "2", "--max-connections", "1000"}, 128,
			"edge: --max-connections: 1000 connections need 3048 open files, and the system allows 128; allow 3048, by 'ulimit -Hn' as root or LimitNOFILE, or ask for 26 at most; see 'edge --help'\n"},
		{[]string{"origin", "--loops", "2"}, 40,
			"origin: --max-connections: the system allows 40 open files, which is too few for any connection; allow 50, by 'ulimit -Hn' as root or LimitNOFILE; see 'origin --help'\n"},
	} {
		cmd := cramped(test.limit, test.program[0], test.program[1:]...)
		said, _ := cmd.CombinedOutput()
		if string(said) != test.says || cmd.ProcessState.ExitCode() != 2 {
			t.Errorf("%v: %q, status %d; want %q, status 2", test.program, said, cmd.ProcessState.ExitCode(), test.says)
		}
	}
}
