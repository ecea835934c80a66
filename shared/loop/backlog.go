package loop

import "time"

// A listener that is simply closed loses clients: the kernel resets those that
// wait in its backlog, whose connect had succeeded, and those whose handshake
// ends a moment later. So the backlog is drained first:
//
//	CloseThen ──► seal: who comes now is not answered, and tries again by itself
//	                │   a second later, at whoever listens then
//	                ▼
//	              accept those who are there, and those whose handshake was under
//	                │   way, until none has come for a while
//	                ▼
//	              closed

const (
	// remoteHandshake is how long a handshake takes over a long line: a second
	// crossing of it by an acknowledgement.
	remoteHandshake = 300 * time.Millisecond
	// localHandshake is the same for clients on this machine.
	localHandshake = 20 * time.Millisecond
	// drainBacklogTime bounds the whole of it, should the group have no place for
	// those who wait.
	drainBacklogTime = 10 * time.Second
)

// CloseThen stops accepting, so that no client is lost: those are still accepted
// whose connect has succeeded, or is about to. It does not wait, and any goroutine
// may call it. When the listener has closed it calls then, on the listener's loop.
// What that posts to another loop comes behind the connections accepted for it. If
// the loop has ended, then is not called.
func (ln *Listener) CloseThen(then func()) {
	ln.loop.Post(func() {
		if ln.closed {
			then()
			return
		}
		ln.onClosed = append(ln.onClosed, then)
		if ln.drainTimer == nil {
			ln.drainBacklog()
		}
	})
}

// drainBacklog seals the listener and closes it when nobody is left to accept.
// Where the engine cannot seal, those who wait are accepted, and whoever comes at
// the very moment of closing is lost.
func (ln *Listener) drainBacklog() {
	handshake := ln.handshakeTime()
	if ln.loop.engine.Seal(ln.handle) != nil {
		handshake = 0
	}
	until := ln.loop.now.Add(drainBacklogTime)
	ln.sawConn = false
	ln.drainTimer = ln.loop.After(handshake, func() {
		if !ln.paused {
			ln.acceptSome()
		}
		more := ln.sawConn || ln.paused && ln.loop.engine.HasBacklog(ln.handle)
		if more && ln.loop.now < until {
			ln.sawConn = false
			ln.drainTimer.Reset(handshake)
			return
		}
		ln.closeNow()
	})
}

// handshakeTime is how long after the listener was sealed, or has accepted
// somebody, another one may come.
func (ln *Listener) handshakeTime() time.Duration {
	switch {
	case ln.address.Path != "":
		return 0 // a Unix socket knows no handshake
	case ln.address.TCP.Addr().IsLoopback():
		return localHandshake
	}
	return remoteHandshake
}

func (ln *Listener) closeNow() {
	if ln.closed {
		return
	}
	if ln.paused {
		ln.loop.group.paused.Add(-1)
	}
	ln.closed, ln.paused = true, false
	ln.retry.Stop()
	if ln.drainTimer != nil {
		ln.drainTimer.Stop()
	}
	ln.loop.engine.CloseSocket(ln.handle)
	for _, f := range ln.onClosed {
		f()
	}
}
