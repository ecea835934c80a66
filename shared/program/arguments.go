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
	flags, arguments, left := split(known, line[named:])
	if len(left) > 0 {
		return slices.Concat(line[:named], flags, left)
	}
	if len(arguments) > 0 {
		flags = append(flags, "--") // an argument may begin with a dash
	}
	return slices.Concat(line[:named], flags, arguments)
}

// Arguments are those of the words that are neither one of the flags nor its value.
func Arguments(flags []cli.Flag, words []string) []string {
	_, arguments, _ := split(flags, words)
	return arguments
}

// split sorts words into flags with their values, and arguments. Where the value of the
// last flag is missing, the flag is left: let that be found.
func split(known []cli.Flag, words []string) (flags, arguments, left []string) {
	for rest := words; len(rest) > 0; {
		n := 1
		switch word := rest[0]; {
		case word == "--":
			return flags, append(arguments, rest[1:]...), nil
		case word == "-" || !strings.HasPrefix(word, "-"):
			arguments = append(arguments, word)
		default:
			if wantsValue(known, word) {
				n = 2
			}
			if n > len(rest) {
				return flags, arguments, rest
			}
			flags = append(flags, rest[:n]...)
		}
		rest = rest[n:]
	}
	return flags, arguments, nil
}

// lineKey is by which a context has the command line.
type lineKey struct{}

func withLine(ctx context.Context, line []string) context.Context {
	return context.WithValue(ctx, lineKey{}, line)
}

// typed is the flag as the command line names it, with its dashes; empty: it does not.
func typed(ctx context.Context, names ...string) string {
	line, _ := ctx.Value(lineKey{}).([]string)
	for _, word := range line {
		word, _, _ = strings.Cut(word, "=")
		if name := strings.TrimLeft(word, "-"); name != word && slices.Contains(names, name) {
			return word
		}
	}
	return ""
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
