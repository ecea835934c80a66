package replay

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// certified makes a certificate that is its own authority, for the name h and the
// hours around now, unless change says otherwise. It returns what a server and a
// client need.
func certified(t testing.TB, change func(*x509.Certificate)) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"h"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2", "http/1.1"}},
		&tls.Config{RootCAs: roots, ServerName: "h"}
}

var asUsual = sync.OnceValues(func() (server, client *tls.Config) {
	return certified(&testing.B{}, func(*x509.Certificate) {})
})

// secured has a script speak TLS.
func secured(config *tls.Config, script func(*peer)) func(*peer) {
	return func(p *peer) {
		c := tls.Server(p.Conn, config)
		p.Conn, p.reader = c, bufio.NewReader(c)
		script(p)
		c.Close()
	}
}

// TestTLSVersions: what a server speaks is negotiated, and whether a handshake
// resumes a session is up to us.
func TestTLSVersions(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, resume := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, resumed %t", tls.VersionName(version), resume), func(t *testing.T) {
				server, client := asUsual()
				server = server.Clone()
				server.MaxVersion = version
				var mu sync.Mutex
				var states []tls.ConnectionState
				s := serve(t, secured(server, func(p *peer) {
					for p.next() != nil {
						p.say(plantest.OK)
					}
					mu.Lock()
					states = append(states, p.Conn.(*tls.Conn).ConnectionState())
					mu.Unlock()
				}))
				r := replayed(t, planned(t, plantest.Gets("/1", "/2")), s.address, Config{TLS: client, ResumeTLS: resume, Requests: 10, Verify: true})
				if got, want := countsOf(r), (counts{requests: 10, opened: 5, reused: 5, byUs: 5}); got != want {
					t.Errorf("got %+v, want %+v, %v", got, want, r.Explanations)
				}
				if resumed := int64(4 * btoi(resume)); r.TLS.Count() != 5 || r.Resumed != resumed {
					t.Errorf("%d handshakes, %d of them resumed; want 5 and %d", r.TLS.Count(), r.Resumed, resumed)
				}
				if r.FirstRequestWithConnect.Mean() <= r.TLS.Mean()+r.FirstRequest().Mean() {
					t.Errorf("first requests take %s with connecting, without %s, and the handshake %s", r.FirstRequestWithConnect.Mean(), r.FirstRequest().Mean(), r.TLS.Mean())
				}
				all := func() bool { mu.Lock(); defer mu.Unlock(); return len(states) == 5 }
				if !eventually(all) {
					t.Fatal("the server does not see the end of all connections")
				}
				for _, state := range states {
					if state.ServerName != "h" || state.NegotiatedProtocol != "http/1.1" || state.Version != version {
						t.Errorf("%s is spoken, %q, with %q", tls.VersionName(state.Version), state.NegotiatedProtocol, state.ServerName)
					}
				}
			})
		}
	}
}

// TestTLSFailures: what goes wrong before there is TLS has a cause and a sentence that
// says what to do.
func TestTLSFailures(t *testing.T) {
	usual, trusting := asUsual()
	expired, trustingExpired := certified(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	_, strange := certified(t, func(*x509.Certificate) {})
	elsewhere, trustingElsewhere := certified(t, func(c *x509.Certificate) { c.DNSNames = []string{"elsewhere"} })
	other := usual.Clone()
	other.NextProtos = []string{"irc"}
	for _, test := range []struct {
		name   string
		script func(*peer)
		client *tls.Config
		cause  Cause
		says   []string
	}{
		{"unknown authority", secured(usual, always(plantest.OK)), strange, Certificate, []string{"unknown authority", "--ca FILE", "--insecure"}},
		{"another host", secured(elsewhere, always(plantest.OK)), trustingElsewhere, Certificate, []string{"elsewhere, not h", "--insecure"}},
		{"expired", secured(expired, always(plantest.OK)), trustingExpired, Certificate, []string{"has expired", "clock", "--insecure"}},
		{"plain HTTP", func(p *peer) { p.say("HTTP/1.1 400 Bad Request\r\n\r\n") }, trusting, TLSHandshake, []string{"not TLS", "http://"}},
		{"closed", func(p *peer) { p.Read(make([]byte, 1<<10)) }, trusting, TLSHandshake, []string{"the TLS handshake"}},
		{"reset", func(p *peer) { p.Read(make([]byte, 1)); p.reset() }, trusting, TLSHandshake, []string{"reset"}},
		{"silent", func(p *peer) { io.Copy(io.Discard, p) }, trusting, TLSHandshake, []string{"not over in time"}},
		{"not HTTP/1.1", secured(other, always(plantest.OK)), trusting, TLSHandshake, []string{"no application protocol"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.script)
			config := Config{TLS: test.client, Timeout: 100 * time.Millisecond, patience: 50 * time.Millisecond}
			r := replayed(t, planned(t, plantest.Gets("/1")), s.address, config)
			if r.Requests != 1 || r.Causes[test.cause] != 1 || r.ConnectFailures[test.cause] == 0 || r.Opened != 0 || r.Ending != Unreachable {
				t.Errorf("%s, %+v, %v", r.Ending, countsOf(r), r.Causes)
			}
			for _, says := range test.says {
				if err := fmt.Sprint(r.Err()); !strings.Contains(err, says) {
					t.Errorf("%q does not say %q", err, says)
				}
			}
		})
	}
	t.Run("all that, and trusted", func(t *testing.T) {
		for _, server := range []*tls.Config{usual, expired, elsewhere} {
			s := serve(t, secured(server, always(plantest.OK)))
			r := replayed(t, planned(t, plantest.Gets("/1")), s.address, Config{TLS: &tls.Config{InsecureSkipVerify: true}})
			if r.Err() != nil {
				t.Error(r.Err())
			}
		}
	})
}

