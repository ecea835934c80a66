package replay

import (
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// An upload is the rest of a request of which the kernel did not take all at
// once. It goes out in a task of its own while the worker waits for the
// response, since a server may say much before it has read all, and neither
// would go on if each waited for the other:
//
//	worker: send ─► startUpload ─► receive ··· count ─► finishUpload
//	                     │                                    ▲
//	upload:              └─► write, write, write ─────────────┘ done
//
// Both run on one loop, never at the same time.
type upload struct {
	worker  *worker
	conn    *loop.Conn
	tls     *tlsConn // on conn, or nil
	rest    []byte
	running bool
	done    loop.Signal
}

// startUpload sends the rest of a request. A worker makes its upload once, when it has
// first use for one.
func (w *worker) startUpload(rest []byte) {
	if w.upload == nil {
		w.upload = &upload{worker: w}
	}
	u := w.upload
	u.conn, u.tls, u.rest, u.running = w.conn, w.tls, rest, true
	w.lane.loop.Go(u)
}

// Run is the upload's task.
func (u *upload) Run() {
	for len(u.rest) > 0 && u.worker.unwritten.cause == Answered {
		u.rest = u.rest[u.worker.write(u.conn, u.tls, u.rest):]
	}
	u.conn, u.tls, u.rest, u.running = nil, nil, nil, false
	u.done.FireAll()
}

// uploading says that part of the request has still to be written.
func (w *worker) uploading() bool { return w.upload != nil && w.upload.running }

// awaitUpload returns when the request has been written, or its connection has
// ended.
func (w *worker) awaitUpload() {
	for w.uploading() {
		if w.upload.done.Wait(w.lane.loop, 0) != nil {
			return // the loop has been stopped
		}
	}
}

// unreadAfter is how long a server that has answered may take no byte of the request.
const unreadAfter = time.Second

// finishUpload is called when the response is there before all of the request
// has gone out. A server that keeps the connection reads the rest first (RFC 9112
// section 9.3). One that does not read on is not waited for: the connection can carry
// no other request, and is closed.
func (w *worker) finishUpload() {
	if w.behind() > 0 { // it is of one that was sent ahead
		return
	}
	for before := -1; w.conn != nil && w.uploading(); {
		taken := w.took - w.conn.Unsent()
		if taken == before {
			w.lane.tally.Unread++
			w.hangUp()
			return
		}
		before, w.ended = taken, 0
		l := w.lane.loop
		if err := w.upload.done.Wait(l, l.Now().Add(unreadAfter)); err == loop.ErrStopped {
			return
		}
	}
	if w.unwritten.cause != Answered {
		w.hangUp()
	}
}
