// Package wiretest gives tests inputs for an HTTP/1.1 parser, each with the one
// result that a strict parser gives for it, and cuts octets into pieces, as
// networks do. Only tests import it.
//
// The cases are text, in files by theme in testdata:
//
//	case req-name-sp-colon
//	section RFC 9112 5.1 MUST
//	note MUST be refused with 400
//	    GET / HTTP/1.1\r\n
//	    Host: example.com\r\n
//	    A : b\r\n
//	    \r\n
//	refused field-name-space 400
//
// [Vectors] returns them. How to write one is said in testdata/README.md.
package wiretest

import (
	"embed"
	"slices"
)

//go:embed testdata/*.txt
var files embed.FS

// A Vector is one input for a parser with the result that it must give.
type Vector struct {
	Name    string // unique; begins with req-, res- or ch-
	Kind    string // "request", "response" or "chunked" (a chunked body without a head), as the name says
	Section string // where the rule comes from
	Level   string // MUST, SHOULD, MAY, or POLICY: stricter than the RFC by choice
	Note    string
	Input   []byte

	RequestMethod string // of a response: what it answers
	EOF           bool   // the connection ends after the input
	Limits        Limits // zero: the defaults

	Expect Expect
}

// Limits are those of package wire, which is not imported here so that its own
// tests may import this package.
type Limits struct {
	Head, Target, Fields, ChunkLine, Trailer int
}

// Expect is the result that a vector wants: one of OK, Incomplete and Rule. Its
// text is octets, as in the message.
type Expect struct {
	OK         bool   // a complete message
	Either     bool   // with OK: refusing it is right too
	Incomplete bool   // the beginning of a message
	Rule       string // the rule that a refusal names
	Status     int    // of a response; or to answer a refused request with

	Method  string
	Target  string
	Version string
	Reason  string

	Fields   [][2]string
	Trailers [][2]string
	Framing  string // "none", "length", "chunked" or "until-close"
	Length   int64
	Content  string
	Leftover string // what follows the message in the input
	Persists bool
}

// Vectors returns the vectors of all files whose kind is one of those given; of
// any kind if none is. It panics if a file is damaged.
func Vectors(kinds ...string) []Vector {
	entries, err := files.ReadDir("testdata")
	if err != nil {
		panic(err)
	}
	var all []Vector
	for _, entry := range entries {
		text, err := files.ReadFile("testdata/" + entry.Name())
		if err != nil {
			panic(err)
		}
		vectors, err := parse(entry.Name(), string(text))
		if err != nil {
			panic(err)
		}
		all = append(all, vectors...)
	}
	return slices.DeleteFunc(all, func(v Vector) bool {
		return len(kinds) > 0 && !slices.Contains(kinds, v.Kind)
	})
}

// Cuts calls f for each way to cut p into two pieces, either of which may be
// empty.
func Cuts(p []byte, f func(head, tail []byte)) {
	for i := range len(p) + 1 {
		f(p[:i:i], p[i:])
	}
}
