package wiretest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parse reads the cases of a file. The error names the file and the line.
func parse(file, text string) ([]Vector, error) {
	var p parser
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		err := p.line(line)
		if err == nil && i == len(lines)-1 {
			err = p.end()
		}
		if err != nil {
			return nil, fmt.Errorf("wiretest: %s:%d: %w", file, i+1, err)
		}
	}
	return p.vectors, nil
}

// A parser takes the lines of a file one after the other.
type parser struct {
	vectors []Vector // the last one is the case that the lines are about
}

func (p *parser) line(line string) error {
	trimmed := strings.TrimSpace(line)
	name, begins := strings.CutPrefix(line, "case ")
	switch {
	case trimmed == "" || line[0] == '#':
		return nil
	case !strings.HasSuffix(line, trimmed):
		return errors.New(`the line ends with whitespace; write \x20 or \t if it belongs to the message`)
	case begins:
		return p.begin(name)
	case len(p.vectors) == 0:
		return errors.New("this stands before the first case")
	}
	v := &p.vectors[len(p.vectors)-1]
	octets, err := unescape(trimmed)
	if err == nil && line == trimmed {
		return v.set(octets)
	}
	v.Input = append(v.Input, octets...)
	return err
}

func (p *parser) begin(name string) error {
	prefix, _, _ := strings.Cut(name, "-")
	kind := map[string]string{"req": "request", "res": "response", "ch": "chunked"}[prefix]
	if kind == "" {
		return fmt.Errorf("the name %s begins with none of req-, res- and ch-", name)
	}
	err := p.end()
	p.vectors = append(p.vectors, Vector{Name: name, Kind: kind})
	return err
}

// end wants the last case to be whole.
func (p *parser) end() error {
	if len(p.vectors) == 0 {
		return nil
	}
	v := &p.vectors[len(p.vectors)-1]
	e := &v.Expect
	if v.Kind == "response" && v.RequestMethod == "" {
		v.RequestMethod = "GET"
	}
	e.OK = e.OK || e.Either
	switch {
	case v.Section == "":
		return fmt.Errorf("%s ends without a section", v.Name)
	case e.OK && e.Framing == "":
		return fmt.Errorf("%s is accepted without a framing", v.Name)
	case e.OK == (e.Incomplete || e.Rule != "") || e.Incomplete && e.Rule != "":
		return fmt.Errorf("%s is to be one of accepted, incomplete and refused by a rule", v.Name)
	}
	return nil
}

// set takes down what a line says of the case, or of the message if that is
// accepted.
func (v *Vector) set(line string) (err error) {
	e, l := &v.Expect, &v.Limits
	word, rest, _ := strings.Cut(line, " ")
	if text := (map[string]*string{
		"note": &v.Note, "request-method": &v.RequestMethod,
		"method": &e.Method, "target": &e.Target, "version": &e.Version, "reason": &e.Reason,
		"content": &e.Content, "leftover": &e.Leftover,
	})[word]; text != nil {
		*text += rest
		return nil
	}
	if number := (map[string]*int{
		"status": &e.Status, "limit-head": &l.Head, "limit-target": &l.Target, "limit-fields": &l.Fields,
		"limit-chunk-line": &l.ChunkLine, "limit-trailer": &l.Trailer,
	})[word]; number != nil {
		*number, err = strconv.Atoi(rest)
		return err
	}
	if mark := (map[string]*bool{
		"accepted": &e.OK, "accepted or refused": &e.Either, "incomplete": &e.Incomplete,
		"eof": &v.EOF, "persists": &e.Persists,
	})[line]; mark != nil {
		*mark = true
		return nil
	}
	switch word {
	case "section":
		i := strings.LastIndexByte(rest, ' ')
		v.Section, v.Level = rest[:max(i, 0)], rest[i+1:]
		if !slices.Contains([]string{"MUST", "SHOULD", "MAY", "POLICY"}, v.Level) {
			return errors.New("a section ends with MUST, SHOULD, MAY or POLICY")
		}
	case "refused":
		e.Rule, rest, _ = strings.Cut(rest, " ")
		if rest != "" {
			e.Status, err = strconv.Atoi(rest)
		}
	case "framing":
		e.Framing, rest, _ = strings.Cut(rest, " ")
		if rest != "" {
			e.Length, err = strconv.ParseInt(rest, 10, 64)
		}
	case "field":
		e.Fields = append(e.Fields, field(rest))
	case "trailer":
		e.Trailers = append(e.Trailers, field(rest))
	default:
		return fmt.Errorf("%q is not understood; if it belongs to the message, indent it", line)
	}
	return err
}

func field(line string) [2]string {
	name, value, _ := strings.Cut(line, ":")
	return [2]string{name, strings.TrimPrefix(value, " ")}
}

// unescape returns the octets that stand for themselves, as \r, \n, \t, \\ or
// \xff, or as \{3 a}, which is aaa.
func unescape(text string) (octets string, err error) {
	for text != "" {
		if repeated, ok := strings.CutPrefix(text, `\{`); ok {
			repeated, text, _ = strings.Cut(repeated, "}")
			n, what, _ := strings.Cut(repeated, " ")
			times, err := strconv.ParseUint(n, 10, 16)
			if err != nil {
				return "", fmt.Errorf(`\{%s} is not of the form \{3 a}`, repeated)
			}
			octets += strings.Repeat(what, int(times))
			continue
		}
		c, isRune, rest, err := strconv.UnquoteChar(text, 0)
		if err != nil || isRune || text[0] < ' ' {
			return "", fmt.Errorf(`what follows from %.8q on is no byte; write \xff for one that cannot be seen, and \\ for a backslash`, text)
		}
		octets, text = octets+string([]byte{byte(c)}), rest
	}
	return octets, nil
}
