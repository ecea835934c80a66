package delay

import (
	"net"

	"github.com/hopwire/hopwire/shared/loop"
	"golang.org/x/sys/unix"
)

// An end is one of the two sockets of a connection through the hop.
type end struct {
	fd       int      // -1: closed
	other    *end     // nil until the hop has begun to connect
	watched  uint32   // what epoll looks for
	open     bool     // the handshake is over
	heard    bool     // it may be read
	ended    bool     // it has said all
	shutting bool     // the other end has said all
	waiting  [][]byte // of the other end, due, and not taken by the kernel yet
	held     int      // bytes of this end that the kernel has not taken for the other yet
}

// mostHeld is how much of one direction is held at most: more than the bytes that TCP
// has under way.
const mostHeld = 4 << 20

const socketType = unix.SOCK_STREAM | unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC

func (h *Hop) newEnd(fd int) *end {
	e := &end{fd: fd}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // fails where it is no TCP
	h.watch(unix.EPOLL_CTL_ADD, fd, 0)
	h.ends[int32(fd)] = e
	return e
}

// want changes what epoll looks for, beside errors.
func (e *end) want(h *Hop, events uint32) {
	if e.watched != events {
		e.watched = events
		h.watch(unix.EPOLL_CTL_MOD, e.fd, events)
	}
}

// wantMore has epoll look for what can be done next.
func (e *end) wantMore(h *Hop) {
	var events uint32
	if e.heard && !e.ended && e.held < mostHeld {
		events |= unix.EPOLLIN
	}
	if len(e.waiting) > 0 || !e.open {
		events |= unix.EPOLLOUT
	}
	e.want(h, events)
}

// ready is told what epoll has found.
func (e *end) ready(h *Hop, events uint32) {
	if !e.open {
		if code, err := unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
			e.fail(h)
			return
		}
		e.connected(h)
		return
	}
	if events&unix.EPOLLERR != 0 {
		e.fail(h)
		return
	}
	if events&unix.EPOLLOUT != 0 {
		e.flush(h)
	}
	if e.fd >= 0 && e.watched&unix.EPOLLIN != 0 && events&(unix.EPOLLIN|unix.EPOLLHUP) != 0 {
		e.read(h)
	}
}

// connected is told that the server's end is open.
func (e *end) connected(h *Hop) {
	e.open, e.heard = true, true
	e.flush(h)
}

// read takes what there is, and has it sent on later.
func (e *end) read(h *Hop) {
	n, err := unix.Read(e.fd, h.scratch[:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil:
		e.fail(h)
		return
	case n == 0:
		e.ended = true
		h.hold(e.other, (*Hop).shut, nil)
		e.settle(h)
		return
	}
	e.held += n
	h.hold(e.other, (*Hop).write, append([]byte(nil), h.scratch[:n]...))
	e.wantMore(h)
}

// flush writes as much as the kernel takes.
func (e *end) flush(h *Hop) {
	for e.open && len(e.waiting) > 0 {
		n, err := unix.Write(e.fd, e.waiting[0])
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			break
		}
		if err != nil {
			e.fail(h)
			return
		}
		if e.waiting[0] = e.waiting[0][n:]; len(e.waiting[0]) == 0 {
			e.waiting = e.waiting[1:]
		}
		if from := e.other; from.fd >= 0 {
			from.held -= n
			from.wantMore(h)
		}
	}
	if e.shutting && e.open && len(e.waiting) == 0 {
		unix.Shutdown(e.fd, unix.SHUT_WR)
	}
	e.settle(h)
}

// settle closes an end that has said and heard all.
func (e *end) settle(h *Hop) {
	if e.ended && e.shutting && len(e.waiting) == 0 {
		e.close(h)
		return
	}
	e.wantMore(h)
}

// fail closes an end that is broken, and has the other one told.
func (e *end) fail(h *Hop) {
	if e.other != nil {
		h.hold(e.other, (*Hop).reset, nil)
	}
	e.close(h)
}

func (e *end) close(h *Hop) {
	delete(h.ends, int32(e.fd))
	unix.Close(e.fd)
	e.fd, e.waiting = -1, nil
	if h.full {
		h.full = false
		h.watch(unix.EPOLL_CTL_MOD, h.listener, unix.EPOLLIN)
	}
}

// socketAddress is an address as the kernel takes it.
func socketAddress(a *loop.Address) (family int, address unix.Sockaddr) {
	if a.Path != "" {
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: a.Path}
	}
	ip := a.TCP.Addr().Unmap()
	if ip.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(a.TCP.Port()), Addr: ip.As4()}
	}
	var zone uint32
	if i, err := net.InterfaceByName(ip.Zone()); err == nil {
		zone = uint32(i.Index)
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.TCP.Port()), Addr: ip.As16(), ZoneId: zone}
}
