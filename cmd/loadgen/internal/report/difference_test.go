package report

import (
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
)

// TestLinesOfADifference: those behind the sentence are neither folded nor taken for
// one, and a terminal obeys none of them.
func TestLinesOfADifference(t *testing.T) {
	dump := "- 00000010  " + strings.Repeat("61 ", 16) + " aaaaaaaaaaaaaaaa"
	rep := New(Settings{}, nil, &replay.Result{Explanations: []string{"GET /a: it differs\n" + dump + "\n+ \x1b[31m", "GET /b: timeout"}})
	var b strings.Builder
	if err := rep.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := "  Failures     GET /a: it differs\n  " + dump + "\n  + \\x1b[31m\n               GET /b: timeout\n"
	if !strings.HasSuffix(b.String(), want) {
		t.Errorf("the report ends otherwise than with\n%s\n%s", want, &b)
	}
}
