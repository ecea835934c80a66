package gateway

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// library is an origin of net/http that sends back what it is sent, framed as the
// target says.
func library(t *testing.T) *loop.Address {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/length":
			content, err := io.ReadAll(req.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content)
		case "/chunked":
			http.NewResponseController(w).EnableFullDuplex()
			w.(http.Flusher).Flush()
			io.Copy(w, req.Body)
		}
	}))
	t.Cleanup(s.Close)
	return mustParse(s.Listener.Addr().String())
}

func TestBodiesBothWays(t *testing.T) {
	kernel.play(t, Config{Origins: []*loop.Address{library(t)}}, func(s *scene) {
		client := &http.Client{Transport: &http.Transport{DisableCompression: true}, Timeout: patience}
		defer client.CloseIdleConnections()
		noise := rand.NewChaCha8([32]byte{1})
		for _, size := range []int{0, 1, 1000, 16<<10 - 1, 16 << 10, 64 << 10, 64<<10 + 1, 1 << 20, 5_000_000} {
			content := make([]byte, size)
			noise.Read(content)
			for _, target := range []string{"/length", "/chunked"} {
				for _, framing := range []string{"length", "chunked"} {
					body := io.Reader(bytes.NewReader(content))
					if framing == "chunked" {
						body = io.MultiReader(body) // of unknown length
					}
					if err := s.post(client, target, body, content); err != nil {
						s.errorf("%d octets, %s, %s: %v", size, framing, target, err)
					}
				}
			}
		}
	})
}

// post sends a body through the gateway, and wants the content back.
func (s *scene) post(client *http.Client, target string, body io.Reader, content []byte) error {
	res, err := client.Post("http://"+s.address.String()+target, "", body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err == nil && !bytes.Equal(got, content) {
		err = fmt.Errorf("%d octets came back of %d", len(got), len(content))
	}
	return err
}

// Many clients of net/http at once, over several loops.
func TestManyClients(t *testing.T) {
	stage{loops: 2}.play(t, Config{Origins: []*loop.Address{library(t), library(t)}}, func(s *scene) {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: patience}
		defer client.CloseIdleConnections()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				rng := rand.New(rand.NewPCG(1, uint64(i)))
				for range 20 {
					content := bytes.Repeat([]byte{byte('a' + rng.IntN(26))}, rng.IntN(200_000))
					target := [...]string{"/length", "/chunked"}[rng.IntN(2)]
					if err := s.post(client, target, bytes.NewReader(content), content); err != nil {
						s.errorf("%v", err)
						return
					}
				}
			})
		}
		all.Wait()
	})
}

// Neither direction waits for the end of the other: every piece comes back
// before the next one is sent.
func TestBothWaysAtOnce(t *testing.T) {
	const pieces = 50
	piece := func(i int) string { return fmt.Sprintf("3\r\n%03d\r\n", i) }
	smooth.visit(t, Config{}, func(c *peer) {
		c.send(post("Transfer-Encoding: chunked", ""))
		c.expect(chunkedHead)
		for i := range pieces {
			c.send(piece(i))
			c.expect(piece(i))
		}
		c.send("0\r\nX: y\r\n\r\n")
		c.expect("0\r\nZ: z\r\n\r\n")
		c.send(get("/next"))
		c.expect(hello)
	}, func(p *peer) {
		p.head()
		p.send(chunkedHead)
		for i := range pieces {
			p.expect(piece(i))
			p.send(piece(i))
		}
		p.expect("0\r\nX: y\r\n\r\n")
		p.send("0\r\nZ: z\r\n\r\n")
		p.expect(toOrigin(get("/next")))
		p.send(hello)
	})
}

// A chunked body goes as it came, to the octet.
func TestChunksAreNotReencoded(t *testing.T) {
	bytewise.visit(t, Config{}, func(c *peer) {
		for range 2 {
			c.send(post("Transfer-Encoding: chunked", oddChunks))
			c.expect(chunkedHead, oddChunks)
		}
	}, func(p *peer) {
		for p.head() != "" {
			p.expect(oddChunks)
			p.send(chunkedHead, oddChunks)
		}
	})
}

