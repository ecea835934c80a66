package fault

import (
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/wire"
)

// A key is what can be written before a colon.
type key[T any] struct {
	name    string
	example string // of a value
	// read takes the words of a value, one at least, into what is made of them, and
	// reports whether it could.
	read func(of *T, words []string) bool
}

// responseKeys are what can happen to a response.
var responseKeys = []key[Fault]{
	{"delay", "500ms behind head", func(f *Fault, w []string) bool { return f.addDelay(w) }},
	{"dribble", "10 bytes every 100ms", func(f *Fault, w []string) bool { return f.addDribble(w) }},
	{"fin", "at byte 100 of body", func(f *Fault, w []string) bool { return f.addEnd(FIN, w) }},
	{"reset", "at byte 100 of body", func(f *Fault, w []string) bool { return f.addEnd(Reset, w) }},
	{"stop", "at byte 100 of body", func(f *Fault, w []string) bool { return f.addEnd(Stop, w) }},
	{"content-length", "10 more", func(f *Fault, w []string) bool { return readChange(w, &f.lengthBy) }},
	{"both-lengths", "true", func(f *Fault, w []string) bool { return readTrue(w, &f.bothLengths) }},
	{"connection-close", "said", func(f *Fault, w []string) bool { return f.readClose(w) }},
	{"keep-alive", "unsaid", func(f *Fault, w []string) bool { return readWord(w, "unsaid", &f.noKeepAlive) }},
	{"chunks", "100 bytes", func(f *Fault, w []string) bool { return readBytes(w, &f.chunkSize) }},
	{"bad-chunk", "2", func(f *Fault, w []string) bool { return readCount(w, &f.badChunk) }},
	{"missing-last-chunk", "true", func(f *Fault, w []string) bool { return readTrue(w, &f.noLastChunk) }},
	{"extra-bytes", "10", func(f *Fault, w []string) bool { return readCount(w, &f.extra) }},
	{"interim", "100 times 103", func(f *Fault, w []string) bool { return f.readInterim(w) }},
	{"unasked-101", "websocket", func(f *Fault, w []string) bool { return f.readUpgrade(w) }},
	{"answer", "413 after 1000 bytes", func(f *Fault, w []string) bool { return f.readAnswer(w) }},
}

// connectionKeys are what can happen to a connection.
var connectionKeys = []key[Connection]{
	{"refuse", "true", func(c *Connection, w []string) bool { return readTrue(w, &c.Refuse) }},
	{"slow-accept", "2s", func(c *Connection, w []string) bool { return readTime(w, &c.SlowAccept) }},
	{"never-read", "true", func(c *Connection, w []string) bool { return readTrue(w, &c.NeverRead) }},
	{"fin", "after 100ms idle", func(c *Connection, w []string) bool { return c.readEnd(FIN, IdleFIN, w) }},
	{"reset", "after 3 requests", func(c *Connection, w []string) bool { return c.readEnd(Reset, IdleReset, w) }},
	{"unasked-408", "after 1s idle", func(c *Connection, w []string) bool { return c.readIdle(IdleTimeout, w) }},
	{"unasked-response", "after 1s idle", func(c *Connection, w []string) bool { return c.readIdle(IdleResponse, w) }},
	{"stale", "10% by reset", func(c *Connection, w []string) bool { return c.readStale(w) }},
}

// selectorKeys say which responses or connections something happens to.
var selectorKeys = []key[selector]{
	{"path", "/images/*", func(s *selector, w []string) bool { return s.readPath(w) }},
	{"method", "POST", func(s *selector, w []string) bool { return s.readMethod(w) }},
	{"share", "10%", func(s *selector, w []string) bool { return len(w) == 1 && readShare(w[0], &s.share) }},
	{"every", "3", func(s *selector, w []string) bool { return readCount(w, &s.every) }},
	{"first", "2", func(s *selector, w []string) bool { return readCount(w, &s.first) }},
	{"during", "2s of 10s", func(s *selector, w []string) bool { return s.readDuring(w) }},
}

func (f *Fault) addDelay(words []string) (ok bool) {
	a := act{kind: Wait, place: place{mark: beforeHead}}
	if len(words) > 0 {
		a.time, ok = parseTime(words[0])
	}
	if ok && len(words) > 1 {
		a.place, ok = parsePlace(words[1:])
	}
	f.acts = append(f.acts, a)
	return ok
}

// addDribble reads "10 bytes every 100ms from behind head"; without from it begins
// before the head.
func (f *Fault) addDribble(words []string) (ok bool) {
	a := act{kind: dribble, place: place{mark: beforeHead}}
	if len(words) < 4 || words[2] != "every" || !readBytes(words[:2], &a.bytes) {
		return false
	}
	if a.time, ok = parseTime(words[3]); ok && len(words) > 4 {
		a.place, ok = parsePlace(words[5:])
		ok = ok && words[4] == "from" && a.place.mark != betweenChunks
	}
	f.acts = append(f.acts, a)
	return ok
}

