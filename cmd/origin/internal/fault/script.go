package fault

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A Script is what goes wrong in a server. It is made once, and used by all loops.
type Script struct {
	seed        uint64
	faults      []*Fault
	connections []*Connection
	accepted    atomic.Int64
	queries     atomic.Uint64 // strikes of faults that requests asked for
}

// None is a script of no faults, by which requests can still ask for some.
func None() *Script { return &Script{} }

// A Fault is what goes wrong with a response.
type Fault struct {
	counter
	when selector

	// Answer is the status of an answer that is given before the request's content
	// is read, or when AnswerAfter bytes of it have been; 0: there is none.
	Answer      int
	AnswerAfter int64

	acts         []act
	lengthBy     int64 // what is added to Content-Length
	bothLengths  bool
	saidClose    bool
	unsaidClose  bool
	noKeepAlive  bool
	chunkSize    int64 // 0: the content keeps its coding
	badChunk     int64 // counted from 1
	noLastChunk  bool
	extra        int64 // bytes behind the response
	interims     int64
	interim      int // the status
	interimEvery time.Duration
	upgrade      string
}

// settle puts waiting before what ends the response at the same place, and gives
// chunks to what is about them.
func (f *Fault) settle() {
	slices.SortStableFunc(f.acts, func(a, b act) int { return int(a.kind) - int(b.kind) })
	aboutChunks := func(a act) bool { return a.place.mark == betweenChunks || a.place.mark == beforeLastChunk }
	if f.chunkSize == 0 && (f.badChunk > 0 || f.noLastChunk || slices.ContainsFunc(f.acts, aboutChunks)) {
		f.chunkSize = usualChunk
	}
}

// usualChunk is the size of the chunks that content gets which has a length, where a
// fault is about chunks.
const usualChunk = 1000

// A Connection is what goes wrong with a connection.
type Connection struct {
	counter
	when selector

	Refuse     bool          // it is reset when it has been accepted
	SlowAccept time.Duration // nothing is read until then
	NeverRead  bool          // nothing is read at all
	Idle       time.Duration // after which IdleAct happens
	IdleAct    IdleAct
	StaleReset bool // the stale race is decided by RST instead of FIN

	idles int     // acts that were written; there may be one
	stale float64 // of the requests
	after int64   // the number of the last request
	last  Fault   // what becomes of the response to that one
}

// An IdleAct is what happens on an idle connection; 0 is nothing.
type IdleAct uint8

// What can happen on an idle connection.
const (
	IdleFIN      IdleAct = iota + 1
	IdleReset            // RST
	IdleTimeout          // a 408, and then FIN
	IdleResponse         // a 200 that nobody asked for
)

// Last is the fault that ends the connection with the response to its nth request,
// nil if it goes on.
func (c *Connection) Last(nth int64) *Fault {
	if nth != c.after {
		return nil
	}
	return &c.last
}

// A counter counts strikes, for all loops.
type counter struct {
	name    string
	strikes *atomic.Uint64
}

// Name is what the log and the counters call it.
func (c *counter) Name() string { return c.name }

// Count counts a strike.
func (c *counter) Count() { c.strikes.Add(1) }

// queryName is what the counters call the faults that requests ask for.
const queryName = "query"

// Counts are the numbers of strikes by name. Any goroutine may ask.
func (s *Script) Counts() map[string]uint64 {
	counts := map[string]uint64{}
	for _, f := range s.faults {
		counts[f.name] += f.strikes.Load()
	}
	for _, c := range s.connections {
		counts[c.name] += c.strikes.Load()
	}
	if n := s.queries.Load(); n > 0 {
		counts[queryName] += n
	}
	return counts
}

// Query reads what a request asks for in its query, such as "delay:1s;fin:behind
// body": the lines that a script would have, without those that choose.
func (s *Script) Query(text string) (*Fault, error) {
	f := &Fault{counter: counter{strikes: &s.queries}}
	var happenings []string
	for line := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		k := find(responseKeys, name)
		if k == nil {
			return nil, unknown(name, names(responseKeys))
		}
		words := strings.Fields(value)
		if len(words) == 0 || !k.read(f, words) {
			return nil, k.misread(words)
		}
		happenings = append(happenings, k.name, strings.Join(words, " "))
	}
	f.settle()
	f.name = nameOf(happenings)
	return f, nil
}

// nameOf makes a name of keys and values: of "fin" and "at byte 10 of body",
// fin-at-byte-10-of-body.
func nameOf(happenings []string) string {
	return strings.ReplaceAll(strings.Join(happenings, "-"), " ", "-")
}

func find[T any](keys []key[T], name string) *key[T] {
	i := slices.IndexFunc(keys, func(k key[T]) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return &keys[i]
}

func names[T any](keys []key[T]) (names []string) {
	for _, k := range keys {
		names = append(names, k.name)
	}
	return names
}

func unknown(name string, known []string) error {
	return fmt.Errorf("there is no key %q here; there are %s", name, strings.Join(known, ", "))
}

func (k *key[T]) misread(words []string) error {
	return fmt.Errorf("%q is no value of %s; write one like %s: %s", strings.Join(words, " "), k.name, k.name, k.example)
}
