package loop

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const socketFlags = unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC

// backlog is as many waiting connections as the kernel is willing to keep; it
// lowers the number to its own limit.
const backlog = 1 << 16

func (k *kernel) Listen(at *Address) (Handle, *Address, error) {
	fd, err := k.bound(at)
	if err != nil {
		return 0, nil, err
	}
	if err := unix.Listen(fd, backlog); err != nil {
		unix.Close(fd)
		return 0, nil, err
	}
	if at.Path == "" {
		return Handle(fd), &Address{TCP: k.LocalAddr(Handle(fd))}, nil
	}
	if k.files == nil {
		k.files = make(map[Handle]socketFile)
	}
	info, _ := os.Lstat(at.Path)
	k.files[Handle(fd)] = socketFile{at.Path, info}
	return Handle(fd), at, nil
}

// A socketFile is the file of a Unix listener, as it was made.
type socketFile struct {
	path string
	info os.FileInfo // nil: it was gone at once
}

// remove leaves alone what somebody else has put in the file's place: another
// program may have taken the address over.
func (f socketFile) remove() error {
	if info, err := os.Lstat(f.path); err != nil || f.info == nil || !os.SameFile(info, f.info) {
		return nil
	}
	return os.Remove(f.path)
}

// bound makes a socket that has the address.
func (k *kernel) bound(at *Address) (int, error) {
	if at.Path != "" {
		return boundPath(at)
	}
	fd, err := k.boundTCP(at.TCP)
	if errors.Is(err, unix.EAFNOSUPPORT) && at.TCP.Addr() == netip.IPv6Unspecified() {
		// The machine knows no IPv6, so "every interface" is IPv4's.
		return k.boundTCP(netip.AddrPortFrom(netip.IPv4Unspecified(), at.TCP.Port()))
	}
	return fd, err
}

func (k *kernel) boundTCP(at netip.AddrPort) (int, error) {
	fd, err := unix.Socket(domain(at), unix.SOCK_STREAM|socketFlags, 0)
	if err != nil {
		return 0, err
	}
	// Accepted sockets inherit TCP_NODELAY, which spares a call for each.
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
	)
	if k.shares {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	}
	if err == nil {
		err = unix.Bind(fd, sockaddr(&Address{TCP: at}))
	}
	if err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// boundPath takes over the socket that a program left behind when it was killed:
// one on which nobody listens any more.
func boundPath(at *Address) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|socketFlags, 0)
	if err != nil {
		return 0, err
	}
	err = unix.Bind(fd, sockaddr(at))
	if err == unix.EADDRINUSE && abandoned(at) {
		os.Remove(at.Path)
		err = unix.Bind(fd, sockaddr(at))
	}
	if err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// abandoned asks first whether the file is a socket at all. The kernel refuses
// connections to other files too, and those are not ours to remove.
func abandoned(at *Address) bool {
	if info, err := os.Lstat(at.Path); err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|socketFlags, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Connect(fd, sockaddr(at)) == unix.ECONNREFUSED
}

func domain(a netip.AddrPort) int {
	if a.Addr().Unmap().Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func sockaddr(a *Address) unix.Sockaddr {
	ip := a.TCP.Addr().Unmap()
	switch {
	case a.Path != "":
		return &unix.SockaddrUnix{Name: a.Path}
	case ip.Is4():
		return &unix.SockaddrInet4{Port: int(a.TCP.Port()), Addr: ip.As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.TCP.Port()), Addr: ip.As16(), ZoneId: zoneID(ip)}
}

// zoneID is the interface that a link-local address is on.
func zoneID(ip netip.Addr) uint32 {
	if ip.Zone() == "" {
		return 0
	}
	if n, err := strconv.Atoi(ip.Zone()); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(ip.Zone()); err == nil {
		return uint32(i.Index)
	}
	return 0
}

// rawAddr is room for the address of any peer. The kernel's structures begin
// with the family, in the machine's byte order, then for both versions of IP
// the port in network byte order.
type rawAddr struct {
	raw unix.RawSockaddrAny
	len uint32
}

func (a *rawAddr) addrPort() netip.AddrPort {
	switch a.raw.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), hostPort(&in.Port))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(&a.raw))
		return netip.AddrPortFrom(netip.AddrFrom16(in.Addr).Unmap(), hostPort(&in.Port))
	}
	return netip.AddrPort{}
}

func hostPort(p *uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(p))
	return uint16(b[0])<<8 | uint16(b[1])
}

