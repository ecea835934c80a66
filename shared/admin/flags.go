package admin

import (
	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/program"
)

// Flags are --admin and --admin-open.
func Flags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "admin", Category: category, DefaultText: "none",
			Usage: "serve /metrics for Prometheus, /counters as JSON, /healthz and /readyz at `ADDRESS`: host:port of this machine itself, or unix:/path"},
		&cli.BoolFlag{Name: "admin-open", Category: category, Usage: "let --admin be an address that other machines can reach"},
	}
}

// Address reads the flags; nil: no admin is wanted. The error is one of usage.
func Address(c *cli.Context) (*loop.Address, error) {
	text, open := c.String("admin"), c.Bool("admin-open")
	switch {
	case text == "" && open:
		return nil, program.Usagef("--admin-open means something only with --admin; add that, or leave it out")
	case text == "":
		return nil, nil
	}
	at, err := loop.ParseAddress(text)
	if err != nil {
		return nil, program.Usagef("--admin: %v", err)
	}
	if at.Path == "" && !at.TCP.Addr().Unmap().IsLoopback() && !open {
		return nil, program.Usagef("--admin %s can be reached from other machines, and tells everything to everybody; write 127.0.0.1:%d, or add --admin-open", text, at.TCP.Port())
	}
	return at, nil
}
