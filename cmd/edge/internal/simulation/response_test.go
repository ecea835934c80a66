package simulation

import (
	"strconv"
	"strings"
	"time"
)

// A response is what an origin answers to one request: interim responses and a
// final one.
type response struct {
	sent []byte // by the origin
	head []byte // for the client: all heads but for the last one's empty line
	body []byte // for the client

	trailer   [2]int // where its trailer section begins, in sent and in body; 0: there is none
	interims  []int  // in head: 0, and where each interim response ends
	pauses    []int  // in sent: where one of its messages ends
	status    int
	made      time.Time
	undated   bool // the gateway has to date it
	upgrades  bool // and to say that Upgrade is for this hop
	chunked   bool // for the client
	unframed  bool // the client sees the end of the connection as its end
	endless   bool // the origin's end is the end of its connection
	persists  bool // the origin says so
	keeps     int  // seconds that the origin says it keeps the connection while it is idle; 0: it does not say
	switches  bool // to another protocol
	refusable bool // its head has to be refused
	breaksOff bool // its body has to be, on the way
	faulty    int  // in body: no octet may be sent on from here
}

const (
	closeLine     = "Connection: close\r\n"
	keepAliveLine = "Connection: keep-alive\r\n"
	upgradeLine   = "Connection: upgrade\r\n"
)

// newResponse draws the response of an origin to a request.
func (w *world) newResponse(r *request) *response {
	p := &response{interims: []int{0}, persists: true, status: 200, made: w.net.Wall()}
	t := w.twin()
	w.interimResponses(r, p, t)
	switch {
	case w.rude.origins > 0 && w.one(25):
		w.badResponse(p, t)
	case r.offers && !w.one(4):
		w.switching(r, p, t)
	default:
		w.finalResponse(r, p, t)
	}
	if p.head == nil {
		p.head = w.keep(t.want)
	} else {
		p.body = w.keep(t.want[len(p.head):])
	}
	if t.trailer[0] > 0 {
		p.trailer = [2]int{t.trailer[0], t.trailer[1] - len(p.head)}
	}
	p.sent = w.keep(t.sent)
	return p
}

func (w *world) interimResponses(r *request, p *response, t *twin) {
	for n := w.rng.IntN(12); n >= 10 || r.expects && n >= 6; n = w.rng.IntN(12) {
		start, code, phrase := len(t.want), pick(w.rng, 102, 103, 199), pick(w.rng, " Early Hints", " ", "")
		if r.expects && w.one(2) {
			code = 100
		}
		w.statusLine(t, "1", code, phrase)
		t.both("X-Interim: " + strconv.Itoa(r.number) + "." + strconv.Itoa(len(p.interims)) + "\r\n")
		if w.one(6) {
			t.dropped(pick(w.rng, "Content-Length: 0\r\n", "content-length:7\r\n"))
		}
		w.connection(t, pick(w.rng, "", "", "Connection: X-Named\r\n"), ofThisHop...)
		t.both("\r\n")
		if r.minor == 0 {
			t.want = t.want[:start] // HTTP/1.0 has none
		} else {
			p.interims = append(p.interims, len(t.want))
		}
		p.pauses = append(p.pauses, len(t.sent))
	}
}

// statusLine is sent on in HTTP/1.1, and with a space behind the code.
func (w *world) statusLine(t *twin, minor string, code int, phrase string) {
	t.changed("HTTP/1."+minor+" ", "HTTP/1.1 ")
	t.both(strconv.Itoa(code))
	if phrase == "" {
		t.added(" ")
	}
	t.both(phrase + "\r\n")
}

