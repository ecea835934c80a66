package loop

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel is the engine of the real world: one epoll instance, in which every
// socket is registered once, edge-triggered, and listeners level-triggered.
//
// Calls that cannot block are made as raw system calls, which spares the
// runtime's bookkeeping around calls that may; only waiting and sending files,
// which may wait for a disk, are made the ordinary way.
type kernel struct {
	epoll   int
	wakeFD  int
	alarmFD int         // a timerfd once it is needed; 0 before
	alarmAt Time        // for when it is set
	blocked atomic.Bool // Wait is, or is about to be, blocked
	woken   atomic.Bool // Wake was called since the last Wait
	busy    bool        // the last Wait had more than one event
	start   time.Time
	shares  bool                  // addresses, with other listeners
	files   map[Handle]socketFile // those of Unix listeners, which go with them
	ready   [256]unix.EpollEvent
	iovecs  [64]unix.Iovec
	scratch [4 << 10]byte // for what nobody wants
}

func kernelEngine(int) (Engine, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("loop: making an epoll instance: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("loop: making an eventfd: %w", err)
	}
	k := &kernel{epoll: epoll, wakeFD: wake, start: time.Now()}
	// Edge-triggered: each write reports it anew, so it is never read.
	err = k.control(unix.EPOLL_CTL_ADD, Handle(wake), unix.EPOLLIN|unix.EPOLLET, wakeToken)
	if err != nil {
		k.Close()
		return nil, fmt.Errorf("loop: registering an eventfd: %w", err)
	}
	return k, nil
}

// sharingEngine is the kernel's engine with listeners that share their addresses.
func sharingEngine(index int) (Engine, error) {
	e, err := kernelEngine(index)
	if err == nil {
		e.(*kernel).shares = true
	}
	return e, err
}

// wakeToken is no socket's: a handle is never negative.
const wakeToken = 1<<64 - 1

// Now begins at one second, so that no instant is 0, which means none.
func (k *kernel) Now() Time       { return Time(time.Since(k.start) + time.Second) }
func (k *kernel) Wall() time.Time { return time.Now() }

func (k *kernel) Close() error {
	unix.Close(k.wakeFD)
	if k.alarmFD > 0 {
		unix.Close(k.alarmFD)
	}
	return unix.Close(k.epoll)
}

func (k *kernel) control(op int, h Handle, events uint32, token uint64) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(token), Pad: int32(token >> 32)}
	return unix.EpollCtl(k.epoll, op, int(h), &ev)
}

// Wait polls first and blocks second while there is much to do: then there is
// nearly always something, and the runtime need not know of the call. A loop
// that had a single event is about to wait, and polling would be in vain.
func (k *kernel) Wait(events []Event, until Time) (int, error) {
	n, errno := 0, unix.Errno(0)
	if k.busy || until == 0 {
		n, errno = k.poll()
	}
	if n == 0 && errno == 0 && until != 0 {
		n, errno = k.block(until)
	}
	k.busy = n > 1
	if errno != 0 && errno != unix.EINTR {
		return 0, errno
	}
	return k.report(events, n), nil
}

func (k *kernel) poll() (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(k.epoll),
		uintptr(unsafe.Pointer(&k.ready[0])), uintptr(len(k.ready)), 0, 0, 0)
	return int(n), errno
}

// block announces that it is about to, and looks for a Wake once more after
// that, so that a Wake either is seen here or sees the announcement.
func (k *kernel) block(until Time) (int, unix.Errno) {
	k.blocked.Store(true)
	defer k.blocked.Store(false)
	if k.woken.Swap(false) {
		return 0, 0
	}
	if until != Never && until%tick != 0 && until != k.alarmAt {
		if errno := k.setAlarm(until); errno != 0 {
			return 0, errno
		}
	}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(k.epoll),
		uintptr(unsafe.Pointer(&k.ready[0])), uintptr(len(k.ready)), uintptr(k.timeout(until)), 0, 0)
	k.woken.Store(false)
	return int(n), errno
}

// setAlarm has a timerfd end a wait at the instant. A timeout of the wait itself would
// be in milliseconds, or on newer kernels as late as the thread's timer slack, 50 us.
// Edge-triggered: each expiry reports it anew, so it is never read.
func (k *kernel) setAlarm(at Time) unix.Errno {
	if k.alarmFD == 0 {
		fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
		if err != nil {
			return err.(unix.Errno)
		}
		k.alarmFD = fd
		if err := k.control(unix.EPOLL_CTL_ADD, Handle(fd), unix.EPOLLIN|unix.EPOLLET, wakeToken); err != nil {
			return err.(unix.Errno)
		}
	}
	in := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(at.Sub(k.Now()), 1)))} // 0 would be never
	_, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(k.alarmFD), 0, uintptr(unsafe.Pointer(&in)), 0, 0, 0)
	k.alarmAt = at
	return errno
}