func (k *kernel) Accept(listener Handle) (Handle, netip.AddrPort, error) {
	a := rawAddr{len: unix.SizeofSockaddrAny}
	for {
		fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener),
			uintptr(unsafe.Pointer(&a.raw)), uintptr(unsafe.Pointer(&a.len)), socketFlags, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		fd2, err := result(fd, errno)
		return Handle(fd2), a.addrPort(), err
	}
}

func (k *kernel) Connect(to *Address) (Handle, error) {
	network := unix.AF_UNIX
	if to.Path == "" {
		network = domain(to.TCP)
	}
	fd, err := unix.Socket(network, unix.SOCK_STREAM|socketFlags, 0)
	if err != nil {
		return 0, err
	}
	if to.Path == "" {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err == nil && to.From.IsValid() {
		err = bindFrom(fd, to.From)
	}
	if err == nil {
		err = unix.Connect(fd, sockaddr(to))
	}
	if err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		if err == unix.EAGAIN && to.Path != "" {
			err = ErrAgain
		}
		return 0, err
	}
	return Handle(fd), nil
}

// bindFrom leaves the choice of a port to connect, which knows the other end too, so
// that a port can be used to several servers at a time: IP_BIND_ADDRESS_NO_PORT, in
// ip(7).
func bindFrom(fd int, from netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return err
	}
	return unix.Bind(fd, sockaddr(&Address{TCP: netip.AddrPortFrom(from, 0)}))
}

func (k *kernel) ConnectResult(h Handle) error {
	errno, err := unix.GetsockoptInt(int(h), unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && errno != 0 {
		err = syscall.Errno(errno)
	}
	return err
}

func (k *kernel) LocalAddr(h Handle) netip.AddrPort {
	a := rawAddr{len: unix.SizeofSockaddrAny}
	_, _, errno := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(h),
		uintptr(unsafe.Pointer(&a.raw)), uintptr(unsafe.Pointer(&a.len)))
	if errno != 0 {
		return netip.AddrPort{}
	}
	return a.addrPort()
}

func (k *kernel) Unsent(h Handle) int {
	n, err := unix.IoctlGetInt(int(h), unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// Ended polls, since reading would not see an end that has octets before it.
func (k *kernel) Ended(h Handle) bool {
	socket := [1]unix.PollFd{{Fd: int32(h), Events: unix.POLLRDHUP}} // the other ends are told unasked
	n, err := unix.Poll(socket[:], 0)
	return n > 0 && err == nil
}

func (k *kernel) CloseWrite(h Handle) error { return unix.Shutdown(int(h), unix.SHUT_WR) }

// CloseSocket removes the file of a Unix listener before that is closed: a file
// of this name that is there afterwards is somebody else's.
func (k *kernel) CloseSocket(h Handle) error {
	if file, ok := k.files[h]; ok {
		file.remove()
		delete(k.files, h)
	}
	return unix.Close(int(h))
}

// Reset sets a linger time of zero, with which TCP resets where it would end.
func (k *kernel) Reset(h Handle) error {
	unix.SetsockoptLinger(int(h), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	return unix.Close(int(h))
}

func (k *kernel) Sendfile(h Handle, f *os.File, off int64, n int) (int, error) {
	defer runtime.KeepAlive(f)
	for {
		sent, err := unix.Sendfile(int(h), int(f.Fd()), &off, n)
		switch err {
		case nil:
			return sent, nil
		case unix.EAGAIN:
			return 0, ErrAgain
		case unix.EINTR:
			continue
		}
		return 0, err
	}
}

// kernelPipe is two descriptors.
type kernelPipe struct{ r, w int }

// pipeSize is how much a pipe is asked to hold; the default is 64 KiB, and an
// unprivileged program may have up to 1 MiB.
const pipeSize = 256 << 10

func (k *kernel) NewPipe() (Pipe, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	// A smaller pipe does as well, only with more calls.
	unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, pipeSize)
	return &kernelPipe{r: p[0], w: p[1]}, nil
}

func (p *kernelPipe) Close() error { return errors.Join(unix.Close(p.r), unix.Close(p.w)) }

func (k *kernel) SpliceIn(p Pipe, src Handle, n int) (int, error) {
	moved, err := splice(int(src), p.(*kernelPipe).w, n)
	if err == nil && moved == 0 {
		return 0, io.EOF
	}
	return moved, err
}

func (k *kernel) SpliceOut(dst Handle, p Pipe, n int) (int, error) {
	return splice(p.(*kernelPipe).r, int(dst), n)
}

func splice(from, to, n int) (int, error) {
	for {
		moved, err := unix.Splice(from, nil, to, nil, n, unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
		switch err {
		case nil:
			return int(moved), nil
		case unix.EAGAIN:
			return 0, ErrAgain
		case unix.EINTR:
			continue
		}
		return 0, err
	}
}
