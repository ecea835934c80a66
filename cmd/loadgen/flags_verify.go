package main

import (
	"slices"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/hopwire/hopwire/shared/wire"
	"github.com/urfave/cli/v2"
)

const verifyDescription = `
With --verify, status and content are compared with the recorded response, however
it is chunked. With --verify-head, so are its field lines, byte for byte and in
their order, and how it is framed: by none, length, chunked or until-close. The
reason phrase and trailer fields are not; nor are the fields that tell of the
moment or of the connection: Age, Connection, Date, Expires, Keep-Alive,
Server-Timing, Via and those that --volatile names. Of the first differences the
report shows the bytes around them: behind - those that were recorded, behind +
those that arrived.`

// volatile are the fields that --verify-head does not look at. The help lists them.
var volatile = []string{"Age", "Connection", "Date", "Expires", "Keep-Alive", "Server-Timing", "Via"}

// verifyFlags say what responses are compared by.
func verifyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "verify", Usage: "compare status and content with the recorded response"},
		&cli.BoolFlag{Name: "verify-head", Usage: "compare the fields and the framing as well"},
		&cli.StringSliceFlag{Name: "volatile", Usage: "do not compare the fields `NAME,...` either; may be given several times"},
	}
}

// verify sets what responses are compared by.
func verify(c *cli.Context, config *replay.Config) error {
	config.VerifyHead = c.Bool("verify-head")
	config.Verify = c.Bool("verify") || config.VerifyHead
	named := list(c, "volatile")
	if len(named) > 0 && !config.VerifyHead {
		return program.Usagef("--volatile is about fields, which only --verify-head compares")
	}
	for _, name := range named {
		if !wire.IsToken(name) {
			return program.Usagef("--volatile: %q is no field name", name)
		}
	}
	config.Volatile = slices.Concat(volatile, named)
	return nil
}
