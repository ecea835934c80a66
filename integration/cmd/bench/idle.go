package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

// idleGateways compares the memory of a connection on which nothing happens.
func idleGateways() comparison {
	return comparison{
		name:  "idle",
		title: "gateways, memory of a kept, idle client connection",
		unit:  "KiB",
		setup: func(s *stage) ([]contestant, error) {
			upstream, err := s.startUpstream()
			if err != nil {
				return nil, err
			}
			n, err := affordable(s.idle)
			if err != nil {
				return nil, err
			}
			var contestants []contestant
			for _, g := range s.gateways(upstream) {
				contestants = append(contestants, contestant{g.name, func(time.Duration) (reading, error) {
					return s.idleMemory(g.start, n)
				}})
			}
			return contestants, nil
		},
	}
}

// affordable is n, or as many connections as a relay can hold beside those that
// warm it up.
func affordable(n int) (int, error) {
	fits := servers.MaxConns() - warmConns
	if fits < 100 {
		return 0, errors.New("the limit of open files is too low")
	}
	return min(n, fits), nil
}

// warmConns is how many connections are there before the memory is looked at.
const warmConns = 100

// idleMemory starts a server afresh and compares its memory without and with n
// connections that have had one request each.
func (s *stage) idleMemory(start starter, n int) (reading, error) {
	dir, err := os.MkdirTemp(s.dir, "server-")
	if err != nil {
		return reading{}, err
	}
	server, err := start(dir, measured)
	if err != nil {
		return reading{}, err
	}
	defer server.Kill()

	warm, err := hold(server, warmConns)
	if err != nil {
		return reading{}, err
	}
	before, err1 := server.Resident()
	held, err2 := hold(server, n)
	time.Sleep(settle)
	after, err3 := server.Resident()
	closeAll(warm)
	closeAll(held)
	perConnection := float64(after-before) / float64(n) / 1024
	return reading{cost: perConnection}, errors.Join(err1, err2, err3)
}

// settle is the time a server gets for tidying up after the last request.
const settle = 2 * time.Second

// hold opens n connections, one after the other, and has one request answered on
// each.
func hold(server *servers.Server, n int) (held []net.Conn, err error) {
	r := bufio.NewReader(nil)
	for range n {
		c, err := net.Dial("tcp", server.Addr)
		if err != nil {
			return held, err
		}
		held = append(held, c)
		if err := ask(c, r); err != nil {
			return held, fmt.Errorf("connection %d: %w", len(held), err)
		}
	}
	return held, nil
}

func ask(c net.Conn, r *bufio.Reader) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "GET "+document+" HTTP/1.1\r\nHost: bench\r\n\r\n"); err != nil {
		return err
	}
	r.Reset(c)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || response.Close {
		return fmt.Errorf("%s, close: %t", response.Status, response.Close)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func closeAll(held []net.Conn) {
	for _, c := range held {
		c.Close()
	}
}
