package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

const requestDescription = `
A URL stands for one GET with a Host field and nothing else, unless flags say what
else to ask; each URL that is given is asked for the same, in turns. They are
curl's: -X is the method. -H 'Name: value' adds a field, -H 'Name;' one without a
value, and -H 'Name:' takes away one that would be sent otherwise; Host takes the
place of the URL's. --data makes it a POST, with Content-Length and, as curl does,
with Content-Type: application/x-www-form-urlencoded, which -H takes the place of
or away. What is no valid HTTP/1.1 is refused, and so is Transfer-Encoding.`

// requestFlags say what is asked of URLs.
func requestFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "method", Aliases: []string{"X"}, Usage: "ask URLs with `METHOD`", DefaultText: "GET, with --data POST"},
		&cli.StringSliceFlag{Name: "header", Aliases: []string{"H"}, Usage: "send URLs `FIELD`, such as 'Accept: text/html'; may be given several times"},
		&cli.StringSliceFlag{Name: "data", KeepSpace: true, Usage: "send URLs `CONTENT`, or with @FILE that of a file, byte for byte, with @- " +
			"standard input; given several times, joined by &"},
	}
}

// asked is what the flags ask of URLs; of recordings they can ask nothing.
func asked(c *cli.Context, args []string) (ask plan.Ask, err error) {
	for _, name := range []string{"method", "header", "data"} {
		if !c.IsSet(name) {
			continue
		}
		for _, arg := range args {
			if !plan.IsURL(arg) {
				return ask, program.Usagef("--%s is for URLs, but the requests of %s go out as they were recorded", name, nameOf(arg))
			}
		}
	}
	ask.Method, ask.Fields = c.String("method"), c.StringSlice("header")
	if c.IsSet("method") && ask.Method == "" {
		return ask, program.Usagef("--method is empty")
	}
	if !c.IsSet("data") {
		return ask, nil
	}
	var parts [][]byte
	for _, s := range c.StringSlice("data") {
		part, err := dataOf(c, s)
		if err != nil {
			return ask, err
		}
		parts = append(parts, part)
	}
	ask.Data = append([]byte{}, bytes.Join(parts, []byte("&"))...)
	return ask, nil
}

// dataOf is the content that a --data stands for.
func dataOf(c *cli.Context, s string) (content []byte, err error) {
	name, isFile := strings.CutPrefix(s, "@")
	switch {
	case !isFile:
		return []byte(s), nil
	case name == standardInput:
		content, err = io.ReadAll(c.App.Reader)
	default:
		content, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	return content, nil
}
