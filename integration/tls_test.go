package integration

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tlsReport is some of the JSON report.
type tlsReport struct {
	Requests    int64 `json:"requests"`
	Errors      int64 `json:"errors"`
	Connections struct {
		Opened     int64 `json:"opened"`
		TLSResumed int64 `json:"tls_resumed"`
	} `json:"connections"`
	TLSUS struct {
		Count int64   `json:"count"`
		Min   float64 `json:"min"`
	} `json:"tls_us"`
	ErrorCauses map[string]int64 `json:"error_causes"`
}

// replaySecurely runs loadgen, and returns its report, what it says beside, and its
// exit status.
func replaySecurely(t *testing.T, args ...string) (r tlsReport, says string, exit int) {
	t.Helper()
	name := filepath.Join(binaries, "loadgen")
	cmd := exec.CommandContext(t.Context(), name, append([]string{"replay", "--format", "json"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Run()
	if stdout.Len() > 0 {
		if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
			t.Error(err)
		}
	}
	return r, stderr.String(), cmd.ProcessState.ExitCode()
}

// loadgen finds its way to a server whose certificate is for 127.0.0.1 and
// example.com, or says why not.
func TestLoadgenOverTLS(t *testing.T) {
	seen := make(chan string, 100)
	site := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- fmt.Sprintf("%s %s for %q, by %q", r.Host, r.Proto, r.TLS.ServerName, r.TLS.NegotiatedProtocol)
		io.WriteString(w, "hi")
	}))
	site.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	site.Config.ErrorLog = log.New(io.Discard, "", 0)
	site.StartTLS()
	t.Cleanup(site.Close)
	_, port, _ := net.SplitHostPort(site.Listener.Addr().String())
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: site.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	recording, _ := recordVisits(t, startOrigin(t, ""))
	for _, test := range []struct {
		name string
		args []string
		seen string // by the server; empty: loadgen fails
		says string
	}{
		{"an address", []string{"https://127.0.0.1:" + port + "/", "--ca", ca}, "127.0.0.1:" + port + ` HTTP/1.1 for "", by "http/1.1"`, ""},
		{"a name", []string{"https://example.com/", "--target", "127.0.0.1:" + port, "--ca", ca}, `example.com HTTP/1.1 for "example.com", by "http/1.1"`, ""},
		{"a recording", []string{recording, "--target", "https://127.0.0.1:" + port, "--ca", ca}, ` HTTP/1.1 for "", by "http/1.1"`, ""},
		{"anybody", []string{"https://other.example/", "--target", "127.0.0.1:" + port, "--insecure"}, `other.example HTTP/1.1 for "other.example", by "http/1.1"`, ""},
		{"a stranger", []string{"https://127.0.0.1:" + port + "/"}, "", "name the authority's certificate with --ca FILE"},
		{"somebody else", []string{"https://other.example/", "--target", "127.0.0.1:" + port, "--ca", ca}, "", "not other.example"},
		{"TLS to who speaks none", []string{"https://127.0.0.1/", "--target", startOrigin(t, "").Addr, "--insecure"}, "", "write http:// instead of https://"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, says, exit := replaySecurely(t, append(test.args, "--requests", "1", "-c", "1", "--timeout", "3s")...)
			if test.seen == "" {
				if exit != 3 || !strings.Contains(says, test.says) {
					t.Errorf("status %d, %q", exit, says)
				}
				return
			}
			if exit != 0 || r.Requests != 1 || r.TLSUS.Count != 1 || r.TLSUS.Min <= 0 {
				t.Fatalf("status %d, %q, %+v", exit, says, r)
			}
			if got := <-seen; !strings.Contains(got, test.seen) {
				t.Errorf("the server saw %s, not %s", got, test.seen)
			}
		})
	}
}

// opensslServer starts openssl s_server with a certificate of its own.
func opensslServer(t *testing.T, args ...string) (address, ca string, stdin io.Writer, said *bufio.Reader) {
	t.Helper()
	requireTool(t, "openssl")
	requireTool(t, "stdbuf") // so that it is heard at once
	dir := t.TempDir()
	ca = filepath.Join(dir, "ca.pem")
	key := filepath.Join(dir, "key.pem")
	run(t, dir, nil, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", ca,
		"-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "stdbuf", append([]string{"-o0", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", ca, "-key", key}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	said = bufio.NewReader(out)
	return strings.TrimSpace(strings.TrimPrefix(until(t, said, "ACCEPT "), "ACCEPT ")), ca, in, said
}

// until reads lines to the one with text, and returns that.
func until(t *testing.T, r *bufio.Reader, text string) string {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v before %q", err, text)
		}
		if strings.Contains(line, text) {
			return line
		}
	}
}

// Another implementation of TLS resumes sessions, too, in either version; its page ends
// with the connection.
func TestLoadgenAndOpenSSL(t *testing.T) {
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		for _, resume := range []bool{false, true} {
			t.Run(fmt.Sprint(version, " ", resume), func(t *testing.T) {
				address, ca, _, said := opensslServer(t, version, "-www")
				go io.Copy(io.Discard, said)
				r, says, exit := replaySecurely(t, "https://"+address+"/", "--ca", ca, "--requests", "10", "-c", "1", fmt.Sprint("--tls-resume=", resume))
				want := int64(0)
				if resume {
					want = 9
				}
				if exit != 0 || r.Requests != 10 || r.Connections.Opened != 10 || r.TLSUS.Count != 10 || r.Connections.TLSResumed != want {
					t.Errorf("status %d, %q, %+v", exit, says, r)
				}
			})
		}
	}
}

// The command K of s_server updates its keys and asks for the same in return; here it
// is given before each answer.
func TestLoadgenUpdatesKeysForOpenSSL(t *testing.T) {
	address, ca, stdin, said := opensslServer(t, "-tls1_3")
	type outcome struct {
		report tlsReport
		says   string
		exit   int
	}
	done := make(chan outcome, 1)
	go func() {
		r, says, exit := replaySecurely(t, "https://"+address+"/", "--ca", ca, "--requests", "5", "-c", "1", "--timeout", patience.String())
		done <- outcome{r, says, exit}
	}()
	for range 5 {
		until(t, said, "Host: "+address)
		io.WriteString(stdin, "K\n")
		until(t, said, "SSL_do_handshake -> 1")
		io.WriteString(stdin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
	}
	if o := <-done; o.exit != 0 || o.report.Requests != 5 || o.report.Connections.Opened != 1 {
		t.Errorf("status %d, %q, %+v", o.exit, o.says, o.report)
	}
}
