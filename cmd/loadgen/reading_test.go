package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// changed writes a copy of a file in which something is different.
func changed(t *testing.T, path string, change func([]byte) []byte) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "changed.pcap")
	if err := os.WriteFile(copied, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

// Where nothing of a recording can be replayed, the refusal says why.
func TestRefusalsSayWhy(t *testing.T) {
	const captures = "../../shared/capture/testdata/"
	plain := pcapOf(t, "127.0.0.1:1", []string{request("/"), response("")})
	for _, test := range []struct{ name, file, want string }{
		{"TLS", captures + "proto_tls.pcap", "carried TLS, which cannot be read: record behind what ends TLS"},
		{"a snapshot length", captures + "snap96.pcap", "cut by the snapshot length of the capture: record with tcpdump -s 0"},
		{"HTTP/2", pcapOf(t, "127.0.0.1:1", []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""}), "carried HTTP/2"},
		{"one side", pcapOf(t, "127.0.0.1:1", []string{"", response("")}), "only responses were captured: capture where both directions pass"},
		{"no Content-Length that is one", pcapOf(t, "127.0.0.1:1", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", ""}), "a request cannot be read: "},
		{"a damaged file", changed(t, plain, func(b []byte) []byte { return b[:200] }), "the file is cut or damaged after packet 2"},
		{"another link layer", changed(t, plain, func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[20:], 195)
			return b
		}), "6 packets of a link layer that cannot be read (type 195)"},
		{"fragments", changed(t, plain, func(b []byte) []byte {
			for p := b[24:]; len(p) > 0; p = p[16+binary.LittleEndian.Uint32(p[8:]):] {
				p[16+14+6] |= 0x20 // more fragments
			}
			return b
		}), "6 packets fragmented by IP, left out: record at their sender, where they are whole"},
		{"compression", changed(t, plain, func([]byte) []byte { return []byte("\x28\xb5\x2f\xfd") }), "compressed by zstd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, stderr, status := loadgen(t, "replay", test.file, "--target", ":1")
			if status != 1 || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("status %d, %q, want 1 and %q", status, stderr, test.want)
			}
		})
	}
}

// A connection that finds no room is left out, and a note says so.
func TestMemoryIsBounded(t *testing.T) {
	address, asked := origin(t)
	large := strings.Repeat("x", 60_000)
	var turns []string
	for range 1000 {
		turns = append(turns, request("/a"), response(large))
	}
	recording := pcapOf(t, address, turns)
	stdout, stderr, status := loadgen(t, "replay", recording, "--target", address, "--memory", "64MiB", "-n", "1")
	if words := strings.Join(strings.Fields(stdout), " "); status != 0 || asked.Load() != 1 || !strings.Contains(words, "the bound of memory, 64 MiB: raise --memory") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
	stdout, stderr, status = loadgen(t, "replay", recording, "--target", address, "--memory", "256MiB", "-n", "1")
	if status != 0 || strings.Contains(stdout, "memory") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
	for size, want := range map[string]string{"much": "--memory: a size is a number of bytes", "63MiB": "--memory is at least 64MiB"} {
		if _, stderr, status := loadgen(t, "replay", recording, "--memory", size); status != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %q", size, status, stderr)
		}
	}
}

// What a name holds does nothing to the terminal.
func TestNothingControlsTheTerminal(t *testing.T) {
	address, _ := origin(t)
	name := filepath.Join(t.TempDir(), "\x1b]0;title\a\x9b\u009b\x7f\u202e\U000e0001.pcap")
	recording, err := os.ReadFile(pcapOf(t, address, []string{request("/\u009b31m"), response("\u009b\x7f")}))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, recording, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{name, "--target", address, "--verify"},
		{name, "--target", address, "--verify", "--format", "json"},
		{name, name, "--target", address, "--verify", "--format", "json"},
		{name + "\x1b", "--target", address},
		{name, "--target", "\x1b"},
		{"http://h/\x1b[31m"},
		{"http://" + address + "/%\x7f"},
		{name, "--format", "\x1b[31m"},
		{name, "--\x1b[31m"},
	} {
		stdout, stderr, _ := loadgen(t, append([]string{"replay"}, args...)...)
		control := func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' }
		if out := stdout + stderr; out == "" || strings.ContainsFunc(out, control) {
			t.Errorf("%q: %q", args, out)
		}
	}
}
