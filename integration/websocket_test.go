package integration

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"
)

// serveWebSockets is an origin that says everything again, until it is told to
// close.
func serveWebSockets(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		return // the client has been answered so
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, message) != nil {
			return // the client has seen why
		}
	}
}

// dialWebSocket opens one through the edge. It is closed when the test ends.
func dialWebSocket(t *testing.T, edge *server) (context.Context, *websocket.Conn) {
	t.Helper()
	return dialWebSocketAt(t, "ws://"+edge.Addr+"/socket")
}

func dialWebSocketAt(t *testing.T, url string) (context.Context, *websocket.Conn) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	t.Cleanup(stop)
	c, response, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		t.Fatalf("%v (%+v)", err, response)
	}
	t.Cleanup(func() { c.CloseNow() })
	c.SetReadLimit(-1)
	return ctx, c
}

// exchange sends a message and wants it back.
func exchange(ctx context.Context, c *websocket.Conn, kind websocket.MessageType, message []byte) error {
	if err := c.Write(ctx, kind, message); err != nil {
		return err
	}
	return expectMessage(ctx, c, kind, message)
}

func expectMessage(ctx context.Context, c *websocket.Conn, kind websocket.MessageType, want []byte) error {
	gotKind, got, err := c.Read(ctx)
	if err == nil && (gotKind != kind || !bytes.Equal(got, want)) {
		err = errors.New("the message came back as another one")
	}
	return err
}

func randomMessage(n int) []byte {
	rng := rand.NewChaCha8([32]byte{byte(n)})
	b := make([]byte, n)
	rng.Read(b)
	return b
}

// A WebSocket goes through the edge: whether octets are moved by the kernel, or
// copied because they are recorded.
func TestWebSocket(t *testing.T) {
	for name, args := range map[string][]string{
		"moved": nil, "recorded": {"--record", filepath.Join(t.TempDir(), "tunnel.pcapng")},
	} {
		t.Run(name, func(t *testing.T) {
			u := startUpstream(t, serveWebSockets)
			edge := startEdge(t, u.addr(), args...)
			for _, test := range []struct {
				name    string
				kind    websocket.MessageType
				message []byte
			}{
				{"text", websocket.MessageText, []byte("through the edge")},
				{"nothing", websocket.MessageText, nil},
				{"binary", websocket.MessageBinary, randomMessage(1 << 20)},
				{"large", websocket.MessageBinary, randomMessage(16 << 20)},
			} {
				ctx, c := dialWebSocket(t, edge)
				for range 2 {
					if err := exchange(ctx, c, test.kind, test.message); err != nil {
						t.Fatalf("%s: %v", test.name, err)
					}
				}
				if err := c.Close(websocket.StatusNormalClosure, "enough"); err != nil {
					t.Errorf("%s: closing: %v", test.name, err)
				}
			}
		})
	}
}

// Both sides send at once, more than the connections hold.
func TestWebSocketBothWaysAtOnce(t *testing.T) {
	const messages = 64
	u := startUpstream(t, serveWebSockets)
	ctx, c := dialWebSocket(t, startEdge(t, u.addr()))
	message := randomMessage(256 << 10)
	var both errgroup.Group
	both.Go(func() error {
		for range messages {
			if err := c.Write(ctx, websocket.MessageBinary, message); err != nil {
				return err
			}
		}
		return nil
	})
	both.Go(func() error {
		for range messages {
			if err := expectMessage(ctx, c, websocket.MessageBinary, message); err != nil {
				return err
			}
		}
		return nil
	})
	if err := both.Wait(); err != nil {
		t.Error(err)
	}
}

// A ping is answered by the origin, also after the tunnel has been idle for long
// enough to rest.
func TestWebSocketPing(t *testing.T) {
	u := startUpstream(t, serveWebSockets)
	ctx, c := dialWebSocket(t, startEdge(t, u.addr()))
	ctx = c.CloseRead(ctx) // somebody has to read the pong
	for _, pause := range []time.Duration{0, 1500 * time.Millisecond} {
		select {
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		case <-time.After(pause):
		}
		if err := c.Ping(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// The log tells of a tunnel when it has ended, with the octets of both streams.
// Draining waits for it, but not for longer than it is told to.
func TestWebSocketWhileDraining(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	u := startUpstream(t, serveWebSockets)
	edge := startEdge(t, u.addr(), "--access-log", log, "--drain-timeout", "3s")
	ctx, c := dialWebSocket(t, edge)
	if err := exchange(ctx, c, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	other := dialRaw(t, edge.Addr)
	other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	other.response("GET")
	edge.Signal(os.Interrupt)
	eventually(t, func() string {
		other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if response, _ := other.response("GET"); response.Close {
			return ""
		}
		return "the edge does not drain"
	})
	if err := exchange(ctx, c, websocket.MessageText, []byte("still here")); err != nil {
		t.Errorf("while draining: %v", err)
	}
	if _, _, err := c.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("after draining: %v", err)
	}
	if err := edge.Stop(patience); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	// A frame has 2 octets before the content, and 4 more from the client.
	const want = "cut-off/aborted tunnel=27/19\n"
	if lines := string(text); !strings.Contains(lines, `"GET /socket HTTP/1.1" 101 19 `) || !strings.HasSuffix(lines, want) {
		t.Errorf("logged %q, want 101 and %q", lines, want)
	}
}

// A recording has what came after HTTP.
func TestWebSocketIsRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tunnel.pcapng")
	u := startUpstream(t, serveWebSockets)
	edge := startEdge(t, u.addr(), "--record", path)
	ctx, c := dialWebSocket(t, edge)
	if err := exchange(ctx, c, websocket.MessageText, []byte("to be found in the recording")); err != nil {
		t.Fatal(err)
	}
	c.Close(websocket.StatusNormalClosure, "")
	if err := edge.Stop(patience); err != nil {
		t.Fatal(err)
	}
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(octets, []byte("to be found in the recording")); n != 2 { // unmasked, on either hop
		t.Errorf("the answer is recorded %d times, want 2", n)
	}
}

// A page's script opens a WebSocket to where it came from.
func TestChromiumWebSocket(t *testing.T) {
	browser := newChromium(t)
	const page = `<!DOCTYPE html><title>socket</title><p id="answers"></p><script>
	const socket = new WebSocket("ws://" + location.host + "/socket"), answers = document.getElementById("answers");
	socket.onopen = () => { socket.send("from a browser"); socket.send(new Uint8Array(1 << 20)); };
	socket.onmessage = event => {
		answers.append(event.data.size ?? event.data, " ");
		if (event.data.size) socket.close(1000, "enough");
	};
	socket.onclose = event => { answers.append(event.code, " ", event.wasClean); };
	</script>`
	u := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/socket" {
			serveWebSockets(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, page)
	})
	edge := startEdge(t, u.addr())
	do(t, browser, chromedp.Navigate(edge.url("/")))
	eventually(t, func() string {
		answers := do(t, browser, chromedp.Evaluate[string](`answers.textContent`))
		if answers == "from a browser 1048576 1000 true" {
			return ""
		}
		return "the page says " + answers
	})
	if err := chromedp.Cancel(browser); err != nil {
		t.Error(err)
	}
}
