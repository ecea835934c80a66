package simulation

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// A mutant is the gateway with one mistake. It exists in a copy of one file
// that the compiler is given in place of the file, so the code itself has no
// trace of it.
type mutant struct {
	name     string
	file     string // from the repository's root
	old, new string // old stands in the file exactly once
}

const (
	inGateway = "cmd/edge/internal/gateway/"
	inHeads   = "cmd/edge/internal/heads/"
	inPool    = "cmd/edge/internal/pool/"
	inOrigins = "cmd/edge/internal/origins/"
	inTap     = "cmd/edge/internal/tap/"
	inWire    = "shared/wire/"
	inProgram = "shared/program/"
	inEvents  = "shared/events/"
	inLoop    = "shared/loop/"
)

var mutants = []mutant{
	{"bytes on an idle connection are ignored", inPool + "pool.go",
		"\tcase n > 0:\n\t\tc.pool.end((*Conn)(c), Dirty)", "\tcase n > 0:\n\t\tc.pool.keep((*Conn)(c))"},
	{"a connection is taken without a look", inPool + "pool.go",
		"\tcase c.Readable():\n", "\tcase false && c.Readable():\n"},
	{"a connection stays open in the accounts", inPool + "pool.go",
		"\tp.open--\n\tp.ends[cause]++", "\tp.ends[cause]++"},
	{"a connection is closed by nobody", inPool + "pool.go",
		"\t\tp.closedByOrigin++\n", "\t\tp.closedByOrigin += 0\n"},
	{"a request in two is counted", inGateway + "exchange_request.go",
		"\tx.gateway.counters.Requests++\n", "\tx.gateway.counters.Requests += uint64(x.client.requests & 1)\n"},
	{"a connection is kept although the origin closes it", inPool + "decide.go",
		"case !o.ResponsePersists:", "case false:"},
	{"an origin's timeout is not heeded", inPool + "decide.go",
		"\tif safe > 0 && (", "\tif false && ("},
	{"bytes behind a response are ignored", inGateway + "exchange_relay.go",
		"r.excess = len(x.originHop.unread()) > 0", "r.excess = false"},
	{"a chunk is longer than it says", inWire + "chunked.go",
		"return o&^0x20 - 'A' + 10", "return o&^0x20 - 'A' + 11"},
	{"a chunk's end is not looked at", inWire + "chunked.go",
		"case c.state == inChunkDataLF && o == '\\n':", "case c.state == inChunkDataLF:"},
	{"a post is sent again", inGateway + "replay.go",
		"case a.taken && !a.safe:", "case false:"},
	{"a request is sent again on a new connection's failure", inGateway + "replay.go",
		"case !a.reused, a.begun, a.timedOut:", "case a.begun, a.timedOut:"},
	{"a place at an origin is not given back", inGateway + "exchange_connect.go",
		"\tif x.ticket.Origin() == nil {", "\tif x.ticket.Origin() == nil || x.end.client != Persists {"},
	{"an origin gets one connection more than it may", inOrigins + "place.go",
		"\tif o.full(s.config.MaxConnections) {\n\t\treturn Full", "\tif o.full(2 * s.config.MaxConnections) {\n\t\treturn Full"},
	{"who waits in the queue and goes is not taken out", inGateway + "exchange.go",
		"\tx.gateway.origins.Abandon(&x.ticket)\n", ""},
	{"a request is sent again after bytes of a response", inGateway + "exchange_response.go",
		"\t\t\treturn x.refuse(responseFailure(err))", "\t\t\tif x.request.safe && x.request.held() && !x.upstream.replayed && x.upstream.uses > 1 && x.originHop.buffer != nil {\n" +
			"x.originHop.release(); x.dropPad(); if !x.reconnect() { return false }\n" +
			"x.transmit(); h = &x.takePad().response; if x.readOrigin() == nil { continue }\n}\n" +
			"\t\t\treturn x.refuse(responseFailure(err))"},
	{"a response that was cut off ends in order", inGateway + "exchange.go",
		"!x.showsItsEnd():\n\t\treturn closeByReset", "!x.showsItsEnd():\n\t\treturn closeQuietly"},
	{"a response that was cut off behind its last chunk ends in order", inGateway + "exchange_relay.go",
		"r.seemsAll = x.pad.body.LastChunkBegun()", "r.seemsAll = false"},
	{"a response that shows where it was cut off ends by a reset", inGateway + "exchange.go",
		"relaying && !x.showsItsEnd():", "relaying:"},
	{"a client that still sends is not listened to", inGateway + "client.go",
		"c.conn.Linger(c.gateway.config.Linger, c.gateway.config.silence())", "c.conn.Close()"},
	{"the rest of a request stops with an early response", inGateway + "exchange_upload.go",
		"\tfor u.sending && !u.dropping && x.response.persists && !x.response.excess {", "\tfor false {"},
	{"a connection is kept although the response came before the end of the request", inPool + "decide.go",
		"case o.ResponseEarly:", "case false:"},
	{"the end of a connection is not announced to a client that is still sending", inGateway + "exchange_upload.go",
		"\t\tx.originHop.hurry()\n\t\tx.planClose(OriginAsked)\n", "\t\tx.originHop.hurry()\n"},
	{"nobody reads what nobody takes while a response goes out", inGateway + "exchange_upload.go",
		"\tif u.dropping && !u.running {", "\tif false {"},
	{"an origin that will close is waited for as long as others", inGateway + "exchange_upload.go",
		"\t\tx.originHop.hurry()\n\t\tx.planClose(OriginAsked)\n", "\t\tx.planClose(OriginAsked)\n"},
	{"interim responses go to HTTP/1.0", inGateway + "exchange_response.go",
		"if x.request.minor > 0 {", "if true {"},
	{"TE goes on", inHeads + "fields.go",
		"wire.FieldProxyConnection, wire.FieldTE,", "wire.FieldProxyConnection,"},
	{"TE is not named", inHeads + "te.go",
		"\te.Insert(at, teLine, TrailersTaken)\n", ""},
	{"nobody takes trailers", inHeads + "te.go",
		"if !t.taken {", "if true {"},
	{"trailers are taken by HTTP/1.0", inHeads + "te.go",
		"|| h.Minor == 0", ""},
	{"HTTP/1.0 expects 100", inHeads + "request.go",
		"case f.ID == wire.FieldExpect && h.Minor == 0:", "case false:"},
	{"a date is missing", inHeads + "response.go",
		"if h.Status >= 200 && !dated && ", "if h.Status >= 300 && !dated && "},
	{"interim responses have a date", inHeads + "response.go",
		"if h.Status >= 200 && !dated && ", "if !dated && "},
	{"a date is an hour old", inHeads + "response.go",
		"ed.policy.Now().Unix()", "ed.policy.Now().Unix()-3600"},
	{"Content-Length stays in 204", inHeads + "response.go",
		"return status < 200 || status == 204", "return status < 200"},
	{"Content-Length stays in 1xx", inHeads + "response.go",
		"return status < 200 || status == 204", "return status == 204"},
	{"Content-Length stays in 101", inHeads + "response.go",
		"return status < 200 || status == 204", "return status < 200 && status != 101 || status == 204"},
	{"426 loses Upgrade", inHeads + "response.go",
		"return status == 101 || status == 426", "return status == 101"},
	{"426 does not name Upgrade", inHeads + "response.go",
		"\tif upgrades {\n", "\tif upgrades && h.Status != 426 {\n"},
	{"a status line goes on without its space", inHeads + "response.go",
		"if h.Raw[length] != ' ' {", "if false {"},
	{"fields that Connection names go on", inWire + "persist.go",
		"func (h *RequestHead) NominatesAny() bool { return h.section.noted.connOthers }", "func (h *RequestHead) NominatesAny() bool { return false }"},
	{"trailer fields that Connection names go on to origins", inGateway + "exchange_request.go",
		"x.request.named = heads.AppendMembers(nil, h.Members(wire.FieldConnection))", "x.request.named = nil"},
	{"trailer fields that Connection names go on to clients", inGateway + "exchange_response.go",
		"x.pad.named = heads.AppendMembers(x.pad.named, h.Members(wire.FieldConnection))", "x.pad.named = nil"},
	{"trailer fields are left out that another Connection named", inGateway + "exchange_response.go",
		"\tx.pad.named = x.pad.named[:0]\n", ""},
	{"hop-by-hop fields go on in trailers", inHeads + "trailer.go",
		"why := hopByHop(f.ID)", "why := AsReceived"},
	{"claims go on in trailers", inHeads + "trailer.go",
		"ed.policy.distrusts(client))", "false)"},
	{"what some take for the framing goes on in trailers", inGateway + "exchange_trailer.go",
		"err == nil && heads.TrailerMisspellsFraming(section)", "false && heads.TrailerMisspellsFraming(section)"},
	{"edits of trailers are made and not recorded", inGateway + "exchange_trailer.go",
		"x.originHop.sendHead(p, section)", "x.originHop.send(p.edits.AppendTo(nil))"},
	{"hops are not counted", inHeads + "request.go",
		"n-1, 10)", "n, 10)"},
	{"a request goes on as far as bytes have come", inGateway + "exchange_request.go",
		"\tx.request.message += n\n", "\tx.request.message, n = len(x.clientHop.unread()), n\n"},
	{"the length of a body is one too small", inWire + "framing.go",
		"\tif n.lengthLines == 1 {\n\t\treturn Framing{Kind: Length, Length: n.length}, nil\n\t}\n\n\t// 7. A request",
		"\tif n.lengthLines == 1 {\n\t\treturn Framing{Kind: Length, Length: n.length &^ 1}, nil\n\t}\n\n\t// 7. A request"},
	{"a request's last coding is said to be one that is not known", inWire + "framing.go",
		"codings == codingsUnknown && s.ofRequest:", "false:"},
	{"no version of IP is yet to come", inWire + "target.go",
		" && !isIPvFuture(a[1:end])", ""},
	{"a buffer is not released", inGateway + "exchange.go",
		"\tx.clientHop.release()\n\tx.originHop.release()\n", "\tx.originHop.release()\n"},
	{"a buffer is released twice", inGateway + "hop.go",
		"\t\th.buffer.Release()\n\t\th.buffer = nil", "\t\th.buffer.Release()"},
	{"a client that goes is not noticed", inGateway + "client.go",
		"\t\tc.exchange.breakOff(ClientReset, Refusal{})\n", ""},
	{"what an origin says behind 101 is lost", inGateway + "exchange_upgrade.go",
		"x.clientHop.sendHead(x.pad, came)", "x.clientHop.sendHead(x.pad, h.Raw)"},
	{"a client's tales are believed", inHeads + "forwarded.go",
		"untrusted: p.distrusts(client)", "untrusted: false"},
	{"another claim goes on", inHeads + "forwarded.go",
		`const family = "X-Forwarded"`, `const family = "X-Forwarded-For"`},
	{"a claim with a dot goes on", inHeads + "fields.go",
		"if field[i] == '-' && isLetterOrDigit(c) ||", "if field[i] == '-' && c != '-' && c != '_' ||"},
	{"Transfer_Encoding goes on", inGateway + "exchange_request.go",
		"\tif heads.MisspellsFraming(h) {", "\tif false && heads.MisspellsFraming(h) {"},
	{"a request goes round once more", inHeads + "via.go",
		"return n > maxVisits", "return n > maxVisits+1"},
	{"Via is added although it is not to be", inGateway + "config.go",
		"\t\tp.Name = \"\"\n", "\t\t_ = p\n"},
	{"a connection that was sent Connection: close is kept", inGateway + "exchange_connect.go",
		"!x.gateway.config.Verbatim || !x.request.last", "true"},
	{"a draining gateway does not say so", inGateway + "exchange_response.go",
		"case x.gateway.draining:\n\t\tx.planClose(Drained)\n\tcase verbatim", "case false:\n\tcase verbatim"},
	{"HTTP/1.0 is not told that the connection persists", inGateway + "exchange_response.go",
		"KeepAlive: x.end.client == Persists && x.request.minor == 0,", "KeepAlive: false,"},
	{"an idle client connection is forgotten by the drain", inGateway + "gateway.go",
		"\tfor c := range g.idle.All {\n\t\tc.wait()", "\tfor c := range g.idle.All {\n\t\t_ = c"},
	{"the client that was idle for the shortest time gives way", inLoop + "room.go",
		"\t\ti.used.PushBack(e)", "\t\ti.used.PushFront(e)"},
	{"a client that never sent a request gives way last", inLoop + "room.go",
		"\t\treturn c.silent\n", "\t\treturn !c.silent\n"},
	{"a message waits until there is room for it", inProgram + "messages.go",
		"\tif n := len(m.waiting); n > 0 && (m.lost > 0 || n+len(message) > messagesHeld) {\n\t\tm.lost += lines(message)\n",
		"\tfor n := len(m.waiting); n > 0 && n+len(message) > messagesHeld; n = len(m.waiting) {\n\t\tm.mu.Unlock(); time.Sleep(time.Millisecond); m.mu.Lock()\n\t}\n\tif false {\n"},
	{"a recorded event waits until there is room for it", inEvents + "track.go",
		"\troom := l.ring.reserve(e.size(), spare)\n", "\troom := l.ring.reserve(e.size(), spare)\n" +
			"\tfor ; room == nil; room = l.ring.reserve(e.size(), spare) {\n\t\ttime.Sleep(time.Millisecond)\n\t}\n"},
	{"a client gives way that was idle for a moment", inLoop + "room.go",
		"c.idle >= leastIdle", "c.idle >= leastIdle/100"},
	{"clients give way to nobody", inLoop + "listen.go",
		"\tif !ln.loop.engine.HasBacklog(ln.handle) {", "\tif false {"},
	{"an edit is made and not listed", inHeads + "edits.go",
		"\t\tif edit.Op == Copy {\n", "\t\tif edit.Op != Drop {\n"},
	{"what is recorded is what was to be written", inGateway + "hop_write.go",
		"firstOf(head, rest, n), ", "firstOf(head, rest, len(head)+len(rest)), "},
	{"a piece is not recorded", inTap + "tap.go",
		"if len(bytes) > 0 {", "if len(bytes) > 1 {"},
	{"an end is recorded that nobody read", inTap + "tap.go",
		"if err == io.EOF {", "if err == io.EOF || err != nil {"},
	{"the recording does not know of a second try", inGateway + "exchange_tell.go",
		`"replayed", x.upstream.replayed`, `"replayed", false`},
	{"the log names another stale connection", inGateway + "exchange_account.go",
		"staleUse{u.serial, u.uses,", "staleUse{u.serial + 1, u.uses,"},
	{"the log names another origin", inGateway + "logline.go",
		"appendOrigin(b, e.stale.at)", "appendOrigin(b, e.origin)"},
	{"the log lacks ends of idle connections", inGateway + "gateway.go",
		"if cause != pool.Kept && g.logsConnections() {", "if cause != pool.Kept && cause < pool.Ended && g.logsConnections() {"},
}

