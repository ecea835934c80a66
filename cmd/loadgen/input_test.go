package main

import (
	"bytes"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// hopsOf writes a capture of a client that asks a gateway for each target, and, if
// that is wanted, of what the gateway asks its origin meanwhile.
func hopsOf(t *testing.T, gateway, origin string, passedOn bool, targets ...string) string {
	t.Helper()
	path, w := newPcap(t)
	open := func(client, server string) *tape {
		p := &tape{t: t, w: w, ends: [2]netip.AddrPort{netip.MustParseAddrPort(client), netip.MustParseAddrPort(server)}}
		p.packet(0, "", func(tcp *layers.TCP) { tcp.SYN, tcp.ACK = true, false })
		p.packet(1, "", func(tcp *layers.TCP) { tcp.SYN = true })
		return p
	}
	outer, inner := open("127.0.0.1:40000", gateway), open("127.0.0.1:50000", origin)
	say := func(p, before *tape, from int, content string) {
		p.at = before.at
		p.packet(from, content, func(tcp *layers.TCP) { tcp.PSH = true })
	}
	say(inner, outer, 0, request("/health"))
	say(inner, inner, 1, response("well"))
	outer.at = inner.at
	for _, target := range targets {
		say(outer, outer, 0, request(target))
		if !passedOn {
			say(outer, outer, 1, response("you asked for "+target))
		}
		say(inner, outer, 0, request(target))
		say(inner, inner, 1, response("you asked for "+target))
		if passedOn {
			say(outer, inner, 1, response("you asked for "+target))
		}
		if inner.at.After(outer.at) {
			outer.at = inner.at
		}
	}
	return path
}

// TestServers tells which requests of a capture are replayed.
func TestServers(t *testing.T) {
	const gateway, behind = "127.0.0.1:8080", "127.0.0.1:8081"
	hops := hopsOf(t, gateway, behind, true, "/a", "/b")
	apart := hopsOf(t, gateway, behind, false, "/a", "/b")
	for _, test := range []struct {
		name   string
		args   []string
		asked  int64
		status int
		want   string // part of the output
	}{
		{"both hops", []string{hops}, 2, 0, "left out 3 requests to 127.0.0.1:8081, which --hop origin takes"},
		{"the origin's hop", []string{hops, "--hop", "origin"}, 3, 0, "left out 2 requests to 127.0.0.1:8080, which --hop client takes"},
		{"the origin", []string{hops, "--server", behind}, 3, 0, "Requests     3 in"},
		{"the origin, of its hop", []string{hops, "--hop", "origin", "--server", behind}, 3, 0, "Requests     3 in"},
		{"the gateway, of the origin's hop", []string{hops, "--hop", "origin", "--server", gateway}, 0, 1,
			"it has no request of this hop to such a --server, only to 127.0.0.1:8081 with 3 requests; --hop client takes those to it"},
		{"two servers", []string{apart}, 0, 2,
			"it has requests to several servers (127.0.0.1:8081 with 3 requests, 127.0.0.1:8080 with 2 requests): say with --server which to take"},
		{"one of them", []string{apart, "--server", gateway}, 2, 0, "Requests     2 in"},
		{"by its port", []string{apart, "--server", ":8081"}, 3, 0, "Requests     3 in"},
		{"both", []string{apart, "--server", ":8081", "--server", gateway}, 5, 0, "Requests     5 in"},
		{"none of them", []string{apart, "--server", ":8082"}, 0, 1, "no request of this hop to such a --server, only to 127.0.0.1:8081 with 3"},
		{"no address", []string{apart, "--server", "here"}, 0, 2, `--server "here": write the IP address and port`},
	} {
		t.Run(test.name, func(t *testing.T) {
			address, asked := origin(t)
			stdout, stderr, status := loadgen(t, append([]string{"replay", "--target", address}, test.args...)...)
			unfolded := strings.Join(strings.Fields(stdout+stderr), " ")
			if status != test.status || asked.Load() != test.asked || !strings.Contains(unfolded, strings.Join(strings.Fields(test.want), " ")) {
				t.Errorf("status %d, asked %d times: %s%s", status, asked.Load(), stderr, stdout)
			}
		})
	}
}

func TestReplayOfStandardInput(t *testing.T) {
	address, asked := origin(t)
	file, err := os.Open(pcapOf(t, address, []string{request("/a"), response("you asked for /a")}))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd, stdout, stderr := process("replay", "-", "--verify", "--target", address)
	cmd.Stdin = file
	if err := cmd.Run(); err != nil || asked.Load() != 1 || !strings.Contains(stdout.String(), "\n- to ") {
		t.Errorf("%v, asked %d times: %s%s", err, asked.Load(), stderr, stdout)
	}
	for _, args := range [][]string{{"-"}, {"-", "-"}} {
		_, errs, status := loadgen(t, append([]string{"replay", "--target", address}, args...)...)
		want := "standard input: the recording is empty"
		if len(args) > 1 {
			want = "- is standard input, which can be read only once"
		}
		if status == 0 || !strings.Contains(errs, want) {
			t.Errorf("%q: status %d, %s", args, status, errs)
		}
	}
}

// A signal ends the wait for a capture that is still being made.
func TestStandardInputThatDoesNotEnd(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	cmd, _, stderr := process("replay", "-", "--target", ":1")
	cmd.Stdin = read
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read.Close()
	limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer limit.Stop()
	// More than a pipe holds has been written: it is being read.
	if _, err := write.Write(append([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00"), make([]byte, 1<<20)...)); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if got := stderr.String(); got != "loadgen: stopped by a signal before it was done\n" {
		t.Errorf("%v: %q", cmd.ProcessState, got)
	}
}

// Nor does the line that shows how far reading has come stay in front of what is said
// then.
func TestSignalWhileReadingIsShown(t *testing.T) {
	master, terminal := wiretest.Terminal(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	cmd, _, _ := process("replay", "-", "--target", ":1")
	cmd.Stdin, cmd.Stderr = read, terminal
	cmd.Env = append(cmd.Env, "TERM=xterm")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read.Close()
	terminal.Close()
	limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer limit.Stop()
	// Packets without a byte.
	if _, err := write.Write(append([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00"), make([]byte, 5<<20)...)); err != nil {
		t.Fatal(err)
	}
	var shown []byte
	asked := false
	for b := make([]byte, 1024); ; {
		n, err := master.Read(b)
		if shown = append(shown, b[:n]...); err != nil {
			break // the program has ended
		}
		if !asked && bytes.Contains(shown, []byte("reading")) {
			asked = true
			cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	cmd.Wait()
	if got := string(shown); !strings.Contains(got, "reading   4.00 MiB") || !strings.HasSuffix(got, "\r\x1b[Kloadgen: stopped by a signal before it was done\r\n") {
		t.Errorf("%v: %q", cmd.ProcessState, got)
	}
}
