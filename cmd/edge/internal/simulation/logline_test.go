package simulation

import (
	"bytes"
	"time"
)

// A logLine is what the access log says of one exchange, read back from its
// octets.
type logLine struct {
	request     string // the request line, escaped
	status      int
	wait, total time.Duration
	client      uint64
	place       int // on the client connection, from 1
	origin      uint64
	use         int
	at          string // the origin's address; empty: it is not told
	clientEnd   string
	originEnd   string
	replayed    bool
	stale       uint64 // the connection that ended without a response
	staleUse    int
	staleAt     string
	queued      bool
	error, rule string
	wellFormed  bool
}

// readLogLine reads
//
//	127.0.0.1 - - [time] "request line" 200 23 read=1us ... total=5us c3#2 -> o1#7@127.0.0.1:20000 kept/kept replayed stale=o1#6@127.0.0.1:20001 idle=9us sign=ended !error:rule
func readLogLine(p []byte) (e logLine) {
	p = bytes.TrimSuffix(p, []byte("\n"))
	begin, end := bytes.IndexByte(p, '"'), bytes.LastIndexByte(p, '"')
	if begin < 0 || end <= begin {
		return e
	}
	e.request = string(p[begin+1 : end])
	phases, after, ok := bytes.Cut(p[end+1:], []byte(" total="))
	total, after, _ := bytes.Cut(after, []byte("us c"))
	status, _, _ := bytes.Cut(phases[1:], []byte(" "))
	e.status = number(status)
	_, wait, _ := bytes.Cut(phases, []byte(" wait="))
	wait, _, _ = bytes.Cut(wait, []byte("us"))
	e.wait = time.Duration(number(wait)) * time.Microsecond
	e.queued = bytes.Contains(phases, []byte(" queue="))
	e.total = time.Duration(number(total)) * time.Microsecond
	var words [12][]byte
	n := 0
	for ; len(after) > 0 && n < len(words); n++ {
		words[n], after, _ = bytes.Cut(after, []byte(" "))
	}
	const client, origin, ends = 0, 2, 3
	if !ok || n <= ends {
		return e
	}
	e.client, e.place = identity(words[client])
	e.origin, e.use, e.at = originUse(words[origin])
	e.clientEnd, e.originEnd = cut(words[ends], '/')
	for _, word := range words[ends+1 : n] {
		if word[0] == '!' {
			e.error, e.rule = cut(word[1:], ':')
		}
		if use, ok := bytes.CutPrefix(word, []byte("stale=")); ok {
			e.stale, e.staleUse, e.staleAt = originUse(use)
		}
		e.replayed = e.replayed || string(word) == "replayed"
	}
	e.wellFormed = true
	return e
}

// number reads digits; a dash is zero.
func number(p []byte) (n int) {
	for _, c := range p {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// identity reads such as 3#2.
func identity(p []byte) (conn uint64, n int) {
	before, after, ok := bytes.Cut(p, []byte("#"))
	if !ok {
		return 0, 0
	}
	return uint64(number(before)), number(after)
}

// originUse reads such as o1#7 or o1#7@127.0.0.1:20000, with a dash for what is none.
func originUse(p []byte) (conn uint64, n int, at string) {
	name, address, _ := bytes.Cut(p, []byte("@"))
	conn, n = identity(bytes.TrimPrefix(name, []byte("o")))
	return conn, n, string(address)
}

func cut(p []byte, at byte) (string, string) {
	i := bytes.IndexByte(p, at)
	if i < 0 {
		return string(p), ""
	}
	return string(p[:i]), string(p[i+1:])
}
