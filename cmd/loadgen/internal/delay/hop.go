package delay

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/shared/loop"
	"golang.org/x/sys/unix"
)

// A Hop relays connections to one server, and holds back what passes.
type Hop struct {
	address loop.Address
	server  unix.Sockaddr
	family  int
	half    time.Duration

	poll, listener, timer, quit int  // descriptors
	full                        bool // no descriptor is left to accept with
	ends                        map[int32]*end
	line                        []held    // in the order in which they are due
	now                         time.Time // when the turn began
	scratch                     [64 << 10]byte

	thread  int
	over    chan struct{}
	closing sync.Once
	mu      sync.Mutex
	late    measure.Histogram
}

// Held is something that is done to an end when it is due. All wait equally long, so
// that they are due in the order in which they came.
type held struct {
	due  time.Time
	on   *end
	do   func(h *Hop, e *end, data []byte)
	data []byte
}

// Start begins to relay to a server, as if that were so far away that a packet and its
// answer took the round-trip time.
func Start(server *loop.Address, roundTrip time.Duration) (*Hop, error) {
	h := &Hop{half: roundTrip / 2, ends: map[int32]*end{}, over: make(chan struct{})}
	h.family, h.server = socketAddress(server)
	if err := h.open(); err != nil {
		h.closeAll()
		return nil, fmt.Errorf("there can be no hop that delays: %w", err)
	}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // for a thread that mostly waits in the kernel
	ready := make(chan struct{})
	go h.run(ready)
	<-ready
	return h, nil
}

// Address is where to connect to, in place of the server.
func (h *Hop) Address() *loop.Address { return &h.address }

// CPU is the processor time that the hop has taken so far, user and system.
func (h *Hop) CPU() time.Duration {
	var t unix.Timespec
	const threadClock = 6 // CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED, as in pthread_getcpuclockid(3)
	if err := unix.ClockGettime(int32(^h.thread<<3|threadClock), &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// Late is how much longer than it should the hop has held what passed since it was
// asked last.
func (h *Hop) Late() (late measure.Histogram) {
	h.mu.Lock()
	defer h.mu.Unlock()
	late, h.late = h.late, measure.Histogram{}
	return late
}

// Close ends the hop, and all connections through it. It may be called again.
func (h *Hop) Close() { h.closing.Do(h.end) }

func (h *Hop) end() {
	unix.Write(h.quit, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // an eventfd takes eight bytes
	<-h.over
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) - 1)
}

func (h *Hop) open() (err error) {
	h.poll, h.listener, h.timer, h.quit = -1, -1, -1, -1
	if h.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if h.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return err
	}
	if h.quit, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return err
	}
	if h.listener, err = unix.Socket(unix.AF_INET, socketType, 0); err != nil {
		return err
	}
	local := unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err = errors.Join(unix.Bind(h.listener, &local), unix.Listen(h.listener, unix.SOMAXCONN)); err != nil {
		return err
	}
	at, err := unix.Getsockname(h.listener)
	if err != nil {
		return err
	}
	h.address.TCP = netip.AddrPortFrom(netip.AddrFrom4(local.Addr), uint16(at.(*unix.SockaddrInet4).Port))
	return errors.Join(h.watch(unix.EPOLL_CTL_ADD, h.timer, unix.EPOLLIN), h.watch(unix.EPOLL_CTL_ADD, h.quit, unix.EPOLLIN),
		h.watch(unix.EPOLL_CTL_ADD, h.listener, unix.EPOLLIN))
}

func (h *Hop) watch(op, fd int, events uint32) error {
	return unix.EpollCtl(h.poll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// run is the thread.
func (h *Hop) run(ready chan<- struct{}) {
	runtime.LockOSThread()
	h.thread = unix.Gettid()
	close(ready)
	defer close(h.over)
	defer h.closeAll()
	var events [256]unix.EpollEvent
	for {
		n, err := unix.EpollWait(h.poll, events[:], -1)
		if err != nil && err != unix.EINTR {
			return
		}
		h.now = time.Now()
		accepting := false
		for _, e := range events[:max(n, 0)] {
			switch fd := int(e.Fd); fd {
			case h.quit:
				return
			case h.timer:
				unix.Read(h.timer, h.scratch[:8])
			case h.listener:
				accepting = true
			default:
				if end := h.ends[e.Fd]; end != nil {
					end.ready(h, e.Events)
				}
			}
		}
		if accepting { // only now: a new socket may have the number of one that an event above is of
			h.accept()
		}
		h.release()
	}
}

// hold has something done to an end after half the round trip.
func (h *Hop) hold(e *end, do func(*Hop, *end, []byte), data []byte) {
	h.line = append(h.line, held{h.now.Add(h.half), e, do, data})
}

// release does what is due, and sets the timer for what is due next.
func (h *Hop) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.line) > 0 && !h.line[0].due.After(h.now) {
		it := h.line[0]
		h.line[0], h.line = held{}, h.line[1:]
		h.late.Record(h.now.Sub(it.due))
		if it.on.fd >= 0 {
			it.do(h, it.on, it.data)
		}
	}
	if len(h.line) > 0 {
		wait := max(time.Until(h.line[0].due), 1)
		unix.TimerfdSettime(h.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(wait))}, nil)
	}
}

// accept takes connections. What the client sends is not looked at for a round trip,
// in which a handshake would cross the distance.
func (h *Hop) accept() {
	for {
		fd, _, err := unix.Accept4(h.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			client := h.newEnd(fd)
			client.open = true
			h.hold(client, (*Hop).connect, nil)
		case unix.EINTR, unix.ECONNABORTED:
		case unix.EMFILE, unix.ENFILE:
			h.full = true // until a descriptor is given back
			h.watch(unix.EPOLL_CTL_MOD, h.listener, 0)
			return
		default:
			return
		}
	}
}

// connect begins the connection to the server that belongs to a client's.
func (h *Hop) connect(client *end, _ []byte) {
	fd, err := unix.Socket(h.family, socketType, 0)
	if err != nil {
		h.hold(client, (*Hop).reset, nil)
		return
	}
	server := h.newEnd(fd)
	client.other, server.other = server, client
	h.hold(client, (*Hop).listen, nil)
	switch err := unix.Connect(fd, h.server); err {
	case nil:
		server.connected(h)
	case unix.EINPROGRESS:
		server.want(h, unix.EPOLLOUT)
	default:
		server.fail(h)
	}
}

// listen begins to read of an end.
func (h *Hop) listen(e *end, _ []byte) {
	e.heard = true
	e.wantMore(h)
}

// write sends on what the other end has said.
func (h *Hop) write(e *end, data []byte) {
	e.waiting = append(e.waiting, data)
	e.flush(h)
}

// shut tells an end that the other has said all.
func (h *Hop) shut(e *end, _ []byte) {
	e.shutting = true
	e.flush(h)
}

// reset tells an end that the other is broken.
func (h *Hop) reset(e *end, _ []byte) {
	unix.SetsockoptLinger(e.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	e.close(h)
}

// closeAll gives back what there is.
func (h *Hop) closeAll() {
	for _, e := range h.ends {
		unix.Close(e.fd)
	}
	for _, fd := range []int{h.poll, h.listener, h.timer, h.quit} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