// A mutant has to be found within so many seeds, however long a busy machine takes for
// them; the time is for one that is never found.
const (
	mostSeeds = 10_000
	longest   = 3 * time.Minute
)

func TestMutants(t *testing.T) {
	if testing.Short() || wiretest.RaceDetector || *playFor > 0 {
		t.Skip("mutants take a minute")
	}
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			binary := m.build(t)
			found, seeds, took := hunt(t, binary)
			t.Logf("%s: %s, %s, %v", m.name, found, seeds, took.Round(10*time.Millisecond))
			if n, err := strconv.Atoi(strings.TrimSuffix(seeds, " seeds")); err != nil || n > mostSeeds {
				t.Errorf("found after %s, and is to be found within %d", seeds, mostSeeds)
			}
		})
	}
}

// build makes the test binary of this package with the mutant in it.
func (m *mutant) build(t *testing.T) (binary string) {
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, m.file)
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s has %q %d times: the code has moved on, and this mutant has to follow", m.file, m.old, n)
	}
	dir := t.TempDir()
	copied, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	text, _ := json.Marshal(map[string]any{"Replace": map[string]string{file: copied}})
	write(t, copied, []byte(strings.Replace(string(source), m.old, m.new, 1)))
	write(t, overlay, text)
	binary = filepath.Join(dir, "simulation")
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("the mutant does not compile: %v\n%s", err, out)
	}
	return binary
}

func write(t *testing.T, file string, octets []byte) {
	if err := os.WriteFile(file, octets, 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	foundLine = regexp.MustCompile(`seed \d+, after [^:]*: (.*)`)
	seedsLine = regexp.MustCompile(`\d+ seeds`)
)

// hunt plays seeds until one of them finds the mutant. It returns what was wrong,
// in how many seeds, and the processor's time.
func hunt(t *testing.T, binary string) (found, seeds string, took time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^TestSeeds$", "-test.timeout", "0",
		"-for", longest.String(), "-worlds", "1", "-failures", "1")
	out, err := cmd.Output()
	if err == nil {
		t.Fatalf("not found in %v", longest)
	}
	match := foundLine.FindSubmatch(out)
	if match == nil {
		t.Fatalf("%v, and no failure is told:\n%s", err, out)
	}
	return string(match[1]), string(seedsLine.Find(out)), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
