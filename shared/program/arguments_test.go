package program

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestFlagsFirst(t *testing.T) {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "target"},
		&cli.IntFlag{Name: "connections", Aliases: []string{"c"}},
		&cli.BoolFlag{Name: "verify"},
	}
	app := &cli.App{Name: "loadgen", Commands: []*cli.Command{{Name: "replay", Flags: flags}}}
	for _, test := range []struct{ line, want string }{
		{"loadgen", "loadgen"},
		{"loadgen --help", "loadgen --help"},
		{"loadgen unknown a --b", "loadgen unknown a --b"},
		{"loadgen replay", "loadgen replay"},
		{"loadgen replay f --target :1", "loadgen replay --target :1 -- f"},
		{"loadgen replay f -c 3 g --verify h", "loadgen replay -c 3 --verify -- f g h"},
		{"loadgen replay --target=:1 f -c=2", "loadgen replay --target=:1 -c=2 -- f"},
		{"loadgen replay --verify f -- -g --verify", "loadgen replay --verify -- f -g --verify"},
		{"loadgen replay f --unknown g", "loadgen replay --unknown -- f g"},
		{"loadgen replay f --target", "loadgen replay --target"},
	} {
		line := strings.Fields(test.line)
		if got := strings.Join(flagsFirst(app, line), " "); got != test.want {
			t.Errorf("%s: got %s, want %s", test.line, got, test.want)
		}
		if !slices.Equal(line, strings.Fields(test.line)) {
			t.Errorf("%s: the arguments were changed", test.line)
		}
	}
}

func TestArguments(t *testing.T) {
	flags := []cli.Flag{&cli.StringFlag{Name: "target", Aliases: []string{"t"}}, &cli.BoolFlag{Name: "verify"}}
	for line, want := range map[string]string{
		"":                        "",
		"a":                       "a",
		"-t x a":                  "a",
		"--target=x --verify a b": "a b",
		"a -t":                    "a",
		"--unknown a -- -b":       "a -b",
		"-":                       "-",
	} {
		if got := strings.Join(Arguments(flags, strings.Fields(line)), " "); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
