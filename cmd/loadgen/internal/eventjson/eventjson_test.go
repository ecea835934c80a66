package eventjson

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hopwire/hopwire/shared/events"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

// c3 is a connection, and first what it is used for.
var (
	c3    = events.ConnID{Hop: events.ClientHop, N: 3}
	first = events.Exchange{Client: events.Use{Conn: c3, N: 1}, Origin: events.Use{Conn: events.ConnID{Hop: events.OriginHop, N: 1}, N: 7}}
)

var lines = []struct {
	name  string
	event events.Event
	want  string
}{
	{"opened", events.Event{Kind: events.Opened, Conn: c3, Client: netip.MustParseAddrPort("[::1]:80")},
		`{"seq":1,"time":"2026-01-02T03:04:05.000006Z","event":"opened","connection":"c3","client":"[::1]:80","server":"unix"}`},
	{"text", events.Event{Kind: events.Bytes, Conn: c3, Exchange: first, Content: []byte("GET <&\x1b\u2028é"), Partial: true,
		Comment: "drop a: b (why, RFC 1 section 2)\ninsert c: d\n e (f, RFC 2)"},
		`{"seq":1,"time":"2026-01-02T03:04:05.000006Z","event":"bytes","connection":"c3","exchange":"c3#1 -> o1#7","direction":"inbound","offset":0,"bytes":12,` +
			`"text":"GET <&\u001b\u2028é","more":true,"edits":["drop a: b (why, RFC 1 section 2)","insert c: d\n e (f, RFC 2)"]}`},
	{"no text", events.Event{Kind: events.Bytes, Conn: c3, Direction: events.Outbound, Offset: 4, Content: []byte{0xff, 0}},
		`{"seq":1,"time":"2026-01-02T03:04:05.000006Z","event":"bytes","connection":"c3","direction":"outbound","offset":4,"bytes":2,"base64":"/wA="}`},
	{"ended", events.Event{Kind: events.Ended, Conn: c3, Offset: 9, Means: events.FIN},
		`{"seq":1,"time":"2026-01-02T03:04:05.000006Z","event":"ended","connection":"c3","direction":"inbound","offset":9,"means":"FIN"}`},
	{"closed", events.Event{Kind: events.Closed, Conn: c3, Means: events.RST, Comment: "client-reset"},
		`{"seq":1,"time":"2026-01-02T03:04:05.000006Z","event":"closed","connection":"c3","direction":"inbound","offset":0,"means":"RST","cause":"client-reset"}`},
	{"note", events.Event{Kind: events.Noted, Conn: c3, Exchange: events.Exchange{Client: first.Client},
		Note: &events.Note{Kind: "pool", Warning: true, Text: "a \xff", Params: []events.Param{{Name: "idle", Value: "0"}}}},
		`{"seq":1,"time":"2026-01-02T03:04:05.000006Z","event":"note","connection":"c3","exchange":"c3#1","text":"a ` + `\ufffd","kind":"pool","warning":true,"params":{"idle":"0"}}`},
	{"a note without connection", events.Event{Kind: events.Noted, Note: &events.Note{Kind: "recording.warning"}},
		`{"seq":1,"time":"2026-01-02T03:04:05.000006Z","event":"note","kind":"recording.warning"}`},
	{"gap", events.Event{Kind: events.Gap, Conn: c3, Direction: events.Outbound, Offset: 7, Missing: 65536},
		`{"seq":1,"time":"2026-01-02T03:04:05.000006Z","event":"gap","connection":"c3","direction":"outbound","offset":7,"missing":65536}`},
}

// For those who have programs that read the lines: a name may be added to the schema,
// none may go.
func TestLinesAreAsTheSchemaHasThem(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	judge := func(text string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	for _, test := range lines {
		e := test.event
		e.Seq, e.At = 1, at
		got := string(Append([]byte("before"), &e))
		if got != "before"+test.want+"\n" {
			t.Errorf("%s:\n got %s\nwant before%s", test.name, got, test.want)
		}
		if err := judge(test.want); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		for _, wrong := range []struct{ from, to string }{
			{`"event":"`, `"event":"not `}, {`"c3"`, `"3"`}, {`"seq":1`, `"seq":0`}, {`"direction":"`, `"direction":"to the `}, {`"offset"`, `"at"`},
			{`"means":"`, `"means":"no `}, {`"bytes":2`, `"bytes":0`}, {`"base64"`, `"base"`}, {`"kind"`, `"what"`}, {`"missing":65536`, `"missing":0`},
			{`2026-01-02T`, `2026-01-02 at `}, {`"c3#1`, `"c3`}, {`"client"`, `"from"`},
		} {
			if text := strings.Replace(test.want, wrong.from, wrong.to, 1); text != test.want && judge(text) == nil {
				t.Errorf("%s with %s is valid", test.name, wrong.to)
			}
		}
	}
}
