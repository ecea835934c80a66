package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hopwire/hopwire/integration/internal/weather"
)

// replayed is what loadgen says with a ledger, and how it ends.
func replayed(t *testing.T, ledger string, args ...string) (report, said string, exit int) {
	t.Helper()
	var out, log strings.Builder
	cmd := command("loadgen", append([]string{"replay", "--ledger", ledger}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &log
	exit = status(cmd.Run())
	return out.String(), log.String(), exit
}

// What loadgen, the edge and its origin have counted balances, through whatever the
// origin does to its connections and loadgen to its own.
func TestLedgerBalances(t *testing.T) {
	origin := startOrigin(t, "", "--fault", "stale", "--study", "--loops", "2", "--admin", "127.0.0.1:0")
	edge := startServer(t, "edge", "--origin", origin.Addr, "--loops", "2", "--admin", "127.0.0.1:0", "--check", "/", "--check-interval", "100ms")
	atOrigin, atEdge := adminOf(t, origin.Process).address(), adminOf(t, edge.Process).address()
	for name, test := range map[string]struct {
		ledger string
		args   []string
		exit   int
	}{
		"both hops":       {"edge=" + atEdge + ",origin=" + atOrigin, []string{edge.url("/"), "-n", "3000"}, 0},
		"few requests":    {"edge=" + atEdge + ",origin=" + atOrigin, []string{edge.url("/"), "-n", "3000", "--requests-per-connection", "3"}, 0},
		"unfinished ones": {"edge=" + atEdge + ",origin=" + atOrigin, []string{edge.url("/_/delay/300ms"), "-d", "400ms", "--grace", "0"}, 3},
		"refused ones":    {"edge=" + atEdge + ",origin=" + atOrigin, []string{edge.url("/" + strings.Repeat("a", 100_000)), "-n", "10"}, 0},
		"several rounds":  {"edge=" + atEdge + ",origin=" + atOrigin, []string{edge.url("/"), "-n", "1000", "--repeat", "3"}, 0},
		"edge alone":      {"edge=" + atEdge, []string{edge.url("/"), "-n", "3000"}, 0},
	} {
		report, said, exit := replayed(t, test.ledger, append(test.args, "--format", "json")...)
		var r struct{ Ledger struct{ Balances bool } }
		if err := json.Unmarshal([]byte(report), &r); err != nil || !r.Ledger.Balances || exit != test.exit {
			t.Errorf("%s: exit status %d, %v, %s\n%s", name, exit, err, said, report)
		}
	}
}

// address is where the program is asked, as flags have it.
func (a *administered) address() string { return strings.TrimPrefix(a.where, "http://") }

// One hop alone balances as well, where requests are sent again since the origin had
// closed.
func TestLedgerOfOneHop(t *testing.T) {
	origin := startOrigin(t, "", "--fault", "stale", "--admin", "127.0.0.1:0")
	report, said, exit := replayed(t, "origin="+adminOf(t, origin.Process).address(), origin.url("/"), "-n", "3000")
	if exit != 0 || !strings.Contains(report, "it balances") || !strings.Contains(report, " sent again - up to ") {
		t.Errorf("exit status %d, %s\n%s", exit, said, report)
	}
}

// Requests that the origin never reads are named, as README shows it, and so is one that
// never comes to the edge.
func TestLedgerNamesWhatIsMissing(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?s)\$ echo '([^']*)' >bin/deaf\.yaml\n.*?(  Ledger .*?)…\n(loadgen: .*?)` + "```").FindStringSubmatch(string(readme))
	if shown == nil {
		t.Fatal("README has no such ledger")
	}
	fault := filepath.Join(t.TempDir(), "deaf.yaml")
	if err := os.WriteFile(fault, []byte(shown[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	origin := startOrigin(t, "", "--fault", fault, "--admin", "127.0.0.1:0")
	edge := startServer(t, "edge", "--origin", origin.Addr, "--response-timeout", "300ms", "--admin", "127.0.0.1:0")
	atEdge := "edge=" + adminOf(t, edge.Process).address()
	report, said, exit := replayed(t, atEdge+",origin="+adminOf(t, origin.Process).address(), edge.url("/"), "-n", "5000")
	varies := regexp.MustCompile(`[\d,]+( requests?)?|\s+`) // by how many connections the edge made
	same := func(text string) string { return varies.ReplaceAllString(text, " * ") }
	if exit != 1 || !strings.Contains(same(report), same(shown[2])) || same(said) != same(shown[3]) {
		t.Errorf("behind the edge: exit status %d, %s%s\nREADME has\n%s%s", exit, said, report, shown[3], shown[2])
	}
	report, said, exit = replayed(t, atEdge, "http://"+swallower(t, edge.Addr)+"/", "-n", "20", "-c", "1", "--timeout", "300ms")
	if want := "the ledger does not balance: 1 request that loadgen sent never reached the edge"; exit != 1 || !strings.Contains(said, want) {
		t.Errorf("before it: exit status %d, %swant %s\n%s", exit, said, want, report)
	}
}

// An edge in front of an origin that closes connections at the worst moment owes no answer
// for it: what it was sent is what it has answered.
func TestLedgerInHardWeather(t *testing.T) {
	const requests = 500
	origin, err := weather.NewOrigin(weather.Climate{Idle: 5 * time.Millisecond, Goodbyes: 0.02, Strikes: 0.1}, requests, 64, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(origin.Close)
	edge := startServer(t, "edge", "--origin", origin.Addr(), "--admin", "127.0.0.1:0")
	report, said, exit := replayed(t, "edge="+adminOf(t, edge.Process).address(), edge.url("/1"), "-n", strconv.Itoa(requests))
	if exit != 0 || !strings.Contains(report, "it balances") || !strings.Contains(report, "500 seen by the edge = 500 answered\n") || !strings.Contains(report, "200 ×500\n") {
		t.Errorf("exit status %d, %s%s", exit, said, report)
	}
	if met := origin.Report(); met.Struck() == 0 {
		t.Error("the origin closed at no request: nothing is shown")
	}
}

// swallower passes on all but the tenth piece that clients send. It does so in the
// pieces that it reads, which are whole requests.
func swallower(t *testing.T, to string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var pieces atomic.Int32
	pass := func(client net.Conn) {
		defer client.Close()
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer server.Close()
		go func() {
			io.Copy(client, server)
			client.Close()
		}()
		for b := make([]byte, 1<<16); ; {
			n, err := client.Read(b)
			if err != nil {
				return
			}
			if pieces.Add(1) != 10 {
				server.Write(b[:n])
			}
		}
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go pass(client)
		}
	}()
	return l.Addr().String()
}

// What cannot be a ledger is said in a sentence before anything is sent.
func TestLedgerThatCannotBe(t *testing.T) {
	origin := startOrigin(t, "", "--admin", "127.0.0.1:0")
	at, nobody := adminOf(t, origin.Process).address(), "127.0.0.1:1"
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	go func() {
		for {
			c, err := stranger.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "220 mail.example ready\r\n")
			c.(*net.TCPConn).CloseWrite()
		}
	}()
	named := strings.Replace(at, "127.0.0.1", "localhost", 1)
	for ledger, want := range map[string]string{
		"proxy=" + at:                       "--ledger \"proxy=" + at + "\": write edge=ADDRESS or origin=ADDRESS, the address that --admin has there; see 'loadgen replay --help'",
		"origin=" + at + ",origin=" + at:    "--ledger: the origin at " + at + " and that at " + at + " are the same, which would count twice; see 'loadgen replay --help'",
		"origin=" + at + ",origin=" + named: "--ledger: the origin at " + at + " and that at " + named + " are the same, which would count twice; see 'loadgen replay --help'",
		"edge=nowhere":                      "--ledger edge: address \"nowhere\": write host:port, such as 127.0.0.1:9090, or unix:/path; see 'loadgen replay --help'",
		"edge=" + at:                        "--ledger edge=" + at + ": origin answers there, not edge",
		"origin=" + origin.Addr:             "--ledger origin=" + origin.Addr + ": /counters is answered with 404; is this the address of --admin?",
		"origin=" + nobody:                  "--ledger origin=" + nobody + ": dial tcp " + nobody + ": connect: connection refused",
		"edge=" + stranger.Addr().String():  "--ledger edge=" + stranger.Addr().String() + ": what answers is no HTTP server",
	} {
		wrong := 1
		if strings.Contains(want, "--help") {
			wrong = 2
		}
		if report, said, exit := replayed(t, ledger, origin.url("/"), "-n", "1"); report != "" || said != "loadgen: "+want+"\n" || exit != wrong {
			t.Errorf("%s: exit status %d, %s; want %s\n%s", ledger, exit, said, want, report)
		}
	}
}
