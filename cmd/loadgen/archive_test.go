package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An archive is replayed as a recording, and its responses are compared.
func TestReplayArchive(t *testing.T) {
	address, asked := origin(t)
	file := filepath.Join(t.TempDir(), "page.har")
	entry := `{"connection": "%d", "request": {"method": "GET", "url": "http://a/missing", "httpVersion": "h2", "headers": [{"name": ":path", "value": "/"}]}, "response": {"status": 404, "content": {"size": 5, "text": "wrong"}}}`
	archive := fmt.Sprintf(`{"log": {"entries": [`+entry+","+entry+","+entry+`]}}`, 1, 2, 1)
	if err := os.WriteFile(file, []byte(archive), 0o644); err != nil {
		t.Fatal(err)
	}
	out, errs, status := loadgen(t, "replay", file, "--target", address)
	if status != 0 || asked.Load() != 3 || !strings.Contains(out, "2 opened, ") || !strings.Contains(out, "3 requests spoke HTTP/2") {
		t.Errorf("exit status %d, %d asked, %s\n%s", status, asked.Load(), errs, out)
	}
	if out, errs, status := loadgen(t, "replay", file, "--target", address, "--verify"); status != 1 || !strings.Contains(errs, "3 of 3 requests failed") {
		t.Errorf("compared: exit status %d, %s\n%s", status, errs, out)
	}
	if err := os.WriteFile(file, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := loadgen(t, "replay", file, "--target", address); status != 1 || errs != "loadgen: "+file+": this is JSON, but no HTTP archive (HAR): it has no log\n" {
		t.Errorf("no archive: exit status %d, %s", status, errs)
	}
}

// What an archive is converted to is replayed as the archive is: with its connections,
// and with the responses that can be compared.
func TestConvert(t *testing.T) {
	address, asked := origin(t)
	archive, recording := filepath.Join(t.TempDir(), "page.har"), filepath.Join(t.TempDir(), "page.pcapng")
	var entries []string
	for i, response := range []string{
		`{"status": 200, "content": {"size": 500000}}`, `{"status": 404, "content": {"size": 5, "text": "wrong"}}`,
		`{"status": 0}`, `{"status": 404, "content": {"size": 5, "text": "wrong"}}`,
	} {
		entries = append(entries, fmt.Sprintf(`{"startedDateTime": "2026-01-01T10:00:0%dZ", "time": 50, "timings": {"blocked": 10, "wait": 15, "receive": 25}, "connection": "1", "request": {"method": "GET", "url": "http://a/%[1]d"}, "response": %s}`, i, response))
	}
	if err := os.WriteFile(archive, []byte(`{"log": {"entries": [`+strings.Join(entries, ",")+`]}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, errs, status := loadgen(t, "convert", archive, recording); status != 0 || out != "" || !strings.HasPrefix(errs, "an archive has no bytes") {
		t.Fatalf("exit status %d, %s%s", status, out, errs)
	}
	for _, file := range []string{archive, recording} {
		asked.Store(0)
		out, errs, _ := loadgen(t, "replay", file, "--target", address, "--verify")
		if asked.Load() != 4 || !strings.Contains(errs, "2 of 4 requests failed") || !strings.Contains(out, "2 requests without a whole, valid recorded response") {
			t.Errorf("%s: %d asked, %s\n%s", filepath.Base(file), asked.Load(), errs, out)
		}
	}
	const shown = "" +
		" 0.000000 c1#1           200  500041  40.000 GET /0\n" +
		" 1.000000 c1#2           404      41  40.000 GET /1\n" +
		" 2.000000 c1#3           -         0  40.000 GET /2\n" +
		" 3.000000 c13#1          404      41  40.000 GET /3\n"
	if out, _, status := loadgen(t, "show", recording); status != 0 || out != shown {
		t.Errorf("status %d, shown as\n%s", status, out)
	}
	if info, err := os.Stat(recording); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v: it has cookies, which nobody else may read", info.Mode(), err)
	}
}

func TestWrongConvert(t *testing.T) {
	dir := t.TempDir()
	archive, link := filepath.Join(dir, "page.har"), filepath.Join(dir, "link")
	recording := pcapOf(t, "127.0.0.1:1", []string{request("/"), response("")})
	const nothing = `{"log": {"entries": []}}`
	if err := errors.Join(os.WriteFile(archive, []byte(nothing), 0o644), os.Symlink(archive, link)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{archive}, 2, "name an archive and the file to be made of it"},
		{[]string{archive, archive}, 2, archive + " would be overwritten, which is to be converted"},
		{[]string{archive, link}, 2, archive + " would be overwritten"},
		{[]string{archive, "-"}, 2, "OUT is a file"},
		{[]string{recording, archive}, 1, recording + " is no HTTP archive (HAR) that can be read"},
		{[]string{dir + "/absent", dir + "/out"}, 1, "absent: no such file or directory"},
		{[]string{archive, dir + "/absent/out"}, 1, "absent/out: no such file or directory"},
	} {
		out, errs, status := loadgen(t, append([]string{"convert"}, test.args...)...)
		if status != test.status || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%v: exit status %d, %s, want %d and %q", test.args, status, errs, test.status, test.want)
		}
	}
	if kept, err := os.ReadFile(archive); string(kept) != nothing {
		t.Errorf("the archive is now %q, %v", kept, err)
	}
}
