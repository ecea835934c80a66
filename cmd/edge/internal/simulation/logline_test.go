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
	total       time.Duration
	client      uint64
	place       int // on the client connection, from 1
	origin      uint64
	use         int
	clientEnd   string
	originEnd   string
	replayed    bool
	error, rule string
	wellFormed  bool
}

// readLogLine reads
//
//	127.0.0.1 - - [time] "request line" 200 23 read=1us ... total=5us c3#2 -> o1#7 kept/kept replayed !error:rule
func readLogLine(p []byte) (e logLine) {
	p = bytes.TrimSuffix(p, []byte("\n"))
	begin, end := bytes.IndexByte(p, '"'), bytes.LastIndexByte(p, '"')
	if begin < 0 || end <= begin+0 {
		return e
	}
	e.request = string(p[begin+1 : end])
	var words [16][]byte
	n := 0
	for rest := p[end+1:]; len(rest) > 0 && n < len(words); n++ {
		words[n], rest, _ = bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	}
	const status, total, client, origin, ends = 0, 7, 8, 10, 11
	if n <= ends {
		return e
	}
	e.status = number(words[status])
	e.total = time.Duration(number(bytes.TrimSuffix(bytes.TrimPrefix(words[total], []byte("total=")), []byte("us")))) * time.Microsecond
	e.client, e.place = identity(words[client])
	e.origin, e.use = identity(words[origin])
	e.clientEnd, e.originEnd = cut(words[ends], '/')
	for _, word := range words[ends+1 : n] {
		if word[0] == '!' {
			e.error, e.rule = cut(word[1:], ':')
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

// identity reads such as c3#2.
func identity(p []byte) (conn uint64, n int) {
	before, after, ok := bytes.Cut(p, []byte("#"))
	if !ok {
		return 0, 0
	}
	return uint64(number(before[1:])), number(after)
}

func cut(p []byte, at byte) (string, string) {
	i := bytes.IndexByte(p, at)
	if i < 0 {
		return string(p), ""
	}
	return string(p[:i]), string(p[i+1:])
}
