package view

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/lexer"
)

// RequestLine is the method and target, as far as there is a request line.
func (x *Exchange) RequestLine() (method, target string) {
	line, _, _ := bytes.Cut(bytes.TrimLeft(x.Client.In.Bytes, "\r\n"), []byte("\r\n"))
	method, rest, _ := strings.Cut(string(line), " ")
	if at := strings.LastIndexByte(rest, ' '); at >= 0 {
		rest = rest[:at]
	}
	return method, rest
}

// StatusCode is that of the response; 0 if there was none.
func (x *Exchange) StatusCode() int {
	if x.End != nil {
		if code, err := strconv.Atoi(x.End.Param("status")); err == nil && code >= 100 && code <= 999 {
			return code
		}
		return 0
	}
	out := &x.Client.Out
	for _, span := range x.Client.roles(out) {
		if span.Role == lexer.StatusCode && !span.Interim {
			code, _ := strconv.Atoi(string(out.Bytes[out.index(span.From):out.index(span.To)]))
			return code
		}
	}
	return 0
}

// Status is the status code of the response; "-" if there was none.
func (x *Exchange) Status() string {
	if code := x.StatusCode(); code != 0 {
		return strconv.Itoa(code)
	}
	return "-"
}

// Sent is how many bytes went to the client, heads included.
func (x *Exchange) Sent() uint64 { return x.Client.Out.Total }

// Phases are the names of the parts of an exchange's time, in their order, and of all
// of it.
var Phases = [...]string{"read", "queue", "connect", "send", "wait", "relay", "total"}

// Phase is how long a part of the exchange took, or all of it ("total"). A capture by
// others tells only of bytes, and by them it is reckoned.
func (x *Exchange) Phase(name string) time.Duration {
	if x.End != nil {
		if us, err := strconv.ParseInt(x.End.Param(name), 10, 64); err == nil {
			return time.Duration(us) * time.Microsecond
		}
	}
	in, out := &x.Client.In, &x.Client.Out
	between := func(from, to time.Time) time.Duration {
		if from.IsZero() || to.IsZero() {
			return 0
		}
		return max(to.Sub(from), 0)
	}
	switch name {
	case "read":
		return between(in.First, in.Last)
	case "wait":
		return between(in.Last, out.First)
	case "relay":
		return between(out.First, out.Last)
	case "total":
		return between(in.First, out.Last)
	}
	return 0
}

// Ends is what became of the two connections: "kept/kept".
func (x *Exchange) Ends() string {
	switch {
	case x.LetGo:
		return "end not seen"
	case x.End == nil:
		return "still under way"
	}
	client, origin := x.End.Param("client-connection"), x.End.Param("origin-connection")
	if client == "" {
		return ""
	}
	return english.Printable(client + "/" + cmp.Or(origin, "-"))
}

// remarks are what else there is to say of an exchange in its line.
func (x *Exchange) remarks() (all []string) {
	if x.End == nil {
		return nil
	}
	if x.End.Param("queued") == "true" {
		all = append(all, "queued")
	}
	if x.End.Param("replayed") == "true" {
		all = append(all, "replayed")
	}
	if refusal := x.End.Param("refusal"); refusal != "" {
		all = append(all, "!"+english.Printable(refusal))
	}
	if failure := x.End.Param("failure"); failure != "" {
		all = append(all, "!"+failure)
	}
	return all
}

// phases are those that a line has room for.
func (s Style) phases() []string {
	switch {
	case s.width() >= 132:
		return Phases[:]
	case s.width() >= 104:
		return []string{"connect", "wait", "total"}
	case s.width() >= 60:
		return []string{"total"}
	}
	return nil
}

// milliseconds are set in seven columns, with as many digits as these have room for.
func milliseconds(d time.Duration) string {
	for decimals := 3; decimals > 0; decimals-- {
		if text := strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', decimals, 64); len(text) <= 7 {
			return text
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10)
}

// LineHead names the columns of AppendLine.
func (s Style) LineHead() string {
	head := fmt.Sprintf("%9s %-14s %-3s ", "seconds", "exchange", "")
	if s.width() >= 60 {
		head += fmt.Sprintf("%7s ", "bytes")
	}
	for _, name := range s.phases() {
		head += fmt.Sprintf("%7s ", name)
	}
	left := max(s.width()-len(head), 0)
	text := fmt.Sprintf("%-*s %s", requestColumns(left), "request (times in ms)", "connections")
	return clip(head+text, s.width()) + "\n"
}

// requestColumns are those of the request line, of all that are left.
func requestColumns(left int) int { return max(left*3/5, left-24) }

// AppendLine appends an exchange as one line, which is cut where the terminal ends:
//
//	 seconds exchange             bytes   total request (times in ms)   connections
//	0.002114 c3#2 -> o1#7   200    1265   0.633 GET /a                  kept/kept
func (s Style) AppendLine(b []byte, x *Exchange) []byte {
	if x.Client.Use.N == 0 {
		return s.unused(b, x)
	}
	status := x.Status()
	head := fmt.Sprintf("%9.6f %-14s ", x.Begun.Sub(x.Start).Seconds(), x.ID)
	middle := " "
	if s.width() >= 60 {
		middle += fmt.Sprintf("%7d ", x.Sent())
	}
	for _, name := range s.phases() {
		middle += fmt.Sprintf("%7s ", milliseconds(x.Phase(name)))
	}
	left := s.width() - len(head) - 3 - len(middle)
	if left < 8 { // long names
		return append(s.set(b, plain, clip(head+status+middle, s.width())), '\n')
	}
	b = s.set(append(b, head...), statusInk(status), fmt.Sprintf("%-3s", status))
	b = append(b, middle...)
	method, target := x.RequestLine()
	request := strings.TrimSpace(shown([]byte(method + " " + target)))
	rest := strings.TrimSpace(strings.Join(append([]string{x.Ends()}, x.remarks()...), " "))
	column := requestColumns(left)
	request = clip(request, max(column, left-1-widthOf(rest)))
	rest = clip(rest, max(left-1-max(widthOf(request), column), left-1-widthOf(request), 0))
	b = s.set(b, plain, request)
	if rest != "" {
		b = append(pad(b, request, min(column, left-1-widthOf(rest))), ' ')
		b = s.set(b, faint, rest)
	}
	return append(bytes.TrimRight(b, " "), '\n')
}

// unused is the line of a connection that was for nothing.
func (s Style) unused(b []byte, x *Exchange) []byte {
	head := clip(fmt.Sprintf("%9.6f %-14s ", x.Begun.Sub(x.Start).Seconds(), x.Client.Conn), s.width()-2)
	text := fmt.Sprintf("no request: opened %s, closed %s ms later, %s", x.Who, milliseconds(x.Ended.Sub(x.Begun)), x.Cause)
	b = append(b, head...)
	return append(s.set(b, faint, clip(english.Printable(text), s.width()-len(head))), '\n')
}

func statusInk(status string) ink {
	switch status[0] {
	case '2', '3':
		return inserted
	case '4', '-':
		return trouble
	case '5':
		return dropped
	}
	return plain
}
