package loop

import (
	"net"

	"golang.org/x/sys/unix"
)

// Info asks the kernel for what it knows of a TCP connection: round-trip time,
// retransmissions, window. Connections of other engines have none.
func (c *Conn) Info() (*unix.TCPInfo, error) {
	if c.state.has(closed) {
		return nil, net.ErrClosed
	}
	if _, ok := c.loop.engine.(*kernel); !ok {
		return nil, unix.ENOPROTOOPT
	}
	info, err := unix.GetsockoptTCPInfo(int(c.handle), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return nil, c.failed("getsockopt", err)
	}
	return info, nil
}