func (f *Fault) addEnd(kind StepKind, words []string) bool {
	p, ok := parsePlace(words)
	f.acts = append(f.acts, act{kind: kind, place: p})
	return ok && p.mark != betweenChunks
}

func (f *Fault) readClose(words []string) bool {
	switch strings.Join(words, " ") {
	case "said":
		f.saidClose = true
	case "unsaid":
		f.unsaidClose = true
		f.acts = append(f.acts, act{kind: FIN, place: place{mark: behindBody}})
	default:
		return false
	}
	return true
}

// readInterim reads "100 times 103 every 10ms".
func (f *Fault) readInterim(words []string) (ok bool) {
	if len(words) != 3 && len(words) != 5 || words[1] != "times" || !readCount(words[:1], &f.interims) {
		return false
	}
	if len(words) == 5 {
		if f.interimEvery, ok = parseTime(words[4]); !ok || words[3] != "every" {
			return false
		}
	}
	n, ok := parseCount(words[2], 100)
	f.interim = int(n)
	return ok && n < 200 && n != 101
}

func (f *Fault) readUpgrade(words []string) bool {
	f.upgrade = strings.Join(words, " ")
	return wire.IsToken(f.upgrade)
}

// readAnswer reads "413" or "413 after 1000 bytes".
func (f *Fault) readAnswer(words []string) bool {
	if len(words) != 1 && (len(words) != 4 || words[1] != "after" || !readBytes(words[2:], &f.AnswerAfter)) {
		return false
	}
	n, ok := parseCount(words[0], 200)
	f.Answer = int(n)
	return ok && n <= 599
}

// readEnd reads "after 3 requests", or what readIdle does.
func (c *Connection) readEnd(kind StepKind, idle IdleAct, words []string) bool {
	if len(words) == 3 && words[0] == "after" && (words[2] == "requests" || words[2] == "request") {
		c.last.acts = append(c.last.acts, act{kind: kind, place: place{mark: behindBody}})
		return readCount(words[1:2], &c.after)
	}
	return c.readIdle(idle, words)
}

// readIdle reads "after 100ms idle".
func (c *Connection) readIdle(what IdleAct, words []string) bool {
	c.IdleAct = what
	c.idles++
	return len(words) == 3 && words[0] == "after" && words[2] == "idle" && readTime(words[1:2], &c.Idle)
}

// readStale reads "10%", "10% by fin" or "10% by reset".
func (c *Connection) readStale(words []string) bool {
	if len(words) == 0 || !readShare(words[0], &c.stale) {
		return false
	}
	switch strings.Join(words[1:], " ") {
	case "", "by fin":
	case "by reset":
		c.StaleReset = true
	default:
		return false
	}
	return true
}

// readPath reads a path, or the beginning of paths with "/*" behind it.
func (s *selector) readPath(words []string) bool {
	text := strings.Join(words, " ")
	s.path, s.below = strings.CutSuffix(text, "/*")
	return strings.HasPrefix(text, "/") && !strings.Contains(s.path, "*")
}

func (s *selector) readMethod(words []string) bool {
	s.method = strings.Join(words, " ")
	return wire.IsToken(s.method)
}

func (s *selector) readDuring(words []string) bool {
	return len(words) == 3 && words[1] == "of" && readTime(words[:1], &s.during) && readTime(words[2:], &s.of) && s.during < s.of
}

// readWord takes one word only.
func readWord(words []string, word string, to *bool) bool {
	*to = true
	return len(words) == 1 && words[0] == word
}

func readTrue(words []string, to *bool) bool { return readWord(words, "true", to) }

func readTime(words []string, to *time.Duration) (ok bool) {
	if len(words) == 1 {
		*to, ok = parseTime(words[0])
	}
	return ok
}

func readCount(words []string, to *int64) (ok bool) {
	if len(words) == 1 {
		*to, ok = parseCount(words[0], 1)
	}
	return ok
}

func readBytes(words []string, to *int64) bool {
	return len(words) == 2 && (words[1] == "bytes" || words[1] == "byte") && readCount(words[:1], to)
}

// readChange reads "10 more" or "10 less"; signs would be spaces in a query.
func readChange(words []string, to *int64) bool {
	if len(words) != 2 || !readCount(words[:1], to) {
		return false
	}
	if words[1] == "less" {
		*to = -*to
	}
	return words[1] == "more" || words[1] == "less"
}

// readShare reads a share such as "2.5%", which is above 0% and at most 100%.
func readShare(word string, to *float64) bool {
	digits, ok := strings.CutSuffix(word, "%")
	percent, err := strconv.ParseFloat(digits, 64)
	*to = percent / 100
	return ok && err == nil && 0 < percent && percent <= 100
}

func parseTime(word string) (time.Duration, bool) {
	d, err := time.ParseDuration(word)
	return d, err == nil && d > 0
}

// parseCount reads a whole number from least up.
func parseCount(word string, least int64) (int64, bool) {
	n, err := strconv.ParseUint(word, 10, 48)
	return int64(n), err == nil && int64(n) >= least
}
