package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events/view"
)

func showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show what a recording has, exchange by exchange",
		ArgsUsage: "FILE",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "exchange", Usage: "show `EXCHANGE`, such as c3#2, on both hops"},
		},
		Action: show,
	}
}

func show(c *cli.Context) error {
	f, err := os.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer f.Close()
	var all view.Collector
	style := view.Style{}
	for e, err := range new(capture.Reading).Events(f) {
		if err != nil {
			return err
		}
		if x := all.Add(e); x != nil {
			var b []byte
			if want := c.String("exchange"); want == "" {
				b = style.AppendLine(nil, x)
			} else if want == x.ID.Client.String() {
				b = style.AppendPicture(nil, x)
			}
			if _, err := c.App.Writer.Write(b); err != nil {
				return err
			}
		}
	}
	return nil
}
