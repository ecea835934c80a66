package integration

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// One filter selects an exchange on both hops: all that was read and written for it,
// and nothing else.
func TestFilterSelectsAnExchange(t *testing.T) {
	requireTool(t, "tshark")
	u := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "answer to %s, %d bytes", r.URL, len(body))
	})
	file := filepath.Join(t.TempDir(), "r.pcapng")
	edge := startEdge(t, u.addr(), "--record", file)
	const exchanges = 12
	for n := 1; n <= exchanges; n++ {
		request, err := http.NewRequestWithContext(t.Context(), "POST", edge.url(fmt.Sprint("/", n)), bytes.NewReader(noise(40_000)))
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, http.DefaultTransport, request)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := edge.Stop(patience); err != nil {
		t.Fatal(err)
	}
	frames := func(filter string) []string {
		return strings.Split(strings.TrimSpace(tshark(t, file, "-Y", "tcp.len > 0 && ("+filter+")", "-T", "fields", "-e", "frame.interface_name", "-e", "tcp.payload", "-e", "frame.number")), "\n")
	}
	selected := 0
	for n := 1; n <= exchanges; n++ {
		got := frames(fmt.Sprintf(`frame.comment contains "c1#%d "`, n))
		selected += len(got)
		if n > 2 && n < exchanges {
			continue
		}
		on := make(map[string]string)
		for _, frame := range got {
			name, payload, _ := strings.Cut(frame, "\t")
			payload, _, _ = strings.Cut(payload, "\t")
			b, err := hex.DecodeString(strings.ReplaceAll(payload, ":", ""))
			if err != nil {
				t.Fatal(err)
			}
			on[name] += string(b)
		}
		for _, hop := range []string{"client", "origin"} {
			begin, end := fmt.Sprintf("POST /%d HTTP/1.1\r\n", n), fmt.Sprintf("answer to /%d, 40000 bytes", n)
			if all := on[hop]; !strings.HasPrefix(all, begin) || !strings.HasSuffix(all, end) || strings.Count(all, "HTTP/1.1") < 2 || len(all) < 40_000 || len(all) > 41_000 {
				t.Errorf("c1#%d on the %s's hop: %d bytes, which begin with %.40q", n, hop, len(all), all)
			}
		}
	}
	if all := frames("tcp"); selected != len(all) {
		t.Errorf("%d packets with bytes are selected, of %d", selected, len(all))
	}
}

// A recording whose edge was killed is readable up to the last block that was written,
// by loadgen and by tshark.
func TestKilledEdgeLeavesItsRecording(t *testing.T) {
	requireTool(t, "tshark")
	content := noise(20_000)
	u := startUpstream(t, func(w http.ResponseWriter, r *http.Request) { w.Write(content) })
	file := filepath.Join(t.TempDir(), "r.pcapng")
	edge := startListening(t, command("edge", "--listen", "127.0.0.1:0", "--origin", u.addr(), "--record", file))
	ended := make(chan struct{}, 4)
	for range cap(ended) {
		go func() {
			for fetch(&http.Transport{}, edge.url("/"), content) == nil {
			}
			ended <- struct{}{}
		}()
	}
	eventually(t, func() string {
		if info, err := os.Stat(file); err != nil || info.Size() < 5<<20 {
			return fmt.Sprintf("the recording has not become large: %v", err)
		}
		return ""
	})
	edge.Kill() // by SIGKILL, while requests are under way
	for range cap(ended) {
		<-ended
	}
	lines := strings.Count(readCut(t, filepath.Join(binaries, "loadgen"), "show", file), " 200 ")
	if lines < 50 {
		t.Errorf("loadgen shows %d exchanges", lines)
	}
	if n := strings.Count(readCut(t, "tshark", tsharkOf(file, "-Y", `syslog.msgid matches "^exchange"`)...), "\n"); n < lines-cap(ended) { // loadgen shows what was under way, too
		t.Errorf("tshark shows the ends of %d exchanges, loadgen %d", n, lines)
	}
	if out := readCut(t, "tshark", tsharkOf(file, "-Y", "_ws.malformed or tcp.analysis.flags")...); out != "" {
		t.Errorf("tshark complains about:\n%s", out)
	}
}

