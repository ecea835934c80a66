package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/cmd/edge/internal/gateway"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/capture"
)

const patience = 20 * time.Second

// Each word for an end is explained.
func TestWordsAreExplained(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for c := range gateway.Causes {
		words = append(words, c.String())
	}
	for c := range pool.Causes {
		words = append(words, c.String())
	}
	for _, word := range words {
		if !regexp.MustCompile(`(?m)(^  |, |beside )` + word + `( |,|$)`).MatchString(description) {
			t.Errorf("--help does not explain %s", word)
		}
		if !strings.Contains(string(readme), "`"+word+"`") {
			t.Errorf("README does not explain %s", word)
		}
	}
}

// A running is the program while it runs, its messages and its end.
type running struct {
	messages chan string
	ended    chan error
	stop     context.CancelFunc
	address  string
}

// begin starts the program and waits until it listens.
func begin(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	r := &running{messages: make(chan string, 100), ended: make(chan error, 1), stop: stop}
	go func() { r.ended <- invoke(ctx, &lineWriter{to: r.messages}, args...) }()
	select {
	case line := <-r.messages:
		address, ok := strings.CutPrefix(line, "listening on ")
		if !ok {
			t.Fatalf("the first message is %q", line)
		}
		r.address = strings.TrimSuffix(address, "\n")
	case err := <-r.ended:
		t.Fatalf("ended with %v", err)
	case <-time.After(patience):
		t.Fatal("the program does not listen")
	}
	return r
}

// end stops the program as the first signal does.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the program does not end")
	}
}

func invoke(ctx context.Context, messages io.Writer, args ...string) error {
	a := app()
	a.Writer, a.ErrWriter = io.Discard, messages
	a.ExitErrHandler = func(*cli.Context, error) {}
	return a.RunContext(ctx, append([]string{"edge"}, args...))
}

type lineWriter struct {
	mu sync.Mutex
	to chan string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to <- string(p)
	return len(p), nil
}

func originOf(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprintf(w, "%s %s", req.Header.Get("Via"), req.URL)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	log, record := filepath.Join(dir, "access.log"), filepath.Join(dir, "session.pcapng")
	r := begin(t, "--listen", "127.0.0.1:0", "--origin", originOf(t), "--origin", originOf(t),
		"--via", "gate", "--loops", "2", "--access-log", log, "--record", record, "--pool-max", "0")
	for i := range 3 {
		target := fmt.Sprintf("/%d", i)
		if got, want := get(t, "http://"+r.address+target), "1.1 gate "+target; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	r.end(t)
	lines, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^127\.0\.0\.1 - - .*"GET /\d HTTP/1\.1" 200 .* c\d+#1 -> o\d+#1@127\.0\.0\.1:\d+ .*$`).FindAll(lines, -1)); n != 3 {
		t.Errorf("%d lines of 3:\n%s", n, lines)
	}
	recording, err := capture.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	if len(recording.Connections) != 6 || len(recording.Warnings) > 0 {
		t.Errorf("%d connections recorded, warnings %q", len(recording.Connections), recording.Warnings)
	}
}

func TestUnixSockets(t *testing.T) {
	dir := t.TempDir()
	inner, outer := filepath.Join(dir, "origin"), filepath.Join(dir, "edge")
	ln, err := net.Listen("unix", inner)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { fmt.Fprint(w, req.Host) }))
	s.Listener = ln
	s.Start()
	defer s.Close()
	r := begin(t, "--listen", "unix:"+outer, "--origin", "unix:"+inner, "--record", filepath.Join(dir, "session.pcapng"))
	if r.address != "unix:"+outer {
		t.Errorf("listening on %s", r.address)
	}
	c, err := net.Dial("unix", outer)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, "GET / HTTP/1.0\r\n\r\n")
	if answer, err := io.ReadAll(c); err != nil || !bytes.HasSuffix(answer, []byte("\r\n\r\nlocalhost")) {
		t.Errorf("%q, %v", answer, err)
	}
	r.end(t)
	if _, err := os.Stat(outer); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

// A new edge takes the place of an old one, while clients come.
func TestTakingOver(t *testing.T) {
	origin := originOf(t)
	old := begin(t, "--listen", "127.0.0.1:0", "--origin", origin, "--via", "old", "--reuse-port")
	next := begin(t, "--listen", old.address, "--origin", origin, "--via", "next", "--reuse-port")
	by := map[string]int{}
	for len(by) < 2 { // either may get the next one
		by[get(t, "http://"+old.address)]++
	}
	old.stop()
	for ending := true; ending; {
		get(t, "http://"+old.address)
		select {
		case err := <-old.ended:
			ending = false
			if err != nil {
				t.Error(err)
			}
		default:
		}
	}
	if got := get(t, "http://"+old.address); got != "1.1 next /" {
		t.Errorf("after the end of the old edge %q answered", got)
	}
	next.end(t)
}

