package main

import (
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
