package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	recordings "github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
)

// A request of loadgen's flags arrives through the edge as it was typed. Sent again to
// the origin itself, it is answered otherwise, since the origin gives back the head that
// it received: without Via. That exchange is saved, and its bytes are seen there.
func TestRequestsOfFlags(t *testing.T) {
	dir := t.TempDir()
	form, hops, saved := filepath.Join(dir, "form"), filepath.Join(dir, "hops.pcapng"), filepath.Join(dir, "saved.pcapng")
	if err := os.WriteFile(form, []byte("a=1&b=2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	origin := startOrigin(t, "", "--study")
	edge := startEdge(t, origin.Addr, "--record", hops)
	report, err := command("loadgen", "-X", "PUT", "-H", "Accept: text/html, */*;q=0.1", "-H", "X-Empty;", "--data", "@"+form,
		"-n", "1", "-c", "1", edge.url("/_/echo/head")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	if err := edge.Stop(patience); err != nil {
		t.Fatal(err)
	}
	head := "PUT /_/echo/head HTTP/1.1\r\nHost: " + edge.Addr + "\r\nAccept: text/html, */*;q=0.1\r\nX-Empty: \r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n\r\n"
	if x := only(t, hops, events.ClientHop); string(x.Request.Raw) != head+"a=1&b=2\n" || !strings.Contains(string(x.Response.Body()), "Via: ") {
		t.Errorf("the edge received %q, and answered %q", x.Request.Raw, x.Response.Raw)
	}

	report, err = command("loadgen", "replay", hops, "--target", origin.Addr, "--verify-head", "--volatile", "Content-Length", "--save-failures", saved).CombinedOutput()
	if status(err) != 1 || !strings.Contains(string(report), "content-mismatch: content differs") {
		t.Errorf("%v\n%s", err, report)
	}
	if x := only(t, saved, events.ClientHop); string(x.Request.Raw) != head+"a=1&b=2\n" || string(x.Response.Body()) != head {
		t.Errorf("saved: sent %q, the origin received %q", x.Request.Raw, x.Response.Body())
	}
}

// only is the one exchange that a recording has of a hop.
func only(t *testing.T, path string, hop events.Hop) *recordings.Exchange {
	t.Helper()
	rec, err := new(recordings.Reading).ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []*recordings.Exchange
	for _, c := range rec.Connections {
		for i := range c.Exchanges {
			if c.Hop == hop {
				all = append(all, &c.Exchanges[i])
			}
		}
	}
	if len(all) != 1 {
		t.Fatalf("%s has %d exchanges of that hop", path, len(all))
	}
	return all[0]
}
