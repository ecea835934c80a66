package view

import (
	"fmt"
	"strings"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/events"
)

// AppendDecisions appends what was decided about an exchange, in words, and what was
// passed over and why; nothing if nothing was:
//
//	0.002114 c3#2 -> o1#7
//	   0.04 ms  pool: o1 was idle and is used; 2 more are idle
//	            passed over: o4, ended-while-idle
func (s Style) AppendDecisions(b []byte, x *Exchange) []byte {
	if len(x.Decisions) == 0 {
		return b
	}
	method, target := x.RequestLine()
	b = s.line(b, 0, strong, fmt.Sprintf("%9.6f %s  %s", x.Begun.Sub(x.Start).Seconds(), x.ID, strings.TrimSpace(shown([]byte(method+" "+target)))))
	for _, d := range x.Decisions {
		b = s.line(b, 4, plain, fmt.Sprintf("%s ms  %s: %s", milliseconds(d.At.Sub(x.Begun)), d.Note.Kind, inWords(d.Note)))
		if passed := d.Note.Param("passed-over"); passed != "" {
			for one := range strings.SplitSeq(passed, ", ") {
				what, why, _ := strings.Cut(one, " ")
				b = s.line(b, 15, faint, "passed over: "+what+", "+why)
			}
		}
	}
	return b
}

// inWords is what a note says.
func inWords(n *events.Note) string {
	p := func(name string) string { return english.Printable(n.Param(name)) }
	switch n.Kind {
	case "origin":
		return fmt.Sprintf("%s is to have the request, by %s", p("origin"), p("by"))
	case "pool":
		others := ", and no other is idle"
		if idle := p("idle"); idle != "0" && idle != "" {
			others = ", and " + idle + " more idle"
		}
		if n.Param("taken") == "idle" {
			return fmt.Sprintf("%s was idle and is used%s", p("connection"), others)
		}
		return "a new connection is to be opened, since none is idle that is fit"
	case "queue":
		return fmt.Sprintf("the request waits for a connection, at position %s", p("position"))
	case "replay":
		return fmt.Sprintf("the connection gave no response (%s); %s", signs[n.Param("sign")].or(p("sign")), decisions[n.Param("decision")].or(p("decision")))
	}
	text := english.Printable(n.Text)
	for _, param := range n.Params {
		text += " " + param.Name + "=" + english.Printable(param.Value)
	}
	return strings.TrimSpace(text)
}

type word string

func (w word) or(other string) string {
	if w == "" {
		return other
	}
	return string(w)
}

var signs = map[string]word{
	"ended":  "the origin had ended it",
	"reset":  "the origin had reset it",
	"silent": "the origin was silent",
}

var decisions = map[string]word{
	"replayed":  "the request is sent once more, on a new connection",
	"abandoned": "the client's connection is closed without a response, so that the client may try again",
	"reported":  "the client is told of it",
}
