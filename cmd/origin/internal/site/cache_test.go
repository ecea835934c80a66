package site

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

const second = loop.Time(time.Second)

// lay makes a folder of the files given by name, old enough for their times to
// tell the next change.
func lay(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func write(t *testing.T, name, content string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	err := errors.Join(
		os.MkdirAll(filepath.Dir(name), 0o755),
		os.WriteFile(name, []byte(content), 0o644),
		os.Chtimes(name, old, old),
	)
	if err != nil {
		t.Fatal(err)
	}
}

func openCache(t *testing.T, dir string) *Cache {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := s.NewCache(nil, 0)
	t.Cleanup(func() {
		c.Close()
		s.Close()
	})
	return c
}

func content(t *testing.T, f *File) string {
	t.Helper()
	if f.Source() == nil {
		return string(f.Content())
	}
	b, err := io.ReadAll(io.NewSectionReader(f.Source(), 0, f.Size))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOpen(t *testing.T) {
	outside := lay(t, map[string]string{"secret.txt": "secret"})
	dir := lay(t, map[string]string{
		"index.html":         "root page",
		"a b.txt":            "spaced",
		"100%.txt":           "percent",
		"folder/index.html":  "folder page",
		"folder/inner.css":   "inner",
		"bare/data.json":     "{}",
		"odd/index.html/x":   "index.html is a directory here",
		"empty.txt":          "",
		"caf\xc3\xa9.txt":    "utf-8",
		"latin-\xe9.txt":     "not utf-8",
		"large.bin":          strings.Repeat("x", 300),
		"forbidden/file.txt": "no",
	})
	for link, target := range map[string]string{
		"link.txt": "folder/inner.css", "out.txt": filepath.Join(outside, "secret.txt"), "up.txt": "../" + filepath.Base(outside) + "/secret.txt",
		"outside": outside, "circle": "circle", "inside": "folder", "dangling": "nothing",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := openCache(t, dir)
	c.small = 256

	for _, x := range []struct {
		path, want string
		status     int
	}{
		{path: "/", want: "root page"},
		{path: "/index.html", want: "root page"},
		{path: "/a b.txt", want: "spaced"},
		{path: "/100%.txt", want: "percent"},
		{path: "/folder/", want: "folder page"},
		{path: "/folder/inner.css", want: "inner"},
		{path: "/bare/data.json", want: "{}"},
		{path: "/empty.txt", want: ""},
		{path: "/café.txt", want: "utf-8"},
		{path: "/latin-\xe9.txt", want: "not utf-8"},
		{path: "/large.bin", want: strings.Repeat("x", 300)},
		{path: "/link.txt", want: "inner"},
		{path: "/inside/inner.css", want: "inner"},
		{path: "/folder", status: 301},
		{path: "/bare", status: 301},
		{path: "/inside", status: 301},
		{path: "/bare/", status: 404},
		{path: "/odd/", status: 404},
		{path: "/nothing", status: 404},
		{path: "/nothing/at/all", status: 404},
		{path: "/index.html/", status: 404},
		{path: "/index.html/x", status: 404},
		{path: "/pipe", status: 404},
		{path: "/out.txt", status: 404},
		{path: "/up.txt", status: 404},
		{path: "/outside/secret.txt", status: 404},
		{path: "/outside/", status: 404},
		{path: "/circle", status: 404},
		{path: "/dangling", status: 404},
		{path: "/" + strings.Repeat("n", 300), status: 404},
	} {
		t.Run(x.path[:min(len(x.path), 40)], func(t *testing.T) {
			for range 2 { // from the tree, and kept
				f, err := c.Open([]byte(x.path), second)
				if err != nil {
					if got := Status(err); got != x.status {
						t.Errorf("status %d (%v); want %d", got, err, x.status)
					}
					continue
				}
				if got := content(t, f); x.status != 0 || got != x.want || f.Size != int64(len(got)) {
					t.Errorf("got %q, size %d; want %q, status %d", got, f.Size, x.want, x.status)
				}
				f.Release()
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	dir := lay(t, map[string]string{"file.txt": ""})
	for _, c := range []struct{ root, want string }{
		{filepath.Join(dir, "nothing"), "no such file"},
		{filepath.Join(dir, "file.txt"), "not a directory"},
	} {
		_, err := Open(c.root)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.root) {
			t.Errorf("Open(%q): %v; want %q", c.root, err, c.want)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{ErrTarget, 400}, {ErrMissing, 404}, {ErrDirectory, 301}, {os.ErrNotExist, 404}, {os.ErrPermission, 403},
		{&os.PathError{Err: syscall.EACCES}, 403}, {&os.PathError{Err: syscall.ENOTDIR}, 404},
		{&os.PathError{Err: errors.New("path escapes from parent")}, 404},
		{&os.PathError{Err: syscall.EMFILE}, 503}, {syscall.ENFILE, 503},
		{syscall.EIO, 500}, {errShrank, 500},
	} {
		if got := Status(c.err); got != c.want {
			t.Errorf("Status(%v) = %d; want %d", c.err, got, c.want)
		}
	}
}

// One look at the disk per second, and no change noticed later than that.
func TestConfirming(t *testing.T) {
	dir := lay(t, map[string]string{"page.html": "first"})
	name := filepath.Join(dir, "page.html")
	c := openCache(t, dir)
	path := []byte("/page.html")

	get := func(now loop.Time) (string, int) {
		f := c.Fresh(path, now)
		if f == nil {
			var err error
			if f, err = c.Open(path, now); err != nil {
				return "", Status(err)
			}
		}
		defer f.Release()
		return content(t, f), 200
	}
	expect := func(now loop.Time, want string, status int) {
		t.Helper()
		if got, code := get(now); got != want || code != status {
			t.Errorf("at %v: %q, %d; want %q, %d", time.Duration(now), got, code, want, status)
		}
	}

	expect(second, "first", 200)
	write(t, name, "second")
	expect(2*second-1, "first", 200)
	expect(2*second, "second", 200)

	if f := c.Fresh(path, 3*second); f != nil {
		t.Error("Fresh gives a file that needs to be confirmed")
	}
	expect(3*second, "second", 200)
	if f := c.Fresh(path, 4*second-1); f == nil {
		t.Error("confirming does not make the file fresh")
	} else {
		f.Release()
	}

	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	expect(4*second-1, "second", 200)
	expect(4*second, "", 404)
	write(t, name, "third")
	expect(4*second, "third", 200) // that something is missing is not kept
}

// A file that changed just before it was read may change again without a trace:
// same size, and same time as far as the file system can tell.
func TestYoungFilesAreReadAgain(t *testing.T) {
	dir := lay(t, map[string]string{"page.html": "one"})
	name := filepath.Join(dir, "page.html")
	now := time.Now()
	if err := os.Chtimes(name, now, now); err != nil {
		t.Fatal(err)
	}
	c := openCache(t, dir)
	f, err := c.Open([]byte("/page.html"), second)
	if err != nil {
		t.Fatal(err)
	}
	f.Release()
	if c.confirm(f, 2*second) {
		t.Error("a file as young as that is confirmed by its time")
	}
	f.young = false
	if !c.confirm(f, 2*second) {
		t.Error("an older one is not")
	}
}

func TestReplacedAtTheSameTimeAndSize(t *testing.T) {
	dir := lay(t, map[string]string{"page.html": "aaa", "new": "bbb"})
	c := openCache(t, dir)
	f, err := c.Open([]byte("/page.html"), second)
	if err != nil {
		t.Fatal(err)
	}
	f.Release()
	when := time.Unix(0, f.state.modified)
	if err := errors.Join(
		os.Chtimes(filepath.Join(dir, "new"), when, when),
		os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "page.html")),
	); err != nil {
		t.Fatal(err)
	}
	f, err = c.Open([]byte("/page.html"), 2*second)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	if got := content(t, f); got != "bbb" {
		t.Errorf("got %q; want the file that was put in its place", got)
	}
}

// Who has borrowed a large file keeps the version it began with.
func TestBorrowedFileOutlivesItsEntry(t *testing.T) {
	dir := lay(t, map[string]string{"large": strings.Repeat("a", 100), "new": strings.Repeat("b", 100)})
	c := openCache(t, dir)
	c.small = 10
	old, err := c.Open([]byte("/large"), second)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "large")); err != nil {
		t.Fatal(err)
	}
	fresh, err := c.Open([]byte("/large"), 2*second)
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Release()
	if a, b := content(t, old), content(t, fresh); a[0] != 'a' || b[0] != 'b' {
		t.Errorf("the old is %q, the new %q", a[:1], b[:1])
	}
	source := old.Source()
	old.Release()
	if _, err := source.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after its last release a forgotten file is open still (%v)", err)
	}
}

func TestBounds(t *testing.T) {
	files := make(map[string]string)
	for i := range 20 {
		files[fmt.Sprintf("%02d", i)] = strings.Repeat("x", 1000)
	}
	dir := lay(t, files)
	for _, c := range []struct {
		name            string
		entries, budget int
		least, most     int
	}{
		{"entries", 5, 1 << 20, 5, 5},
		{"bytes", 100, 10_000, 4, 9},
		{"neither", 100, 1 << 20, 20, 20},
		{"too small for one", 100, 100, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache := openCache(t, dir)
			cache.entries, cache.budget = c.entries, c.budget
			for range 2 {
				for i := range 20 {
					f, err := cache.Open(fmt.Appendf(nil, "/%02d", i), second)
					if err != nil {
						t.Fatal(err)
					}
					f.Release()
				}
			}
			if n := len(cache.files); n < c.least || n > c.most {
				t.Errorf("%d files are kept; want %d to %d", n, c.least, c.most)
			}
			if cache.cost > cache.budget {
				t.Errorf("%d bytes are kept, of %d", cache.cost, cache.budget)
			}
			cache.Close()
			if len(cache.files) != 0 || cache.cost != 0 {
				t.Errorf("after Close %d files and %d bytes are left", len(cache.files), cache.cost)
			}
		})
	}
}

// What is in use stays, what is not goes.
func TestTheLongestUnconfirmedGoesFirst(t *testing.T) {
	c := openCache(t, lay(t, map[string]string{"a": "", "b": "", "c": ""}))
	c.entries = 2
	use := func(path string, now loop.Time) {
		f, err := c.Open([]byte(path), now)
		if err != nil {
			t.Fatal(err)
		}
		f.Release()
	}
	use("/a", 1*second)
	use("/b", 1*second)
	use("/a", 2*second)
	use("/c", 2*second)
	if c.files["/a"] == nil || c.files["/b"] != nil || c.files["/c"] == nil {
		t.Errorf("kept: %v; want /a and /c", c.files)
	}
}

// Several encodings of a path share an entry, and one that does not decode to
// itself is never found without being decoded.
func TestOneEntryPerFile(t *testing.T) {
	c := openCache(t, lay(t, map[string]string{"a%41": "percent", "aA": "plain"}))
	for _, raw := range []string{"/aA", "/%61A", "/./aA", "//aA", "/x/../aA", "/a%2541"} {
		path, err := AppendPath(nil, []byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		f, err := c.Open(path, second)
		if err != nil {
			t.Fatal(err)
		}
		f.Release()
	}
	if len(c.files) != 1 || c.Fresh([]byte("/a%41"), second) != nil {
		t.Errorf("%d entries; want one, and none under a path with a percent sign", len(c.files))
	}
}

func TestMessage(t *testing.T) {
	dir := lay(t, map[string]string{"small": "tiny", "large": strings.Repeat("x", 50)})
	c := openCache(t, dir)
	c.small = 10
	c.appendHead = func(b []byte, f *File) []byte { return fmt.Appendf(b, "%d:%s:", f.Size, f.Type) }
	for _, x := range []struct{ path, want string }{
		{"/small", "4:application/octet-stream:tiny"},
		{"/large", "50:application/octet-stream:"},
	} {
		f, err := c.Open([]byte(x.path), second)
		if err != nil {
			t.Fatal(err)
		}
		if string(f.Message) != x.want || string(f.Head())+string(f.Content()) != x.want {
			t.Errorf("%s: %q, head %q, content %q", x.path, f.Message, f.Head(), f.Content())
		}
		f.Release()
	}
}

// A message that somebody is sending must not change under way.
func TestExclusive(t *testing.T) {
	c := openCache(t, lay(t, map[string]string{"a": "content"}))
	path := []byte("/a")
	f, err := c.Open(path, second)
	if err != nil {
		t.Fatal(err)
	}
	alone := f.Exclusive()
	if &alone[0] != &f.Message[0] {
		t.Error("with one borrower the message is copied")
	}
	other := c.Fresh(path, second)
	copied := other.Exclusive()
	if &copied[0] == &alone[0] {
		t.Error("with two borrowers the message is shared")
	}
	copied[0] = 'X'
	if string(alone) != "content" || string(f.Message) != "Xontent" {
		t.Errorf("under way: %q; next: %q", alone, f.Message)
	}
	f.Release()
	other.Release()
}

func TestAHitAllocatesNothing(t *testing.T) {
	c := openCache(t, lay(t, map[string]string{"a": "content"}))
	path := []byte("/a")
	f, err := c.Open(path, second)
	if err != nil {
		t.Fatal(err)
	}
	f.Release()
	if n := testing.AllocsPerRun(100, func() { c.Fresh(path, second).Release() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
