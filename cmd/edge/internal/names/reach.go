package names

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
)

// HasRoute reports whether the machine has a way to the address. A connected
// datagram socket tells that without sending anything.
func HasRoute(a netip.Addr) bool {
	c, err := net.Dial("udp", netip.AddrPortFrom(a, 9).String())
	if err == nil {
		c.Close()
	}
	return !errors.Is(err, syscall.ENETUNREACH) && !errors.Is(err, syscall.EADDRNOTAVAIL) &&
		!errors.Is(err, syscall.EAFNOSUPPORT)
}

// withRoute leaves out the members that the machine has no way to, as it has
// none to any IPv6 address in many a container: each would cost requests an
// attempt. Where that would leave none, they all stay, and the failure to
// connect tells what is wrong.
func withRoute(members []origins.Member, hasRoute func(netip.Addr) bool) []origins.Member {
	if hasRoute == nil {
		return members
	}
	reached := slices.DeleteFunc(slices.Clone(members), func(m origins.Member) bool { return !hasRoute(m.Address.TCP.Addr()) })
	if len(reached) == 0 {
		return members
	}
	return reached
}
