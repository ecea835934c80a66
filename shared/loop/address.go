package loop

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// An Address is where to listen or to connect: a TCP address and port, or the
// path of a Unix socket.
type Address struct {
	// TCP is the address and port; the zero value for a Unix socket.
	TCP netip.AddrPort
	// Path is the Unix socket's path; empty for TCP.
	Path string
	// From, if valid, is the address of this machine that connections to TCP are made
	// from, of the same version of IP. Any free port will do.
	From netip.Addr
}

// ParseAddress reads "host:port" (an empty host means every interface, a name
// is looked up once, here) or "unix:/path".
func ParseAddress(s string) (*Address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return parsePath(s, path)
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return nil, fmt.Errorf("address %q: write host:port, such as 127.0.0.1:8080, or unix:/path", s)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		return lookUp(s, host, port)
	}
	return resolve(s, host, port)
}

// ParsePeer reads the address of a server to connect to, as ParseAddress does; an empty
// host is this machine.
func ParsePeer(s string) (*Address, error) {
	if strings.HasPrefix(s, ":") {
		return ParseAddress("127.0.0.1" + s)
	}
	return ParseAddress(s)
}

// maxPath is what sockaddr_un holds, less the closing zero.
const maxPath = 107

func parsePath(s, path string) (*Address, error) {
	if path == "" || len(path) > maxPath {
		return nil, fmt.Errorf("address %q: the path of a Unix socket has 1 to %d bytes", s, maxPath)
	}
	return &Address{Path: path}, nil
}

func lookUp(s, host, port string) (*Address, error) {
	addrs, err := net.LookupHost(host)
	if err != nil || len(addrs) == 0 {
		return nil, fmt.Errorf("address %q: the host name %q is not known: %w", s, host, err)
	}
	// A name such as localhost has an address of each family. The older one is
	// what servers that were given a bare port most often listen on.
	for _, a := range addrs {
		if ip, err := netip.ParseAddr(a); err == nil && ip.Is4() {
			return resolve(s, a, port)
		}
	}
	return resolve(s, addrs[0], port)
}

func resolve(s, host, port string) (*Address, error) {
	n, err := net.LookupPort("tcp", port)
	if err != nil {
		return nil, fmt.Errorf("address %q: the port is a number from 0 to 65535", s)
	}
	ip := netip.IPv6Unspecified()
	if host != "" {
		if ip, err = netip.ParseAddr(host); err != nil {
			return nil, fmt.Errorf("address %q: %w", s, err)
		}
	}
	return &Address{TCP: netip.AddrPortFrom(ip, uint16(n))}, nil
}

func (a *Address) network() string {
	if a.Path != "" {
		return "unix"
	}
	return "tcp"
}

func (a *Address) netAddr() net.Addr {
	if a.Path != "" {
		return &net.UnixAddr{Net: "unix", Name: a.Path}
	}
	return net.TCPAddrFromAddrPort(a.TCP)
}

// String gives the address as ParseAddress reads it.
func (a *Address) String() string {
	if a.Path != "" {
		return "unix:" + a.Path
	}
	return a.TCP.String()
}
