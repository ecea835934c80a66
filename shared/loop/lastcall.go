package loop

import "time"

// A listener that is simply closed loses clients: the kernel resets those that
// wait in its queue, whose connect had succeeded, and those whose handshake
// ends a moment later. So the last call comes first:
//
//	Close ──► seal: who comes now is not answered, and tries again by itself
//	            │   a second later, at whoever listens then
//	            ▼
//	          accept those who are there, and those who were on their way,
//	            │   until none has come for a while
//	            ▼
//	          closed

const (
	// onTheirWay is how long a handshake takes over a long line: a second
	// crossing of it by an acknowledgement.
	onTheirWay = 300 * time.Millisecond
	// nearby is the same for clients on this machine.
	nearby = 20 * time.Millisecond
	// lastCallTime bounds the whole of it, should the group have no place for
	// those who wait.
	lastCallTime = 10 * time.Second
)

// CloseThen stops accepting, so that no client is lost: those are still accepted
// whose connect has succeeded, or is about to. Any goroutine may call it; it does
// not wait. It calls then on the listener's loop when the listener has closed and
// every connection is on its way to accept. By a function that then posts to
// another loop nothing is overtaken that was accepted for it. If the loop has
// ended, then is not called.
func (ln *Listener) CloseThen(then func()) {
	ln.loop.Post(func() {
		if ln.closed {
			then()
			return
		}
		ln.thens = append(ln.thens, then)
		if ln.lastLook == nil {
			ln.lastCall()
		}
	})
}

// lastCall seals the listener. Where the engine cannot do that, those who wait
// are accepted, and whoever comes at the very moment of closing is lost.
func (ln *Listener) lastCall() {
	settle := ln.settlesIn()
	if ln.loop.engine.Seal(ln.handle) != nil {
		settle = 0
	}
	until := ln.loop.now.Add(lastCallTime)
	ln.came = false
	ln.lastLook = ln.loop.After(settle, func() {
		if !ln.paused {
			ln.acceptSome()
		}
		waits := ln.came || ln.paused && ln.loop.engine.Awaited(ln.handle)
		if waits && ln.loop.now < until {
			ln.came = false
			ln.lastLook.Reset(settle)
			return
		}
		ln.closeNow()
	})
}

// settlesIn is how long after the listener was sealed, or has accepted somebody,
// another one may come.
func (ln *Listener) settlesIn() time.Duration {
	switch {
	case ln.address.Path != "":
		return 0 // a Unix socket knows no handshake
	case ln.address.TCP.Addr().IsLoopback():
		return nearby
	}
	return onTheirWay
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
	if ln.lastLook != nil {
		ln.lastLook.Stop()
	}
	ln.loop.engine.CloseSocket(ln.handle)
	for _, then := range ln.thens {
		then()
	}
}