const bigSize = 100 << 20

// noise is what big bodies are made of; equal seeds give equal octets.
func noise() io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{2}), bigSize)
}

func digest(t *testing.T, r io.Reader) [32]byte {
	h := sha256.New()
	if n, err := io.Copy(h, r); err != nil || n != bigSize {
		t.Errorf("%d octets, %v", n, err)
	}
	return [32]byte(h.Sum(nil))
}

// framed writes a body in the given framing.
func framed(w io.Writer, framing string, body io.Reader) error {
	if framing == "length" {
		_, err := io.Copy(w, body)
		return err
	}
	chunk := make([]byte, 50_000)
	for {
		n, err := io.ReadFull(body, chunk)
		if n > 0 {
			fmt.Fprintf(w, "%x\r\n", n)
			w.Write(chunk[:n])
			if _, err := io.WriteString(w, "\r\n"); err != nil {
				return err
			}
		}
		if err != nil {
			_, err := io.WriteString(w, "0\r\n\r\n")
			return err
		}
	}
}

func field(framing string) string {
	if framing == "length" {
		return fmt.Sprintf("Content-Length: %d\r\n", bigSize)
	}
	return "Transfer-Encoding: chunked\r\n"
}

func TestBigBodies(t *testing.T) {
	if testing.Short() {
		t.Skip("400 MB")
	}
	want := digest(t, noise())
	for _, framing := range []string{"length", "chunked"} {
		t.Run(framing, func(t *testing.T) {
			kernel.visit(t, Config{}, func(c *peer) {
				c.SetDeadline(time.Now().Add(3 * patience))
				c.send("POST / HTTP/1.1\r\nHost: a\r\n" + field(framing) + "\r\n")
				if err := framed(c, framing, noise()); err != nil {
					c.errorf("%v", err)
				}
				res, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					c.errorf("%v", err)
				} else if digest(t, res.Body) != want {
					c.errorf("the response's content is not what was sent")
				}
			}, func(p *peer) {
				p.SetDeadline(time.Now().Add(3 * patience))
				req, err := http.ReadRequest(bufio.NewReader(p))
				if err != nil {
					p.errorf("%v", err)
				} else if digest(t, req.Body) != want {
					p.errorf("the request's content is not what was sent")
				}
				p.send("HTTP/1.1 200 OK\r\n" + field(framing) + "\r\n")
				if err := framed(p, framing, noise()); err != nil {
					p.errorf("%v", err)
				}
			})
		})
	}
}

// Who does not read is not read for: what the gateway holds is bounded.
func TestBackpressure(t *testing.T) {
	// What all the kernel's buffers on the way may take together.
	const most = 64 << 20
	flood := func(p *peer, head string) {
		p.send(head)
		p.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		piece := make([]byte, 1<<20)
		for n := 0; n < 2*most; {
			m, err := p.Write(piece)
			if n += m; err != nil {
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					p.errorf("%v", err)
				}
				return
			}
		}
		p.errorf("more than %d octets were taken of a sender whose receiver does not read", 2*most)
	}
	before := new(runtime.MemStats)
	runtime.ReadMemStats(before)
	for _, framing := range []string{"Content-Length: 1000000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n3b9aca00\r\n"} {
		t.Run("down", func(t *testing.T) {
			flooded := make(chan bool)
			kernel.play(t, Config{}, func(s *scene) {
				s.dial().send(get("/"))
				<-flooded
			}, func(p *peer) {
				p.head()
				flood(p, "HTTP/1.1 200 OK\r\n"+framing)
				close(flooded)
			})
		})
		t.Run("up", func(t *testing.T) {
			done := make(chan bool)
			kernel.play(t, Config{}, func(s *scene) {
				flood(s.dial(), "POST / HTTP/1.1\r\nHost: a\r\n"+framing)
				close(done)
			}, func(p *peer) { <-done })
		})
	}
	after := new(runtime.MemStats)
	runtime.ReadMemStats(after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 32<<20 {
		t.Errorf("the heap grew by %d octets", grown)
	}
}
