package loop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

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
