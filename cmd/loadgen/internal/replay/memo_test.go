package replay

import (
	"testing"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// TestMemoSaysWhatParsingSays runs heads through one memo, and each through a
// parser that remembers nothing.
func TestMemoSaysWhatParsingSays(t *testing.T) {
	const (
		ok    = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
		old   = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n"
		early = "HTTP/1.1 103 Early Hints\r\n\r\n"
	)
	group, err := loop.NewGroup(1, loop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { group.Stop(); group.Run() }() // closes what it holds
	var m memo
	var head wire.ResponseHead
	for _, x := range []struct {
		octets string
		head   bool
	}{
		{ok + "hi", false}, {ok + "ho", false}, {ok, true}, {ok, true}, {ok + "hi", false}, {ok, false},
		{old + "hi", false}, {ok[:len(ok)-2], false}, {ok[:len(ok)-2] + "X: y\r\n\r\n", false}, {ok + "hi", false},
		{early + ok, false}, {early, false}, {"nonsense\r\n\r\n", false}, {"", false}, {ok, false},
	} {
		r := &plan.Request{Method: []byte("GET")}
		if x.head {
			r = &plan.Request{Method: []byte("HEAD"), NoContent: true}
		}
		buf := group.Loop(0).Buffer()
		buf.Filled(copy(buf.Space(), x.octets))
		got, gotErr := m.parse(buf, 0, &head, r)

		var plain wire.ResponseHead
		n, wantErr := wire.ParseResponseHead([]byte(x.octets), 0, &plain)
		want := answer{}
		if wantErr == nil {
			f, err := wire.ResponseFraming(&plain, r.Method)
			if err != nil {
				t.Fatal(err)
			}
			want = answer{status: plain.Status, framing: f, persists: wire.ResponsePersists(&plain, f)}
		}
		if (gotErr == nil) != (wantErr == nil) || (gotErr == wire.ErrIncomplete) != (wantErr == wire.ErrIncomplete) {
			t.Errorf("%q: %v, not %v", x.octets, gotErr, wantErr)
		}
		if got != want || buf.Len() != len(x.octets)-n {
			t.Errorf("%q: %+v with %d bytes left, not %+v with %d", x.octets, got, buf.Len(), want, len(x.octets)-n)
		}
		buf.Release()
	}
}
