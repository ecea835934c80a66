package report

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
	"github.com/hopwire/hopwire/shared/english"
)

// columns is how wide a line may be; label is where the values begin.
const (
	columns = 80
	label   = 15
)

// WriteText writes the report for people.
func (rep *Report) WriteText(w io.Writer) error {
	t := &page{}
	t.verdict(rep.Verdict)
	rep.title(t)
	rep.totals(t)
	rep.latencies(t)
	rep.parts(t)
	rep.traffic(t)
	rep.ledger(t)
	rep.remarks(t)
	_, err := io.WriteString(w, t.String())
	return err
}

// A page is text of labelled lines.
type page struct{ strings.Builder }

// line writes a value beside its label. An empty label continues the line above.
func (t *page) line(name, format string, args ...any) {
	value := fmt.Sprintf(format, args...)
	for i, part := range fold(value, columns-label) {
		if i > 0 {
			name = ""
		}
		text := fmt.Sprintf("  %-*s%s", label-2, name, part)
		t.WriteString(strings.TrimRight(text, " ") + "\n")
	}
}

func (t *page) blank() { t.WriteByte('\n') }

// fold breaks text between words into lines of at most width characters; a
// longer word is cut.
func fold(text string, width int) []string {
	if utf8.RuneCountInString(text) <= width {
		return []string{text}
	}
	var lines []string
	line := []rune{}
	for word := range strings.FieldsSeq(text) {
		next := []rune(word)
		if len(line) > 0 && len(line)+1+len(next) > width {
			lines, line = append(lines, string(line)), nil
		}
		if len(line) > 0 {
			line = append(line, ' ')
		}
		line = append(line, next...)
		for len(line) > width {
			lines, line = append(lines, string(line[:width])), line[width:]
		}
	}
	return append(lines, string(line))
}

// verdict says first whether to believe what follows.
func (t *page) verdict(v verdict.Verdict) {
	t.WriteString(strings.ToUpper(v.State.String()) + "\n")
	for _, reason := range v.Reasons {
		for i, part := range fold(english.Printable(reason), columns-2) {
			t.WriteString([]string{"- ", "  "}[min(i, 1)] + part + "\n")
		}
	}
	t.blank()
}

// title says what was done.
func (rep *Report) title(t *page) {
	s := &rep.Settings
	for _, line := range fold(english.Printable(asked(s.Source, s.Target)), columns) {
		t.WriteString(line + "\n")
	}
	about := fmt.Sprintf("%s on %s, %s", plural(int64(s.Connections), "connection"), plural(int64(s.Loops), "loop"), rep.keepAlive())
	if s.TLS {
		about += ", TLS"
	}
	about += rep.pace() + rep.idle()
	if s.Verify {
		about += ", verified"
	}
	for _, line := range fold(about, columns) {
		t.WriteString(line + "\n")
	}
	t.blank()
}

// asked says who was asked for what. A server that the sources name is not named again.
func asked(source []string, target string) string {
	text := strings.Join(source, ", ")
	for _, s := range source {
		if u, err := url.Parse(s); s != target && (err != nil || u.Host != target) {
			return text + " to " + target
		}
	}
	return text
}

// pace says when requests were due.
func (rep *Report) pace() string {
	switch s := &rep.Settings; s.Pace {
	case "open":
		about := fmt.Sprintf(", %s requests per second (%s)", rate(s.Rate), s.Arrivals)
		if s.RampS > 0 {
			about += " after a rise of " + span(inSeconds(s.RampS))
		}
		return about
	case "recorded":
		if s.Speed != 1 {
			return fmt.Sprintf(", in the recorded pace times %g", s.Speed)
		}
		return ", in the recorded pace"
	}
	return ""
}

// idle says what becomes of connections between requests, and in the end.
func (rep *Report) idle() (about string) {
	s := &rep.Settings
	if s.IdleToS > s.IdleFromS {
		about = fmt.Sprintf(", idle for %s to %s", span(inSeconds(s.IdleFromS)), span(inSeconds(s.IdleToS)))
	} else if s.IdleToS > 0 {
		about = ", idle for " + span(inSeconds(s.IdleToS))
	}
	if s.ConnectionLifetimeS > 0 {
		about += ", no older than " + span(inSeconds(s.ConnectionLifetimeS))
	}
	if s.Pipeline > 1 {
		about += fmt.Sprintf(", up to %d requests under way on each", s.Pipeline)
	}
	if s.Close != "" {
		about += ", ended by " + s.Close
	}
	return about
}

