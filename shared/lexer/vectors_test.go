package lexer

import (
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/wire"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// ofVector is the message of a vector. Chunks get a head.
func ofVector(v *wiretest.Vector) *oneWay {
	w := &oneWay{ofRequest: v.Kind == "request", limits: wire.Limits(v.Limits), bytes: v.Input}
	switch v.Kind {
	case "response":
		w.methods = []string{v.RequestMethod, "GET", "GET"}
	case "chunked":
		w.bytes = append([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), v.Input...)
	}
	return w
}

func TestVectors(t *testing.T) {
	for _, v := range wiretest.Vectors() {
		t.Run(v.Name, func(t *testing.T) {
			w := ofVector(&v)
			checkPieces(t, w, func(length int) bool { return len(w.bytes) < 1000 || length%997 < 2 })
			checkVector(t, &v, checkAgreement(t, w))
		})
	}
}

// checkVector wants what the file expects of the first message.
func checkVector(t *testing.T, v *wiretest.Vector, got reading) {
	e := &v.Expect
	switch {
	case e.Incomplete && got.refused != nil:
		t.Fatalf("what is incomplete is refused: %v", got.refused)
	case e.Incomplete, e.Either && got.refused != nil:
		return
	case !e.OK:
		if got.refused == nil || string(got.refused.Rule) != e.Rule {
			t.Fatalf("got %v, want the rule %s", got.refused, e.Rule)
		}
		return
	case len(got.messages) == 0:
		t.Fatalf("no message: %+v", got)
	}
	m := got.messages[0]
	if m.Content != e.Content || v.Kind != "chunked" && strings.Join(flat(m.Fields), "\n") != strings.Join(flat(e.Fields), "\n") ||
		strings.Join(flat(m.Trailers), "\n") != strings.Join(flat(e.Trailers), "\n") {
		t.Errorf("got %+v, want %+v", m, e)
	}
	if v.Kind == "request" && (m.Method != e.Method || m.Target != e.Target || m.Version != e.Version) ||
		v.Kind == "response" && (m.Version != e.Version || m.Reason != e.Reason) {
		t.Errorf("got %+v, want %+v", m, e)
	}
}

func flat(fields [][2]string) (all []string) {
	for _, f := range fields {
		all = append(all, f[0]+": "+f[1])
	}
	return all
}

// FuzzRoles wants of any bytes that each has one role, wherever they are cut, and that
// the roles say the same as wire.
func FuzzRoles(f *testing.F) {
	for _, v := range wiretest.Vectors() {
		w := ofVector(&v)
		f.Add(w.bytes, len(w.bytes)/2, !w.ofRequest, v.RequestMethod, false)
	}
	for _, c := range rolesTable {
		method, _, _ := strings.Cut(strings.TrimPrefix(c.methods, "told "), " ")
		f.Add([]byte(c.bytes), len(c.bytes)/2, c.methods != "", method, true)
	}
	narrow := wire.Limits{Head: 200, Target: 20, Fields: 3, ChunkLine: 8, Trailer: 20}
	f.Fuzz(func(t *testing.T, input []byte, cut int, isResponse bool, method string, isNarrow bool) {
		w := oneWay{ofRequest: !isResponse, bytes: input}
		if method != "" {
			w.methods = []string{method, "GET"}
		}
		if isNarrow {
			w.limits = narrow
		}
		checkAgreement(t, &w)
		checkPieces(t, &w, func(length int) bool { return length == cut || length < 1000 && (length-cut)%16 == 0 })
	})
}
