package main

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/hopwire/hopwire/cmd/origin/internal/fault"
	"github.com/hopwire/hopwire/shared/program"
)

// ready are the scripts that are part of the program. The first line of each says
// what a server does that has it.
//
//go:embed faults/*.yaml
var ready embed.FS

const readyFolder = "faults"

// openFaults reads the script that --fault names: a file if that has a slash or ends
// in .yaml, and otherwise a ready one, whatever files there are.
func openFaults(name string) (*fault.Script, error) {
	var text []byte
	var err error
	if strings.Contains(name, "/") || strings.HasSuffix(name, ".yaml") {
		if text, err = os.ReadFile(name); err != nil {
			return nil, fmt.Errorf("the script of faults cannot be read: %w", err)
		}
	} else if text, err = readyText(name); err != nil {
		return nil, program.Usagef("--fault is a file, whose name has a slash or ends in .yaml, or one of list, %s; not %q", strings.Join(readyNames(), ", "), name)
	}
	script, err := fault.Parse(name, text)
	if err != nil {
		return nil, program.Usagef("--fault: %v", err)
	}
	return script, nil
}

func readyText(name string) ([]byte, error) {
	return ready.ReadFile(path.Join(readyFolder, name+".yaml"))
}

func readyNames() (names []string) {
	files, _ := fs.Glob(ready, readyFolder+"/*.yaml") // the pattern is a good one
	for _, file := range files {
		names = append(names, strings.TrimSuffix(path.Base(file), ".yaml"))
	}
	return names
}

// listFaults prints the ready scripts, so that each can be cut out and changed.
func listFaults(w io.Writer) error {
	names := readyNames()
	width := len(slices.MaxFunc(names, func(a, b string) int { return len(a) - len(b) }))
	for _, name := range names {
		text, err := readyText(name)
		if err != nil {
			return err
		}
		what, rest, _ := strings.Cut(string(text), "\n")
		fmt.Fprintf(w, "%-*s  %s\n\n", width, name, strings.TrimPrefix(what, "# "))
		for line := range strings.Lines(strings.TrimPrefix(rest, "#\n")) {
			fmt.Fprint(w, "    ", line)
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}
