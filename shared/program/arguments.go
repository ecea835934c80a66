package program

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves the flags of a command line before its arguments, where
// package cli wants them, since "loadgen replay FILE --target ADDRESS" is what
// people write. Everything behind "--" is an argument and stays one.
func flagsFirst(app *cli.App, line []string) []string {
	known, named := app.Flags, 1 // words of the line that name the program and its command
	if len(line) > 1 {
		if command := app.Command(line[1]); command != nil {
			known, named = command.Flags, 2
		} else if len(app.Commands) > 0 {
			return line // flags of the program, or a command that does not exist
		}
	}
	var flags, arguments []string
	for rest := line[named:]; len(rest) > 0; {
		n := 1
		switch word := rest[0]; {
		case word == "--":
			arguments = append(arguments, rest[1:]...)
			n = len(rest)
		case word == "-" || !strings.HasPrefix(word, "-"):
			arguments = append(arguments, word)
		default:
			if wantsValue(known, word) {
				n = 2
			}
			if n > len(rest) { // its value is missing: let that be found
				return slices.Concat(line[:named], flags, rest)
			}
			flags = append(flags, rest[:n]...)
		}
		rest = rest[n:]
	}
	if len(arguments) > 0 {
		flags = append(flags, "--") // an argument may begin with a dash
	}
	return slices.Concat(line[:named], flags, arguments)
}

// lineKey is by which a context has the command line.
type lineKey struct{}

func withLine(ctx context.Context, line []string) context.Context {
	return context.WithValue(ctx, lineKey{}, line)
}

// onLine reports whether the command line names the flag.
func onLine(ctx context.Context, f cli.Flag) bool {
	line, _ := ctx.Value(lineKey{}).([]string)
	return slices.ContainsFunc(line, func(word string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		return strings.HasPrefix(word, "-") && slices.Contains(f.Names(), name)
	})
}

// wantsValue says that the word behind the flag belongs to it.
func wantsValue(flags []cli.Flag, word string) bool {
	name, _, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
	f := flagNamed(flags, name)
	return f != nil && !hasValue && f.TakesValue()
}

// checkArguments refuses arguments that a command does not take.
func checkArguments(c *cli.Context, argsUsage string) error {
	if argsUsage == "" && c.Args().Present() {
		return Usagef("unexpected argument %q", c.Args().First())
	}
	return nil
}
