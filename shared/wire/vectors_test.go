package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// TestVectors gives each vector to the parser in one piece.
func TestVectors(t *testing.T) {
	for _, v := range wiretest.Vectors() {
		t.Run(v.Name, func(t *testing.T) {
			checkVector(t, &v, readWhole(&v, v.Input))
		})
	}
}

// TestVectorsInPieces gives each vector to the parser octet by octet and cut in
// two at each position: the result is the same, down to the offsets of errors.
func TestVectorsInPieces(t *testing.T) {
	for _, v := range wiretest.Vectors() {
		t.Run(v.Name, func(t *testing.T) {
			whole := readWhole(&v, v.Input)
			compare := func(how string, got outcome) {
				if !reflect.DeepEqual(got, whole) {
					t.Fatalf("%s:\n got %+v\nwant %+v", how, got, whole)
				}
			}
			compare("byte by byte", readPieces(&v, octets(v.Input)))
			wiretest.Cuts(v.Input, func(head, tail []byte) {
				if len(v.Input) > 1000 && len(head)%97 > 2 {
					return
				}
				compare(fmt.Sprintf("cut at %d", len(head)), readPieces(&v, [][]byte{head, tail}))
			})
		})
	}
}

// TestPrefixes wants each proper beginning of a whole message to be incomplete.
func TestPrefixes(t *testing.T) {
	for _, v := range wiretest.Vectors() {
		e := &v.Expect
		if !e.OK || e.Either || e.Framing == "until-close" {
			continue
		}
		message := v.Input[:len(v.Input)-len(e.Leftover)]
		for i := range message {
			if got := readWhole(&v, message[:i]); !got.incomplete {
				t.Fatalf("%s: the first %d bytes: %+v", v.Name, i, got)
			}
		}
	}
}

func octets(p []byte) (pieces [][]byte) {
	for i := range p {
		pieces = append(pieces, p[i:i+1])
	}
	return pieces
}

// An outcome is all that reading one message gives.
type outcome struct {
	incomplete bool
	refused    *Error

	Method, Target, Version, Reason string
	Status                          int
	Fields, Trailers                [][2]string
	Framing                         Framing
	Content, Leftover               []byte
	Persists                        bool
}

// readWhole reads the message that a vector's input holds in one piece.
func readWhole(v *wiretest.Vector, input []byte) outcome {
	return readPieces(v, [][]byte{input})
}

// readPieces reads it in these pieces, as from a connection: a head is parsed
// from a buffer that grows and moves, a body from whatever comes.
func readPieces(v *wiretest.Vector, pieces [][]byte) (o outcome) {
	var head []byte
	limits := Limits(v.Limits)
	parse := o.headParser(v, limits)
	for v.Kind != "chunked" {
		if len(pieces) == 0 {
			o.incomplete = true
			return o
		}
		seen := len(head)
		head = append(bytes.Clone(head), pieces[0]...)
		pieces = pieces[1:]
		n, err := parse(head, seen)
		if err == nil {
			pieces = append([][]byte{head[n:]}, pieces...)
			break
		}
		if !o.fails(err) {
			return outcome{refused: o.refused}
		}
	}
	o.readBody(v, limits, pieces)
	if o.refused != nil {
		return outcome{refused: o.refused}
	}
	return o
}

// fails notes a refusal; it returns true when only octets are missing.
func (o *outcome) fails(err error) (goOn bool) {
	if errors.Is(err, ErrIncomplete) {
		return true
	}
	o.refused = err.(*Error)
	return false
}

// headParser returns what parses the head and decides on it.
func (o *outcome) headParser(v *wiretest.Vector, limits Limits) func(b []byte, seen int) (int, error) {
	if v.Kind == "request" {
		h := &RequestHead{Limits: limits}
		return func(b []byte, seen int) (n int, err error) {
			if n, err = ParseRequestHead(b, seen, h); err != nil {
				return n, err
			}
			o.Method, o.Target = string(h.Method), string(h.Target)
			o.Version, o.Fields = fmt.Sprintf("HTTP/1.%d", h.Minor), fields(h.Fields)
			o.Framing, err = RequestFraming(h)
			o.Persists = RequestPersists(h)
			return n, err
		}
	}
	h := &ResponseHead{Limits: limits}
	return func(b []byte, seen int) (n int, err error) {
		if n, err = ParseResponseHead(b, seen, h); err != nil {
			return n, err
		}
		o.Status, o.Reason = h.Status, string(h.Reason)
		o.Version, o.Fields = fmt.Sprintf("HTTP/1.%d", h.Minor), fields(h.Fields)
		o.Framing, err = ResponseFraming(h, []byte(v.RequestMethod))
		o.Persists = ResponsePersists(h, o.Framing)
		return n, err
	}
}

