package loop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDescriptorsAreSharedOut(t *testing.T) {
	for _, test := range []struct {
		limit, loops, perConn int
		asked, want           int
		err                   string
	}{
		{1024, 2, 3, 0, 325, ""},
		{1024, 2, 3, 325, 325, ""},
		{1024, 2, 3, 10, 10, ""},
		{1024, 2, 3, 326, 0, "326 connections need 1026 open files, and the system allows 1024; allow 1026, by 'ulimit -Hn' as root or LimitNOFILE, or ask for 325 at most"},
		{1026, 2, 3, 326, 326, ""},
		{128, 2, 2, 0, 40, ""},
		{128, 8, 2, 0, 16, ""},
		{50, 2, 2, 0, 1, ""},
		{49, 2, 2, 0, 0, "the system allows 49 open files, which is too few for any connection; allow 50, by 'ulimit -Hn' as root or LimitNOFILE"},
		{20, 2, 3, 100, 0, "the system allows 20 open files, which is too few for any connection; allow 348, by 'ulimit -Hn' as root or LimitNOFILE"},
		{math.MaxInt32, 2, 1, 0, math.MaxInt32 - 48, ""},
	} {
		d := Descriptors{Limit: test.limit, Loops: test.loops, PerConn: test.perConn}
		got, err := d.MaxConns(test.asked)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
			t.Errorf("%d asked of %+v: %d, %v; want %d, %s", test.asked, d, got, err, test.want, test.err)
		}
	}
	if n := DescriptorLimit(); n < descriptors(t) {
		t.Errorf("the limit is %d, and %d are open", n, descriptors(t))
	}
}

// A loop has no more pipes than its share, and who gets none is told so; one that
// is closed makes room for another.
func TestPipesAreBounded(t *testing.T) {
	g := newGroup(t, 2, Config{MaxPipes: 3})
	g.start()
	for i, want := range []int{2, 1} {
		on(t, g.Loop(i), func() {
			l := g.Loop(i)
			var held []Pipe
			for {
				p, err := l.pipe()
				if err != nil {
					if op := (*net.OpError)(nil); !errors.As(err, &op) || op.Op != "pipe" || !errors.Is(err, syscall.EMFILE) {
						t.Errorf("without a pipe: %v", err)
					}
					break
				}
				held = append(held, p)
			}
			if len(held) != want {
				t.Errorf("loop %d: %d pipes, want %d", i, len(held), want)
			}
			for _, p := range held {
				l.closePipe(p)
			}
			p, err := l.pipe()
			if err != nil {
				t.Errorf("all are closed, and there is none: %v", err)
			}
			l.pipes.put(p)
		})
	}
}

// crampedVar is set for the child process that TestOutOfDescriptors starts.
const crampedVar = "LOOP_TEST_CRAMPED"

// A server, in a process of its own, has descriptors for a few clients only.
// All are served in the end, those who wait as soon as others close.
func TestOutOfDescriptors(t *testing.T) {
	if os.Getenv(crampedVar) != "" {
		serveCramped(t)
		return
	}
	server := exec.Command(os.Args[0], "-test.run=^TestOutOfDescriptors$")
	server.Env = append(os.Environ(), crampedVar+"=1")
	server.Stderr = os.Stderr
	input, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(output)
	address, err := said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dialThrough(t, strings.TrimSpace(address))
	input.Close() // tells it to end
	rest, err := io.ReadAll(said)
	if err != nil {
		t.Error(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("the server ended with %v:\n%s", err, rest)
	}
	const report = "accepting connections pauses on 127.0.0.1:"
	if n := strings.Count(string(rest), report); n != 1 {
		t.Errorf("it was reported %d times that accepting pauses, want once:\n%s", n, rest)
	}
}

// dialThrough has more clients than the server has room for, all there at once,
// of which it closes each a little after it was served.
func dialThrough(t *testing.T, address string) {
	const clients, open = 40, 5
	at, err := ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]io.ReadWriteCloser, clients)
	for i := range all {
		all[i] = dial(t, &Listener{address: at})
		say(t, all[i], "hello")
	}
	for i, c := range all {
		hear(t, c, "hello")
		if i >= open {
			all[i-open].Close()
		}
	}
}

func serveCramped(t *testing.T) {
	g := newGroup(t, 2, Config{Report: func(err error) {
		fmt.Println(err)
		if !errors.Is(err, syscall.EMFILE) {
			os.Exit(1)
		}
	}})
	ln := listen(t, g, "127.0.0.1:0", echo)
	few := uint64(descriptors(t) + 10)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: few, Max: few}); err != nil {
		t.Fatal(err)
	}
	g.start()
	fmt.Println(ln.Address())
	io.Copy(io.Discard, os.Stdin)
	do(t, g.Loop(0), func() { // whoever dials is told, and may go on
		var held []*Conn
		var err error
		for err == nil {
			var c *Conn
			if c, err = g.Loop(0).Dial(ln.Address(), 0); err == nil {
				held = append(held, c)
			}
		}
		if !errors.Is(err, syscall.EMFILE) {
			t.Errorf("dialling without a descriptor gave %v, want %v", err, syscall.EMFILE)
		}
		for _, c := range held {
			c.Close()
		}
	})
}