func TestWrongFlags(t *testing.T) {
	for _, test := range []struct {
		args string
		want []string
	}{
		{"--origin x", []string{"--origin: address \"x\""}},
		{"--origin 127.0.0.1:1 --via a/b --idle-timeout -1s --head-timeout 0s --pool-uses -1 --min-rate -1 --min-rate-grace 0s",
			[]string{"--via is a token", "--idle-timeout is a time", "--head-timeout is longer than 0", "--pool-uses is a number", "--min-rate is a number", "--min-rate-grace is longer than 0"}},
		{"--origin 127.0.0.1:1 --balance random --eject-for 2m --eject-max 1m --eject-after -1 --queue-timeout 0s",
			[]string{"--balance: \"random\" is not one of", "--eject-max is no shorter than --eject-for", "--eject-after is a number", "--queue-timeout is longer"}},
		{"--origin dns://app,srv://a:1,dns://10.0.0.1:80 --resolver here", []string{"write dns://name:port", "write srv:// and the name", "write 10.0.0.1:80", "--resolver is the address"}},
		{"--origin 127.0.0.1:1 --resolver 10.0.0.1:0", []string{"--resolver is the address"}},
		{"--origin 127.0.0.1:1 --check health --check-rise 0 --check-fall -1 --check-timeout 0s", []string{"--check is a path", "--check-rise is a number from 1", "--check-fall is a number from 1", "--check-timeout is longer"}},
		{"--origin 127.0.0.1:1 --listen 127.0.0.1:99999", []string{"the port is a number"}},
		{"--origin 127.0.0.1:1 --access-log /no/such/folder/log", []string{"the access log cannot be opened"}},
		{"--origin 127.0.0.1:1 --record /no/such/folder/file", []string{"the recording cannot be opened"}},
		{"--origin 127.0.0.1:1 --trace all", []string{"--trace shows lines or pictures, not \"all\""}},
		{"--origin 127.0.0.1:1 pictures", []string{"unexpected argument \"pictures\""}},
		{"--origin 127.0.0.1:1 --trace --record - --tap-memory 5", []string{"--trace and --record - would both write to standard output", "--tap-memory is a size from 1MiB up"}},
		{"--origin 127.0.0.1:1 --access-log - --trace pictures", []string{"--trace and --access-log - would both"}},
		{"--origin 127.0.0.1:1 --log-connections", []string{"--log-connections means something only with --access-log"}},
		{"--origin 127.0.0.1:1 --tap-memory 5MiB", []string{"--tap-memory means something only with --record or --trace"}},
		{"--origin 127.0.0.1:1 --redact standard", []string{"--redact means something only with --record or --trace"}},
		{"--origin 127.0.0.1:1 --record no/such --redact X-Api-Key,X:Y", []string{`--redact: "X:Y" is not the name of a field; write names such as X-Api-Key`}},
		{"--origin 127.0.0.1:1 --trace --redact content-length", []string{"--redact: content-length tells where a message ends"}},
		{"--origin 127.0.0.1:1 --record-max 5MB", []string{"--record-max means something only with --record FILE"}},
		{"--origin 127.0.0.1:1 --record - --record-max 5MB", []string{"--record-max means something only with --record FILE"}},
		{"--origin 127.0.0.1:1 --record /dev/null --record-max 5MB", []string{"/dev/null is none: leave it out"}},
		{"--origin 127.0.0.1:1 --record no/such --record-max 5", []string{"--record-max is a size such as 100MB"}},
		{"--origin 127.0.0.1:1 --record no/such --record-max 5M", []string{"--record-max is a size such as 100MB"}},
		{"--origin 127.0.0.1:1 --record no/such --record-max 5MB --access-log ./no/such.12", []string{"--access-log is one of the files"}},
		{"--origin 127.0.0.1:0", []string{"has port 0"}},
		{"--origin http://10.0.0.1:90/app", []string{`--origin: "http://10.0.0.1:90/app" is a URL; write host and port, 10.0.0.1:90,`}},
		{"--origin HTTP://10.0.0.1", []string{"write host and port, 10.0.0.1:80,"}},
		{"--origin http://", []string{"write host and port, 127.0.0.1:80,"}},
		{"--origin http://app.example?a=b", []string{"write host and port, app.example:80,"}},
		{"--origin http://[::1]", []string{"write host and port, [::1]:80,"}},
		{"--origin https://app.example/", []string{"TLS is not spoken here, so have a program such as stunnel or socat speak it to app.example:443, and write the host and port at which that listens"}},
		{"--origin https://u@app.example:8443?a", []string{"speak it to app.example:8443, "}},
		{"--origin http://user:pw@app.example/@", []string{"write host and port, app.example:80,"}},
		{"--origin tcp://10.0.0.1:80", []string{"is a URL; write host:port, unix:/path, dns://name:port or srv://name"}},
		{"--origin 127.0.0.1:1 --pool-max 0 --pool-idle 1s --pool-age 1m --pool-uses 5",
			[]string{"--pool-idle means something only with --pool-max above 0; leave one of them out", "--pool-age means something", "--pool-uses means something"}},
		{"--origin 127.0.0.1:1 --eject-after 0 --eject-for 2s --eject-max 1m", []string{"--eject-for means something only with --eject-after above 0", "--eject-max means something"}},
		{"--origin 127.0.0.1:1 --min-rate 0 --min-rate-grace 1s", []string{"--min-rate-grace means something only with --min-rate above 0"}},
		{"--origin 127.0.0.1:1 --verbatim --forwarded", []string{"--verbatim changes nothing"}},
		{"--origin 127.0.0.1:1 --verbatim --x-forwarded", []string{"--verbatim changes nothing"}},
		{"--origin 127.0.0.1:1 --trusted 10.0.0.0/8", []string{"--trusted means something only with"}},
		{"--origin 127.0.0.1:1 --forwarded --trusted 10.0.0.0/8,localhost,unix,::ffff:1.2.3.4 --trusted 10.1.2.3/8",
			[]string{`"localhost" is none of`, `"::ffff:1.2.3.4" is none of`, "write 10.0.0.0/8, or 10.1.2.3/32"}},
		{"--origin 127.0.0.1:1 --listen nowhere", []string{`--listen: address "nowhere"`}},
		{"--origin 127.0.0.1:1 --pool-uses 4294967296", []string{"--pool-uses is a number from 0 to 4294967295"}},
		{"--origin 127.0.0.1:1 --queue-max 5", []string{"--queue-max means something only with --origin-max-connections"}},
		{"--origin 127.0.0.1:1 --origin-max-connections 1 --queue-timeout 5s", []string{"--queue-timeout means something only with --queue-max"}},
		{"--origin 127.0.0.1:1 --reuse-port --listen unix:/tmp/edge.sock", []string{"--reuse-port means something only for a host:port"}},
		{"--origin 127.0.0.1:1 --check-rise 1 --check-interval 1s", []string{"--check-rise means something only with --check;", "--check-interval means something"}},
		{"--origin 127.0.0.1:1 --resolver 10.0.0.1", []string{"--resolver means something only with a dns://"}},
		{"--origin 127.0.0.1:1 --admin 0.0.0.0:0", []string{"--admin 0.0.0.0:0 can be reached from other machines"}},
		{"--origin 127.0.0.1:1 --admin-open", []string{"--admin-open means something only with --admin"}},
		{"--origin 127.0.0.1:1 --drain-grace 31s", []string{"--drain-grace is shorter than --drain-timeout, which is 30s"}},
		{"--origin 127.0.0.1:1 --drain-grace 2s --drain-timeout 2s", []string{"--drain-grace is shorter than"}},
		{"--origin 127.0.0.1:1 --drain-grace 1s --drain-idle 2s --drain-timeout 2s", []string{"--drain-idle is no longer than what --drain-grace leaves of --drain-timeout, which is 1s"}},
		{"--origin 127.0.0.1:1 --pool-uses 1 --pool-idle 1s", []string{"--pool-idle means something only with --pool-uses above 1"}},
		{"--origin 127.0.0.1:1 --verbatim --via -", []string{"--via - means something only without --verbatim"}},
		{"--origin 127.0.0.1:1 --forwarded --trusted unix", []string{"--trusted unix means something only with --listen unix:/path"}},
		{"--origin 127.0.0.1:1 --forwarded --trusted 10.0.0.0/8 --listen unix:/tmp/edge.sock", []string{"--trusted 10.0.0.0/8 means something only for a host:port"}},
		{"--origin 127.0.0.1:1 --record - --access-log -", []string{"--access-log and --record are one file"}},
		{"--origin 127.0.0.1:1 --record ./no/such/file --access-log no/such/file", []string{"--access-log and --record are one file"}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience) // for what is not refused
		defer cancel()
		err := invoke(ctx, io.Discard, append([]string{"--loops", "1", "--listen", "127.0.0.1:0"}, strings.Fields(test.args)...)...)
		if err == nil {
			t.Fatalf("%s: no error", test.args)
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\ndoes not say %q", test.args, err, want)
			}
		}
	}
}