func (rep *Report) keepAlive() string {
	switch n, most := rep.Settings.RequestsPerConnection, rep.Settings.RequestsPerConnectionMost; {
	case most > n:
		return fmt.Sprintf("closed after %s to %s each", count(int64(n)), plural(int64(most), "request"))
	case n == 1:
		return "not kept alive"
	case n > 1:
		return fmt.Sprintf("closed after %s each", plural(int64(n), "request"))
	case rep.Settings.KeptAlive:
		return "kept alive"
	}
	return "kept alive as recorded"
}

// totals tells how many requests there were and how they ended.
func (rep *Report) totals(t *page) {
	t.line("Requests", "%s in %s, %s per second",
		count(rep.Requests), span(inSeconds(rep.DurationS)), rate(rep.RequestsPerS))
	rep.rounds(t)
	switch words := endings[rep.Ended]; {
	case rep.GaveUp > 0 && rep.GaveUp < rep.Settings.Connections:
		t.line("", "%d of %s gave up, since the server could not be reached", rep.GaveUp, plural(int64(rep.Settings.Connections), "connection"))
	case words != "":
		t.line("", "%s", words)
	case rep.Ended == "elapsed" && rep.Unsent > 0:
		t.line("", "the duration was over")
	}
	if rep.Unfinished+rep.Unsent+rep.Retries > 0 {
		t.line("", "%s unfinished, %s unsent, %s sent again", count(rep.Unfinished), count(rep.Unsent), count(rep.Retries))
	}
	if rep.WarmupRequests > 0 {
		t.line("", "%s before, in the warm-up", count(rep.WarmupRequests))
	}
	rep.errors(t)
	t.line("Statuses", "%s", statuses(rep.Statuses))
	if rep.Interim > 0 {
		t.line("", "and %s", plural(rep.Interim, "interim response"))
	}
}

// endings are those that have to be said.
var endings = map[string]string{
	"interrupted": "interrupted",
	"unreachable": "ended early: no connection could be opened any more",
	"limited":     "ended early: this machine could open no more connections",
}

func inSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (rep *Report) errors(t *page) {
	attempts := rep.Connections.Failed
	switch {
	case rep.Errors > 0:
		t.line("Errors", "%s, %s of all requests", count(rep.Errors), percent(float64(rep.Errors)/float64(rep.Requests)))
	case rep.Unfinished > 0:
		t.line("Errors", "no request failed, but see the unfinished ones")
	case attempts > 0:
		t.line("Errors", "no request failed in the end")
	default:
		t.line("Errors", "none")
	}
	t.causes(rep.ErrorCauses)
	if attempts > 0 {
		t.line("", "%s to connect failed", plural(attempts, "attempt"))
		t.causes(rep.Connections.FailedCauses)
	}
	if n := rep.Connections.Connecting; n > 0 {
		t.line("", "%s still being opened when the run was over", plural(n, "connection"))
	}
}

// causes writes a line for each cause of failures.
func (t *page) causes(counts map[string]int64) {
	for _, c := range replay.Causes() {
		if n := counts[c.String()]; n > 0 {
			t.line("", "%9s  %-22s %s", count(n), c, c.Meaning())
		}
	}
}

// statuses says which there were: "200 ×1,234, 404 ×5".
func statuses(s verdict.Statuses) string {
	switch {
	case s == nil:
		return "not known"
	case len(s) == 0:
		return "none"
	}
	var parts []string
	for _, code := range s.Codes() {
		parts = append(parts, fmt.Sprintf("%d ×%s", code, count(s[code])))
	}
	return strings.Join(parts, ", ")
}

