package server

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// The same conversation on many networks: on a rough one, where octets travel in
// pieces and reports come late, it is the same to the octet; on a hostile one,
// where connections break, it is cut short and never anything else. Nothing is
// left open in either.
func TestConversationOnAnyNetwork(t *testing.T) {
	for mode, config := range map[string]Config{"echo": {}, "sink": {Sink: true}} {
		t.Run(mode, func(t *testing.T) { testConversation(t, config) })
	}
}

func testConversation(t *testing.T, config Config) {
	large := strings.Repeat("x", 70_000) // is not kept in memory
	dir := lay(t, map[string]string{"index.html": hello, "large.bin": large})
	content := strings.Repeat("content ", 2500)
	requests := get("GET", "/") + get("GET", "/large.bin", "Range: bytes=1000-9999") + get("GET", "/large.bin") +
		get("POST", "/post", fmt.Sprint("Content-Length: ", len(content))) + content +
		get("PUT", "/", "Content-Length: 5") + "hello" +
		get("POST", "/post", "Transfer-Encoding: chunked") + "a\r\n0123456789\r\n0\r\n\r\n" +
		post("/post", multiparts, form("name=a\r\n\r\n1", "name=f; filename=b\r\n\r\nhello")) +
		get("GET", "/nothing", "Connection: close")
	answer := content
	if config.Sink {
		answer = fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	}
	config.Site = openSite(t, dir)
	checkOnAnyNetwork(t, config, requests, large, answer, closing(response("404 Not Found", "Content-Length: 0")))
}

// The same for the endpoints for study, which take their time, and a WebSocket.
func TestStudyOnAnyNetwork(t *testing.T) {
	content := strings.Repeat("content ", 2500)
	message := strings.Repeat("message ", 15) // in a ping, since that comes back in one frame
	requests := get("GET", "/_/bytes/50000?seed=7", "Range: bytes=1000-40000") + get("GET", "/_/stream/40000?chunk=4KiB&every=3s") +
		get("GET", "/_/drip?bytes=10&duration=3s&delay=2s") + get("GET", "/_/interim?100&103x3") + get("HEAD", "/_/trailers") + get("GET", "/_/trailers") +
		get("POST", "/_/upload", fmt.Sprint("Content-Length: ", len(content))) + content +
		get("POST", "/_/early/202?after=9&then=read", fmt.Sprint("Content-Length: ", len(content))) + content +
		get("GET", "/_/websocket", upgrade...) + masked(0x02, "") + masked(0x89, message) + masked(0x80, "") + masked(0x88, "\x03\xe8")
	checkOnAnyNetwork(t, Config{Site: openSite(t, lay(t, files))}, requests, "**********", fmt.Sprintf("%x", sha256.Sum256([]byte(content))), switched+"\x02\x00\x8a\x78"+message+"\x80\x00\x88\x02\x03\xe8")
}

// So it is with what faults make of responses.
func TestFaultsOnAnyNetwork(t *testing.T) {
	dir := lay(t, map[string]string{"index.html": hello, "cut.txt": "hello", "large.bin": strings.Repeat("x", 70_000)})
	requests := get("GET", "/") + get("GET", "/large.bin") + get("POST", "/post", "Transfer-Encoding: chunked") + "a\r\n0123456789\r\n5\r\nabcde\r\n0\r\n\r\n" +
		get("GET", "/_/trailers?fault=delay:1s+before+last+chunk") + get("GET", "/cut.txt")
	checkOnAnyNetwork(t, Config{Site: openSite(t, dir), Faults: script(t, `
faults:
  - {path: /cut.txt, fin: at byte 3 of body}
  - {chunks: 999 bytes, interim: 2 times 103 every 1s, delay: [1s in head, 1s in body, 1ms between chunks], dribble: 30000 bytes every 1s}
`)}, requests, "5\r\nabcde\r\n0\r\n\r\nHTTP/1.1 200", "\r\n\r\nhel")
}

// checkOnAnyNetwork wants a conversation to be the same on all. It has the parts in
// it, the last one at its end.
func checkOnAnyNetwork(t *testing.T, config Config, requests string, parts ...string) {
	t.Helper()
	want := converseIn(t, simnet.New(0, simnet.Options{}), config, requests, false)
	for _, part := range parts {
		if !strings.Contains(want, part) || !strings.HasSuffix(want, parts[len(parts)-1]) {
			t.Fatalf("on a smooth network: %.9000q ... %q; want in it %q", want, want[max(0, len(want)-1000):], part)
		}
	}
	few := uint64(seeds)
	if config.Sink {
		few /= 4
	}
	for seed := range few {
		if got := converseIn(t, simnet.New(seed, simnet.Rough(seed)), config, requests, false); got != want {
			t.Fatalf("seed %d, rough: got %q", seed, got)
		}
		if got := converseIn(t, simnet.New(seed, simnet.Hostile(seed)), config, requests, true); !strings.HasPrefix(want, halfDate.ReplaceAllString(got, "")) {
			t.Fatalf("seed %d, hostile: got %q", seed, got)
		}
	}
}

var halfDate = regexp.MustCompile(`Date: [^\r]*\r?$`)

// seeds is how many networks are tried. Under the race detector switching
// between tasks takes very much longer.
var seeds = map[bool]int{false: 32, true: 4}[wiretest.RaceDetector]

// ages is enough for the slowest of networks.
const ages = 1000 * time.Hour

// converseIn sends requests in a world and returns what came back.
func converseIn(t *testing.T, w *simnet.World, config Config, requests string, hostile bool) string {
	t.Helper()
	var client *simnet.Client
	var server *Server
	err := w.Run(loop.Config{}, func(g *loop.Group) (err error) {
		config.PostPath, config.Study = "/post", true
		config.IdleTimeout, config.WriteTimeout, config.BodyTimeout, config.HeadTimeout = ages, ages, ages, ages
		if server, err = New(g, config); err != nil {
			return err
		}
		addr, err := server.Listen("127.0.0.1:80")
		if err != nil {
			return err
		}
		at, err := loop.ParseAddress(addr.String())
		client = &simnet.Client{Loop: g.Loop(0), To: at, Sends: []byte(requests), Done: func(*simnet.Client) { g.Stop() }}
		if hostile {
			client.Patience = 10 * patience
		}
		g.Loop(0).Go(client)
		return err
	})
	if server != nil {
		server.close()
	}
	if err != nil || client.Err != nil && !hostile {
		t.Fatalf("%v, %v after %q", err, client.Err, client.Got)
	}
	return undatedAt(string(client.Got))
}
