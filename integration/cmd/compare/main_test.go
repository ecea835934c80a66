package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return name + "=" + path
	}
	a, err := read(file("kept", `{"requests": 100, "requests_per_s": 50, "latency_us": {"p50": 19, "p99": 29}, "latency_with_connect_us": {"p50": 20, "p99": 30}, "connections": {"opened": 4}}`))
	if err != nil {
		t.Fatal(err)
	}
	b, err := read(file("fresh", `{"requests": 40, "requests_per_s": 19.96, "errors": 1, "latency_us": {"p50": 30, "p99": 25}, "latency_with_connect_us": {"p50": 50, "p99": 30}, "connections": {"opened": 40}}`))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	write(&out, a, b)
	want := `                                         kept        fresh
requests                                  100           40
connections opened                          4           40
responses not as expected                   0            1
requests per second                        50        19.96   2.5 times as much
connecting + latency, median, us           20           50   2.5 times less
connecting + latency, p99, us              30           30   1.0 times as much
`
	if out.String() != want {
		t.Errorf("table:\n%s\nwant:\n%s", &out, want)
	}
}

func TestReadRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, arg := range []string{"no-name", "a=/absent", "a=" + empty} {
		if _, err := read(arg); err == nil {
			t.Errorf("%q was read", arg)
		}
	}
}
