package filter

import (
	"testing"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/events/view"
)

func TestFields(t *testing.T) {
	client := events.Use{Conn: events.ConnID{Hop: events.ClientHop, N: 3}, N: 2}
	x := &view.Exchange{
		ID:     events.Exchange{Client: client, Origin: events.Use{Conn: events.ConnID{Hop: events.OriginHop, N: 1}, N: 7}},
		Client: view.Side{Conn: client.Conn, Use: client},
		End: &events.Note{Kind: "exchange", Params: []events.Param{{Name: "status", Value: "502"}, {Name: "client-connection", Value: "kept"},
			{Name: "origin-connection", Value: "origin-stale"}, {Name: "refusal", Value: "502 connection_terminated"}, {Name: "replayed", Value: "true"},
			{Name: "queued", Value: "false"}, {Name: "wait", Value: "1500"}, {Name: "total", Value: "2000"}}},
	}
	x.Client.In.Bytes = []byte("PUT http://example.com/img/a?b=/c HTTP/1.1\r\nhost:  h:80 \r\nHost: i\r\n\r\nHost: j\r\n")
	x.Client.Out.Total = 99
	for _, holds := range []string{
		`status == 502`, `method == "PUT"`, `target == "http://example.com/img/a?b=/c"`, `path == "/img/a"`, `path matches "^/img"`, `host == "h:80"`,
		`bytes == 99`, `reuse == "yes"`, `wait == 1.5`, `total > wait`, `client_end == "kept"`, `origin_end == "origin-stale"`,
		`refusal contains "terminated"`, `replayed and not queued`, `not open`, `client == "c3" and origin == "o1"`, `exchange == "c3#2 -> o1#7"`,
		`read == 0 && queue + connect + send + relay == 0`, `method in ["PUT", "POST"]`,
	} {
		f, err := New(holds)
		if err != nil {
			t.Errorf("%s: %v", holds, err)
			continue
		}
		if passes, err := f.Passes(x); err != nil || !passes {
			t.Errorf("%s: %t, %v", holds, passes, err)
		}
	}
	for _, test := range []struct{ target, path string }{
		{"/", "/"}, {"*", "*"}, {"/a?b", "/a"}, {"http://h", "/"}, {"http://h/a/b?c", "/a/b"}, {"/a?u=http://h/b", "/a"}, {"h:80", "h:80"},
	} {
		if got := pathOf(test.target); got != test.path {
			t.Errorf("%s: %q, want %q", test.target, got, test.path)
		}
	}
	if f := fieldsOf(&view.Exchange{}); !f.Open || f.Reuse != "" || f.Origin != "" || f.Status != 0 {
		t.Errorf("of an exchange of which nothing is known: %+v", f)
	}
}
