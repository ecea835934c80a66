package replay

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// TestMain makes the test binary a server of its own process where it is run as that.
func TestMain(m *testing.M) {
	if os.Getenv("REPLAY_TEST_AS_SERVER") != "" {
		answerOnce()
	}
	os.Exit(m.Run())
}

// answerOnce is a TLS server that answers the first request of each connection, with
// as much content as the target says, until its standard input ends.
func answerOnce() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(ln.Addr())
	config, _ := asUsual()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				panic(err)
			}
			go func() {
				c := tls.Server(conn, config)
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				size := 0
				fmt.Sscanf(r.URL.Path, "/%d", &size)
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
				io.Copy(io.Discard, c)
			}()
		}
	}()
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// TestWaitingTLSConnectionsAreSmall: each that waits for a response takes what
// crypto/tls keeps of it, and hardly more: no task, no stack, no buffer.
func TestWaitingTLSConnectionsAreSmall(t *testing.T) {
	if wiretest.RaceDetector {
		t.Skip("the race detector allocates")
	}
	for _, test := range []struct {
		target string
		most   int64
	}{
		{"/2", 10 << 10},
		{"/100000", 64 << 10}, // crypto/tls keeps the memory that the largest record took
	} {
		t.Run(test.target, func(t *testing.T) {
			target := ownServer(t)
			few, many := taken(t, target, test.target, 100), taken(t, target, test.target, 500)
			if each := (many - few) / 400; each > test.most {
				t.Errorf("a connection takes %d bytes, more than %d", each, test.most)
			} else {
				t.Logf("a connection takes %d bytes", each)
			}
		})
	}
}

// taken is how much memory so many connections take that have been answered once.
func taken(t *testing.T, target *loop.Address, path string, connections int) (memory int64) {
	plan := planned(t, plantest.Gets(path, "/second"))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	before := memoryInUse()
	config := Config{
		Target: target, TLS: &tls.Config{InsecureSkipVerify: true}, Connections: connections, Requests: 1 << 40, Timeout: time.Minute, Grace: time.Millisecond,
		Progress: func(p Progress) {
			if p.Requests == int64(connections) && memory == 0 {
				memory = memoryInUse() - before
				cancel()
			}
		},
	}
	if r, err := Run(ctx, plan, config); err != nil || memory == 0 {
		t.Fatalf("%v, %+v", err, countsOf(r))
	}
	return memory
}

// ownServer starts the server in a process of its own.
func ownServer(t *testing.T) *loop.Address {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "REPLAY_TEST_AS_SERVER=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address, err := loop.ParseAddress(strings.TrimSpace(said))
	if err != nil {
		t.Fatal(err)
	}
	return address
}