// timeout is in milliseconds, rounded up, so that Wait does not return just
// before what it was to wait for.
func (k *kernel) timeout(until Time) int {
	if until == Never {
		return -1
	}
	wait := until.Sub(k.Now())
	return int(min(max(wait+time.Millisecond-1, 0)/time.Millisecond, time.Hour/time.Millisecond))
}

func (k *kernel) report(events []Event, n int) int {
	out := 0
	for _, ev := range k.ready[:max(n, 0)] {
		token := uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
		if token != wakeToken {
			events[out] = Event{Token: token, Ready: readyOf(ev.Events)}
			out++
		}
	}
	return out
}

// readyOf reads epoll's bits. EPOLLHUP means that both directions have ended,
// which is an end and no error; a reset comes with EPOLLERR.
func readyOf(events uint32) (r Ready) {
	if events&unix.EPOLLIN != 0 {
		r |= ReadyRead
	}
	if events&(unix.EPOLLOUT|unix.EPOLLHUP) != 0 {
		r |= ReadyWrite
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 {
		r |= ReadyEnd
	}
	if events&unix.EPOLLERR != 0 {
		r |= ReadyReset
	}
	return r
}

func (k *kernel) Wake() {
	if !k.woken.Swap(true) && k.blocked.Load() {
		one := [8]byte{0: 1}
		unix.Write(k.wakeFD, one[:])
	}
}

func (k *kernel) Register(h Handle, token uint64) error {
	return k.control(unix.EPOLL_CTL_ADD, h,
		unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET, token)
}

func (k *kernel) Resume(listener Handle, token uint64) error {
	return k.control(unix.EPOLL_CTL_ADD, listener, unix.EPOLLIN, token)
}

func (k *kernel) Pause(listener Handle) error {
	return k.control(unix.EPOLL_CTL_DEL, listener, 0, 0)
}

func (k *kernel) Peek(h Handle) error {
	var b [1]byte
	_, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(h),
		uintptr(unsafe.Pointer(&b[0])), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	_, err := result(0, errno)
	return err
}

// Read and Write use the socket calls, which do less than read and write.
func (k *kernel) Read(h Handle, p []byte) (int, error) {
	return k.receive(h, unsafe.Pointer(unsafe.SliceData(p)), len(p), 0)
}

// Discard has TCP throw the octets away where they are: MSG_TRUNC, in tcp(7). Unix
// sockets cannot.
func (k *kernel) Discard(h Handle, n int) (int, error) {
	m, err := k.receive(h, nil, n, unix.MSG_TRUNC)
	if err == unix.EFAULT {
		return k.Read(h, k.scratch[:min(n, len(k.scratch))])
	}
	return m, err
}

func (k *kernel) receive(h Handle, p unsafe.Pointer, length int, flags uintptr) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(h), uintptr(p), uintptr(length), flags, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if n, err := result(n, errno); n != 0 || err != nil || length == 0 {
			return n, err
		}
		return 0, io.EOF
	}
}

func (k *kernel) Write(h Handle, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(h),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
		if errno != unix.EINTR {
			return result(n, errno)
		}
	}
}

func (k *kernel) Writev(h Handle, bufs [][]byte) (int, error) {
	count := 0
	for _, p := range bufs {
		if len(p) == 0 {
			continue
		}
		k.iovecs[count] = unix.Iovec{Base: &p[0], Len: uint64(len(p))}
		if count++; count == len(k.iovecs) {
			break
		}
	}
	defer clear(k.iovecs[:count])
	msg := unix.Msghdr{Iov: &k.iovecs[0], Iovlen: uint64(count)}
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(h),
			uintptr(unsafe.Pointer(&msg)), unix.MSG_NOSIGNAL)
		if errno != unix.EINTR {
			return result(n, errno)
		}
	}
}

func result(n uintptr, errno unix.Errno) (int, error) {
	switch errno {
	case 0:
		return int(n), nil
	case unix.EAGAIN:
		return 0, ErrAgain
	}
	return 0, errno
}
