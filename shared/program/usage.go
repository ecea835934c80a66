package program

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// A UsageError says that the command line was wrong: exit status 2.
type UsageError struct {
	cause   error
	command string // whose help to read, such as "loadgen replay"; empty: not known yet
}

// Usagef returns a UsageError with the given text, which is one sentence
// without a full stop that says what to write instead.
func Usagef(format string, args ...any) *UsageError {
	return &UsageError{cause: fmt.Errorf(format, args...)}
}

func (e *UsageError) Error() string { return e.cause.Error() }

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

// EnvName is the environment variable that stands for a program's flag: of
// "edge" and "idle-timeout", EDGE_IDLE_TIMEOUT.
func EnvName(program, flag string) string {
	return strings.ToUpper(strings.ReplaceAll(program+"_"+flag, "-", "_"))
}

// withEnv gives an environment variable to each flag that names none.
func withEnv(program string, flags []cli.Flag) {
	for _, f := range flags {
		vars := field(f, "EnvVars")
		if vars.IsValid() && vars.Len() == 0 {
			vars.Set(reflect.ValueOf([]string{EnvName(program, f.Names()[0])}))
		}
	}
}

// takeRequired takes the check for required flags over from package cli, which
// prints the help when one is missing, and returns their names. Their help says
// so instead.
func takeRequired(flags []cli.Flag) (names []string) {
	for _, f := range flags {
		if required := field(f, "Required"); required.IsValid() && required.Bool() {
			required.SetBool(false)
			usage := field(f, "Usage")
			usage.SetString(usage.String() + "; required")
			names = append(names, f.Names()[0])
		}
	}
	return names
}

// field finds a field that each type of flag has, and no interface can set.
func field(f cli.Flag, name string) reflect.Value {
	return reflect.ValueOf(f).Elem().FieldByName(name)
}

func checkRequired(c *cli.Context, names []string) error {
	for _, name := range names {
		if !c.IsSet(name) {
			return Usagef("--%s is required", name)
		}
	}
	return nil
}

// usageOfFlag is told by package cli what was wrong with a flag.
func usageOfFlag(c *cli.Context, err error, _ bool) error {
	return Usagef("%s", rephrase(err.Error())).in(c)
}

// phrases turns the messages of packages flag and cli into those of a program
// whose flags have two dashes.
var phrases = []struct {
	theirs *regexp.Regexp
	ours   string
}{
	{regexp.MustCompile(`^flag provided but not defined: -(.*)$`), `unknown flag --$1`},
	{regexp.MustCompile(`^flag needs an argument: -(.*)$`), `--$1 needs a value`},
	{regexp.MustCompile(`^bad flag syntax: (.*)$`), `$1 is not a flag`},
	{regexp.MustCompile(`^(?:invalid value|invalid boolean value) (".*") for (?:flag )?-([^:]*):.*$`), `--$2 does not take the value $1`},
	{regexp.MustCompile(`^could not parse (".*") as .* from environment variable "(.*)" for flag .*$`), `$2 does not take the value $1`},
}

func rephrase(message string) string {
	for _, p := range phrases {
		if p.theirs.MatchString(message) {
			return p.theirs.ReplaceAllString(message, p.ours)
		}
	}
	return message
}
