package fault

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/hopwire/hopwire/shared/wire"
)

// Parse reads a script. An error is one sentence that begins with file, line and
// column.
func Parse(file string, text []byte) (*Script, error) {
	r := &reader{file: file, script: None()}
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		var at interface {
			GetToken() *token.Token
			GetMessage() string
		}
		if errors.As(err, &at) && at.GetToken() != nil {
			return nil, r.wrong(at.GetToken(), errors.New(at.GetMessage()))
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i, doc := range f.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case i > 0:
			return nil, r.wrong(begin(doc.Body), errors.New("a script is one document"))
		default:
			if err := r.document(doc.Body); err != nil {
				return nil, err
			}
		}
	}
	if len(r.script.faults)+len(r.script.connections) == 0 {
		return nil, fmt.Errorf("%s:1:1: here nothing goes wrong; write a list of faults or of connections", file)
	}
	return r.script, nil
}

// A reader reads one file.
type reader struct {
	file   string
	script *Script
}

// begin is the token that a node begins with; that of a mapping is its first colon.
func begin(n ast.Node) *token.Token {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken()
	}
	return n.GetToken()
}

// wrong says where something is wrong.
func (r *reader) wrong(at *token.Token, err error) error {
	return fmt.Errorf("%s:%d:%d: %w", r.file, at.Position.Line, at.Position.Column, err)
}

func (r *reader) document(body ast.Node) error {
	return r.pairs(body, func(name string, at *token.Token, value ast.Node) error {
		switch name {
		case "faults":
			return r.each(value, r.fault)
		case "connections":
			return r.each(value, r.connection)
		case "seed":
			words, err := r.words(value)
			n, ok := parseCount(strings.Join(words, " "), 0)
			if r.script.seed = uint64(n); err == nil && !ok {
				err = r.wrong(begin(value), errors.New("a seed is a whole number"))
			}
			return err
		}
		return r.wrong(at, unknown(name, []string{"faults", "connections", "seed"}))
	})
}

func (r *reader) fault(n ast.Node) error {
	f := &Fault{counter: counter{strikes: new(atomic.Uint64)}}
	r.script.faults = append(r.script.faults, f)
	if err := readEntry(r, n, f, responseKeys, &f.counter, &f.when, selectorKeys); err != nil {
		return err
	}
	f.settle()
	return nil
}

func (r *reader) connection(n ast.Node) error {
	c := &Connection{counter: counter{strikes: new(atomic.Uint64)}}
	r.script.connections = append(r.script.connections, c)
	// Path and method are those of a request.
	if err := readEntry(r, n, c, connectionKeys, &c.counter, &c.when, selectorKeys[2:]); err != nil {
		return err
	}
	c.last.counter = c.counter
	if c.idles > 1 || len(c.last.acts) > 1 {
		return r.wrong(begin(n), errors.New("one entry has one thing that happens after an idle time, and one after a number of requests; write another entry, and a share for each"))
	}
	return nil
}

// readEntry reads an entry of a list: its name, what it happens to, and what happens.
func readEntry[T any](r *reader, n ast.Node, of *T, keys []key[T], c *counter, when *selector, selectors []key[selector]) error {
	var happenings []string
	when.below = true
	err := r.pairs(n, func(name string, at *token.Token, value ast.Node) (err error) {
		k, chooses := find(keys, name), find(selectors, name)
		switch {
		case name == "name":
			if c.name, err = r.name(value); err == nil && c.name == queryName {
				err = r.wrong(begin(value), errors.New("the name query is for what requests ask for"))
			}
			return err
		case chooses != nil:
			return readValue(r, value, when, chooses, nil)
		case k != nil:
			return readValue(r, value, of, k, &happenings)
		}
		return r.wrong(at, unknown(name, append(append([]string{"name"}, names(selectors)...), names(keys)...)))
	})
	switch {
	case err != nil:
		return err
	case len(happenings) == 0:
		return r.wrong(begin(n), errors.New("nothing happens here; write what does, such as "+keys[0].name+": "+keys[0].example))
	case when.ways() > 1:
		return r.wrong(begin(n), errors.New("share, every and first exclude each other; write one of them"))
	case c.name == "":
		c.name = nameOf(happenings)
	}
	return nil
}

// readValue reads a value, or each of a sequence of them.
func readValue[T any](r *reader, value ast.Node, of *T, k *key[T], happenings *[]string) error {
	if list, ok := value.(*ast.SequenceNode); ok && happenings != nil {
		for _, n := range list.Values {
			if err := readValue(r, n, of, k, happenings); err != nil {
				return err
			}
		}
		return nil
	}
	words, err := r.words(value)
	if err != nil {
		return err
	}
	if len(words) == 0 || !k.read(of, words) {
		return r.wrong(begin(value), k.misread(words))
	}
	if happenings != nil {
		*happenings = append(*happenings, k.name, strings.Join(words, " "))
	}
	return nil
}

func (r *reader) name(value ast.Node) (string, error) {
	words, err := r.words(value)
	name := strings.Join(words, " ")
	if err == nil && !wire.IsToken(name) {
		err = r.wrong(begin(value), fmt.Errorf("%q is no name; write letters, digits and dashes", name))
	}
	return name, err
}

// pairs calls read with each key and value of a mapping.
func (r *reader) pairs(n ast.Node, read func(name string, at *token.Token, value ast.Node) error) error {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return r.wrong(begin(n), errors.New("here keys are due, each with a colon and a value"))
	}
	for _, pair := range m.Values {
		at := pair.Key.GetToken()
		if err := read(at.Value, at, pair.Value); err != nil {
			return err
		}
	}
	return nil
}

// each calls read with each entry of a list.
func (r *reader) each(n ast.Node, read func(ast.Node) error) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return r.wrong(begin(n), errors.New("here a list is due, each entry with a dash"))
	}
	for _, entry := range list.Values {
		if err := read(entry); err != nil {
			return err
		}
	}
	return nil
}

// words are those of a scalar as it is written: 1e3 is not 1000.
func (r *reader) words(n ast.Node) ([]string, error) {
	if _, ok := n.(ast.ScalarNode); !ok || n.Type() == ast.LiteralType || n.Type() == ast.NullType {
		return nil, r.wrong(begin(n), errors.New("here a value is due that stands on one line"))
	}
	return strings.Fields(n.GetToken().Value), nil
}
