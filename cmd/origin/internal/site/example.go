package site

import (
	"bytes"
	"embed"
	"hash/fnv"
	"io/fs"
	"os"
	"time"
)

//go:embed example
var embedded embed.FS

// exampleModified is when the example was last changed. Embedded files carry no
// times, and the time of the build or of the start would make two origins
// answer differently.
var exampleModified = time.Date(2026, time.November, 26, 22, 40, 0, 0, time.UTC)

// Address stands in the example's page for the address that it was reached by.
const Address = "127.0.0.1:8080"

// moreHere is where the page has room for a part that not every origin has.
const moreHere = "<!-- more -->"

// Example is the site inside of the program: a page with a style sheet, two
// images and a form that posts to /post. more is a part of the page, as HTML; it may
// have Address in it, and be empty.
func Example(more string) *Site {
	t := make(memory)
	files, err := fs.Sub(embedded, "example")
	if err == nil {
		err = t.load(files, more)
	}
	if err != nil {
		panic("site: the example cannot be read: " + err.Error()) // It is part of the program.
	}
	return &Site{tree: t}
}

// memory is a tree that never changes, by name.
type memory map[string]document

type document struct {
	content []byte // nil for a directory
	state   state
}

func (t memory) load(files fs.FS, more string) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		doc := document{state: state{mode: d.Type(), modified: exampleModified.UnixNano()}}
		if !d.IsDir() {
			if doc.content, err = fs.ReadFile(files, name); err != nil {
				return err
			}
			doc.content = bytes.Replace(doc.content, []byte(moreHere), []byte(more), 1)
			doc.state.addressed = bytes.Contains(doc.content, []byte(Address))
			doc.state.size, doc.state.sum = int64(len(doc.content)), sumOf(doc.content)
		}
		t[name] = doc
		return nil
	})
}

func sumOf(content []byte) uint64 {
	sum := fnv.New64a()
	sum.Write(content)
	return sum.Sum64()
}

func (t memory) open(name string) (*os.File, []byte, state, error) {
	doc, ok := t[name]
	if !ok {
		return nil, nil, state{}, fs.ErrNotExist
	}
	return nil, doc.content, doc.state, nil
}

func (t memory) stat(name string) (state, error) {
	_, _, s, err := t.open(name)
	return s, err
}

func (t memory) close() error { return nil }
