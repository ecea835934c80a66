package names

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestReadSystem(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	hosts := write("10.0.0.1 a\n")
	for _, test := range []struct {
		name, conf string
		servers    []string
		timeout    time.Duration
		attempts   int
		candidates []string // of "a.b"
	}{
		{"no file", nowhere, []string{"127.0.0.1:53"}, 5 * time.Second, 2, []string{"a.b."}},
		{"empty", write(""), []string{"127.0.0.1:53"}, 5 * time.Second, 2, []string{"a.b."}},
		{"all", write("nameserver 10.0.0.1\nnameserver 2001:db8::1\nsearch x.y z\noptions ndots:2 timeout:1 attempts:3\n"),
			[]string{"10.0.0.1:53", "[2001:db8::1]:53"}, time.Second, 3, []string{"a.b.x.y.", "a.b.z.", "a.b."}},
	} {
		s, err := readSystem(test.conf, hosts)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if !slices.Equal(s.Servers, test.servers) || s.Timeout != test.timeout || s.Attempts != test.attempts {
			t.Errorf("%s: %+v", test.name, s)
		}
		if got := s.Candidates("a.b"); !slices.Equal(got, test.candidates) {
			t.Errorf("%s: %q", test.name, got)
		}
		if len(s.Hosts["a"]) != 1 {
			t.Errorf("%s: hosts %v", test.name, s.Hosts)
		}
	}
	if _, err := readSystem("/dev/null/conf", hosts); err == nil {
		t.Error("what cannot be opened is no error")
	}
	if s, err := readSystem(nowhere, nowhere); err != nil || len(s.Hosts) > 0 {
		t.Errorf("without files: %+v, %v", s, err)
	}
}
