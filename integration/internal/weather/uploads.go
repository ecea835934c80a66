package weather

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Uploads is a number of uploads to a gateway, by naive clients: they write all of
// it before they read, and an answer is lost for them once they cannot write.
type Uploads struct {
	// Gateway is the address to connect to.
	Gateway string
	// Early is the answer that is expected.
	Early *Early
	// Clients is how many upload at once.
	Clients int
	// Uploads is how many there are, each on a connection of its own.
	Uploads int
}

// Uploaded is what came of them.
type Uploaded struct {
	// Tally has what became of the answers. One that was whole and said that it
	// was the last is Cut if there was no end of stream behind it.
	Tally
	// Unusable is how many connections that persisted did not serve for another
	// request, or did not persist although the origin's did.
	Unusable int64
}

// Add adds what came of others.
func (u *Uploaded) Add(v Uploaded) {
	u.Tally.Add(v.Tally)
	u.Unusable += v.Unusable
}

// Run uploads. When ctx ends, what has not begun yet does not.
func (u *Uploads) Run(ctx context.Context) (sum Uploaded) {
	var next atomic.Int64
	var all sync.WaitGroup
	seen := make([]Uploaded, u.Clients)
	for i := range seen {
		all.Go(func() {
			for id := next.Add(1) - 1; id < int64(u.Uploads) && ctx.Err() == nil; id = next.Add(1) - 1 {
				u.one(id, &seen[i])
			}
		})
	}
	all.Wait()
	for _, s := range seen {
		sum.Add(s)
	}
	return sum
}

// one uploads, reads the answer, and then sends another request, or reads the end
// of the stream.
func (u *Uploads) one(id int64, seen *Uploaded) {
	c := newClient(u.Early.Octets)
	if c.connect(u.Gateway) != nil {
		seen.Tally[Unconnected]++
		return
	}
	defer c.disconnect()
	o, persists := c.uploadAndRead(id, u.Early)
	if o == Answered && !persists {
		if _, err := c.r.ReadByte(); err != io.EOF {
			o = within(err)
		}
	}
	seen.Tally[o]++
	if o == Answered && !u.goesOn(c, id, persists) {
		seen.Unusable++
	}
}

// goesOn reports whether the connection serves for another request, if it has to.
func (u *Uploads) goesOn(c *client, id int64, persists bool) bool {
	if !persists {
		return u.Early.origin != readsOn
	}
	o, _ := c.ask(request{id: id + int64(u.Uploads)})
	return o == Answered || o == Failed && u.Early.origin == absent
}

// uploadAndRead does one after the other.
func (c *client) uploadAndRead(id int64, e *Early) (o Outcome, persists bool) {
	if c.conn.SetDeadline(time.Now().Add(uploadPatience)) != nil {
		return Reset, false
	}
	if err := c.upload(id, e.fault); err != nil {
		return withoutOctet(err), false
	}
	status, f, o := c.response()
	switch {
	case o != Answered:
		return o, false
	case !e.is(status) && status >= 500:
		return Failed, !f.close
	case !e.is(status) || !e.own() && string(c.content) != string(appendContent(nil, id, e.Octets)):
		return Wrong, false
	}
	return Answered, !f.close
}

// String lists what is not zero.
func (u *Uploaded) String() string {
	if u.Unusable == 0 {
		return u.Tally.String()
	}
	return fmt.Sprintf("%v, %d connections unusable", u.Tally, u.Unusable)
}
