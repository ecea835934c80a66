package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The picture at the head of README is what loadgen shows of the very GET that stands
// above it, but for what is never the same twice.
func TestReadmeShowsWhatLoadgenShows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hop.pcapng")
	edge := startEdge(t, startOrigin(t, "").Addr, "--record", file)
	client := dialRaw(t, edge.Addr)
	client.send("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n")
	client.response("GET")
	client.Close()
	if err := edge.Stop(patience); err != nil {
		t.Fatal(err)
	}
	shown := run(t, "", []string{"COLUMNS=100"}, command("loadgen").Path, "show", "--exchange", "c1#1", file)

	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "$ bin/loadgen show --exchange c1#1 hop.pcapng\n")
	picture, _, found := strings.Cut(rest, "...\n")
	varies := regexp.MustCompile(`(?m)^in ms: .*\n(  .*\n)?|\w+, \d\d \w+ \d{4} \d\d:\d\d:\d\d GMT|"[0-9a-f]{16}"|` +
		`Content-Length: \d{4}|\d{4} bytes`) // the page has the revision in it
	same := func(text string) string { return varies.ReplaceAllString(text, "*") }
	if !found || !strings.HasPrefix(same(shown), same(picture)) {
		t.Errorf("README.md has\n%s\nand loadgen shows\n%s", picture, shown)
	}
}
