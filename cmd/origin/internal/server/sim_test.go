package server

import (
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
	large := strings.Repeat("x", 70_000) // is not kept in memory
	dir := lay(t, map[string]string{"index.html": hello, "large.bin": large})
	content := strings.Repeat("content ", 2500)
	requests := get("GET", "/") + get("GET", "/large.bin", "Range: bytes=1000-9999") + get("GET", "/large.bin") +
		get("POST", "/post", fmt.Sprint("Content-Length: ", len(content))) + content +
		get("PUT", "/", "Content-Length: 5") + "hello" +
		get("POST", "/post", "Transfer-Encoding: chunked") + "a\r\n0123456789\r\n0\r\n\r\n" +
		get("GET", "/nothing", "Connection: close")
	want := converseIn(t, simnet.New(0, simnet.Options{}), dir, requests, false)
	if !strings.Contains(want, large) || !strings.Contains(want, content) || !strings.HasSuffix(want, closing(response("404 Not Found", "Content-Length: 0"))) {
		t.Fatalf("on a smooth network: %q", want)
	}
	for seed := range uint64(seeds) {
		if got := converseIn(t, simnet.New(seed, simnet.Rough(seed)), dir, requests, false); got != want {
			t.Fatalf("seed %d, rough: got %q", seed, got)
		}
		if got := converseIn(t, simnet.New(seed, simnet.Hostile(seed)), dir, requests, true); !strings.HasPrefix(want, halfDate.ReplaceAllString(got, "")) {
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
func converseIn(t *testing.T, w *simnet.World, dir, requests string, hostile bool) string {
	t.Helper()
	var client *simnet.Client
	var server *Server
	err := w.Run(loop.Config{}, func(g *loop.Group) (err error) {
		if server, err = New(g, Config{Site: openSite(t, dir), PostPath: "/post", WriteTimeout: ages, BodyTimeout: ages, HeadTimeout: ages}); err != nil {
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
		t.Fatal(err, client.Err)
	}
	return undatedAt(string(client.Got))
}
