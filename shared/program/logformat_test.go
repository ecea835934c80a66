package program

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// Which format messages have is known before the command line is read, and is what
// reading it says.
func TestLogFormat(t *testing.T) {
	for _, test := range []struct {
		args, env string
		status    int
		json      bool
	}{
		{"", "", 0, false},
		{"", "json", 0, true},
		{"--log-format json", "", 0, true},
		{"-log-format json", "", 0, true},
		{"--log-format=json --listen :80", "text", 0, true},
		{"--log-format text", "json", 0, false},
		{"--log-format json --log-format text", "", 0, false},
		{"--listen :80 --verbatim --log-format json", "", 0, true},
		{"--listen log-format", "", 0, false},
		{"--log-format yaml", "", 2, false},
		{"--log-format", "", 2, false},
		{"", "yaml", 2, false},
		{"--nonsense --log-format json", "", 2, true},
		{"--log-format json --idle-timeout", "", 2, true},
		{"-- --log-format json", "", 2, false},
	} {
		if t.Setenv("EDGE_LOG_FORMAT", test.env); test.env == "" {
			os.Unsetenv("EDGE_LOG_FORMAT")
		}
		read := test.json
		app := edge(func(c *cli.Context) error { read = LogsJSON(c); return nil })
		app.Flags = append(app.Flags, LogFormatFlag(""))
		line := append([]string{"edge"}, strings.Fields(test.args)...)
		if got := wantsJSON(app, line); got != test.json {
			t.Errorf("%q with %q: %v", test.args, test.env, got)
		}
		app.ErrWriter = new(strings.Builder)
		if status := run(t.Context(), app, line); status != test.status || read != test.json {
			t.Errorf("%q with %q: exit status %d, read as %v: %s", test.args, test.env, status, read, app.ErrWriter)
		}
	}
	if wantsJSON(edge(nil), []string{"edge", "--log-format", "json"}) {
		t.Error("a program without the flag has it")
	}
}

// As objects, messages have a line each, whatever is in them.
func TestMessagesAsObjects(t *testing.T) {
	g := newGate()
	m := NewMessages("edge", g)
	m.json = true
	fmt.Fprint(m, "edge: it \"ends\"\n")
	<-g.arrived
	fmt.Fprint(m, "listening on 127.0.0.1:1\n")
	fmt.Fprint(m, "a 1\nb 2\xff\n")
	for range messagesHeld {
		fmt.Fprint(m, "edge: more\n")
	}
	close(g.open)
	m.Flush()
	want := []string{`it "ends"`, "listening on 127.0.0.1:1", "a 1\nb 2\ufffd", "more"}
	last := ""
	for line := range strings.Lines(g.text()) {
		var got struct {
			Time                    time.Time
			Program, Event, Message string
		}
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil || got.Program != "edge" || got.Event != "message" || time.Since(got.Time) > time.Hour {
			t.Fatalf("%q: %v", line, err)
		}
		if len(want) > 0 && got.Message != want[0] {
			t.Errorf("%q, want %q", got.Message, want[0])
		}
		want, last = want[min(1, len(want)):], got.Message
	}
	if !strings.HasPrefix(last, "lines left out here, since nobody took them: ") {
		t.Errorf("the last message is %q", last)
	}
}
