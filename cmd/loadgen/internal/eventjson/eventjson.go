// Package eventjson writes events as JSON, one a line, as schema.json has it.
package eventjson

import (
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hopwire/hopwire/shared/events"
)

// line is one event. What an event of its kind does not have is left out.
type line struct {
	Seq        uint64            `json:"seq"`
	Time       string            `json:"time"`
	Event      string            `json:"event"`
	Connection string            `json:"connection,omitempty"`
	Exchange   string            `json:"exchange,omitempty"`
	Client     string            `json:"client,omitempty"`
	Server     string            `json:"server,omitempty"`
	Direction  string            `json:"direction,omitempty"`
	Offset     *uint64           `json:"offset,omitempty"`
	Bytes      int               `json:"bytes,omitempty"`
	Text       string            `json:"text,omitempty"`
	Base64     string            `json:"base64,omitempty"`
	More       bool              `json:"more,omitempty"`
	Edits      []string          `json:"edits,omitempty"`
	Missing    uint64            `json:"missing,omitempty"`
	Means      string            `json:"means,omitempty"`
	Cause      string            `json:"cause,omitempty"`
	Kind       string            `json:"kind,omitempty"`
	Warning    bool              `json:"warning,omitempty"`
	Params     map[string]string `json:"params,omitempty"`
}

// Append appends an event and a line feed.
func Append(b []byte, e *events.Event) []byte {
	l := line{Seq: e.Seq, Time: e.At.UTC().Format(time.RFC3339Nano), Event: e.Kind.String(), Exchange: e.Exchange.String()}
	if e.Conn != (events.ConnID{}) {
		l.Connection = e.Conn.String()
	}
	switch e.Kind {
	case events.Opened:
		l.Client, l.Server = address(e.Client), address(e.Server)
	case events.Noted:
		l.note(e.Note)
	default:
		l.Direction, l.Offset, l.Missing = e.Direction.String(), &e.Offset, e.Missing
	}
	switch e.Kind {
	case events.Bytes:
		l.Bytes, l.More, l.Edits = len(e.Content), e.Partial, edits(e.Comment)
		if utf8.Valid(e.Content) {
			l.Text = string(e.Content)
		} else {
			l.Base64 = base64.StdEncoding.EncodeToString(e.Content)
		}
	case events.Ended, events.Closed:
		l.Means, l.Cause = e.Means.String(), e.Comment
	}
	var w strings.Builder
	out := json.NewEncoder(&w)
	out.SetEscapeHTML(false)
	out.Encode(&l) // of strings and numbers: it cannot fail
	return append(b, w.String()...)
}

func address(a netip.AddrPort) string {
	if !a.IsValid() {
		return "unix"
	}
	return a.String()
}

func (l *line) note(n *events.Note) {
	l.Kind, l.Warning, l.Text = n.Kind, n.Warning, n.Text
	for _, p := range n.Params {
		if l.Params == nil {
			l.Params = map[string]string{}
		}
		l.Params[p.Name] = p.Value
	}
}

// edits are those of a comment, each of which may have several lines.
func edits(comment string) (all []string) {
	for one := range strings.SplitSeq(comment, "\n") {
		begins := strings.HasPrefix(one, "drop ") || strings.HasPrefix(one, "insert ")
		if last := len(all) - 1; last >= 0 && !(begins && strings.HasSuffix(all[last], ")")) {
			all[last] += "\n" + one
		} else if one != "" {
			all = append(all, one)
		}
	}
	return all
}
