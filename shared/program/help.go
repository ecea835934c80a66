package program

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// columns is the width of the help: that of a terminal nobody has widened.
const columns = 80

// A page is what the help of a program or of one of its commands is made of.
type page struct {
	name, usage, args, description string

	commands []*cli.Command
	flags    []cli.Flag
}

// writeHelp writes the page of a *cli.App or a *cli.Command.
func writeHelp(w io.Writer, of any) {
	p := page{}
	switch of := of.(type) {
	case *cli.App:
		p = page{of.HelpName, of.Usage, of.ArgsUsage, of.Description, of.Commands, of.Flags}
	case *cli.Command:
		p = page{of.HelpName, of.Usage, of.ArgsUsage, of.Description, nil, of.Flags}
	}
	synopsis := strings.TrimSpace(p.name + " [flags] " + p.args)
	if len(p.commands) > 0 {
		synopsis = p.name + " COMMAND [flags]"
	}
	description, examples := splitExamples(p.description)
	fmt.Fprintln(w, wrap(p.name+" - "+p.usage, 0))
	section(w, "USAGE", synopsis)
	if description != "" {
		fmt.Fprintf(w, "\n%s\n", wrap(description, 0))
	}
	writeCommands(w, p.commands)
	writeFlags(w, p.flags)
	section(w, "EXAMPLES", examples)
}

// splitExamples cuts a description at the line EXAMPLES.
func splitExamples(description string) (before, examples string) {
	text := "\n" + strings.TrimSpace(description)
	before, after, found := strings.Cut(text, "\nEXAMPLES")
	if found {
		_, examples, _ = strings.Cut(after, "\n")
	}
	return strings.TrimSpace(before), strings.Trim(examples, "\n")
}

// section writes text, whose lines are kept, under a heading.
func section(w io.Writer, heading, text string) {
	if text == "" {
		return
	}
	fmt.Fprintf(w, "\n%s\n", heading)
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" && !indented(line) {
			line = "  " + line
		}
		fmt.Fprintln(w, line)
	}
}

func writeCommands(w io.Writer, commands []*cli.Command) {
	if len(commands) == 0 {
		return
	}
	width := 0
	for _, c := range commands {
		width = max(width, len(c.Name))
	}
	fmt.Fprint(w, "\nCOMMANDS\n")
	for _, c := range commands {
		usage := strings.TrimSpace(wrap(c.Usage, width+4))
		fmt.Fprintf(w, "  %-*s  %s\n", width, c.Name, usage)
	}
}

// writeFlags writes the flags by category, categories and flags in the order in
// which they were declared.
func writeFlags(w io.Writer, flags []cli.Flag) {
	var order []string
	byCategory := map[string][]cli.DocGenerationFlag{}
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if visible, isVisible := f.(cli.VisibleFlag); !ok || isVisible && !visible.IsVisible() {
			continue
		}
		category := categoryOf(f)
		if byCategory[category] == nil {
			order = append(order, category)
		}
		byCategory[category] = append(byCategory[category], doc)
	}
	for _, category := range order {
		fmt.Fprintf(w, "\n%s\n", category)
		for _, f := range byCategory[category] {
			writeFlag(w, f)
		}
	}
}

func categoryOf(f cli.Flag) string {
	if c, ok := f.(cli.CategorizableFlag); ok && c.GetCategory() != "" {
		return strings.ToUpper(c.GetCategory())
	}
	return "FLAGS"
}

// writeFlag writes
//
//	--listen ADDRESS
//	    accept connections on ADDRESS
//	    (default 127.0.0.1:8080; EDGE_LISTEN)
func writeFlag(w io.Writer, f cli.DocGenerationFlag) {
	value, usage := flag.UnquoteUsage(&flag.Flag{Usage: f.GetUsage()})
	names := []string{"--" + f.Names()[0]} // though it may be one letter
	for _, alias := range f.Names()[1:] {
		names = append(names, dashes(alias))
	}
	line := strings.Join(names, ", ")
	if f.TakesValue() {
		line += " " + value
	}
	fmt.Fprintf(w, "  %s\n", line)
	fmt.Fprintln(w, wrap(usage, 6))
	if notes := notesOn(f); notes != "" {
		fmt.Fprintln(w, wrap("("+notes+")", 6))
	}
}

func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// notesOn names what else decides the value of f: its default, where one is
// worth telling, and its environment variable.
func notesOn(f cli.DocGenerationFlag) string {
	var notes []string
	if text := strings.Trim(f.GetDefaultText(), `"`); text != "" && text != "false" {
		notes = append(notes, "default "+text)
	}
	notes = append(notes, f.GetEnvVars()...)
	return strings.Join(notes, "; ")
}

// wrap breaks paragraphs into lines that fit the page behind the given indent.
// Lines that are indented themselves are kept: they are examples.
func wrap(text string, indent int) string {
	var lines []string
	fresh := true // the next word starts a line
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if line == "" || indented(line) {
			lines = append(lines, line)
			fresh = true
			continue
		}
		for word := range strings.FieldsSeq(line) {
			last := len(lines) - 1
			if fresh || len(lines[last])+1+len(word) > columns {
				lines = append(lines, strings.Repeat(" ", indent)+word)
			} else {
				lines[last] += " " + word
			}
			fresh = false
		}
	}
	return strings.Join(lines, "\n")
}

func indented(line string) bool { return line != "" && (line[0] == ' ' || line[0] == '\t') }