// readCut is what a command prints of a file that may end within a block, which is all
// that it may complain of.
func readCut(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	exit := (*exec.ExitError)(nil)
	if err != nil && (!errors.As(err, &exit) || !bytes.Contains(exit.Stderr, []byte("cut"))) {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return string(out)
}

// What is to be redacted is in no byte of a recording or a trace, on either hop, be it
// in a head, a trailer section, an edit or a request that is refused; and the recording
// is as readable as any other.
func TestRedaction(t *testing.T) {
	requireTool(t, "tshark")
	const secret = "5ecret-5ecret"
	u := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{"Cookie": r.Header.Get("Cookie"), "Authorization": r.Header.Get("Authorization"), "X-Api-Key": r.Header.Get("X-Api-Key")} {
			if r.URL.Path == "/all" && value != secret {
				t.Errorf("the origin hears %s: %q", name, value)
			}
		}
		w.Header().Set("Trailer", "X-Api-Key")
		w.Header().Set("Set-Cookie", "a="+secret)
		w.WriteHeader(103)
		fmt.Fprint(w, "Cookie: shown\r\n")
		w.Header().Set("X-Api-Key", secret)
	})
	file := filepath.Join(t.TempDir(), "r.pcapng")
	edge := startEdge(t, u.addr(), "--record", file, "--redact", "x-api-key")
	trace := startEdge(t, u.addr(), "--trace", "--redact", "standard,X-Api-Key", "pictures")
	for _, addr := range []string{edge.Addr, trace.Addr} {
		for _, request := range []string{
			"GET /all HTTP/1.1\r\nHost: a\r\nCookie: 5ecret-5ecret\r\nAuthorization: 5ecret-5ecret\r\nX-Api-Key: 5ecret-5ecret\r\n\r\n",
			"GET /dropped HTTP/1.1\r\nHost: a\r\nConnection: close, cookie, x-api-key\r\nCookie: 5ecret-5ecret\r\nX-Api-Key:5ecret-5ecret\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nConnection: x-api-key\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Api-Key: 5ecret-5ecret\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: a\r\nCookie : 5ecret-5ecret\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: a\r\nProxy_Authorization: 5ecret-5ecret\r\n 5ecret-5ecret\r\n\r\n",
		} {
			askBytewise(t, addr, request)
		}
	}
	for _, s := range []*server{edge, trace} {
		if err := s.Stop(patience); err != nil {
			t.Fatal(err)
		}
	}
	recorded, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, written := range map[string]string{"recording": string(recorded), "trace": trace.Log(), "tshark": tshark(t, file, "-V")} {
		if strings.Contains(written, secret) || strings.Contains(written, hex.EncodeToString([]byte(secret))) {
			t.Errorf("the %s has the secret", name)
		}
		if !strings.Contains(written, "*************") || !strings.Contains(written, "Cookie: shown") && name != "tshark" {
			t.Errorf("the %s lacks what is in its place, or the content", name)
		}
	}
	for _, edit := range []string{"drop Cookie: ************* (named by connection", "drop X-Api-Key:************* (named by connection"} {
		if !strings.Contains(string(recorded), edit) {
			t.Errorf("the recording does not say %q", edit)
		}
	}
	_, port, _ := strings.Cut(edge.Addr, ":")
	seen := tshark(t, file, "-d", "tcp.port=="+port+",http", "-Y", `http.request.uri == "/all"`, "-T", "fields", "-e", "frame.interface_name", "-e", "http.cookie")
	if want := "client\t*************\norigin\t*************\n"; seen != want {
		t.Errorf("tshark sees %q, want %q", seen, want)
	}
}

// askBytewise sends a request on a connection of its own, byte by byte, and reads the answer.
func askBytewise(t *testing.T, addr, request string) {
	t.Helper()
	c := dialRaw(t, addr)
	defer c.Close()
	for i := range request {
		if _, err := io.WriteString(c, request[i:i+1]); err != nil {
			break // it has been refused
		}
	}
	for {
		if response, _ := c.response("GET"); response.StatusCode >= 200 {
			return
		}
	}
}