func fields(lines []FieldLine) [][2]string {
	all := [][2]string{}
	for _, l := range lines {
		all = append(all, [2]string{string(l.Name), string(l.Value)})
	}
	return all
}

func (o *outcome) readBody(v *wiretest.Vector, limits Limits, pieces [][]byte) {
	if v.Kind == "chunked" {
		o.Framing = Framing{Kind: Chunked}
	}
	s := BodyScanner{Limits: limits}
	s.Reset(o.Framing)
	var body []byte
	for _, p := range pieces {
		for len(p) > 0 && !s.Done() {
			content, n, _, err := s.Content(p)
			if err != nil {
				o.fails(err)
				return
			}
			o.Content = append(o.Content, content...)
			body, p = append(body, p[:n]...), p[n:]
		}
		o.Leftover = append(o.Leftover, p...)
	}
	if s.End() != nil || o.Framing.Kind == UntilClose && !v.EOF {
		*o = outcome{incomplete: true}
		return
	}
	o.Trailers = trailers(o.Framing, body)
}

// trailers returns the trailer fields of a whole body.
func trailers(f Framing, body []byte) [][2]string {
	all := []FieldLine{}
	if f.Kind == Chunked {
		var s BodyScanner
		s.Reset(f)
		s.HoldTrailer(true)
		n, _, _ := s.Scan(body)
		for line := range TrailerFields(body[n:]) {
			all = append(all, line)
		}
	}
	return fields(all)
}

// checkVector compares an outcome with what the vector expects.
func checkVector(t *testing.T, v *wiretest.Vector, got outcome) {
	e := &v.Expect
	switch {
	case e.Incomplete:
		if !got.incomplete {
			t.Fatalf("got %+v, want incomplete", got)
		}
	case !e.OK:
		checkRefusal(t, v, got.refused)
	case got.refused != nil && e.Either:
	case got.incomplete || got.refused != nil:
		t.Fatalf("not accepted: incomplete %v, refused: %v", got.incomplete, got.refused)
	default:
		checkMessage(t, v, got)
	}
}

func checkRefusal(t *testing.T, v *wiretest.Vector, got *Error) {
	t.Helper()
	want := &v.Expect
	switch {
	case got == nil:
		t.Fatalf("not refused, want %s", want.Rule)
	case string(got.Rule) != want.Rule:
		t.Errorf("refused by %s, want %s", got.Rule, want.Rule)
	case v.Kind == "request" && got.Status != want.Status:
		t.Errorf("refused with %d, want %d: %v", got.Status, want.Status, got)
	}
}

func checkMessage(t *testing.T, v *wiretest.Vector, got outcome) {
	t.Helper()
	e := &v.Expect
	equal := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %q, want %q", what, got, want)
		}
	}
	equal("framing", got.Framing.Kind.String(), e.Framing)
	equal("content", string(got.Content), e.Content)
	equal("leftover", string(got.Leftover), e.Leftover)
	equal("trailers", fmt.Sprint(got.Trailers), fmt.Sprint(e.Trailers))
	if v.Kind == "chunked" {
		return
	}
	equal("length", got.Framing.Length, e.Length)
	equal("version", got.Version, e.Version)
	equal("fields", fmt.Sprint(got.Fields), fmt.Sprint(e.Fields))
	equal("persistence", got.Persists, e.Persists)
	equal("method", got.Method, e.Method)
	equal("target", got.Target, e.Target)
	equal("status", got.Status, e.Status)
	equal("reason", got.Reason, e.Reason)
}
