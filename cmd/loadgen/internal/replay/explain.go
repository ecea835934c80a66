package replay

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
)

// An explanation says which request failed, how, and how often it did just so.
//
//	GET /a (request 3 of 127.0.0.1:53210): status-mismatch: 404, recorded 200 (12 times)
//
// The bytes around a difference stand in further lines.
type explanation struct {
	session *plan.Session
	request int
	cause   Cause
	detail  string
	times   int64
}

func (e explanation) String() string {
	r := &e.session.Requests[e.request]
	detail, dump, isDifference := strings.Cut(e.detail, "\n")
	s := fmt.Sprintf("%s %s (request %d of %s): %s: %s", r.Method, r.Target, e.request+1, e.session.Name, e.cause, detail)
	if e.times > 1 {
		s += fmt.Sprintf(" (%d times)", e.times)
	}
	if isDifference {
		s += "\n" + dump
	}
	return s
}

// explanations are the first few that differ.
type explanations []explanation

// add explains one more failure, or counts it with its like. Nothing is written for
// one that neither has its like nor a place.
func (all *explanations) add(s *plan.Session, request int, f failure, most int) {
	like := func(e explanation) bool { return e.session == s && e.request == request && e.cause == f.cause }
	if len(*all) < most || slices.ContainsFunc(*all, like) {
		all.merge(explanation{s, request, f.cause, f.err.Error(), 1}, most)
	}
}

func (all *explanations) merge(e explanation, most int) {
	for i := range *all {
		if same := &(*all)[i]; same.session == e.session && same.request == e.request && same.cause == e.cause && same.detail == e.detail {
			same.times += e.times
			return
		}
	}
	if len(*all) < most {
		*all = append(*all, e)
	}
}
