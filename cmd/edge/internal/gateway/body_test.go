package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// echo is an origin of net/http that sends back what it is sent, framed as the
// target says.
func echo(t *testing.T) string {
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
	return s.Listener.Addr().String()
}

func TestBodiesBothWays(t *testing.T) {
	r := start(t, Config{}, echo(t))
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
				res, err := client.Post("http://"+r.address+target, "", body)
				if err != nil {
					t.Fatalf("%d octets, %s, %s: %v", size, framing, target, err)
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%d octets, %s, %s: received %d, %v", size, framing, target, len(got), err)
				}
			}
		}
	}
}

// Neither direction waits for the end of the other: every piece comes back
// before the next one is sent.
func TestBothWaysAtOnce(t *testing.T) {
	const pieces = 50
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		p.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for i := range pieces {
			piece := fmt.Sprintf("3\r\n%03d\r\n", i)
			p.expect(piece)
			p.send(piece)
		}
		p.expect("0\r\nX: y\r\n\r\n")
		p.send("0\r\nZ: z\r\n\r\n")
		p.expect("GET /next HTTP/1.1\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n")
		p.send(hello)
	})
	c := start(t, Config{}, o.address).dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	c.expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	for i := range pieces {
		piece := fmt.Sprintf("3\r\n%03d\r\n", i)
		c.send(piece)
		c.expect(piece)
	}
	c.send("0\r\nX: y\r\n\r\n")
	c.expect("0\r\nZ: z\r\n\r\n")
	c.send(get("/next"))
	c.expect(hello)
}

// A chunked body goes as it came, to the octet.
func TestChunksAreNotReencoded(t *testing.T) {
	const odd = "00A;name=\"v\\\"\"\r\n0123456789\r\n1\r\nx\r\n000\r\nX-Sum: 1\r\n\r\n"
	o := scripted(t, func(_ int, p *peer) {
		for {
			if _, err := p.in.Peek(1); err != nil {
				return
			}
			p.head()
			p.expect(odd)
			p.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for _, octet := range strings.Split(odd, "") {
				p.send(octet)
			}
		}
	})
	c := start(t, Config{}, o.address).dial()
	for range 2 {
		c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		for _, octet := range strings.Split(odd, "") {
			c.send(octet)
		}
		c.expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + odd)
	}
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
			o := scripted(t, func(_ int, p *peer) {
				req, err := http.ReadRequest(p.in)
				if err != nil {
					t.Error(err)
					return
				}
				if digest(t, req.Body) != want {
					t.Error("the request's content is not what was sent")
				}
				p.send("HTTP/1.1 200 OK\r\n" + field(framing) + "\r\n")
				if err := framed(p, framing, noise()); err != nil {
					t.Error(err)
				}
			})
			c := start(t, Config{}, o.address).dial()
			c.SetDeadline(time.Now().Add(3 * patience))
			c.send("POST / HTTP/1.1\r\nHost: a\r\n" + field(framing) + "\r\n")
			if err := framed(c, framing, noise()); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(c.in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if digest(t, res.Body) != want {
				t.Error("the response's content is not what was sent")
			}
		})
	}
}

// Who does not read is not read for: what the gateway holds is bounded.
func TestBackpressure(t *testing.T) {
	// What all the kernel's buffers on the way may take together.
	const most = 64 << 20
	flood := func(t *testing.T, c net.Conn, prefix string) {
		c.Write([]byte(prefix))
		c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		piece := make([]byte, 1<<20)
		for n := 0; n < 2*most; {
			m, err := c.Write(piece)
			if n += m; err != nil {
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				return
			}
		}
		t.Errorf("more than %d octets were taken of a sender whose receiver does not read", 2*most)
	}
	before := new(runtime.MemStats)
	runtime.ReadMemStats(before)
	for _, framing := range []string{"Content-Length: 1000000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n3b9aca00\r\n"} {
		t.Run("down", func(t *testing.T) {
			flooded := make(chan bool)
			o := scripted(t, func(_ int, p *peer) {
				p.head()
				flood(t, p, "HTTP/1.1 200 OK\r\n"+framing)
				close(flooded)
			})
			c := start(t, Config{}, o.address).dial()
			c.send(get("/"))
			<-flooded
		})
		t.Run("up", func(t *testing.T) {
			done := make(chan bool)
			o := scripted(t, func(_ int, p *peer) { <-done })
			c := start(t, Config{}, o.address).dial()
			flood(t, c, "POST / HTTP/1.1\r\nHost: a\r\n"+framing)
			close(done)
		})
	}
	after := new(runtime.MemStats)
	runtime.ReadMemStats(after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 32<<20 {
		t.Errorf("the heap grew by %d octets", grown)
	}
}

// Many clients of net/http at once, over several loops.
func TestManyClients(t *testing.T) {
	r := startLoops(t, 2, Config{}, echo(t), echo(t))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: patience}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	failures := make(chan error)
	for i := range 20 {
		go func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			for range 20 {
				if err := roundTrip(ctx, client, r.address, rng); err != nil {
					failures <- err
					return
				}
			}
			failures <- nil
		}()
	}
	for range 20 {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}

func roundTrip(ctx context.Context, client *http.Client, address string, rng *rand.Rand) error {
	content := strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(200_000))
	target := "http://" + address + [...]string{"/length", "/chunked"}[rng.IntN(2)]
	req, err := http.NewRequestWithContext(ctx, "POST", target, strings.NewReader(content))
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err == nil && string(got) != content {
		err = fmt.Errorf("%d octets came back of %d", len(got), len(content))
	}
	return err
}