func (w *world) badResponse(p *response, t *twin) {
	switch w.rng.IntN(10) {
	case 0: // the head is too large
		t.skipped("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 17<<10) + "\r\n\r\n")
	case 1: // nobody asked to switch
		t.skipped("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
	default:
		v := &badResponses[w.rng.IntN(len(badResponses))]
		t.sent = append(t.sent, v.Input...)
	}
	p.refusable, p.persists = true, false
}

func (w *world) finalResponse(r *request, p *response, t *twin) {
	minor := "1"
	if w.one(8) {
		minor = "0"
	}
	p.status = pick(w.rng, 200, 200, 200, 200, 200, 204, 304, 404, 426, 503, 299)
	w.statusLine(t, minor, p.status, pick(w.rng, " OK", " ", "", " Not (as) Expected\xe9"))
	t.both("X-Id: " + strconv.Itoa(r.number) + "." + strconv.Itoa(len(r.tries)) + "\r\n")
	if p.undated = !t.verbatim && w.one(2); !p.undated {
		t.both(pick(w.rng, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "date:0\r\n"))
	}
	if p.status == 426 && w.one(2) {
		p.upgrades = !t.verbatim
		t.both(pick(w.rng, "Upgrade: chat\r\n", "upgrade: TLS/1.2, chat\r\n"))
	}
	for w.one(3) {
		t.both(pick(w.rng, "Server: simulated\r\n", "X-Empty:\r\n", "Set-Cookie: a=b\r\n", "Vary:\t* \r\n", "ETag: \"x\"\r\n"))
	}
	always := ofThisHop
	if p.status == 426 {
		always = always[:len(always)-1]
	}
	w.connection(t, w.responseOptions(p, minor), always...)
	w.keepAlive(p, t)
	size := w.sizeFor(r.call)
	if r.method == "HEAD" || p.status == 204 || p.status == 304 {
		w.contentless(r, p, t, minor, size)
		return
	}
	switch w.rng.IntN(8) {
	case 0:
		p.unframed, p.endless, p.persists = true, true, false
		w.beginBody(p, t)
		t.content(content(r.number+1, size))
	case 1, 2:
		if minor == "1" {
			w.chunkedResponse(r, p, t, size)
			return
		}
		fallthrough
	default:
		t.both("Content-Length: " + strconv.Itoa(size) + "\r\n")
		w.beginBody(p, t)
		t.content(content(r.number+1, size))
	}
}

// beginBody ends the head. Whether a line about the connection stands before the
// empty line, only the gateway can tell.
func (w *world) beginBody(p *response, t *twin) {
	t.skipped("\r\n")
	p.head = w.keep(t.want)
}

// contentless is a response that ends with its head, whatever its fields say.
func (w *world) contentless(r *request, p *response, t *twin, minor string, size int) {
	length := t.both
	if p.status == 204 {
		length = t.dropped
	}
	switch {
	case w.one(3):
		length("Content-Length: " + strconv.Itoa(size) + "\r\n")
	case w.one(3) && minor == "1" && p.status != 204:
		w.codingField(r, t, "Transfer-Encoding: chunked\r\n")
	}
	w.beginBody(p, t)
}

// codingField is dropped for a client that does not know the chunked coding.
func (w *world) codingField(r *request, t *twin, line string) {
	if r.minor == 0 {
		t.dropped(line)
	} else {
		t.both(line)
	}
}

func (w *world) chunkedResponse(r *request, p *response, t *twin, size int) {
	w.codingField(r, t, pick(w.rng, "Transfer-Encoding: chunked\r\n", "transfer-encoding:CHUNKED\r\n"))
	if w.one(4) {
		w.codingField(r, t, "Trailer: X-Trailer\r\n")
	}
	w.beginBody(p, t)
	p.unframed = r.minor == 0 && !t.verbatim // decoded
	p.chunked = !p.unframed
	if w.rude.origins > 0 && r.minor > 0 && w.one(10) {
		t.both(w.chunkLine(3) + "abc\r\n")
		p.breaksOff, p.persists = true, false
		if w.one(2) {
			t.content(badBodies[w.rng.IntN(len(badBodies))].Input)
			p.faulty = len(t.want) - len(p.head)
			return
		}
		f := pick(w.rng, faultyChunks...)
		p.faulty = len(t.want) - len(p.head) + f.good
		t.both(f.octets)
		return
	}
	w.chunked(t, content(r.number+1, size), p.unframed, t.both)
}

// keepAlive draws what the origin says of how long it keeps its connection.
func (w *world) keepAlive(p *response, t *twin) {
	if !w.announces || w.one(2) {
		return
	}
	p.keeps = pick(w.rng, 0, 1, 1, 1, 2, 2, 5, 12)
	p.persists = p.persists && p.keeps > 0
	timeout := "=" + strconv.Itoa(p.keeps) + "\r\n"
	t.dropped(pick(w.rng, "Keep-Alive: timeout"+timeout, "keep-alive: max=5 ,Timeout"+timeout,
		"Keep-Alive: timeout=x, timeout=99, TIMEOUT\t"+timeout, "Keep-Alive: max=5\r\nKeep-Alive: timeout"+timeout))
}

// responseOptions draws a Connection line, or none, and what it means.
func (w *world) responseOptions(p *response, minor string) string {
	if minor == "0" {
		p.persists = !w.one(3)
		if !p.persists {
			return ""
		}
		return pick(w.rng, "Connection: keep-alive\r\n", "Connection: X-Named, Keep-Alive\r\n")
	}
	if w.one(10) {
		p.persists = false
		return pick(w.rng, "Connection: close\r\n", "Connection: X-Named,Close\r\n")
	}
	return pick(w.rng, "", "", "", "Connection: keep-alive\r\n", "Connection: X-Named\r\n")
}
