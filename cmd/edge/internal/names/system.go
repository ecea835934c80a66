package names

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// A System is where names are looked up: what /etc/resolv.conf and /etc/hosts
// have to say.
type System struct {
	// Servers are asked in this order; each is host:port.
	Servers []string
	// Timeout bounds each question to one server, Attempts says how often all
	// of them are asked.
	Timeout  time.Duration
	Attempts int
	// Candidates are the absolute names that a name may stand for, in the order
	// in which they are tried.
	Candidates func(name string) []string
	// Hosts are the addresses of names that DNS is not asked for.
	Hosts map[string][]netip.Addr
}

const (
	resolvConf = "/etc/resolv.conf"
	hostsFile  = "/etc/hosts"
)

// readSystem reads the files of the system. Where there is no resolv.conf the
// server is the machine itself, as resolv.conf(5) says.
func readSystem(conf, hosts string) (*System, error) {
	c, err := dns.ClientConfigFromFile(conf)
	if errors.Is(err, fs.ErrNotExist) {
		c, err = dns.ClientConfigFromReader(strings.NewReader(""))
	}
	if err != nil {
		return nil, fmt.Errorf("the DNS servers are not known: %w", err)
	}
	if len(c.Servers) == 0 {
		c.Servers = []string{"127.0.0.1"}
	}
	s := &System{
		Timeout:    time.Duration(c.Timeout) * time.Second,
		Attempts:   c.Attempts,
		Candidates: c.NameList,
	}
	for _, server := range c.Servers {
		s.Servers = append(s.Servers, net.JoinHostPort(server, c.Port))
	}
	if text, err := os.ReadFile(hosts); err == nil {
		s.Hosts = parseHosts(string(text))
	}
	return s, nil
}

// OneServer is a System of the server at the address and nothing else.
func OneServer(address string) *System {
	return &System{
		Servers:    []string{address},
		Timeout:    2 * time.Second,
		Attempts:   2,
		Candidates: func(name string) []string { return []string{dns.Fqdn(name)} },
	}
}

// parseHosts reads hosts(5): an address and its names on each line.
func parseHosts(text string) map[string][]netip.Addr {
	hosts := map[string][]netip.Addr{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		address, err := netip.ParseAddr(words[0])
		if err != nil || address.IsUnspecified() {
			continue
		}
		for _, name := range words[1:] {
			name = canonical(name)
			hosts[name] = append(hosts[name], address)
		}
	}
	return hosts
}

// canonical is the one spelling of a name that others are compared in.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// local are the addresses of a name that is not asked for, if it is one.
func (s *System) local(name string) []netip.Addr {
	name = canonical(name)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		// Servers that were given a bare port most often listen on this one.
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return s.Hosts[name]
}
