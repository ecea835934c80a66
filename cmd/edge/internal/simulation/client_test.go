package simulation

import (
	"github.com/hopwire/hopwire/shared/loop"
)

// An actor is a client: one call after the other until it has sent as many
// requests as it was to.
type actor struct {
	world *world
	left  int // requests to send
	out   []byte
}

// Run makes it a task.
func (a *actor) Run() {
	w := a.world
	for a.left > 0 && w.failure == nil && !w.over() {
		n := min(a.left, 1+w.magnitude(30))
		c := &call{world: w, actor: a, leaveAt: never, stopAt: never}
		if c.sendsFirst = w.room >= 200 && w.one(10); c.sendsFirst {
			n = 1 // nobody would read the next one while an answer finds no room
		}
		a.left -= n
		for range n {
			c.add(w.newRequest(c))
		}
		if !c.sendsFirst && w.one(12) {
			c.add(w.newOffer(c))
		}
		w.manners(c)
		if !c.make() {
			break
		}
		w.pause(w.think)
	}
	w.actorLeaves()
}

const never = int64(1) << 62

// A call is one connection of a client.
type call struct {
	world    *world
	actor    *actor
	conn     *loop.Conn
	line     *line
	requests []*request
	octets   int64 // of all of them

	// What the client is about to do.
	leaveAt    int64 // octets that it sends at most
	leaves     leaving
	stopAt     int64 // octets that it receives before it stops to
	stalls     bool  // then it does not go on
	silent     bool  // it leaves by saying no more
	slow       bool
	sendsFirst bool // all that it has, before it reads

	// How far it has come.
	sent    int64
	hears   int64 // octets
	heard   int   // whole answers
	over    bool
	news    loop.Signal
	spoken  loop.Signal
	talking bool

	// What the judge knows.
	came      int    // requests of which something has arrived
	got       []byte // of a head that is being written
	received  int64  // all that was written to it
	ends      []int64
	tunnelAt  int64 // where a tunnel begins
	place     int   // of the request that is being answered
	forwarded int   // the last one sent on
	logged    int
	end       string // by the last log line
}

// A leaving is how a client ends its part.
type leaving uint8

const (
	closes leaving = iota
	halfCloses
	resets
	fallsSilent
	waitsForTheEnd
)

func (l leaving) String() string {
	return [...]string{"close", "half-close", "reset", "fall silent", "wait for the end"}[l]
}

func (c *call) add(r *request) {
	r.from = c.octets
	c.octets += int64(len(r.sent))
	c.requests = append(c.requests, r)
}

// manners draws how a client behaves on a connection.
func (w *world) manners(c *call) {
	c.leaves = pick(w.rng, closes, closes, halfCloses, waitsForTheEnd)
	if c.sendsFirst {
		c.leaves = pick(w.rng, halfCloses, waitsForTheEnd)
	}
	c.slow = w.one(20) && w.kind != "tiny" // an octet at a time would take longer than any timeout
	if w.rude.clients == 0 || !w.one(w.rude.clients) {
		return
	}
	switch w.rng.IntN(4) {
	case 0:
		c.stopAt = int64(w.magnitude(int(min(c.octets, 1<<20))))
		c.stalls = true
	default:
		if c.leaveAt = c.octets; !w.one(3) {
			c.leaveAt = w.rng.Int64N(c.octets + 1)
		}
		c.leaves = pick(w.rng, closes, halfCloses, resets, fallsSilent)
		if w.places > 0 && w.one(2) {
			c.leaves, c.leaveAt = fallsSilent, 0 // it says nothing at all
		}
		c.silent = c.leaves == fallsSilent
	}
}

// make makes the connection and reports whether the gateway takes any more.
func (c *call) make() bool {
	w := c.world
	w.dialing = c
	conn, err := w.loop.Dial(w.address, 0)
	if err != nil {
		w.tell("network", "a client cannot connect: %v", err)
		return !w.draining
	}
	c.conn = conn
	w.tell(c.line, "the client has %d requests, %d bytes; will %v, slow %v, stalls %v, sends first %v", len(c.requests), c.octets, c.leaves, c.slow, c.stalls, c.sendsFirst)
	c.talking = true
	if c.sendsFirst {
		(*voice)(c).Run()
	} else {
		w.loop.Go((*voice)(c))
	}
	c.listen()
	c.over = true
	conn.Close()
	c.news.FireAll()
	for c.talking {
		if c.spoken.Wait(w.loop, 0) != nil {
			return false
		}
	}
	return true
}

