package replay

import "github.com/hopwire/hopwire/shared/loop"

// warmedUp begins the measuring. What has been counted of requests so far does not
// count; connections that were opened are there still, or have been closed, and do.
// What is under way counts by its end.
func (l *lane) warmedUp() {
	if l.warm {
		return
	}
	l.warm, l.measured, l.waitedBefore = true, l.loop.Clock(), l.loop.Waited()
	l.run.cpuBefore.CompareAndSwap(0, int64(cpuTime()))
	t := &l.tally
	kept := Tally{
		Warmup: t.Requests,
		Opened: t.Opened, ClosedByUs: t.ClosedByUs, ClosedByPeer: t.ClosedByPeer,
		Connecting: t.Connecting, ConnectFailures: t.ConnectFailures, Unfinished: t.Unfinished,
	}
	kept.Connect.Merge(&t.Connect)
	*t, l.explanations = kept, nil
}

// since is when the measuring began.
func (l *lane) since() loop.Time { return max(l.began, l.measured) }
