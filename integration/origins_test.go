package integration

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// One of three origins is killed and started again while clients ask, one
// request after the other. None of them sees an error, but for those whose request
// the origin took with it on a new connection, which is not sent again by rule.
// When it is back, the origin has its part of the requests again.
func TestOriginIsKilledAndComesBack(t *testing.T) {
	roots := make([]string, 3)
	addrs := make([]string, 3)
	var victim *server
	for i := range roots {
		roots[i] = namedSite(t, fmt.Sprint(i))
		if i > 0 {
			addrs[i] = startOrigin(t, roots[i]).Addr
			continue
		}
		victim = startVictim(t, roots[i], "127.0.0.1:0")
		addrs[i] = victim.Addr
	}
	edge := startServer(t, "edge", "--origin", strings.Join(addrs, ","), "--loops", "1", "--eject-for", "100ms", "--eject-max", "200ms")
	askers := ask(t, edge.url("/name"), 8)
	askers.mayBeLost = 8
	askers.await("each origin has answered", "0", "1", "2")

	victim.Kill()
	eventually(t, func() string {
		if strings.Contains(edge.Log(), "origin "+addrs[0]+" is left out") {
			return ""
		}
		return "the edge does not leave the origin out"
	})
	askers.await("the others answer", "1", "2")
	startVictim(t, roots[0], addrs[0])
	askers.await("it answers again", "0")
	if _, err := edge.WaitLog(regexp.MustCompile(`(?m)^edge: origin `+regexp.QuoteMeta(addrs[0])+` is back`), patience); err != nil {
		t.Error(err)
	}
	askers.stop()
}

// Requests are spread as the method says.
func TestBalance(t *testing.T) {
	var addrs []string
	for i := range 3 {
		addrs = append(addrs, startOrigin(t, namedSite(t, fmt.Sprint(i))).Addr)
	}
	const requests = 900 // of so many, chance gives no origin half as many as another one
	for _, test := range []struct {
		method string
		least  int // requests that each origin gets
		most   int
	}{
		{"round-robin", requests / 3, requests / 3},
		{"least-connections", requests / 3, requests / 3},
		{"two-choices", requests / 6, requests / 2},
		{"hash:x-number", requests / 6, requests / 2},
		{"hash:target", 0, requests},
	} {
		t.Run(test.method, func(t *testing.T) {
			edge := startServer(t, "edge", "--origin", strings.Join(addrs, ","), "--loops", "1", "--balance", test.method)
			c := dialRaw(t, edge.Addr)
			got := map[string]int{}
			for i := range requests {
				c.send(fmt.Sprintf("GET /name HTTP/1.1\r\nHost: a\r\nX-Number: %d\r\n\r\n", i))
				_, body := c.response("GET")
				got[body]++
			}
			for i := range 3 {
				if n := got[fmt.Sprint(i)]; n < test.least || n > test.most {
					t.Errorf("%d answered %d of %d requests, want %d to %d", i, n, requests, test.least, test.most)
				}
			}
			if test.method == "hash:target" && len(got) != 1 {
				t.Errorf("one target was sent to %d origins", len(got))
			}
		})
	}
}

// More clients than connections: all are served, in as many connections as may
// be, and those who cannot wait are told.
func TestConnectionsAreWaitedFor(t *testing.T) {
	u := startUpstream(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "here") })
	edge := startEdge(t, u.addr(), "--loops", "2", "--origin-max-connections", "4", "--queue-max", "1000")
	askers := ask(t, edge.url("/"), 50)
	askers.awaitAnswers(2000)
	askers.stop()
	if n := u.Accepted.Load(); n > 4 {
		t.Errorf("%d connections to the origin, which may have 4", n)
	}
}

// namedSite is a site whose /name says which one it is.
func namedSite(t *testing.T, name string) (dir string) {
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "name"), []byte(name), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// startVictim starts an origin that may be killed.
func startVictim(t *testing.T, dir, at string) *server {
	t.Helper()
	return startListening(t, command("origin", "--root", dir, "--listen", at))
}

// askers ask without end, each one request after the other on a connection that
// is kept. An answer that is not a 200 is an error of the test.
type askers struct {
	t         *testing.T
	mayBeLost int64 // requests that an origin dies with
	all       sync.WaitGroup
	stopping  atomic.Bool
	answers   atomic.Int64
	lost      atomic.Int64
	mu        sync.Mutex
	seen      map[string]bool
}

func ask(t *testing.T, url string, n int) *askers {
	a := &askers{t: t, seen: make(map[string]bool)}
	for range n {
		a.all.Go(func() { a.run(url) })
	}
	t.Cleanup(a.stop)
	return a
}

func (a *askers) run(url string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: patience}
	for !a.stopping.Load() {
		res, err := client.Get(url)
		if err != nil {
			a.t.Error(err)
			return
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err == nil && diedWith(res) {
			a.lost.Add(1)
			continue
		}
		if err != nil || res.StatusCode != http.StatusOK {
			a.t.Errorf("%s (%s), %v", res.Status, res.Header.Get("Proxy-Status"), err)
			return
		}
		a.answers.Add(1)
		a.mu.Lock()
		a.seen[string(body)] = true
		a.mu.Unlock()
	}
}

// diedWith reports whether an origin ended its connection instead of answering.
func diedWith(res *http.Response) bool {
	why := res.Header.Get("Proxy-Status")
	return strings.Contains(why, "http_response_incomplete") || strings.Contains(why, "connection_terminated")
}

// await waits until the origins of these names have answered from now on.
func (a *askers) await(what string, names ...string) {
	a.t.Helper()
	a.mu.Lock()
	clear(a.seen)
	a.mu.Unlock()
	eventually(a.t, func() string {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, name := range names {
			if !a.seen[name] {
				return fmt.Sprintf("%s: not so for %s", what, name)
			}
		}
		return ""
	})
}

// awaitAnswers waits for n answers in all.
func (a *askers) awaitAnswers(n int64) {
	a.t.Helper()
	eventually(a.t, func() string {
		if got := a.answers.Load(); got < n {
			return fmt.Sprintf("%d answers of %d", got, n)
		}
		return ""
	})
}

func (a *askers) stop() {
	a.stopping.Store(true)
	a.all.Wait()
	if n := a.lost.Load(); n > a.mayBeLost {
		a.t.Errorf("%d requests were lost with an origin, want %d at most", n, a.mayBeLost)
	}
}
