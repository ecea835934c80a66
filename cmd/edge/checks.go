package main

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/checks"
	"github.com/hopwire/hopwire/shared/wire"
)

// checks reads how the origins are checked.
func (c *checker) checks() checks.Config {
	config := checks.Config{
		Target:     c.String("check"),
		Interval:   c.duration("check-interval", positive),
		Timeout:    c.duration("check-timeout", positive),
		Thresholds: checks.Thresholds{Rise: c.atLeastOne("check-rise"), Fall: c.atLeastOne("check-fall")},
	}
	if config.Target != "" && !isPath(config.Target) {
		c.problem("--check is a path such as /healthz, not %q", config.Target)
	}
	return config
}

func (c *checker) atLeastOne(name string) int {
	n := c.Int(name)
	if n < 1 {
		c.problem("--%s is a number from 1 up, not %d", name, n)
	}
	return n
}

// isPath reports whether s can be asked for: a target in origin-form that leaves
// the rest of its request as it is.
func isPath(s string) bool {
	var h wire.RequestHead
	request := wire.AppendRequestLine(nil, "GET", s)
	request = wire.AppendHeadEnd(wire.AppendField(request, "Host", "a"))
	n, err := wire.ParseRequestHead(request, 0, &h)
	return err == nil && n == len(request) && h.Form == wire.OriginForm && string(h.Target) == s
}
