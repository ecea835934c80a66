package weather

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// A Soak is a crowd of clients that use a gateway in every way there is, those
// included that a well-bred client does not. Behind the gateway is an origin that
// serves the files of WriteSoakSite, and below /post echoes what is posted.
type Soak struct {
	// Gateway is the address to connect to.
	Gateway string
	// Clients is how many there are of each kind.
	Clients int
	// Seed draws what the clients do and when.
	Seed uint64
}

// The sizes of what is asked for and posted.
const (
	soakSmall  = 1 << 10
	soakUpload = 128 << 10
	soakLarge  = 512 << 10
)

// smallFiles are those with numbers below; as many large ones follow.
const smallFiles = 16

// WriteSoakSite writes the files that the clients of a Soak ask for.
func WriteSoakSite(dir string) (err error) {
	for id := range int64(2 * smallFiles) {
		octets := soakSmall
		if id >= smallFiles {
			octets = soakLarge
		}
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, strconv.FormatInt(id, 10)), appendContent(nil, id, octets), 0o644))
	}
	return err
}

// Soaked is what came of some time of a Soak.
type Soaked struct {
	Tally
	Aborted int64 // requests and responses that a client left in the middle
}

// soakKinds are the kinds of clients: what they do once, and how long they pause
// before they do it again.
var soakKinds = []struct {
	do    func(*soaker, context.Context)
	pause time.Duration // a random time up to that
}{
	{(*soaker).churn, 10 * time.Millisecond},
	{(*soaker).keep, 10 * time.Millisecond},
	{(*soaker).download, 200 * time.Millisecond},
	{(*soaker).upload, 100 * time.Millisecond},
	{(*soaker).abort, 20 * time.Millisecond},
	{(*soaker).idle, time.Second},
}

// Run has the clients come, and go when ctx ends. It returns when the last request
// under way has been answered and no connection is left.
func (s *Soak) Run(ctx context.Context) (sum Soaked) {
	var all sync.WaitGroup
	soakers := make([]soaker, s.Clients*len(soakKinds))
	for i := range soakers {
		p := &soakers[i]
		kind := soakKinds[i%len(soakKinds)]
		*p = soaker{client: newClient(soakSmall), gateway: s.Gateway, rng: rand.New(rand.NewPCG(s.Seed, uint64(i)))}
		all.Go(func() {
			defer p.disconnect()
			for sleep(ctx, p.within(kind.pause)) {
				kind.do(p, ctx)
			}
		})
	}
	all.Wait()
	for i := range soakers {
		sum.Add(soakers[i].seen.Tally)
		sum.Aborted += soakers[i].seen.Aborted
	}
	return sum
}

// A soaker is one client.
type soaker struct {
	*client
	gateway string
	rng     *rand.Rand
	seen    Soaked
}

func (p *soaker) within(d time.Duration) time.Duration {
	return time.Duration(p.rng.Int64N(int64(d)))
}

// request sends one for a file, or posts, on the connection that there is, or on a
// new one if there is none or it has ended.
func (p *soaker) request(q request, first int64, octets int) {
	q.id = first + p.rng.Int64N(smallFiles)
	p.octets, p.posted = octets, octets
	if p.conn != nil && p.ended() {
		p.disconnect()
	}
	if p.conn == nil && p.connect(p.gateway) != nil {
		p.seen.Tally[Unconnected]++
		return
	}
	o, persists := p.ask(q)
	p.seen.Tally[o]++
	if !persists {
		p.disconnect()
	}
}

func (p *soaker) churn(context.Context)    { p.request(request{last: true}, 0, soakSmall) }
func (p *soaker) keep(context.Context)     { p.request(request{}, 0, soakSmall) }
func (p *soaker) download(context.Context) { p.request(request{}, smallFiles, soakLarge) }
func (p *soaker) upload(context.Context) {
	p.request(request{post: true, path: "/post"}, 0, soakUpload)
}

// idle keeps a connection without a request for a while.
func (p *soaker) idle(ctx context.Context) {
	p.request(request{}, 0, soakSmall)
	sleep(ctx, p.within(3*time.Second))
}

// abort begins something and leaves in the middle of it, by an end of stream or by
// a reset.
func (p *soaker) abort(context.Context) {
	if p.connect(p.gateway) != nil {
		p.seen.Tally[Unconnected]++
		return
	}
	begun := []string{
		"",
		"GET /1 HT",
		"POST /post/1 HTTP/1.1\r\nHost: weather\r\nContent-Length: 100000\r\n\r\nabc",
		"POST /post/1 HTTP/1.1\r\nHost: weather\r\nTransfer-Encoding: chunked\r\n\r\n500\r\nabc",
		fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: weather\r\n\r\n", smallFiles),
	}[p.rng.IntN(5)]
	// Whatever fails here has been left in the middle as well.
	_, _ = p.conn.Write([]byte(begun))
	if p.rng.IntN(2) == 0 {
		_ = p.conn.SetReadDeadline(time.Now().Add(p.within(50 * time.Millisecond)))
		_, _ = p.r.Peek(p.r.Size())
	}
	if p.rng.IntN(2) == 0 {
		_ = p.conn.(*net.TCPConn).SetLinger(0)
	}
	p.disconnect()
	p.seen.Aborted++
}
