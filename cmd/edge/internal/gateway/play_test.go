package gateway

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/accesslog"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// In a play the gateway's own code runs between clients and origins that do what
// a seed says, on a network that does so too. Whatever happens, these hold:
//
//   - no client ever reads a response that was meant for another request;
//   - what arrives whole is what was sent, in both directions, to the octet;
//   - an origin executes no request twice that is not safe;
//   - everything comes to an end, and nothing is left open.
type play struct {
	rng      *rand.Rand
	world    *simnet.World
	group    *loop.Group
	server   *Server
	to       *loop.Address // the gateway
	hostile  bool          // connections break
	rude     bool          // clients stop in the middle of a request
	clients  int           // still playing
	executed map[int]int   // by request
	tally    tally
	failures []error
}

// A tally counts how requests ended, as the clients saw it.
type tally struct{ answered, refused, broken int }

func (p *play) fail(format string, args ...any) {
	p.failures = append(p.failures, fmt.Errorf(format, args...))
}

// A part is one request of a play. All about it follows from its number.
type part struct {
	id      int
	method  string
	chunked bool
	size    int // of the request's content
	minor   int
	expects bool // 100, without waiting for it
}

func (p *play) part(id int) part {
	rng := rand.New(rand.NewPCG(uint64(id), 7))
	q := part{id: id, minor: 1, method: []string{"GET", "GET", "HEAD", "POST", "POST", "PUT"}[rng.IntN(6)]}
	if q.method[0] == 'P' {
		q.size = rng.IntN(1 << rng.IntN(18))
		q.chunked = rng.IntN(2) == 0
		q.expects = rng.IntN(4) == 0
	}
	if rng.IntN(10) == 0 && !q.chunked {
		q.minor = 0
	}
	return q
}

// safe requests may be executed twice.
func (q part) safe() bool { return q.method == "GET" || q.method == "HEAD" }

