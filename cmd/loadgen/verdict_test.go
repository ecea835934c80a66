package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// answering serves each connection by its number, from 1, and says where.
func answering(t *testing.T, serve func(n int64, read *bufio.Reader, w net.Conn)) (address string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	var conns atomic.Int64
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go serve(conns.Add(1), bufio.NewReader(conn), conn)
		}
	}()
	return ln.Addr().String()
}

// next reads a request.
func next(read *bufio.Reader) bool {
	_, err := http.ReadRequest(read)
	return err == nil
}

func politely(pause time.Duration) func(int64, *bufio.Reader, net.Conn) {
	return func(_ int64, read *bufio.Reader, w net.Conn) {
		for next(read) {
			time.Sleep(pause)
			io.WriteString(w, response("hi"))
		}
	}
}

// full listens without ever accepting, and its queue holds one connection, or two.
func full(t *testing.T) (address string) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint("127.0.0.1:", at.(*unix.SockaddrInet4).Port)
}

// TestVerdicts: each reason that a server can bring about.
func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name   string
		serve  func(n int64, read *bufio.Reader, w net.Conn) // nil: see full
		args   []string
		state  string
		status int
		reason string // part of one
		stderr string // part of it
	}{
		{"nothing", politely(5 * time.Millisecond), []string{"-n", "1000", "-c", "20"}, "valid", 0, "", ""},
		{"few requests", politely(20 * time.Millisecond), []string{"-n", "10"}, "suspect", 0, "10 requests answered, and", ""},
		{"connections that cannot be opened", nil, []string{"-c", "5", "-d", "300ms", "--grace", "0s"}, "invalid", 3, "of 5 connections could be opened", "had no whole response"},
		{"a rate for which there are too few connections", politely(20 * time.Millisecond), []string{"--rate", "1000", "-c", "1", "-d", "500ms"}, "invalid", 3, "requests were sent a second where 1000.0 were asked for", "the figures are invalid: "},
		{"a rate, and a number", politely(20 * time.Millisecond), []string{"--rate", "1000", "-c", "1", "-n", "30"}, "invalid", 3, "requests were sent a second where 1000.0 were asked for", "the figures are invalid: "},
		{"more than one in a hundred unfinished", func(n int64, read *bufio.Reader, w net.Conn) {
			if n > 1 {
				politely(0)(n, read, w)
			}
		}, []string{"-c", "2", "-n", "50", "-d", "1s", "--grace", "0s"}, "invalid", 3, "1 of 50 requests had no whole response", "1 of 50 requests had no whole response"},
		{"more than one in a thousand", func(n int64, read *bufio.Reader, w net.Conn) {
			if n > 1 {
				politely(0)(n, read, w)
			}
		}, []string{"-c", "2", "-n", "300", "-d", "1s", "--grace", "0s"}, "suspect", 1, "1 of 300 requests had no whole response", "1 of 300 requests had no whole response"},
		{"sent again", func(_ int64, read *bufio.Reader, w net.Conn) {
			for range 500 {
				if next(read) {
					io.WriteString(w, response("hi"))
				}
			}
			next(read)
			w.Close()
		}, []string{"-c", "1", "-n", "1200"}, "suspect", 0, "requests sent again", ""},
		{"failures alone", func(_ int64, read *bufio.Reader, w net.Conn) {
			for i := 0; next(read); i++ {
				if time.Sleep(5 * time.Millisecond); i == 5 {
					io.WriteString(w, "what?\r\n\r\n")
					w.Close()
				}
				io.WriteString(w, response("hi"))
			}
		}, []string{"-n", "1300", "-c", "20"}, "valid", 1, "", "requests failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var address string
			if test.serve == nil {
				address = full(t)
			} else {
				address = answering(t, test.serve)
			}
			stdout, stderr, status := loadgen(t, append([]string{"replay", "http://" + address + "/", "--format", "json"}, test.args...)...)
			v := numbersOf(t, stdout).Verdict
			if all := strings.Join(v.Reasons, "\n"); v.State != test.state || !strings.Contains(all, test.reason) || test.state == "valid" && all != "" {
				t.Errorf("%+v", v)
			}
			if status != test.status || !strings.Contains(stderr, test.stderr) || (stderr == "") != (status == 0) || strings.Count(stderr, "\n") > 1 || strings.Contains(stderr, "; ") {
				t.Errorf("status %d, %q", status, stderr)
			}
		})
	}
}

// TestLateByOwnFault: loadgen is stopped for a while, as a machine may do that has too
// much to do.
func TestLateByOwnFault(t *testing.T) {
	asked := make(chan bool, 1000)
	address := answering(t, func(n int64, read *bufio.Reader, w net.Conn) {
		for next(read) {
			io.WriteString(w, response("hi"))
			asked <- true
		}
	})
	cmd, stdout, stderr := process("replay", "http://"+address+"/", "--rate", "200", "-n", "200", "--format", "json")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer limit.Stop()
	for range 20 {
		<-asked
	}
	cmd.Process.Signal(unix.SIGSTOP)
	time.Sleep(200 * time.Millisecond)
	cmd.Process.Signal(unix.SIGCONT)
	cmd.Wait()
	v := numbersOf(t, stdout.String()).Verdict
	if cmd.ProcessState.ExitCode() != 3 || v.State != "invalid" || !strings.Contains(strings.Join(v.Reasons, " "), "late or more, by loadgen's own fault") {
		t.Errorf("status %d, %s, %+v", cmd.ProcessState.ExitCode(), stderr, v)
	}
}

// TestOneProcessor: loadgen, and this process as its server, may run on one only.
func TestOneProcessor(t *testing.T) {
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for n := range 1024 {
		if before.IsSet(n) {
			one.Set(n)
			break
		}
	}
	for _, thread := range []int{0, os.Getpid()} { // a process starts with its parent thread's, and is known by its first thread's
		if err := unix.SchedSetaffinity(thread, &one); err != nil {
			t.Fatal(err)
		}
		defer unix.SchedSetaffinity(thread, &before)
	}
	stdout, stderr, status := loadgen(t, "replay", "http://"+answering(t, politely(time.Millisecond))+"/", "-n", "10", "--format", "json")
	if v := numbersOf(t, stdout).Verdict; status != 0 || v.State != "suspect" || !strings.Contains(strings.Join(v.Reasons, "\n"), "loadgen and the server may run on processor") {
		t.Errorf("status %d, %s, %+v", status, stderr, v)
	}
}