// listen reads until the end of the connection.
func (c *call) listen() {
	w := c.world
	for {
		p := w.scratch[:]
		if c.slow {
			w.pause(w.think / 4)
			p = p[:1+w.rng.IntN(2000)]
		}
		n, err := c.conn.Read(p)
		c.hears += int64(n)
		for c.heard < len(c.ends) && c.hears >= c.ends[c.heard] {
			c.heard++
		}
		c.news.FireAll()
		if err != nil {
			w.judgeArrival(c, err)
			return
		}
		if c.hears >= c.stopAt {
			w.remark(c.line, "the client stops reading, after %d bytes", c.hears)
			w.loop.Sleep(w.long)
			return
		}
	}
}

// A voice is the task that sends what a client has to say.
type voice call

// Run says all of it.
func (v *voice) Run() {
	c := (*call)(v)
	c.speak()
	c.talking = false
	c.spoken.FireAll()
}

func (c *call) speak() {
	w := c.world
	plain, last := len(c.requests), c.requests[len(c.requests)-1]
	if last.offers {
		plain--
	}
	for from := 0; from < plain; {
		to := min(plain, from+1+w.magnitude(8))
		if !c.say(from, to) {
			return
		}
		if !c.sendsFirst && w.one(2) || to == len(c.requests) && c.leaves == closes {
			c.await(to)
		}
		if from = to; from < len(c.requests) && w.one(3) {
			w.pause(w.think)
		}
	}
	if last.offers {
		c.sayOffer(last)
	}
	if c.leaveAt == never {
		c.leave()
	}
}

// say sends requests, and reports whether there is more to say.
func (c *call) say(from, to int) bool {
	w, a := c.world, c.actor
	if r := c.requests[from]; to == from+1 && r.expects && w.one(2) {
		return c.sayWaiting(r)
	}
	a.out = a.out[:0]
	for _, r := range c.requests[from:to] {
		a.out = append(a.out, r.sent...)
	}
	return c.send(a.out)
}

// sayWaiting holds the body back until the client is told to go on, for a while.
func (c *call) sayWaiting(r *request) bool {
	w := c.world
	c.await(r.place)
	before := c.hears
	if !c.send(r.sent[:r.head]) {
		return false
	}
	for until := w.loop.Now().Add(w.think); c.hears == before && !c.over; {
		if c.news.Wait(w.loop, until) != nil {
			break
		}
	}
	if c.heard > r.place && w.one(2) {
		w.remark(r.use(), "the client keeps its body to itself")
		c.conn.CloseWrite()
		return false
	}
	return c.send(r.sent[r.head:])
}

// send writes in pieces, up to where the client leaves.
func (c *call) send(p []byte) bool {
	w := c.world
	for len(p) > 0 {
		if c.over || w.failure != nil {
			return false
		}
		n := len(p)
		if w.one(6) {
			n = 1 + w.magnitude(n-1)
		}
		if c.sent+int64(n) >= c.leaveAt {
			c.conn.Write(p[:c.leaveAt-c.sent])
			c.leave()
			return false
		}
		if _, err := c.conn.Write(p[:n]); err != nil {
			return false
		}
		c.sent += int64(n)
		if p = p[n:]; len(p) > 0 && w.one(2) {
			w.pause(w.haste)
		}
	}
	return true
}

// await waits until so many answers were heard, or the connection has ended.
func (c *call) await(answers int) bool {
	for c.heard < answers && !c.over {
		if c.news.Wait(c.world.loop, 0) != nil {
			return false
		}
	}
	return !c.over
}

func (c *call) leave() {
	w := c.world
	if c.leaveAt == never {
		w.tell(c.line, "the client will %v", c.leaves)
	} else {
		w.remark(c.line, "the client will %v after %d bytes of %d", c.leaves, c.sent, c.octets)
	}
	switch c.leaves {
	case closes:
		c.conn.Close()
	case halfCloses:
		c.conn.CloseWrite()
	case resets:
		c.conn.Reset()
	}
}
