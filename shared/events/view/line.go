package view

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
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

// Status is the status code of the response; "-" if there was none.
func (x *Exchange) Status() string {
	if x.End != nil {
		if s := x.End.Param("status"); s != "0" {
			return cmp.Or(s, "-")
		}
	}
	return "-"
}

// Sent is how many bytes went to the client, heads included.
func (x *Exchange) Sent() uint64 { return x.Client.Out.Total }

// Phase is how long a part of the exchange took: "read", "queue", "connect", "send",
// "wait" and "relay", one after the other, or all of it, "total". A capture by
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
	if x.End == nil {
		return "under way"
	}
	client, origin := x.End.Param("client-connection"), x.End.Param("origin-connection")
	if client == "" {
		return ""
	}
	return client + "/" + cmp.Or(origin, "-")
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
		all = append(all, "!"+refusal)
	}
	return all
}

// LineHead names the columns of AppendLine.
func (s Style) LineHead() string {
	return fmt.Sprintf("%9s  %-17s %-3s %8s %8s %8s  %s\n", "time, s", "exchange", "", "bytes", "wait, ms", "all, ms", "request, and what became of both connections")
}

// AppendLine appends an exchange as one line, which is cut where the terminal ends:
//
//	time, s  exchange              bytes wait, ms  all, ms  request, and what …
//	 0.002114 c3#2 -> o1#7      200     1265    0.412    0.633  GET /a  kept/kept
func (s Style) AppendLine(b []byte, x *Exchange) []byte {
	status := x.Status()
	ms := func(d time.Duration) string { return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 3, 64) }
	head := fmt.Sprintf("%9.6f  %-17s ", x.Begun.Sub(x.Start).Seconds(), x.ID)
	b = append(b, head...)
	b = s.set(b, statusInk(status), fmt.Sprintf("%-3s", status))
	middle := fmt.Sprintf(" %8d %8s %8s  ", x.Sent(), ms(x.Phase("wait")), ms(x.Phase("total")))
	b = append(b, middle...)
	method, target := x.RequestLine()
	request := shown([]byte(method + " " + target))
	rest := strings.Join(append([]string{x.Ends()}, x.remarks()...), " ")
	left := max(s.width()-len(head)-3-len(middle), 10)
	if len(rest) > 0 && left-len(rest)-2 >= 12 {
		request = clip(request, left-len(rest)-2)
		return append(s.set(append(append(b, request...), "  "...), faint, rest), '\n')
	}
	return append(append(b, clip(strings.TrimSuffix(request+"  "+rest, "  "), left)...), '\n')
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
