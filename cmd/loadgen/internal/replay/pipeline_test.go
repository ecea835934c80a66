package replay

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// TestPipelineDepth: behind the first response there are so many requests under way, and
// none behind one that may not be sent twice until it is answered. The server answers
// when it has seen as many as it expects.
func TestPipelineDepth(t *testing.T) {
	post := plantest.Exchange{"POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", plantest.OK}
	session := append(plantest.Gets("/1", "/2", "/3", "/4"), post)
	session = append(session, plantest.Gets("/6", "/7", "/8")...)
	for _, test := range []struct {
		depth   int
		bursts  []int // how many requests come before the next answer
		perConn int
	}{
		{1, []int{1, 1, 1, 1, 1, 1, 1, 1}, 0},
		{3, []int{1, 3, 1, 3}, 0}, // /1, /2 /3 /4, the POST, /6 /7 /8
		{2, []int{1, 2, 1, 1, 2, 1}, 0},
		{8, []int{1, 3, 1, 3}, 0},
		{8, []int{1, 3, 1, 3}, 4}, // four for each connection
	} {
		var mu sync.Mutex
		bursts := test.bursts
		s := serve(t, func(p *peer) {
			for {
				mu.Lock()
				if len(bursts) == 0 {
					mu.Unlock()
					p.next()
					return
				}
				n := bursts[0]
				mu.Unlock()
				for i := range n {
					if p.next() == nil {
						if i > 0 {
							t.Errorf("depth %d: the connection ended when %d of %d requests had come", test.depth, i, n)
						}
						return
					}
				}
				mu.Lock()
				bursts = bursts[1:]
				mu.Unlock()
				p.Conn.SetReadDeadline(time.Now().Add(20 * ms))
				if more, _ := p.reader.Peek(1); len(more) > 0 {
					t.Errorf("depth %d: more than %d came at once", test.depth, n)
				}
				p.Conn.SetReadDeadline(time.Now().Add(20 * time.Second))
				p.say(strings.Repeat(plantest.OK, n))
			}
		})
		r := replayed(t, planned(t, session), s.address, Config{Pipeline: test.depth, Verify: true, RequestsPerConnection: test.perConn})
		opened := int64(1 + btoi(test.perConn > 0))
		if r.Requests != 8 || r.Errors != 0 || r.Opened != opened || r.Reused != 8-opened {
			t.Errorf("depth %d: %+v, %v", test.depth, countsOf(r), r.Explanations)
		}
		checkBooks(t, 0, r)
	}
}

// TestPipelineBreaks: what was sent ahead on a connection that ends is sent again alone,
// if it may be; else it has failed, each by its own.
func TestPipelineBreaks(t *testing.T) {
	put := plantest.Exchange{"PUT /5 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", plantest.OK}
	says := "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
	for _, test := range []struct {
		name   string
		last   plantest.Exchange
		second string // the second response of the first connection
		config Config
		want   counts
	}{
		{"without a word", put, "", Config{}, counts{requests: 5, opened: 2, reused: 3, byUs: 1, byPeer: 1, stale: 4, retries: 4}},
		{"not to be sent again", put, "", Config{NoRetry: true}, counts{requests: 5, errors: 4, opened: 1, byPeer: 1, stale: 4}},
		{"with a last response", put, says, Config{}, counts{requests: 5, opened: 2, reused: 3, byUs: 1, byPeer: 1, stale: 3, retries: 3}},
		{"in a response", put, plantest.OK[:10], Config{}, counts{requests: 5, errors: 1, opened: 2, reused: 2, byUs: 1, byPeer: 1, stale: 3, retries: 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, func(p *peer) {
				if p.number > 0 {
					always(plantest.OK)(p)
					return
				}
				p.next()
				p.say(plantest.OK)
				for range 4 {
					p.next()
				}
				p.say(test.second)
				p.Conn.(*net.TCPConn).CloseWrite()
				p.next()
			})
			test.config.Pipeline = 9
			r := replayed(t, planned(t, append(plantest.Gets("/1", "/2", "/3", "/4"), test.last)), s.address, test.config)
			got := countsOf(r)
			if test.second == says { // who is first to close then is a matter of timing
				got.byUs, got.byPeer = 1, 1
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v, %v", got, test.want, r.Explanations)
			}
			checkBooks(t, 0, r)
		})
	}
}

// TestPipelineNetworks: in rough networks every response is the recorded one; in hostile
// ones each request comes to one end.
func TestPipelineNetworks(t *testing.T) {
	t.Parallel()
	all := simPlan(t)
	kept := *all // without those that close: behind them another may come now
	kept.Sessions = []plan.Session{all.Sessions[0], all.Sessions[1], all.Sessions[4]}
	for seed := range simSeeds() / 2 {
		p := all
		config := Config{Connections: 3, Requests: 60, Pipeline: 2 + int(seed%7), Verify: true, Timeout: time.Hour}
		if seed%3 == 1 {
			p = &kept
			config.RequestsPerConnection, config.MostPerConnection, config.Close = 2, 9, Closing(seed%4)
		}
		r, err := simulated(t, seed, simnet.Rough(seed), p, config)
		if err != nil || r.Requests != 60 || r.Errors != 0 || r.Unfinished != 0 {
			t.Errorf("seed %d: %v, %s, %+v, %v", seed, err, r.Ending, countsOf(r), r.Explanations)
		}
		checkBooks(t, seed, r)
		config.Timeout = time.Second
		r, err = simulated(t, seed, simnet.Hostile(seed), p, config)
		if sum := r.Requests + r.Unfinished + r.Unsent; err != nil || sum != 60 {
			t.Errorf("seed %d, hostile: %v, %s, %+v", seed, err, r.Ending, countsOf(r))
		}
		for _, e := range r.Explanations {
			if strings.Contains(e, BadResponse.String()) || strings.Contains(e, StatusMismatch.String()) || strings.Contains(e, ContentMismatch.String()) && !strings.Contains(e, "/until-close") {
				t.Errorf("seed %d, hostile: %s", seed, e)
			}
		}
		checkBooks(t, seed, r)
	}
}
