package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMerge: the report of a log is that of its runs, to the letter.
func TestMerge(t *testing.T) {
	address, _ := origin(t)
	var logs []string
	for _, format := range []string{"text", "json", "bench"} {
		log := filepath.Join(t.TempDir(), format)
		logs = append(logs, log)
		want, stderr, status := loadgen(t, "replay", "http://"+address+"/", "-n", "100", "--repeat", "2", "--hdr-log", log, "--format", format)
		if status != 0 {
			t.Fatal(stderr)
		}
		if got, stderr, status := loadgen(t, "merge", log, "--format", format); got != want || stderr != "" || status != 0 {
			t.Errorf("status %d, %s\n%s\nwant\n%s", status, stderr, got, want)
		}
	}
	stdout, stderr, status := loadgen(t, append([]string{"merge", "--format", "json"}, logs...)...)
	if n := numbersOf(t, stdout); status != 0 || stderr != "" || n.Requests != 600 || n.Statuses["200"] != 600 {
		t.Errorf("status %d, %s%+v", status, stderr, n)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if text, err := os.ReadFile(logs[0]); err != nil || os.WriteFile(copied, text, 0o600) != nil {
		t.Fatal(err)
	}
	for _, same := range []string{logs[0], copied} {
		want := "loadgen: " + logs[0] + " and " + same + " are logs of the same run, which would count twice"
		if stdout, stderr, status := loadgen(t, "merge", logs[0], logs[1], same); status != 2 || stdout != "" || !strings.HasPrefix(stderr, want) {
			t.Errorf("status %d, %s%s", status, stderr, stdout)
		}
	}
}

// TestMergeOfFailures: the exit status is that of the runs.
func TestMergeOfFailures(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.hlog")
	_, want, _ := loadgen(t, "replay", "http://127.0.0.1:1/", "-n", "3", "-c", "1", "--no-backoff", "--hdr-log", log)
	if stdout, stderr, status := loadgen(t, "merge", log); status != 3 || stderr != want || !strings.Contains(stdout, "connect-refused") {
		t.Errorf("status %d, %q, want %q\n%s", status, stderr, want, stdout)
	}
}

func TestWrongMerge(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	recording := pcapOf(t, "127.0.0.1:1", []string{request("/"), response("")})
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"merge"}, 2, "name the logs"},
		{[]string{"merge", empty, "--format", "xml"}, 2, "--format is text, json or bench"},
		{[]string{"merge", "/absent"}, 1, "/absent: no such file"},
		{[]string{"merge", empty}, 1, empty + " is no whole log that loadgen replay --hdr-log wrote: there is no run in it"},
		{[]string{"merge", dir}, 1, "is a directory"},
		{[]string{"replay", "http://127.0.0.1:1/", "--hdr-log", dir + "/absent/x"}, 1, "--hdr-log: open " + dir},
		{[]string{"replay", "http://127.0.0.1:1/", "--hdr-log", "-"}, 2, "--hdr-log names a file"},
		{[]string{"replay", recording, "--target", "127.0.0.1:1", "--hdr-log", recording}, 2, "--hdr-log would overwrite " + recording},
	} {
		stdout, stderr, status := loadgen(t, test.args...)
		if status != test.status || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%v: status %d, %q, want %d and %q", test.args, status, stderr, test.status, test.want)
		}
	}
}

// TestLogOnAFullDisk: it is told before anything is sent.
func TestLogOnAFullDisk(t *testing.T) {
	address, asked := origin(t)
	stdout, stderr, status := loadgen(t, "replay", "http://"+address+"/", "-n", "5", "--hdr-log", "/dev/full")
	if status != 1 || asked.Load() > 0 || !strings.Contains(stderr, "--hdr-log: write /dev/full: no space left on device") {
		t.Errorf("status %d, %s%s", status, stderr, stdout)
	}
}
