package study

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/size"
	"github.com/hopwire/hopwire/shared/wire"
)

// A request is what an endpoint makes its answer of.
type request struct {
	head       *wire.RequestHead
	argument   string      // what follows the endpoint's name in the path
	parameters []parameter // of the query: those that were not read yet
	address    string      // that the client reached us by
	problem    string      // the first that was found, as a sentence
}

type parameter struct{ name, value string }

// fail notes what is wrong. The first problem is the one that is told; whatever is
// read goes on with a value that is in bounds.
func (r *request) fail(format string, args ...any) {
	if r.problem == "" {
		r.problem = fmt.Sprintf(format, args...)
	}
}

// readQuery takes the parameters apart. What is to go wrong is asked for by fault,
// which is not the endpoint's own.
func (r *request) readQuery(query string) {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			r.fail("the query has %q, which is not percent-encoding", pair)
		}
		if name != "" && name != "fault" {
			r.parameters = append(r.parameters, parameter{name, value})
		}
	}
}

// value reads the parameter of one of the names; it is standard if there is none.
func (r *request) value(standard string, names ...string) string {
	for _, name := range names {
		for i, p := range r.parameters {
			if p.name == name {
				r.parameters = append(r.parameters[:i], r.parameters[i+1:]...)
				return p.value
			}
		}
	}
	return standard
}

// left complains of parameters that nobody has read.
func (r *request) left(known string) {
	if len(r.parameters) > 0 {
		r.fail("there is no parameter %q here, or it stands twice; %s", r.parameters[0].name, known)
	}
}

// size reads a number of bytes.
func (r *request) size(what, text string, least, most int64, bounds string) int64 {
	n, err := size.Parse(text)
	if err != nil || n < least || n > most {
		r.fail("%s is a number of bytes %s, such as 4096 or 64KiB, not %q", what, bounds, text)
		return least
	}
	return n
}

// number reads a number without unit.
func (r *request) number(what, text string, least, most int64) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		r.fail("%s is a number from %d to %d, not %q", what, least, most, text)
		return least
	}
	return n
}

// longest is how long an endpoint waits at most.
const longest = 10 * time.Minute

// duration reads a duration, with a unit or, as httpbin has it, in seconds.
func (r *request) duration(what, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		d, err = time.ParseDuration(text + "s")
	}
	if err != nil || d < 0 || d > longest {
		r.fail("%s is a duration from 0 to 10m, such as 500ms or 2 (seconds), not %q", what, text)
		return 0
	}
	return d
}

// status reads the status code of a final response.
func (r *request) status(what, text string) int {
	code, err := strconv.Atoi(text)
	switch {
	case err == nil && code >= 100 && code <= 199:
		r.fail("%s is one of a final response, 200 to 599; /_/interim?%d gives interim ones", what, code)
	case err != nil || code < 200 || code > 599:
		r.fail("%s is a code from 200 to 599, not %q", what, text)
	}
	return code
}