// TestTLSEnds: a response that ends where the connection does is whole if TLS says so
// (RFC 9112 section 9.8); and we say goodbye, too.
func TestTLSEnds(t *testing.T) {
	server, client := asUsual()
	for name, cut := range map[string]bool{"close_notify": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, secured(server, func(p *peer) {
				p.next()
				p.say("HTTP/1.1 200 OK\r\n\r\nhi")
				if cut {
					p.Conn.(*tls.Conn).NetConn().Close()
				}
			}))
			r := replayed(t, planned(t, plantest.Gets("/1")), s.address, Config{TLS: client, Verify: true})
			if want := (counts{requests: 1, opened: 1, byPeer: 1, errors: int64(btoi(cut))}); countsOf(r) != want || r.Causes[ClosedInResponse] != want.errors {
				t.Errorf("got %+v, want %+v, %v", countsOf(r), want, r.Explanations)
			}
			if cut && !strings.Contains(r.Explanations[0], "without the close_notify of TLS after 21 bytes") {
				t.Errorf("explained as %q", r.Explanations)
			}
		})
	}
	t.Run("ours", func(t *testing.T) {
		said := make(chan []byte, 1)
		s := serve(t, func(p *peer) {
			raw := &recorder{Conn: p.Conn}
			p.Conn = raw
			secured(server, func(p *peer) {
				for p.next() != nil {
					p.say(plantest.OK)
				}
			})(p)
			said <- raw.read
		})
		replayed(t, planned(t, plantest.Gets("/1")), s.address, Config{TLS: client})
		// An alert of TLS 1.3 is a record of 2 bytes, its type and 16 bytes of a tag.
		if octets := <-said; len(octets) < 24 || string(octets[len(octets)-24:len(octets)-19]) != "\x17\x03\x03\x00\x13" {
			t.Errorf("the last thing said is %x", octets[max(0, len(octets)-40):])
		}
	})
}

// A recorder keeps what was read.
type recorder struct {
	net.Conn
	read []byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.read = append(r.read, p[:n]...)
	return n, err
}

// A pipe with a knife lets n bytes of what the server says go by, and then lets the
// rest go by after a while, or ends the connection.
type knife struct {
	net.Conn
	n    int
	ends bool
}

func (k *knife) Write(p []byte) (n int, err error) {
	if len(p) >= k.n {
		if n, err = k.Conn.Write(p[:k.n]); err != nil {
			return n, err
		}
		if k.ends {
			k.Close()
			return n, net.ErrClosed
		}
		time.Sleep(2 * time.Millisecond)
		p, k.n = p[k.n:], 1<<30
	}
	m, err := k.Conn.Write(p)
	k.n -= m
	return n + m, err
}

// TestTLSCutAtEveryByte: whatever pieces a handshake comes in, it is the same one; and
// one that ends is a failed one.
func TestTLSCutAtEveryByte(t *testing.T) {
	usual, client := asUsual()
	// So many bytes of the server's are in the handshake at least.
	for version, most := range map[uint16]int{tls.VersionTLS12: 400, tls.VersionTLS13: 1700} {
		server := usual.Clone()
		server.MaxVersion = version
		for _, ends := range []bool{false, true} {
			t.Run(fmt.Sprint(tls.VersionName(version), ", ends ", ends), func(t *testing.T) {
				t.Parallel()
				step := 1
				if testing.Short() || wiretest.RaceDetector {
					step = 17
				}
				s := serve(t, func(p *peer) {
					p.Conn = &knife{Conn: p.Conn, n: p.number * step, ends: ends}
					secured(server, always(plantest.OK))(p)
				})
				n := int64(most / step)
				r := replayed(t, planned(t, plantest.Gets("/1")), s.address, Config{
					TLS: client, Requests: n, RequestsPerConnection: 1, Connections: 32, NoBackoff: true, patience: time.Hour,
				})
				if !ends && (r.Opened != n || r.Requests != n || r.Errors != 0) {
					t.Errorf("%+v, %v, %v", countsOf(r), r.Explanations, r.LastConnectError)
				}
				// The last of these cuts are behind the handshake.
				if cut := r.Causes[ClosedBeforeResponse] + r.Causes[ClosedInResponse]; ends && (r.ConnectFailures[TLSHandshake] < n || r.Requests != n || r.Errors != cut) {
					t.Errorf("%+v, %v, %v", countsOf(r), r.ConnectFailures, r.Explanations)
				}
			})
		}
	}
}

