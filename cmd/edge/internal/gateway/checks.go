package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/checks"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
)

// startChecks has the origins checked, if that is wanted, on the first loop, as
// they come and go.
func (s *Server) startChecks() {
	c := s.config.Check
	if c.Target == "" {
		return
	}
	c.Host = hostOf(c.Host)
	c.Health = s.SetHealth
	c.Seed = s.config.Seed
	s.checker = checks.New(s.group.Loop(0), c)
	s.Watch(checked{s.checker})
}

// hostOf completes a function that knows some origins by name.
func hostOf(known func(*loop.Address) string) func(*loop.Address) string {
	return func(at *loop.Address) string {
		if known != nil {
			if host := known(at); host != "" {
				return host
			}
		}
		return authority(at)
	}
}

// checked tells a Checker which origins there are.
type checked struct{ *checks.Checker }

func (c checked) Joined(o *origins.Origin) { c.Begin(o.Address()) }
func (c checked) Left(o *origins.Origin)   { c.End(o.Address()) }
