package weather

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
)

// A Program is a client that others wrote.
type Program struct {
	// Name is what it is called.
	Name string

	// line runs it; nil: it is this process. It prints the status and the size of
	// the answer's content.
	line []string
}

// Programs are those that upload. http.client and urllib write all of it before
// they read.
var Programs = []Program{
	{"curl", []string{"curl", "-sS", "--noproxy", "*", "-H", "Expect:", "-o", os.DevNull, "-w", "%{http_code} %{size_download}",
		"--data-binary", "@FILE", "http://GATEWAY/0"}},
	{"Go", nil},
	{"Node", []string{"node", "-e", `
const fail = error => { console.error(error.message); process.exit(1) }
require('http').request('http://GATEWAY/0', {method: 'POST'}, response => {
	let size = 0
	response.on('error', fail)
	response.on('data', data => size += data.length)
	response.on('end', () => { console.log(response.statusCode, size); process.exit() })
}).on('error', fail).end(require('fs').readFileSync('FILE'))`}},
	{"http.client", []string{"python3", "-c", `
import http.client
connection = http.client.HTTPConnection("GATEWAY")
connection.request("POST", "/0", open("FILE", "rb").read())
response = connection.getresponse()
print(response.status, len(response.read()))`}},
	{"urllib", []string{"python3", "-c", `
import urllib.error, urllib.request
ask = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
try:
	response = ask("http://GATEWAY/0", open("FILE", "rb").read())
except urllib.error.HTTPError as error:
	response = error
print(response.getcode(), len(response.read()))`}},
}

// Lacks is what would have to be installed for the program; empty: nothing.
func (p *Program) Lacks() string {
	if p.line == nil {
		return ""
	}
	if _, err := exec.LookPath(p.line[0]); err != nil {
		return p.line[0]
	}
	return ""
}

// WriteUpload writes a file that programs upload.
func WriteUpload(file string) error {
	return os.WriteFile(file, appendContent(nil, 0, UploadOctets), 0o644)
}

// Upload sends the file to a gateway. Unless the program reports the answer that is
// expected, an error has what it said.
func (p *Program) Upload(ctx context.Context, gateway, file string, e *Early) error {
	ctx, cancel := context.WithTimeout(ctx, uploadPatience)
	defer cancel()
	run := p.run
	if p.line == nil {
		run = uploadFromHere
	}
	report, err := run(ctx, gateway, file)
	var status, size int
	if n, _ := fmt.Sscan(report, &status, &size); n == 2 && e.is(status) && (e.own() || size == e.Octets) {
		return nil
	}
	return fmt.Errorf("%s reports %q: %v", p.Name, report, err)
}

func (p *Program) run(ctx context.Context, gateway, file string) (report string, err error) {
	line := make([]string, len(p.line))
	for i, word := range p.line {
		line[i] = strings.NewReplacer("GATEWAY", gateway, "FILE", file).Replace(word)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%w: %s", err, lastLine(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), err
}

// lastLine is where an interpreter says what went wrong.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// uploadFromHere is Go's own client.
func uploadFromHere(ctx context.Context, gateway, file string) (report string, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, "POST", "http://"+gateway+"/0", bytes.NewReader(content))
	if err != nil {
		return "", err
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	size, err := io.Copy(io.Discard, response.Body)
	return fmt.Sprint(response.StatusCode, " ", size), err
}