// TestTLSOnRoughNetwork plays TLS in the simulated world, where bytes come in whatever
// pieces, and buffers are as narrow as one byte.
func TestTLSOnRoughNetwork(t *testing.T) {
	t.Parallel()
	plan := simPlan(t)
	_, client := asUsual()
	for seed := range simSeeds() / 5 {
		config := Config{Connections: 3, Verify: true, Requests: 40, Timeout: 1000 * time.Hour, TLS: client, ResumeTLS: seed%2 == 0}
		r, err := simulated(t, seed, simnet.Rough(seed), plan, config)
		if err != nil || r.Requests != config.Requests || r.Errors != 0 || r.Unfinished != 0 || r.Ending != Complete || r.TLS.Count() != r.Opened {
			t.Errorf("seed %d: %v, %s, %+v, %v", seed, err, r.Ending, countsOf(r), r.Explanations)
		}
		checkBooks(t, seed, r)
	}
}

// TestTLSOnHostileNetwork: whatever breaks, nothing else is said to have come than
// what was sent, not even where the end of the connection is that of the response.
func TestTLSOnHostileNetwork(t *testing.T) {
	t.Parallel()
	plan := simPlan(t)
	_, client := asUsual()
	shaken := int64(0)
	for seed := range simSeeds() / 2 {
		config := Config{Connections: 3, Verify: true, Requests: 40, Timeout: time.Second, explain: 40, TLS: client}
		r, err := simulated(t, seed, simnet.Hostile(seed), plan, config)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if sum := r.Requests + r.Unfinished + r.Unsent; sum != config.Requests || (r.Ending == Complete) != (r.Unsent == 0) {
			t.Errorf("seed %d: %s after %+v", seed, r.Ending, countsOf(r))
		}
		for _, c := range []Cause{BadResponse, ExcessOctets, StatusMismatch, ContentMismatch} {
			if r.Causes[c] > 0 {
				t.Errorf("seed %d: the network breaks connections, but changes no bytes: %v", seed, r.Explanations)
			}
		}
		shaken += r.ConnectFailures[TLSHandshake]
		checkBooks(t, seed, r)
	}
	if shaken == 0 {
		t.Error("no handshake failed: the network is not hostile enough")
	}
}

// TestTLSAllocatesLittlePerRequest: nothing but what crypto/tls does, which is a few
// bytes for each look for a record, at both ends here.
func TestTLSAllocatesLittlePerRequest(t *testing.T) {
	if wiretest.RaceDetector {
		t.Skip("the race detector allocates")
	}
	server, client := asUsual()
	s := serve(t, secured(server, func(p *peer) {
		request := make([]byte, len(plantest.Get("/1")))
		response := []byte(plantest.OK)
		for {
			if _, err := io.ReadFull(p.Conn, request); err != nil {
				return
			}
			p.Write(response)
		}
	}))
	plan := planned(t, slices.Repeat(plantest.Gets("/1"), 100))
	mallocs := func(requests int64) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := replayed(t, plan, s.address, Config{TLS: client, Requests: requests, RequestsPerConnection: 1 << 30})
		runtime.ReadMemStats(&after)
		if r.Errors != 0 || r.Opened != 1 {
			t.Errorf("%+v, %v", countsOf(r), r.Explanations)
		}
		return after.Mallocs - before.Mallocs
	}
	mallocs(100)
	if few, many := mallocs(100), mallocs(5100); many > few+3*5000+250 {
		t.Errorf("5000 requests more allocate %d times more", many-few)
	}
}

// TestTLSTicketsSayNothing: tickets that came while the connection was idle, for longer
// than any deadline, are no reason to leave it.
func TestTLSTicketsSayNothing(t *testing.T) {
	usual, client := asUsual()
	server := usual.Clone()
	server.ClientAuth = tls.RequestClientCert // which has crypto/tls send tickets when it has heard our last
	target, err := loop.ParseAddress("127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	err = simnet.New(1, simnet.Options{}).Run(loop.Config{}, func(g *loop.Group) error {
		_, err := g.Listen(target.String(), func(c *loop.Conn) {
			c.Loop().Go(loop.Func(func() {
				io.Copy(io.Discard, tls.Server(c, server))
				c.Close()
			}))
		})
		l := g.Loop(0)
		l.Post(func() {
			l.Go(loop.Func(func() {
				defer g.Stop()
				conn, err := l.Dial(target, 0)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				secure := newTLSConn(conn, tlsConfig(&Config{TLS: client, ResumeTLS: true}))
				done, err := secure.shake(true)
				for !done {
					done, err = secure.shake(false)
				}
				if err = errors.Join(err, secure.flush()); err != nil {
					t.Error(err)
				}
				conn.ReadDeadline(l.Now().Add(time.Second))
				l.Sleep(time.Minute)
				if !conn.Readable() {
					t.Error("no ticket has come")
				}
				if secure.speaks(false) {
					t.Error("the server is taken to speak")
				}
				secure.closeNotify()
			}))
		})
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
