package integration

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// The picture at the head of README is what loadgen shows of the very GET that stands
// above it, but for what is never the same twice.
func TestReadmeShowsWhatLoadgenShows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hop.pcapng")
	edge := startEdge(t, startOrigin(t, "").Addr, "--record", file)
	client := dialRaw(t, edge.Addr)
	client.send("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n")
	client.response("GET")
	client.Close()
	if err := edge.Stop(patience); err != nil {
		t.Fatal(err)
	}
	shown := run(t, "", []string{"COLUMNS=100"}, command("loadgen").Path, "show", "--exchange", "c1#1", file)

	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "bin/loadgen show --exchange c1#1 hop.pcapng\n")
	picture, _, found := strings.Cut(rest, "...\n")
	varies := regexp.MustCompile(`(?m)^in ms: .*\n(  .*\n)?|\w+, \d\d \w+ \d{4} \d\d:\d\d:\d\d GMT|"[0-9a-f]{16}"|` +
		`Content-Length: \d{4}|\d{4} bytes`) // the page has the revision in it
	same := func(text string) string { return varies.ReplaceAllString(text, "*") }
	if !found || !strings.HasPrefix(same(shown), same(picture)) {
		t.Errorf("README.md has\n%s\nand loadgen shows\n%s", picture, shown)
	}
}

// What README has to be typed can be typed as it stands there: the first line of a block
// keeps the topology up, the others succeed meanwhile, pasted at once. Each experiment
// has a log of its own.
func TestReadmeExperiments(t *testing.T) {
	notForRaces(t)
	for _, tool := range []string{"curl", "tshark"} {
		requireTool(t, tool)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	experiments := regexp.MustCompile("(?s)\n *```\n([^\n$]*\\bscripts/up\\b[^\n]*)\n([^`]+)\n *```\n").FindAllStringSubmatch(string(readme), -1)
	if len(experiments) != 8 {
		t.Errorf("%d blocks", len(experiments))
	}
	logs := map[string]bool{}
	for _, experiment := range experiments {
		if log := regexp.MustCompile(`\S+\.log\b`).FindString(experiment[1]); log != "" && logs[log] {
			t.Errorf("another experiment has %s, too", log)
		} else {
			logs[log] = true
		}
		t.Run(strings.TrimSpace(experiment[1]), func(t *testing.T) {
			t.Parallel()
			makeExperiment(t, experiment[1], strings.Split(experiment[2], "\n"))
		})
	}
}

func makeExperiment(t *testing.T, keepsUp string, lines []string) {
	t.Helper()
	dir := t.TempDir()
	scripts, err := filepath.Abs(filepath.Join(root, "scripts"))
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	err = errors.Join(os.Mkdir(bin, 0o777), os.Symlink(scripts, filepath.Join(dir, "scripts")))
	for _, name := range []string{"origin", "edge", "loadgen"} {
		err = errors.Join(err, os.Symlink(command(name).Path, filepath.Join(bin, name)))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := up()
	cmd.Dir, cmd.Path, cmd.Args = dir, "/bin/bash", []string{"bash", "-c", keepsUp}
	cmd.Env = append(cmd.Env, "HOPWIRE_BIN=bin")
	p := start(t, "up", cmd)
	if _, err := p.WaitLog(regexp.MustCompile(`(?m)^All is up`), patience); err != nil {
		t.Fatal(err)
	}
	var ports []string // which the system chose
	for i, name := range []string{"edge", "origin1?", "TLS"} {
		if at := regexp.MustCompile(`(?m)^  ` + name + ` +https?://(\S+)/$`).FindStringSubmatch(p.Log()); at != nil {
			ports = append(ports, []string{"127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8443"}[i], at[1])
		}
	}
	// What is waited for takes longer on a machine that is busy with other tests.
	here := strings.NewReplacer(append(ports, "-d 1s", "-d 100ms", "-d 3s", "-d 300ms", "sleep 1", "sleep 3")...)
	for _, line := range lines {
		line = here.Replace(strings.TrimSpace(line))
		cmd := exec.Command("bash", "-c", line)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		const invalid = 3 // loadgen's figures, on a busy machine
		if err != nil && cmd.ProcessState.ExitCode() != invalid || len(out) == 0 {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	p.Signal(syscall.SIGINT)
	endsAndLeavesNothing(t, p, 0)
}

// What README has the programs write is no file that git would want to know of.
func TestReadmeLeavesACleanCheckout(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	writes := regexp.MustCompile(`(?:--(?:record|access-log|hdr-log|html|save-failures) |_LOG=|\n?>)([\w./-]+\.\w+)`)
	names := writes.FindAllStringSubmatch(string(readme), -1)
	if len(names) < 8 {
		t.Errorf("%d files", len(names))
	}
	for _, name := range names {
		if err := exec.Command("git", "-C", root, "check-ignore", "-q", name[1]).Run(); err != nil {
			t.Errorf("%s: git does not ignore it", name[1])
		}
	}
}

// The story of a world is told without the words of go test before it.
func TestReadmeStory(t *testing.T) {
	notForRaces(t)
	out := run(t, root, nil, "scripts/simulate", "--seed", "42", "--story")
	if !strings.HasPrefix(out, "seed 42: ") || !strings.Contains(out, " exchanges: ") {
		t.Error(out)
	}
}
