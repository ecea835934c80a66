package origins

import (
	"errors"
	"os"
)

// These are the reasons why a request that has to wait comes to nothing.
var (
	// ErrQueueFull: as many wait as may.
	ErrQueueFull = errors.New("origins: the queue is full")
	// ErrQueueTimeout: no place became free in time.
	ErrQueueTimeout = errors.New("origins: no connection became free in time")
	// ErrNobody: no origin is left to be asked, or the request was given up by
	// Abandon.
	ErrNobody = errors.New("origins: nothing is left to wait for")
)

// A queue has the tickets that wait, the first come first. It is a list of the
// tickets themselves, so that one which leaves from the middle costs nothing.
type queue struct {
	first, last *Ticket
	n           int
}

func (q *queue) push(t *Ticket) {
	t.waits, t.prev, t.next = true, q.last, nil
	if t.prev != nil {
		t.prev.next = t
	} else {
		q.first = t
	}
	q.last = t
	q.n++
}

func (q *queue) remove(t *Ticket) {
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		q.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		q.last = t.prev
	}
	t.waits, t.prev, t.next = false, nil, nil
	q.n--
}

// Waiting is how many requests wait.
func (s *Set) Waiting() int { return s.queue.n }

// Wait waits in the queue until the ticket has a place. It is called in a task,
// after Place has said Full.
func (s *Set) Wait(t *Ticket) error {
	if s.queue.n >= s.config.QueueMax {
		s.totals.QueueFull++
		return ErrQueueFull
	}
	if t.until == 0 && s.config.QueueTimeout > 0 {
		t.until = s.loop.Now().Add(s.config.QueueTimeout)
	}
	s.totals.Queued++
	s.queue.push(t)
	err := t.called.Wait(s.loop, t.until)
	switch {
	case t.waits: // nobody called
		s.queue.remove(t)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.totals.QueueTimeouts++
			return ErrQueueTimeout
		}
		return err
	case t.at == nil:
		return ErrNobody
	}
	return nil
}

// serveQueue gives what places there are to those who have waited longest. It is
// called whenever there may be one, so that whoever comes later finds either no
// place or no queue.
func (s *Set) serveQueue() {
	for t := s.queue.first; t != nil; {
		next := t.next
		if s.Place(t) != Full {
			s.call(t)
		} else if len(t.tried) == 0 {
			return // then there is nothing for those behind either
		}
		t = next
	}
}

// call ends the waiting of a ticket.
func (s *Set) call(t *Ticket) {
	s.queue.remove(t)
	t.called.Fire()
}

// Abandon takes a request that nobody waits for any more out of the queue.
func (s *Set) Abandon(t *Ticket) {
	if t.waits {
		s.call(t)
	}
}
