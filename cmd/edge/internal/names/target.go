package names

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const (
	addressScheme = "dns://"
	serviceScheme = "srv://"
)

// A Target is an origin that is written as a name.
type Target struct {
	// Name is what is looked up, as it was written.
	Name string
	// Port is that of the origins; zero: the name's SRV records have it.
	Port uint16
}

// IsTarget reports whether an origin is written as a name that ParseTarget
// reads, rightly or not.
func IsTarget(s string) bool {
	return strings.HasPrefix(s, addressScheme) || strings.HasPrefix(s, serviceScheme)
}

// ParseTarget reads dns://name:port or srv://name. The error is one sentence
// that says what to write.
func ParseTarget(s string) (Target, error) {
	if name, ok := strings.CutPrefix(s, serviceScheme); ok {
		if !isName(name) {
			return Target{}, fmt.Errorf("origin %q: write srv:// and the name of SRV records, such as srv://_http._tcp.app.example", s)
		}
		return Target{Name: name}, nil
	}
	name, port, err := net.SplitHostPort(strings.TrimPrefix(s, addressScheme))
	if _, notName := netip.ParseAddr(name); notName == nil {
		return Target{}, fmt.Errorf("origin %q: %s is an address and no name, so write %s", s, name, net.JoinHostPort(name, port))
	}
	n, badPort := strconv.ParseUint(port, 10, 16)
	if err != nil || badPort != nil || n == 0 || !isName(name) {
		return Target{}, fmt.Errorf("origin %q: write dns://name:port, such as dns://app.example:80", s)
	}
	return Target{Name: name, Port: uint16(n)}, nil
}

// isName reports whether s is a host name, or one of a service, whose labels
// may begin with an underscore (RFC 2782). Names in other scripts are written as
// DNS has them, xn--...
func isName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, nameOctets) != "" {
			return false
		}
	}
	return true
}

const nameOctets = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// String is the target as ParseTarget reads it.
func (t Target) String() string {
	if t.Port == 0 {
		return serviceScheme + t.Name
	}
	return addressScheme + net.JoinHostPort(t.Name, strconv.Itoa(int(t.Port)))
}

// Authority is what stands in Host for an origin of the target: the name without
// the labels that say what service it is for, and the port where it is known.
func (t Target) Authority() string {
	if t.Port != 0 {
		return net.JoinHostPort(strings.TrimSuffix(t.Name, "."), strconv.Itoa(int(t.Port)))
	}
	name := strings.TrimSuffix(t.Name, ".")
	for strings.HasPrefix(name, "_") {
		_, rest, found := strings.Cut(name, ".")
		if !found {
			break
		}
		name = rest
	}
	return name
}
