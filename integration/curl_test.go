package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// curl speaks both versions, asks before it uploads, and reads what it gets more
// strictly than a test would.
func TestCurl(t *testing.T) {
	requireTool(t, "curl")
	upload := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(upload, site[largeFile], 0o644); err != nil {
		t.Fatal(err)
	}
	files := startEdge(t, startOrigin(t, writeSite(t)).Addr)
	_, echoing, _ := behindEdge(t, echo(t))
	deaf := startEdge(t, startFaulty(t, "", "faults: [{answer: 417}]").Addr)
	large := site[largeFile]
	for _, test := range []struct {
		name   string
		args   []string
		url    string
		status string
		body   []byte
	}{
		{"file", []string{"--http1.1"}, files.url(largeFile), "200 1.1", large},
		{"HTTP/1.0", []string{"--http1.0"}, files.url(mediumFile), "200 1.1", site[mediumFile]},
		{"chunks for HTTP/1.0", []string{"--http1.0", "-T", upload}, echoing.url("/"), "200 1.1", large},
		{"range", []string{"-r", "100-4999"}, files.url(largeFile), "206 1.1", large[100:5000]},
		{"last bytes", []string{"-r", "-500"}, files.url(largeFile), "206 1.1", large[len(large)-500:]},
		{"head", []string{"-I", "-o", os.DevNull}, files.url(largeFile), "200 1.1", nil},
		{"upload that asks", []string{"-H", "Expect: 100-continue", "--expect100-timeout", "30", "-T", upload}, echoing.url("/"), "200 1.1", large},
		{"upload that does not ask", []string{"-H", "Expect:", "-T", upload}, echoing.url("/"), "200 1.1", large},
		{"upload in chunks", []string{"-H", "Expect:", "-H", "Transfer-Encoding: chunked", "-T", upload}, echoing.url("/"), "200 1.1", large},
		{"upload that is not wanted", []string{"-H", "Expect: 100-continue", "--expect100-timeout", "30", "-T", upload}, deaf.url("/"), "417 1.1", nil},
		{"form", []string{"-d", "a=b&c=d"}, echoing.url("/"), "200 1.1", []byte("a=b&c=d")},
		{"several on one connection", []string{files.url(smallFile), files.url(smallFile)}, files.url(smallFile), "200 1.1200 1.1200 1.1", bytes.Repeat(site[smallFile], 3)},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, body := curl(t, append(test.args, test.url)...)
			if status != test.status || !bytes.Equal(body, test.body) {
				t.Errorf("%s with %d bytes, want %s with %d", status, len(body), test.status, len(test.body))
			}
		})
	}
}

// curl returns status and version of each response, and the bodies.
func curl(t *testing.T, args ...string) (status string, body []byte) {
	t.Helper()
	cmd := curlCommand(t, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	body, err := cmd.Output()
	if err != nil {
		t.Fatalf("curl %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stderr.String(), body
}

func curlCommand(t *testing.T, args ...string) *exec.Cmd {
	args = append([]string{"-sS", "--noproxy", "*", "--max-time", "60", "-w", "%{stderr}%{http_code} %{http_version}"}, args...)
	return exec.CommandContext(t.Context(), "curl", args...)
}
