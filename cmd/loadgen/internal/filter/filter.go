// Package filter chooses exchanges by an expression, in the language of
// github.com/expr-lang/expr.
package filter

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/hopwire/hopwire/shared/events/view"
)

// fields are what an expression may ask of an exchange. The tag is the name, and what
// stands behind it in doc the help.
type fields struct {
	Status    int     `expr:"status" doc:"code of the response, 0 without one"`
	Method    string  `expr:"method" doc:"of the request"`
	Target    string  `expr:"target" doc:"as it stands in the request line"`
	Path      string  `expr:"path" doc:"of the target, without the query"`
	Host      string  `expr:"host" doc:"what the client's Host field says"`
	Bytes     int     `expr:"bytes" doc:"sent to the client, heads included"`
	Reuse     string  `expr:"reuse" doc:"\"yes\" if the origin's connection was used before, or \"no\""`
	Read      float64 `expr:"read" doc:"ms, until the request's head was read"`
	Queue     float64 `expr:"queue" doc:"ms, for a place at an origin"`
	Connect   float64 `expr:"connect" doc:"ms, for a connection to the origin"`
	Send      float64 `expr:"send" doc:"ms, until the request was sent"`
	Wait      float64 `expr:"wait" doc:"ms, until the response began"`
	Relay     float64 `expr:"relay" doc:"ms, until it had been sent on"`
	Total     float64 `expr:"total" doc:"ms"`
	ClientEnd string  `expr:"client_end" doc:"what became of the client's connection, such as \"kept\""`
	OriginEnd string  `expr:"origin_end" doc:"and of the origin's"`
	Refusal   string  `expr:"refusal" doc:"why the edge refused it, such as \"502 connection_refused\""`
	Replayed  bool    `expr:"replayed" doc:"sent once more, since a connection was stale"`
	Queued    bool    `expr:"queued" doc:"had to wait for a place"`
	Open      bool    `expr:"open" doc:"had not ended"`
	Client    string  `expr:"client" doc:"the client's connection, such as \"c3\""`
	Origin    string  `expr:"origin" doc:"the origin's, such as \"o1\""`
	Exchange  string  `expr:"exchange" doc:"the name, such as \"c3#2 -> o1#7\""`
}

// Help lists the fields, one an indented line.
func Help() string {
	var b strings.Builder
	for f := range reflect.TypeFor[fields]().Fields() {
		fmt.Fprintf(&b, "  %-11s %s\n", f.Tag.Get("expr"), f.Tag.Get("doc"))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// A Filter lets some exchanges through. The nil Filter lets all.
type Filter struct{ program *vm.Program }

// New compiles an expression. The error says in one sentence what is wrong, and at
// which column.
func New(expression string) (*Filter, error) {
	program, err := expr.Compile(expression, expr.Env(fields{}), expr.AsBool())
	if err != nil {
		return nil, sentence(err)
	}
	return &Filter{program}, nil
}

// sentence is what is wrong, and where, without the picture of it that expr draws.
func sentence(err error) error {
	var wrong *file.Error
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Line > 1:
		return fmt.Errorf("%s, at line %d, column %d", wrong.Message, wrong.Line, wrong.Column+1)
	}
	return fmt.Errorf("%s, at column %d", wrong.Message, wrong.Column+1)
}

// Passes reports whether x is let through. There is an error when the expression
// cannot be worked out for x.
func (f *Filter) Passes(x *view.Exchange) (bool, error) {
	if f == nil {
		return true, nil
	}
	result, err := expr.Run(f.program, fieldsOf(x))
	if err != nil {
		return false, sentence(err)
	}
	return result.(bool), nil
}

func fieldsOf(x *view.Exchange) fields {
	ms := func(phase string) float64 { return float64(x.Phase(phase)) / float64(time.Millisecond) }
	param := func(name string) string {
		if x.End == nil {
			return ""
		}
		return x.End.Param(name)
	}
	method, target := x.RequestLine()
	f := fields{
		Status: x.StatusCode(), Method: method, Target: target, Path: pathOf(target), Host: hostIn(x.Client.In.Bytes), Bytes: int(x.Sent()),
		Read: ms("read"), Queue: ms("queue"), Connect: ms("connect"), Send: ms("send"), Wait: ms("wait"), Relay: ms("relay"), Total: ms("total"),
		ClientEnd: param("client-connection"), OriginEnd: param("origin-connection"), Refusal: param("refusal"),
		Replayed: param("replayed") == "true", Queued: param("queued") == "true", Open: x.End == nil,
		Client: x.Client.Conn.String(), Exchange: x.ID.String(),
	}
	if use := x.ID.Origin; use.N > 0 {
		f.Origin, f.Reuse = use.Conn.String(), map[bool]string{true: "yes", false: "no"}[use.N > 1]
	}
	return f
}

// pathOf takes scheme and authority off a target in absolute form, and the query.
func pathOf(target string) string {
	if _, rest, ok := strings.Cut(target, "://"); ok && !strings.HasPrefix(target, "/") {
		_, path, _ := strings.Cut(rest, "/")
		target = "/" + path
	}
	path, _, _ := strings.Cut(target, "?")
	return path
}

// hostIn is the value of the first Host field in a head.
func hostIn(head []byte) string {
	text, _, _ := strings.Cut(string(head[:min(len(head), 64<<10)]), "\r\n\r\n")
	for line := range strings.SplitSeq(text, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Host") {
			return strings.Trim(value, " \t")
		}
	}
	return ""
}