// One mistake is said once.
func TestOneMistake(t *testing.T) {
	for args, want := range map[string]string{
		"":                      "--origin is required",
		"extra":                 `unexpected argument "extra"`,
		"extra 127.0.0.1:80":    `unexpected argument "extra"`,
		"--trace -- lines more": `unexpected argument "more"`,

		"--origin 127.0.0.1:1 --eject-max 0":                "--eject-max is longer than 0; for what comes close to no limit, write 24h",
		"--origin 127.0.0.1:1 --max-connections 4294967296": "--max-connections is a number from 0 to 4294967295, not 4294967296",
	} {
		err := invoke(t.Context(), io.Discard, strings.Fields(args)...)
		if wrong, ok := errors.AsType[*multierror.Error](err); !ok || len(wrong.Errors) != 1 || wrong.Errors[0].Error() != want {
			t.Errorf("%q: %v; want %s alone", args, err, want)
		}
	}
}

// A short --drain-timeout needs no other flag.
func TestDrainTimeoutAlone(t *testing.T) {
	a := app()
	a.Action = func(c *cli.Context) error {
		_, err := readSettings(c)
		return err
	}
	for _, bound := range []string{"0s", "50ms"} {
		if err := a.Run([]string{"edge", "--origin", "127.0.0.1:1", "--drain-timeout", bound}); err != nil {
			t.Errorf("%s: %v", bound, err)
		}
	}
}

