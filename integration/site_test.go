package integration

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// The files of the site that most tests serve: one that fits a packet, one that
// fits a buffer, one that fits neither buffers nor sockets.
const (
	smallFile  = "/small.txt"
	mediumFile = "/medium.html"
	largeFile  = "/large.bin"
)

var site = map[string][]byte{
	smallFile:  []byte("a few bytes of text\n"),
	mediumFile: bytes.Repeat([]byte("<p>a paragraph</p>\n"), 500),
	largeFile:  noise(5<<20 + 17),
}

// noise is n octets that are the same each time and do not repeat.
func noise(n int) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{1})
	source.Read(b)
	return b
}

// writeSite writes the site's files into a folder.
func writeSite(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	// A server may drop its privileges before it reads them.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range site {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
