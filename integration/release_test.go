package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// somebody is who commits.
var somebody = []string{"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b.test", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b.test"}

// repositoryOfThisTree is a new repository with one commit, of what is here.
func repositoryOfThisTree(t *testing.T) string {
	t.Helper()
	notForRaces(t)
	dir := t.TempDir()
	run(t, root, nil, "bash", "-c", `git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -cT - | tar -xC "$1"`, "copy", dir)
	run(t, dir, nil, "git", "init", "-q")
	run(t, dir, nil, "git", "add", "--all")
	run(t, dir, somebody, "git", "commit", "-qm", "This tree")
	return dir
}

// The programs can be installed from a checkout as README says it, and tell the revision.
func TestInstallFromACheckout(t *testing.T) {
	t.Parallel()
	dir, bin := repositoryOfThisTree(t), t.TempDir()
	run(t, dir, []string{"GOBIN=" + bin, "GOFLAGS=-buildvcs=true -trimpath"}, "bash", "-c", "go install ./cmd/*")
	revision := run(t, dir, nil, "git", "rev-parse", "HEAD")[:12]
	for _, name := range []string{"origin", "edge", "loadgen"} {
		if got := run(t, "", nil, filepath.Join(bin, name), "--version"); got != name+" version devel-"+revision+"\n" {
			t.Errorf("%q at %s", got, revision)
		}
	}
}

// scripts/release makes tags by which the programs can be installed, as it shows by
// doing so, and changes nothing else.
func TestRelease(t *testing.T) {
	t.Parallel()
	dir := repositoryOfThisTree(t)
	release := func(version string) (string, int) {
		cmd := exec.Command("scripts/release", version)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), somebody...)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	before := run(t, dir, nil, "git", "rev-parse", "HEAD")
	out, status := release("v0.1.0")
	tags := "shared/v0.1.0 cmd/origin/v0.1.0 cmd/edge/v0.1.0 cmd/loadgen/v0.1.0"
	if status != 0 || !strings.HasPrefix(out, "origin version v0.1.0\n") || !strings.HasSuffix(out, "loadgen version v0.1.0\nThey are tagged. To publish them: git push origin "+tags+"\n") {
		t.Fatalf("status %d\n%s", status, out)
	}
	if after := run(t, dir, nil, "git", "rev-parse", "HEAD", "shared/v0.1.0"); after != before+before {
		t.Errorf("%q was the head; now it and the tag of shared are %q", before, after)
	}
	if changes := run(t, dir, nil, "git", "status", "--porcelain"); changes != "" {
		t.Error(changes)
	}
	for _, name := range []string{"origin", "edge", "loadgen"} {
		mod := run(t, dir, nil, "git", "show", "cmd/"+name+"/v0.1.0:cmd/"+name+"/go.mod")
		if strings.Contains(mod, "replace") || !strings.Contains(mod, "hopwire/shared v0.1.0\n") {
			t.Errorf("%s:\n%s", name, mod)
		}
	}

	if out, status := release("v0.1.0"); status != 1 || out != "scripts/release: there is a tag shared/v0.1.0\n" {
		t.Errorf("a second time: status %d\n%s", status, out)
	}
	if out, status := release("v2.0.0"); status != 2 || !strings.HasPrefix(out, "usage:") {
		t.Errorf("v2: status %d\n%s", status, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, status := release("v0.1.1"); status != 1 || !strings.HasSuffix(out, "not committed:\n M README.md\n") {
		t.Errorf("with changes: status %d\n%s", status, out)
	}
}
