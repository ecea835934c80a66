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

// Waiting is how many requests wait.
func (s *Set) Waiting() int { return s.queue.Len() }

// Wait waits in the queue until the ticket has a place. It is called in a task,
// after Place has said Full.
func (s *Set) Wait(t *Ticket) error {
	if s.queue.Len() >= s.config.QueueMax+s.inspecting() {
		s.totals.QueueFull++
		return ErrQueueFull
	}
	s.countQueued(t)
	s.queue.PushBack(t)
	for {
		if err := s.await(t); err != nil || s.keepsPlace(t) {
			return err
		}
		s.Leave(t, Unknown, "")
		switch placing := s.Place(t); {
		case placing == Placed:
			return nil
		case placing == Nobody || t.abandoned:
			return ErrNobody
		}
		s.queue.PushFront(t) // where it was
	}
}

// countQueued counts a request that has to wait, and bounds how long. One that
// waits again, since the place that it got was of no use, is no other request.
func (s *Set) countQueued(t *Ticket) {
	if t.waited {
		return
	}
	t.waited = true
	s.totals.Queued++
	if s.config.QueueTimeout > 0 {
		t.until = s.loop.Now().Add(s.config.QueueTimeout)
	}
}

// inspecting is how many connections will in a moment be idle or ended. In either
// case there is a place then, so a request that waits for that is none too many.
func (s *Set) inspecting() (n int) {
	for _, o := range s.members {
		n += o.pool.Inspecting()
	}
	return n
}

// await waits until the ticket leaves the queue, for a place if all is well.
func (s *Set) await(t *Ticket) error {
	err := t.dequeued.Wait(s.loop, t.until)
	switch {
	case t.waits() && errors.Is(err, os.ErrDeadlineExceeded):
		s.queue.Remove(t)
		s.totals.QueueTimeouts++
		return ErrQueueTimeout
	case t.waits(): // the loop has been stopped
		s.queue.Remove(t)
		return err
	case t.origin == nil:
		return ErrNobody
	}
	return nil
}

// keepsPlace reports whether the place that a ticket got in the queue is still
// one. By the time of its task's turn the origin may have left, or the idle
// connection that was meant may have had something to say.
func (s *Set) keepsPlace(t *Ticket) bool {
	bound := s.config.MaxConnections
	return !t.origin.gone && (bound == 0 || t.origin.busy+t.origin.pool.Inspecting() <= bound)
}

// serveQueue gives what places there are to those who have waited longest. It is
// called whenever there may be one, so that whoever comes later finds either no
// place or no queue.
func (s *Set) serveQueue() {
	for t := range s.queue.All() {
		if s.Place(t) != Full {
			s.dequeue(t)
		} else if len(t.unreachable) == 0 {
			return // then there is nothing for those behind either
		}
	}
}

// dequeue ends the waiting of a ticket.
func (s *Set) dequeue(t *Ticket) {
	s.queue.Remove(t)
	t.dequeued.Fire()
}

// Abandon takes a request that nobody waits for any more out of the queue.
func (s *Set) Abandon(t *Ticket) {
	t.abandoned = true
	if t.waits() {
		s.dequeue(t)
	}
}
