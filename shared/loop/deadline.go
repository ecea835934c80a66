package loop

import (
	"errors"
	"os"
	"time"
)

// ReadDeadline bounds the waiting of Read from now on; 0 takes the bound away.
// Setting it is storing a number. A parked connection is taken by the call, as
// by any operation.
func (c *Conn) ReadDeadline(t Time) {
	if c.state.has(parked) {
		c.take()
	}
	c.readBy = t
	if c.reader != nil {
		c.arm(t)
	}
}

// WriteDeadline bounds the waiting of writes, like ReadDeadline.
func (c *Conn) WriteDeadline(t Time) {
	c.writeBy = t
	if c.writer != nil {
		c.arm(t)
	}
}

// arm sees to it that the timer runs out no later than the deadline. One that
// runs out earlier is left alone: expire looks at the deadline again then, so
// that a deadline that keeps moving away costs nothing until the timer's first
// instant.
func (c *Conn) arm(deadline Time) {
	if deadline == 0 || c.state.has(closed) {
		return
	}
	if !c.timer.armed() || c.timer.at > tickOf(deadline) {
		c.loop.wheel.set(&c.timer, deadline)
	}
}

func (c *Conn) expire() {
	if c.state.has(parked) {
		if passed(c.readBy, c.loop.now) {
			c.tell(Handler.Expired)
		} else {
			c.arm(c.readBy)
		}
		return
	}
	c.expireWait(c.reader, c.readBy)
	c.expireWait(c.writer, c.writeBy)
}

func (c *Conn) expireWait(waiting *task, deadline Time) {
	if waiting == nil {
		return
	}
	if passed(deadline, c.loop.now) {
		c.loop.wake(waiting, os.ErrDeadlineExceeded)
	} else {
		c.arm(deadline)
	}
}

func passed(deadline, now Time) bool { return deadline != 0 && deadline <= now }

// SetDeadline sets both deadlines, as a net.Conn does.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline is ReadDeadline for a wall-clock time; the zero time is none.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.ReadDeadline(c.loop.instant(t))
	return nil
}

// SetWriteDeadline is WriteDeadline for a wall-clock time; the zero time is
// none.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.WriteDeadline(c.loop.instant(t))
	return nil
}

// instant converts a wall-clock time. One before the clock's beginning becomes 1,
// which has passed on every clock; 0 would mean none.
func (l *Loop) instant(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return max(l.Clock().Add(t.Sub(l.Wall())), 1)
}
