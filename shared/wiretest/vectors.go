// Package wiretest helps to test what reads and writes HTTP/1.1. Only tests
// import it.
//
// Its main thing is the vector: one input and the one result that a strict
// parser gives for it. The vectors lie in testdata, two files of one format:
//
//	vectors.json   the grammar and the framing, rule by rule
//	policy.json    what the RFCs leave to the implementation: limits, versions to come
//
//	{ "name": "req-cl", "kind": "request", "section": "...", "level": "MUST",
//	  "input": base64, "expect": { "ok": true, "method": "POST", ... } }
//
// [Vectors] returns them all; [Vector] documents each member. Beside them stand
// readers that cut a stream into pieces, as networks do: see [Chop].
package wiretest

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
)

//go:embed testdata/*.json
var files embed.FS

// A Vector is one input for a parser with the result that it must give.
type Vector struct {
	Name    string `json:"name"`    // unique; begins with req-, res- or ch-
	Kind    string `json:"kind"`    // "request", "response" or "chunked" (a chunked body without a head)
	Section string `json:"section"` // where the rule comes from
	Level   string `json:"level"`   // MUST, SHOULD, MAY, or POLICY: stricter than the RFC by choice
	Note    string `json:"note"`
	Input   []byte `json:"input"`

	RequestMethod string `json:"request_method"` // of a response: what it answers
	EOF           bool   `json:"eof"`            // the connection ends after the input
	Limits        Limits `json:"limits"`         // zero: the defaults

	Expect Expect `json:"expect"`
}

// Limits are those of package wire, which is not imported here so that its own
// tests may import this package.
type Limits struct {
	Head, Target, Fields, ChunkLine, Trailer int
}

// Expect is the result that a vector wants. Text is Latin-1: see [Octets].
type Expect struct {
	OK     bool   `json:"ok"`     // a complete message
	Either bool   `json:"either"` // with OK: refusing it is right too
	Err    string `json:"err"`    // without OK: "incomplete", or classes of errors
	Status int    `json:"status"` // of a response; or to answer a refused request with, if not 0
	Rule   string `json:"rule"`   // the rule that a refusal names, if not empty

	Method  string `json:"method"`
	Target  string `json:"target"`
	Version string `json:"version"`
	Reason  string `json:"reason"`

	Headers   [][2]string `json:"headers"`
	Trailers  [][2]string `json:"trailers"`
	Framing   string      `json:"framing"` // "none", "length", "chunked" or "close"
	Length    int64       `json:"length"`
	Content   []byte      `json:"content"`
	Leftover  []byte      `json:"leftover"` // what follows the message in the input
	KeepAlive bool        `json:"keep_alive"`
}

// Incomplete reports whether the input must be taken for the beginning of a
// message.
func (e *Expect) Incomplete() bool { return !e.OK && e.Err == "incomplete" }

// Vectors returns the vectors of all files whose kind is one of those given; of
// any kind if none is. It panics if a file is damaged.
func Vectors(kinds ...string) []Vector {
	var all []Vector
	for _, name := range []string{"vectors.json", "policy.json"} {
		for _, v := range load(name) {
			if len(kinds) == 0 || slices.Contains(kinds, v.Kind) {
				all = append(all, v)
			}
		}
	}
	return all
}

func load(name string) []Vector {
	data, err := files.ReadFile("testdata/" + name)
	if err != nil {
		panic(err)
	}
	var file struct {
		Version int      `json:"version"`
		Vectors []Vector `json:"vectors"`
	}
	if err := json.Unmarshal(data, &file); err != nil || file.Version != 1 {
		panic(fmt.Sprintf("wiretest: %s, version %d: %v", name, file.Version, err))
	}
	return file.Vectors
}

// Octets returns the octets that Latin-1 text stands for: one for each code
// point.
func Octets(text string) []byte {
	octets := make([]byte, 0, len(text))
	for _, r := range text {
		octets = append(octets, byte(r))
	}
	return octets
}

// Text is the inverse of Octets.
func Text(octets []byte) string {
	runes := make([]rune, len(octets))
	for i, c := range octets {
		runes[i] = rune(c)
	}
	return string(runes)
}
