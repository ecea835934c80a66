package program

import (
	"cmp"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// A UsageError says that the command line was wrong: exit status 2.
type UsageError struct {
	cause   error
	command string // whose help to read, such as "loadgen replay"; empty: not known yet
	flag    string // by what name the value came: as typed, or a variable of the environment; empty: its own
}

// Usagef returns a UsageError with the given text, which is one sentence
// without a full stop that says what to write instead. The flag that it begins
// with, if it does, is named as it was typed, or by its environment variable where that
// is where the value came from: nobody finds a flag to mend that he did not write.
func Usagef(format string, args ...any) *UsageError {
	return &UsageError{cause: fmt.Errorf(format, args...)}
}

func (e *UsageError) Error() string {
	text := e.cause.Error()
	if e.flag != "" {
		text = leadingFlag.ReplaceAllLiteralString(text, e.flag)
	}
	return text
}

var leadingFlag = regexp.MustCompile(`^--[a-z0-9-]+`)

// Unwrap returns what the message was made from.
func (e *UsageError) Unwrap() error { return e.cause }

// in notes the command that was used wrongly.
func (e *UsageError) in(c *cli.Context) *UsageError {
	if e.command == "" {
		e.command = c.Command.HelpName
	}
	if e.command == "" {
		e.command = c.App.Name
	}
	return e
}

// blame notes by what name the flag came that the sentence begins with. The command
// line wins over the environment.
func (e *UsageError) blame(c *cli.Context) {
	name := strings.TrimPrefix(leadingFlag.FindString(e.cause.Error()), "--")
	f := flagNamed(c.Command.Flags, name)
	if f == nil {
		return
	}
	if e.flag = typed(c.Context, f.Names()...); e.flag != "" {
		return
	}
	for _, variable := range f.GetEnvVars() {
		if os.Getenv(variable) != "" {
			e.flag = variable
			return
		}
	}
}

// flagNamed is the flag of that name; nil if there is none.
func flagNamed(flags []cli.Flag, name string) cli.DocGenerationFlag {
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil
	}
	f, _ := flags[i].(cli.DocGenerationFlag)
	return f
}

// envName is the environment variable that stands for a program's flag: of
// "edge" and "idle-timeout", EDGE_IDLE_TIMEOUT.
func envName(program, flag string) string {
	return strings.ToUpper(strings.ReplaceAll(program+"_"+flag, "-", "_"))
}

// withEnv gives an environment variable to each flag that names none.
func withEnv(program string, flags []cli.Flag) {
	for _, f := range flags {
		vars := field(f, "EnvVars")
		if vars.IsValid() && vars.Len() == 0 {
			vars.Set(reflect.ValueOf([]string{envName(program, f.Names()[0])}))
		}
	}
}

// field finds a field that each type of flag has, and no interface can set.
func field(f cli.Flag, name string) reflect.Value {
	return reflect.ValueOf(f).Elem().FieldByName(name)
}

// usageOfFlag is told by package cli what was wrong with a flag.
func usageOfFlag(c *cli.Context, err error, _ bool) error {
	return Usagef("%s", rephrase(c, err.Error())).in(c)
}

// phrases turns the messages of packages flag and cli into ours, in which flags stand
// as they were typed.
var phrases = []struct {
	theirs *regexp.Regexp
	ours   string
}{
	{regexp.MustCompile(`^flag needs an argument: -(.*)$`), `%s needs a value`},
	{regexp.MustCompile(`^bad flag syntax: -*(.*)$`), `%s is not a flag`},
}

// What they say of a flag that there is none of.
var undefined = regexp.MustCompile(`^flag provided but not defined: -(.*)$`)

// What they say of a value: the value, the flag, and in the second case the
// variable before it.
var (
	badValue    = regexp.MustCompile(`^(?:invalid value|invalid boolean value) (".*") for (?:flag )?-([^:]*):`)
	badVariable = regexp.MustCompile(`^could not parse (".*") as .* from environment variable "(.*)" for flag ([^:]*):`)
)

func rephrase(c *cli.Context, message string) string {
	large := strings.HasSuffix(message, "value out of range")
	if m := badValue.FindStringSubmatch(message); m != nil {
		return named(c, m[2]) + " is " + wanted(c, m[2], large) + ", not " + m[1]
	}
	if m := badVariable.FindStringSubmatch(message); m != nil {
		return m[2] + " is " + wanted(c, m[3], large) + ", not " + m[1]
	}
	if m := undefined.FindStringSubmatch(message); m != nil {
		return unknown(c, m[1])
	}
	for _, p := range phrases {
		if m := p.theirs.FindStringSubmatch(message); m != nil {
			return fmt.Sprintf(p.ours, named(c, m[1]))
		}
	}
	return message
}

// unknown is what is wrong with a flag that there is none of, or not before a command.
func unknown(c *cli.Context, name string) string {
	flag := named(c, name)
	for _, command := range c.Command.Subcommands {
		if flagNamed(command.Flags, name) != nil {
			return fmt.Sprintf("%s stands behind a command: write '%s %s %s'", flag, c.App.Name, command.Name, flag)
		}
	}
	return "unknown flag " + flag
}

// named is a flag with its dashes, as they were typed.
func named(c *cli.Context, name string) string { return cmp.Or(typed(c.Context, name), dashes(name)) }

// wanted is what to write for a flag in place of what cannot be read.
func wanted(c *cli.Context, name string, large bool) string {
	switch flagNamed(c.Command.Flags, name).(type) {
	case *cli.DurationFlag:
		return "a time such as 5s"
	case *cli.BoolFlag:
		return "true or false"
	case *cli.Float64Flag:
		return "a number"
	case *cli.IntFlag, *cli.Int64Flag, *cli.Uint64Flag:
		if large {
			return "a whole number of at most 18 digits"
		}
		return "a whole number"
	}
	return "something else"
}