// content is that of the request, or with another salt that of its response.
func (q part) content(salt uint64, size int) []byte {
	rng := rand.New(rand.NewPCG(uint64(q.id), salt))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func (q part) octets() []byte {
	b := fmt.Appendf(nil, "%s /%d HTTP/1.%d\r\nHost: a\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n", q.method, q.id, q.minor)
	if q.expects {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	switch {
	case q.chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n\r\n"...)
		return appendChunked(b, q.content(1, q.size), q.id)
	case q.method[0] == 'P':
		b = fmt.Appendf(b, "Content-Length: %d\r\n", q.size)
	}
	b = append(b, "\r\n"...)
	return append(b, q.content(1, q.size)...)
}

// appendChunked cuts content into chunks whose sizes follow from salt.
func appendChunked(b, content []byte, salt int) []byte {
	rng := rand.New(rand.NewPCG(uint64(salt), 3))
	for len(content) > 0 {
		n := min(len(content), 1+rng.IntN(1<<rng.IntN(18)))
		b = fmt.Appendf(b, "%x\r\n%s\r\n", n, content[:n])
		content = content[n:]
	}
	return append(b, "0\r\n\r\n"...)
}

// responseSize is how long the content of the response is.
func (q part) responseSize() int {
	return rand.New(rand.NewPCG(uint64(q.id), 4)).IntN(1 << (q.id % 19))
}

// An author is the origin: it reads requests with net/http's reader, checks
// them, and answers as its chance says.
type author struct {
	play   *play
	conn   *loop.Conn
	closes bool // after an answer or at any time, announced or not
}

func (a *author) Run() {
	defer a.conn.Close()
	a.conn.ReadDeadline(a.conn.Loop().Now().Add(time.Hour))
	in := bufio.NewReader(a.conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		content, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		if !a.answer(req, content) {
			return
		}
	}
}

func (a *author) answer(req *http.Request, content []byte) (goOn bool) {
	p, rng := a.play, a.play.rng
	id, err := strconv.Atoi(strings.TrimPrefix(req.URL.Path, "/"))
	q := p.part(id)
	switch {
	case err != nil || req.Method != q.method || !bytes.Equal(content, q.content(1, q.size)):
		p.fail("the origin read %s %s with %d octets", req.Method, req.URL, len(content))
	case req.Header.Get("Via") == "" || req.Header.Get("X-Hop") != "" || req.Header.Get("Connection") != "" || req.ProtoMinor != 1:
		p.fail("the origin read the fields %v", req.Header)
	}
	p.count()
	if p.executed[id]++; p.executed[id] > 1 && !q.safe() {
		p.fail("request %d (%s) was executed %d times", id, q.method, p.executed[id])
	}
	if a.closes && rng.IntN(10) == 0 {
		return false // without an answer
	}
	if rng.IntN(4) == 0 {
		a.conn.Loop().Sleep(time.Duration(rng.IntN(int(time.Second))))
	}
	octets, goOn := a.response(q)
	if _, err := a.conn.Write(octets); err != nil {
		return false
	}
	return goOn && !(a.closes && rng.IntN(4) == 0)
}

func (a *author) response(q part) (octets []byte, persists bool) {
	rng := a.play.rng
	var b []byte
	for range rng.IntN(3) {
		b = append(b, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"...)
	}
	if q.expects && rng.IntN(2) == 0 {
		b = append(b, "HTTP/1.1 100 Continue\r\n\r\n"...)
	}
	content := q.content(2, q.responseSize())
	b = fmt.Appendf(b, "HTTP/1.1 200 OK\r\nX-Id: %d\r\n", q.id)
	persists = true
	if a.closes && rng.IntN(10) == 0 {
		b = append(b, "Connection: close\r\n"...)
		persists = false
	}
	framing := rng.IntN(3)
	switch {
	case framing == 0 && q.method != "HEAD":
		b = append(b, "Transfer-Encoding: chunked\r\n\r\n"...)
		return appendChunked(b, content, q.id), persists
	case framing == 1 && a.closes:
		b = append(b, "\r\n"...)
		persists = false
	default:
		b = fmt.Appendf(b, "Content-Length: %d\r\n\r\n", len(content))
	}
	if q.method != "HEAD" {
		b = append(b, content...)
	}
	return b, persists
}

// An actor is a client: it sends its requests, some of them at once, and reads
// the responses with net/http's reader. After a connection has ended, it goes on
// with the next request on another one.
type actor struct {
	play  *play
	parts []part
	rng   *rand.Rand
}

func (a *actor) Run() {
	for len(a.parts) > 0 {
		if err := a.session(); err != nil {
			a.play.tally.broken++
		}
	}
	if a.play.clients--; a.play.clients == 0 {
		a.play.curtain()
	}
}

// session uses one connection for as long as it lasts.
func (a *actor) session() error {
	l := a.play.group.Loop(0)
	conn, err := l.Dial(a.play.to, l.Now().Add(time.Minute))
	if err != nil {
		a.parts = a.parts[1:]
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for len(a.parts) > 0 {
		batch := a.parts[:1+a.rng.IntN(len(a.parts))]
		writer := &speech{conn: conn, octets: join(batch)}
		if a.play.rude && a.rng.IntN(5) == 0 {
			writer.rudeness = 1 + a.rng.IntN(3)
			writer.octets = writer.octets[:a.rng.IntN(len(writer.octets)+1)]
		}
		l.Go(writer)
		rest := a.parts[len(batch):]
		for _, q := range batch {
			a.parts = a.parts[1:]
			conn.ReadDeadline(l.Now().Add(time.Hour))
			again, err := a.play.read(in, q, writer)
			if err != nil {
				a.parts = rest // what became of the others is not known
				return err
			}
			if !again {
				return nil // and the others were not looked at
			}
		}
		if a.rng.IntN(3) == 0 {
			l.Sleep(time.Duration(a.rng.IntN(int(3 * time.Second))))
		}
	}
	return nil
}

func join(parts []part) (b []byte) {
	for _, q := range parts {
		b = append(b, q.octets()...)
	}
	return b
}

// A speech is what a client says while it listens. A rude one stops in the
// middle.
type speech struct {
	conn     *loop.Conn
	octets   []byte
	rudeness int
	err      error
}

func (w *speech) Run() {
	_, w.err = w.conn.Write(w.octets)
	switch w.rudeness {
	case 1:
		w.conn.CloseWrite()
	case 2:
		w.conn.Close()
	case 3:
		w.conn.Reset()
	}
}

// read reads the responses to a request. again says whether the connection
// persists.
func (p *play) read(in *bufio.Reader, q part, writer *speech) (again bool, err error) {
	for {
		res, err := http.ReadResponse(in, &http.Request{Method: q.method})
		if err != nil {
			return false, err
		}
		if res.StatusCode < 200 && q.minor == 1 {
			continue
		}
		content, err := io.ReadAll(res.Body)
		if res.ContentLength < 0 {
			// The kernel tells of a reset only once. If it has told the writer,
			// the reader sees an end of stream that is none.
			err = cmp.Or(err, writer.err)
		}
		if err != nil {
			return false, err
		}
		p.judge(q, res, content)
		return !res.Close, nil
	}
}

func (p *play) judge(q part, res *http.Response, content []byte) {
	if status := res.Header.Get("Proxy-Status"); status != "" && res.StatusCode >= 400 {
		p.tally.refused++
		return
	}
	p.tally.answered++
	want := q.content(2, q.responseSize())
	if q.method == "HEAD" {
		want = nil
	}
	if p.hostile && res.ContentLength < 0 && bytes.HasPrefix(want, content) {
		want = content // nobody can tell a broken connection from the end of the response
	}
	if res.StatusCode != 200 || res.Header.Get("X-Id") != fmt.Sprint(q.id) || !bytes.Equal(content, want) {
		p.fail("request %d (%s) was answered by %d, X-Id %s, %d octets, want %d", q.id, q.method,
			res.StatusCode, res.Header.Get("X-Id"), len(content), len(want))
	}
}

// curtain ends the play: the gateway drains, which it has to do by itself.
func (p *play) curtain() {
	drained := p.server.Drain()
	l := p.group.Loop(0)
	var look func()
	look = func() {
		select {
		case <-drained:
			p.group.Stop()
		default:
			l.After(time.Second, look)
		}
	}
	look()
}

// perform plays one play and returns what was wrong with it.
func stage(seed uint64, o simnet.Options, closes bool, log *accesslog.Log) (*play, error) {
	rng := rand.New(rand.NewPCG(seed, 5))
	o.Lifetime = 1000 * time.Hour
	p := &play{rng: rng, world: simnet.New(seed, o), executed: make(map[int]int), clients: 1 + rng.IntN(5),
		hostile: o.End > 0, rude: closes}
	err := p.world.Run(loop.Config{}, func(g *loop.Group) error {
		p.group = g
		config := Config{Pool: pool.Limits{Max: 1 + rng.IntN(3), Idle: time.Second, Uses: uint32(rng.IntN(5))}}
		config.Log = log
		p.choose(&config)
		for range 1 + rng.IntN(3) {
			ln, err := g.Listen("127.0.0.1:0", func(c *loop.Conn) { g.Loop(0).Go(&author{play: p, conn: c, closes: closes}) })
			if err != nil {
				return err
			}
			config.Origins = append(config.Origins, ln.Address())
		}
		return p.raise(config)
	})
	p.inspect()
	return p, errors.Join(append(p.failures, err)...)
}

// choose has the gateway choose its origins, and wait for them, as chance says.
func (p *play) choose(config *Config) {
	config.Balance, _ = origins.ParseBalance([]string{
		"round-robin", "least-connections", "two-choices", "hash:target", "hash:x-missing",
	}[p.rng.IntN(5)])
	config.Eject = origins.Ejection{After: p.rng.IntN(4), For: time.Second, Max: 10 * time.Second}
	if p.rng.IntN(2) == 0 {
		config.MaxPerOrigin, config.QueueMax, config.QueueTimeout = 1+p.rng.IntN(3), 1000, 100*time.Hour
	}
}

// churn has origins come and go, and be well or not, as long as anybody plays.
// There is always one.
func (p *play) churn() {
	if p.clients == 0 {
		return
	}
	all := p.server.config.Origins
	var some []origins.Member
	for _, at := range all {
		if p.rng.IntN(2) == 0 {
			some = append(some, origins.Member{Address: at, Weight: p.rng.IntN(3)})
		}
	}
	some = append(some, origins.Member{Address: all[p.rng.IntN(len(all))]})
	p.server.SetOrigins(0, some)
	p.server.SetOrigins(1, some[:p.rng.IntN(2)])
	p.server.SetHealth(all[p.rng.IntN(len(all))], p.rng.IntN(2) == 0)
	p.group.Loop(0).After(time.Duration(p.rng.IntN(int(200*time.Millisecond))), p.churn)
}

// count looks whether the gateway keeps to its bound.
func (p *play) count() {
	g := p.server.gateways[0]
	for o := range g.origins.All() {
		if n := o.Pool().Open(); g.config.MaxPerOrigin > 0 && n > g.config.MaxPerOrigin {
			p.fail("%d connections to an origin, which may have %d", n, g.config.MaxPerOrigin)
		}
	}
}

// raise starts the gateway and its clients.
func (p *play) raise(config Config) (err error) {
	if p.server, err = New(p.group, config); err != nil {
		return err
	}
	ln, err := p.server.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	p.to = ln.Address()
	if p.rng.IntN(2) == 0 {
		p.group.Loop(0).Post(p.churn)
	}
	for i := range p.clients {
		a := &actor{play: p, rng: rand.New(rand.NewPCG(p.rng.Uint64(), 0))}
		for j := range 1 + p.rng.IntN(8) {
			a.parts = append(a.parts, p.part(i*100+j))
		}
		p.group.Loop(0).Post(func() { p.group.Loop(0).Go(a) })
	}
	return nil
}

// inspect looks at what the gateway says of itself afterwards.
func (p *play) inspect() {
	g := p.server.gateways[0]
	ends := uint64(0)
	for _, n := range g.counters.ClientEnds {
		ends += n
	}
	if ends != g.counters.Clients || g.open != 0 || g.clients != nil {
		p.fail("%d clients came, %d went, %d are said to be there", g.counters.Clients, ends, g.open)
	}
	for o := range g.origins.All() {
		if o.InUse() != 0 {
			p.fail("%d places at an origin are taken for ever", o.InUse())
		}
	}
	if n := g.origins.Waiting(); n != 0 {
		p.fail("%d requests wait for ever", n)
	}
	if g.counters.ClientEnds[Broken] > 0 {
		p.fail("the gateway broke")
	}
}
