package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/integration/internal/process"
	"github.com/hopwire/hopwire/integration/internal/servers"
	"github.com/hopwire/hopwire/integration/internal/weather"
)

func TestSoakIsJudged(t *testing.T) {
	const mib = 1 << 20
	server := func(name string) *servers.Server { return &servers.Server{Process: &process.Process{Name: name}} }
	begin := []size{{memory: 16 * mib, descriptors: 12}, {memory: 8 * mib, descriptors: 47}}
	for name, test := range map[string]struct {
		last   []size
		errors int64
		want   []string // parts of the complaint
	}{
		"as before":           {begin, 0, nil},
		"smaller":             {[]size{{1, 1}, {1, 1}}, 0, nil},
		"within the bounds":   {[]size{{28 * mib, 20}, {18 * mib, 55}}, 0, nil},
		"a descriptor beyond": {[]size{{28 * mib, 21}, {18 * mib, 55}}, 0, []string{"edge had 12 descriptors, and has 21"}},
		"a byte beyond":       {[]size{{28 * mib, 20}, {18*mib + 1, 55}}, 0, []string{"origin had 8.0 MiB of memory, and has 18.0"}},
		"an error":            {begin, 1, []string{"of 1 requests 1 were not answered well: 1 reset"}},
		"all of it": {[]size{{30 * mib, 30}, {30 * mib, 60}}, 2,
			[]string{"2 reset", "edge had 12", "edge had 16.0 MiB", "origin had 47", "origin had 8.0 MiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &soaking{running: []*servers.Server{server("edge"), server("origin")}, begin: begin}
			err := s.judge(weather.Soaked{Tally: weather.Tally{weather.Reset: test.errors}}, test.last)
			if (err == nil) != (test.want == nil) {
				t.Fatalf("the verdict is %v", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the complaint %q lacks %q", err, part)
				}
			}
		})
	}
}

// What edge has done with is removed, however many files there are.
func TestRecordedFilesAreDropped(t *testing.T) {
	for _, test := range []struct{ there, left []string }{
		{nil, nil},
		{[]string{"r"}, []string{"r"}},
		{[]string{"r", "r.1"}, []string{"r.1"}},
		{[]string{"r.10", "r.8", "r.9"}, []string{"r.10"}},
	} {
		dir := t.TempDir()
		for _, name := range test.there {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := &soaking{recording: filepath.Join(dir, "r")}
		if err := s.dropRecorded(); err != nil {
			t.Error(err)
		}
		left, err := filepath.Glob(filepath.Join(dir, "*"))
		for i := range left {
			left[i] = filepath.Base(left[i])
		}
		if !slices.Equal(left, test.left) || err != nil {
			t.Errorf("of %q there are left %q, %v; want %q", test.there, left, err, test.left)
		}
	}
}
