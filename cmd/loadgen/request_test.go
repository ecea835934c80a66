package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestCommandOfALine tells which lines mean replay without saying so.
func TestCommandOfALine(t *testing.T) {
	for _, test := range []struct {
		line   string
		replay bool
	}{
		{"http://h/", true},
		{"http://h/ -X POST", true},
		{"-X POST http://h/", true},
		{"-d 5s --verify -H A:b http://h/ http://h/b", true},
		{"-H http://h/ https://h/", true},
		{"--unknown http://h/", true},
		{"-- http://h/", true},
		{"", false},
		{"--help", false},
		{"--version", false},
		{"help", false},
		{"play", false},
		{"play http://h/", false},
		{"replay http://h/", false},
		{"-d 5s replay http://h/", false},
		{"show http://h/", false},
		{"recording.pcapng http://h/", false},
		{"-H http://h/", false},
		{"-H", false},
	} {
		line := append([]string{"loadgen"}, strings.Fields(test.line)...)
		want := strings.Join(line, " ")
		if test.replay {
			want = strings.Replace(want, "loadgen ", "loadgen replay ", 1)
		}
		if got := strings.Join(withCommand(line), " "); got != want {
			t.Errorf("%s: %s", test.line, got)
		}
	}
}

// heard is a server that answers one request of each connection, and has its bytes.
func heard(t *testing.T) (address string, requests <-chan string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	all := make(chan string, 10)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			p := make([]byte, 10000)
			n, _ := conn.Read(p)
			all <- string(p[:n])
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			conn.Close()
		}
	}()
	return ln.Addr().String(), all
}

// TestRequestsOfFlags: what is typed is what goes out.
func TestRequestsOfFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, []byte(" two\r\nlines\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address, requests := heard(t)
	url := "http://" + address + "/a"
	for _, test := range []struct {
		name string
		args []string
		in   string
		want string // HOST stands for the address
	}{
		{"flags first", []string{"-X", "DELETE", "-H", "Accept: a/b, c/d;q=0.5", url}, "",
			"DELETE /a HTTP/1.1\r\nHost: HOST\r\nAccept: a/b, c/d;q=0.5\r\n\r\n"},
		{"flags last", []string{url, "--header", "A: 1,2", "--header", "B: 3", "--method", "HEAD"}, "",
			"HEAD /a HTTP/1.1\r\nHost: HOST\r\nA: 1,2\r\nB: 3\r\n\r\n"},
		{"the command", []string{"replay", url, "-X", "POST"}, "", "POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"},
		{"data with commas and spaces", []string{"--data", " a,b ", "-H", "Content-Type:", url}, "",
			"POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\n\r\n a,b "},
		{"data of a file", []string{"--data", "@" + file, "-H", "Content-Type: text/plain", url}, "",
			"POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n two\r\nlines\n"},
		{"data of standard input and the line", []string{"--data", "@-", "--data", "b=2", url}, "a=1",
			"POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2"},
		{"no data", []string{"--data", "", url}, "", "POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd, _, stderr := process(append(test.args, "-n", "1", "-c", "1")...)
			cmd.Stdin = strings.NewReader(test.in)
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s", err, stderr)
			}
			if got, want := <-requests, strings.ReplaceAll(test.want, "HOST", address); got != want {
				t.Errorf("sent %q, want %q", got, want)
			}
		})
	}
}

// TestSeveralURLs: each is asked for the same.
func TestSeveralURLs(t *testing.T) {
	address, requests := heard(t)
	if _, stderr, status := loadgen(t, "-H", "A: b", "-n", "2", "-c", "1", "http://"+address+"/1", "http://"+address+"/2"); status != 0 {
		t.Fatal(stderr)
	}
	for _, target := range []string{"/1", "/2"} {
		if got, want := <-requests, "GET "+target+" HTTP/1.1\r\nHost: "+address+"\r\nA: b\r\n\r\n"; got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	}
}

// Addresses of servers are written as one list, too.
func TestListsHaveCommas(t *testing.T) {
	app := &cli.App{
		DisableSliceFlagSeparator: true,
		Flags:                     []cli.Flag{&cli.StringSliceFlag{Name: "server"}},
		Action: func(c *cli.Context) error {
			if got := strings.Join(list(c, "server"), " "); got != "a b c" {
				t.Errorf("got %q", got)
			}
			return nil
		},
	}
	if err := app.Run([]string{"loadgen", "--server", "a,b", "--server", "c"}); err != nil {
		t.Error(err)
	}
}