// latencies draws the distribution, and those of the other times.
func (rep *Report) latencies(t *page) {
	if len(rep.spread) == 0 {
		return
	}
	t.blank()
	t.cells("", "p50", "p90", "p99", "p99.9", "max", "mean", "std dev")
	t.distribution("Latency", &rep.LatencyUS)
	t.distribution("+ connecting", &rep.LatencyWithConnectUS)
	t.distribution("Response", &rep.ResponseUS)
	t.distribution("Lateness", &rep.LatenessUS)
	t.distribution("First byte", &rep.FirstByteUS)
	t.distribution("Connecting", &rep.ConnectUS)
	t.distribution("TLS handshake", &rep.TLSUS)
	if rep.FirstRequestUS.Count < rep.LatencyUS.Count { // otherwise it would be the same again
		t.distribution("First request", &rep.FirstRequestUS)
		t.distribution("+ connecting", &rep.FirstRequestWithConnectUS)
	}
	t.blank()
	for _, b := range rep.spread {
		t.line("", "%9s %7s  %s", b.label(), percent(b.share), picture(b.share, 44))
	}
}

func inUnits(us float64) string { return span(time.Duration(us * float64(time.Microsecond))) }

// distribution writes one line of the table of times.
func (t *page) distribution(name string, d *Distribution) {
	if d.Count > 0 {
		t.cells(name, inUnits(d.P50), inUnits(d.P90), inUnits(d.P99), inUnits(d.P999), inUnits(d.Max), inUnits(d.Mean), inUnits(d.StdDev))
	}
}

// cells writes a line of a table.
func (t *page) cells(name string, cells ...string) {
	var line strings.Builder
	for _, c := range cells {
		fmt.Fprintf(&line, "%9s", c)
	}
	t.line(name, "%s", line.String())
}

// traffic tells what it took.
func (rep *Report) traffic(t *page) {
	t.blank()
	t.line("Received", "%s, %s/s", size(float64(rep.BytesIn)), size(rep.perSecond(rep.BytesIn)))
	t.line("Sent", "%s, %s/s", size(float64(rep.BytesOut)), size(rep.perSecond(rep.BytesOut)))
	rep.connections(t)
	t.line("CPU", "%s for loadgen itself, %s per request", span(inSeconds(rep.CPUS)), rep.cpuPerRequest())
	t.line("", "its busiest loop was busy for %s of the time", percent(rep.Busy))
}

func (rep *Report) perSecond(n int64) float64 {
	if rep.DurationS == 0 {
		return 0
	}
	return float64(n) / rep.DurationS
}

func (rep *Report) cpuPerRequest() string {
	if rep.Requests == 0 {
		return "0"
	}
	return span(inSeconds(rep.CPUS / float64(rep.Requests)))
}

func (rep *Report) connections(t *page) {
	c := &rep.Connections
	t.line("Connections", "%s opened, %s answered on new ones, %s on kept-alive ones", count(c.Opened), plural(c.FirstRequests, "request"), count(c.ReusedRequests))
	if n := rep.TLSUS.Count; n > 0 {
		t.line("", "%s, %s of them resumed", plural(n, "TLS handshake"), count(c.TLSResumed))
	}
	t.line("", "%s closed by us, %s by the server", count(c.ClosedByUs), count(c.ClosedByPeer))
	if rep.Pauses > 0 {
		t.line("", "%s after failures, %s in all", plural(rep.Pauses, "pause"), span(inSeconds(rep.PausedS)))
	}
	if c.Stale > 0 {
		t.line("", "%s met the end of a kept-alive connection in place of a response", plural(c.Stale, "request"))
	}
}

// remarks explains the first errors, and what was left out.
func (rep *Report) remarks(t *page) {
	t.list("Failures", rep.Explanations)
	t.list("Notes", rep.Notes)
}

// list writes sentences under one label, each with what lines it has further, as they
// are.
func (t *page) list(name string, sentences []string) {
	if len(sentences) > 0 {
		t.blank()
	}
	for _, s := range sentences {
		s, more, _ := strings.Cut(s, "\n")
		t.line(name, "%s", english.Printable(s))
		name = ""
		for line := range strings.Lines(more) {
			t.WriteString("  " + english.Printable(strings.TrimSuffix(line, "\n")) + "\n")
		}
	}
}
