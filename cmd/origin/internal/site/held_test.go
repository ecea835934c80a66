package site

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hopwire/hopwire/shared/loop"
)

// layLarge makes a folder of n files that a cache does not take into memory.
func layLarge(t *testing.T, n int) (dir string) {
	files := map[string]string{"small": "small"}
	for i := range n {
		files[fmt.Sprintf("%02d", i)] = strings.Repeat("x", 100<<10)
	}
	return lay(t, files)
}

func borrow(t *testing.T, c *Cache, name string, now loop.Time) *File {
	t.Helper()
	f, err := c.Open([]byte("/"+name), now)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// openFiles is how many files of the folder the process has open.
func openFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range all {
		if to, _ := os.Readlink(fd); strings.HasPrefix(to, dir+"/") {
			n++
		}
	}
	return n
}

// No more files are open than there are descriptors for, unless they are borrowed.
func TestOpenFilesAreBounded(t *testing.T) {
	dir := layLarge(t, 10)
	c := openCache(t, dir)
	c.mayOpen = 3
	expect := func(when string, want int) {
		t.Helper()
		if got := openFiles(t, dir); got != want || c.open != want {
			t.Errorf("%s: %d are open, and %d in the books, want %d", when, got, c.open, want)
		}
	}
	for i := range 10 {
		borrow(t, c, fmt.Sprintf("%02d", i), second).Release()
	}
	expect("after ten", 3)
	if c.Fresh([]byte("/06"), second) != nil || c.Fresh([]byte("/07"), second) == nil {
		t.Error("it is not the last ones that are kept")
	}
	borrow(t, c, "small", second).Release()
	expect("a small one is closed when it has been read", 3)
	var borrowed []*File
	for i := range 5 {
		borrowed = append(borrowed, borrow(t, c, fmt.Sprintf("%02d", i), second))
	}
	expect("five and one are borrowed", 6)
	for _, f := range borrowed {
		f.Release()
	}
	borrow(t, c, "09", second).Release()
	if c.open > 3 {
		t.Errorf("%d are open when they have been given back", c.open)
	}
}

// A file is closed when nobody has asked for it for a time: it may be deleted.
func TestUnusedFilesAreClosed(t *testing.T) {
	dir := layLarge(t, 3)
	c := openCache(t, dir)
	for i := range 3 {
		borrow(t, c, fmt.Sprintf("%02d", i), second).Release()
	}
	used := borrow(t, c, "02", 5*second)
	if !c.CloseUnused(10*second) || openFiles(t, dir) != 3 {
		t.Errorf("%d are open before the time has come", openFiles(t, dir))
	}
	if !c.CloseUnused(11*second) || openFiles(t, dir) != 1 {
		t.Errorf("%d are open, want the one that was used", openFiles(t, dir))
	}
	if c.CloseUnused(15*second) || openFiles(t, dir) != 1 {
		t.Error("one that is borrowed is closed, or still looked at")
	}
	if used.Release(); openFiles(t, dir) != 0 {
		t.Error("it is still open when it was given back")
	}
}

// crampedTree has no descriptors but for so many files.
type crampedTree struct {
	tree
	has   int
	cache *Cache
}

func (t *crampedTree) open(name string) (*os.File, []byte, state, error) {
	if t.cache.open >= t.has {
		return nil, nil, state{}, &os.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
	}
	return t.tree.open(name)
}

// Where no descriptor is left, files that are not in use are closed for others.
func TestFilesGiveWayWhereDescriptorsRunOut(t *testing.T) {
	dir := layLarge(t, 6)
	c := openCache(t, dir)
	c.tree = &crampedTree{tree: c.tree, has: 2, cache: c}
	for i := range 6 {
		borrow(t, c, fmt.Sprintf("%02d", i), second).Release()
	}
	borrow(t, c, "small", second).Release()
	for i := range 2 {
		defer borrow(t, c, fmt.Sprintf("%02d", i), second).Release()
	}
	_, err := c.Open([]byte("/02"), second)
	if !errors.Is(err, syscall.EMFILE) || Status(err) != 503 {
		t.Errorf("while all are in use: %v, want 503", err)
	}
}