// A time longer than the bound that nobody has set raises it.
func TestEjectForRaisesItsBound(t *testing.T) {
	a := app()
	var got origins.Ejection
	a.Action = func(c *cli.Context) error {
		s, err := readSettings(c)
		if err == nil {
			got = s.gateway.Eject
		}
		return err
	}
	err := a.Run([]string{"edge", "--loops", "1", "--origin", "127.0.0.1:1", "--eject-for", "2m"})
	if want := (origins.Ejection{After: 3, For: 2 * time.Minute, Max: 2 * time.Minute}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// What a trace shows is said by a word behind a blank or =, or in the environment, and
// the command line wins.
func TestTraceForms(t *testing.T) {
	for _, test := range []struct{ environment, args, want string }{
		{"", "", ""},
		{"", "--trace", lines},
		{"", "--trace lines", lines},
		{"", "--trace pictures", tracePictures},
		{"", "--trace=pictures", tracePictures},
		{"", "--trace=true", lines},
		{"true", "", lines},
		{"pictures", "", tracePictures},
		{"pictures", "--trace", lines},
		{"pictures", "--trace lines", lines},
		{"pictures", "--trace=false", ""},
	} {
		t.Setenv("EDGE_TRACE", test.environment)
		a := app()
		var got string
		a.Action = func(c *cli.Context) error {
			s, err := readSettings(c)
			if err == nil {
				got = s.trace
			}
			return err
		}
		for _, f := range a.Flags {
			if trace, ok := f.(*traceFlag); ok {
				trace.EnvVars = []string{"EDGE_TRACE"} // as package program does
			}
		}
		args := append([]string{"edge", "--origin", "127.0.0.1:1"}, strings.Fields(test.args)...)
		if err := a.RunContext(t.Context(), args); err != nil || got != test.want {
			t.Errorf("EDGE_TRACE=%s %s: %q, %v, want %q", test.environment, test.args, got, err, test.want)
		}
	}
}

func TestSameFile(t *testing.T) {
	here, link := filepath.Join(t.TempDir(), "here"), filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.WriteFile(here, nil, 0o600), os.Symlink(here, link)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{here, here, true},
		{link, here, true},
		{here, link, true},
		{here, here + "2", false},
		{here + "2", here, false},
		{"a/../b", "./b", true},
		{"b", "a", false},
		{"-", "-", true}, // standard output
		{"-", here, false},
		{here, "-", false},
		{"/dev/null", "/dev/null", false},
	} {
		if got := sameFile(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: %v", test.a, test.b, got)
		}
	}
}

func TestPortInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	err = invoke(t.Context(), io.Discard, "--loops", "1", "--listen", ln.Addr().String(), "--origin", "127.0.0.1:1")
	if err == nil || !strings.Contains(err.Error(), "another program listens there") {
		t.Error(err)
	}
}

// The program ends although a request is under way for ever, and both the
// messages and the log say that it was cut off.
func TestDrainIsBounded(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	asked := make(chan bool)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		close(asked)
		<-req.Context().Done()
	}))
	defer s.Close()
	r := begin(t, "--listen", "127.0.0.1:0", "--origin", s.Listener.Addr().String(), "--drain-timeout", "50ms", "--access-log", log)
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-asked
	r.end(t)
	if said := <-r.messages; !strings.Contains(said, "did not end within 50ms: 1\n") {
		t.Errorf("it says %q", said)
	}
	if lines, err := os.ReadFile(log); err != nil || !strings.Contains(string(lines), " cut-off/aborted\n") {
		t.Errorf("the log has %q, %v", lines, err)
	}
}

func TestEveryFlagHasUsage(t *testing.T) {
	for _, f := range flags() {
		if d, ok := f.(cli.DocGenerationFlag); !ok || d.GetUsage() == "" {
			t.Errorf("--%s has no usage", f.Names()[0])
		}
	}
}
