package names

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// hasRoute reports whether the machine has a way to the address. A connected
// datagram socket tells that without sending anything.
func hasRoute(a netip.Addr) bool {
	c, err := net.Dial("udp", netip.AddrPortFrom(a, 9).String())
	if err == nil {
		c.Close()
	}
	return !errors.Is(err, syscall.ENETUNREACH) && !errors.Is(err, syscall.EADDRNOTAVAIL) &&
		!errors.Is(err, syscall.EAFNOSUPPORT)
}

// withRoute leaves out the addresses of a host that the machine has no way to,
// as it has none to any IPv6 address in many a container: each would cost requests
// an attempt. Where that would leave none, they all stay, and the failure to
// connect tells what is wrong.
func withRoute(addresses []netip.Addr, hasRoute func(netip.Addr) bool) []netip.Addr {
	if hasRoute == nil {
		return addresses
	}
	reached := slices.DeleteFunc(slices.Clone(addresses), func(a netip.Addr) bool { return !hasRoute(a) })
	if len(reached) == 0 {
		return addresses
	}
	return reached
}
