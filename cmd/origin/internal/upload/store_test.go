package upload

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// onBoth runs a test on a store whose unfinished files have no name, and on one where
// they have a hidden one.
func onBoth(t *testing.T, test func(t *testing.T, s *Store, dir string)) {
	for name, named := range map[string]bool{"without a name": false, "with a hidden one": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if !t.Failed() { // else files may be open
					s.Close()
				}
			}()
			if !named && s.named {
				t.Skip("the file system has no files without a name")
			}
			s.named = named
			test(t, s, dir)
		})
	}
}

// write makes a file with content.
func write(t *testing.T, s *Store, folder, name, content string) *File {
	t.Helper()
	f, err := s.Create(folder, name)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write([]byte(content)); n != len(content) || err != nil {
		t.Fatal(n, err)
	}
	return f
}

// names are those below dir, hidden ones too.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func expectNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("the folder has %q; want %q", got, want)
	}
}

func TestKeep(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, dir string) {
		if err := errors.Join(os.Mkdir(filepath.Join(dir, "sub"), 0o755), os.Symlink("sub", filepath.Join(dir, "link"))); err != nil {
			t.Fatal(err)
		}
		var synced []string
		s.Sync = func(f *os.File) error {
			synced = append(synced, filepath.Base(f.Name()))
			return f.Sync()
		}
		files := []*File{write(t, s, "", "a.txt", "hello"), write(t, s, "sub/", "b", ""), write(t, s, "sub/", "c", ""), write(t, s, "link/", "d", "")}
		for _, name := range names(t, dir) {
			if name != "link" && !Hidden([]byte("/"+name)) {
				t.Errorf("before it is kept, %q is there", name)
			}
		}
		for _, some := range [][]*File{files[:1], files[1:3], files[3:]} {
			if err := s.Keep(some); err != nil {
				t.Fatal(err)
			}
		}
		if len(synced) != 7 {
			t.Errorf("made to last were %q; want four files and three times a folder", synced)
		}
		for _, f := range files {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
		expectNames(t, dir, "a.txt", "link", "sub/b", "sub/c", "sub/d")
		path := filepath.Join(dir, "a.txt")
		content, err := os.ReadFile(path)
		info, errStat := os.Stat(path)
		if err != nil || errStat != nil || string(content) != "hello" || info.Mode()&^0o022 != 0o644 {
			t.Errorf("%q, %v, %v, %v", content, info.Mode(), err, errStat)
		}
	})
}

// What was not kept leaves nothing, and neither does what could not be kept, nor what
// was to be kept with it.
func TestNothingIsLeft(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, dir string) {
		write(t, s, "", "gone", "hello").Close()
		expectNames(t, dir)

		twice := []*File{write(t, s, "", "a", ""), write(t, s, "", "b", ""), write(t, s, "", "a", "")}
		if err := s.Keep(twice); err != errTaken {
			t.Error(err)
		}
		for fails := 1; fails <= 3; fails++ { // both files, and the folder
			calls := 0
			s.Sync = func(*os.File) error {
				if calls++; calls == fails {
					return syscall.ENOSPC
				}
				return nil
			}
			two := []*File{write(t, s, "", "a", ""), write(t, s, "", "b", "")}
			if err := s.Keep(two); statusOf(err) != 507 || calls != fails {
				t.Errorf("failing at %d: %v after %d", fails, err, calls)
			}
			twice = append(twice, two...)
		}
		for _, f := range twice {
			f.Close()
		}
		expectNames(t, dir)
	})
}

func TestCheck(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, dir string) {
		outside := t.TempDir()
		err := errors.Join(
			os.Mkdir(filepath.Join(dir, "sub"), 0o755),
			os.WriteFile(filepath.Join(dir, "file"), nil, 0o644),
			os.WriteFile(filepath.Join(outside, "file"), nil, 0o644),
			os.Symlink(outside, filepath.Join(dir, "out")),
			os.Symlink("nowhere", filepath.Join(dir, "dangling")),
		)
		if err != nil {
			t.Fatal(err)
		}
		before := names(t, dir)
		for _, c := range []struct {
			folder, name string
			status       int
		}{
			{"", "", 0}, {"", "free", 0}, {"sub/", "", 0}, {"sub/", "free", 0},
			{"", "file", 409}, {"", "sub", 409}, {"", "dangling", 409}, {"", "out", 409},
			{"none/", "free", 409}, {"none/", "", 409}, {"file/", "free", 409}, {"dangling/", "a", 409},
			{"out/", "free", 403}, {"out/", "file", 403}, {"out/", "", 403},
			{"", strings.Repeat("x", 300), 403}, {strings.Repeat("x", 300) + "/", "", 403},
		} {
			if err := s.Check(c.folder, c.name); statusOf(err) != c.status || err != nil && c.status == 0 {
				t.Errorf("%q, %.20q: %v", c.folder, c.name, err)
			}
			if f, err := s.Create(c.folder, c.name); c.status != 0 && statusOf(err) != c.status {
				t.Errorf("%q, %.20q is created: %v", c.folder, c.name, err)
			} else if err == nil {
				f.Close()
			}
		}
		// A folder that is exchanged for a link to the outside meanwhile.
		f := write(t, s, "sub/", "a", "")
		sub := filepath.Join(dir, "sub")
		if err := errors.Join(os.Remove(sub), os.Symlink(outside, sub)); err != nil {
			t.Fatal(err)
		}
		if err := s.Keep([]*File{f}); statusOf(err) != 403 {
			t.Error(err)
		}
		expectNames(t, outside, "file")
		if err := os.Remove(sub); err != nil {
			t.Fatal(err)
		}
		if err := s.Keep([]*File{f}); statusOf(err) != 409 {
			t.Error(err)
		}
		f.Close()
		expectNames(t, dir, before...)
	})
}

// Of several with one name one wins, whole.
func TestRace(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, dir string) {
		const racers = 20
		var ready, all sync.WaitGroup
		var won atomic.Int32
		ready.Add(racers)
		for range racers {
			all.Go(func() {
				f := write(t, s, "", "a", "content")
				defer f.Close()
				ready.Done()
				ready.Wait()
				switch err := s.Keep([]*File{f}); err {
				case nil:
					won.Add(1)
				case errTaken:
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		content, err := os.ReadFile(filepath.Join(dir, "a"))
		if won.Load() != 1 || string(content) != "content" || err != nil {
			t.Errorf("%d have won, the content is %q, %v", won.Load(), content, err)
		}
		expectNames(t, dir, "a")
	})
}

// What a killed program left is taken away, what a running one has open is not.
func TestUnfinishedFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.named = true
	open := write(t, s, "", "a", "open")
	left := filepath.Join(dir, hiddenPrefix+"left")
	fifo := filepath.Join(dir, hiddenPrefix+"0")
	if err := errors.Join(os.WriteFile(left, nil, 0o644), syscall.Mkfifo(fifo, 0o644)); err != nil {
		t.Fatal(err)
	}
	next, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	expectNames(t, dir, filepath.Base(fifo), open.hidden)
	if err := s.Keep([]*File{open}); err != nil {
		t.Error(err)
	}
	open.Close()
	expectNames(t, dir, filepath.Base(fifo), "a")
}

func TestOpenErrors(t *testing.T) {
	for dir, says := range map[string]string{
		"/nothing/here": "no such file", os.Args[0]: "not a directory", "/proc": "nothing can be stored",
	} {
		if s, err := Open(dir); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, %v", dir, s, err)
		}
	}
}

func TestFailures(t *testing.T) {
	for err, want := range map[error]int{
		syscall.EEXIST: 409, syscall.ENOENT: 409, syscall.ENOTDIR: 409, syscall.ENAMETOOLONG: 403, syscall.EACCES: 403,
		syscall.ENOSPC: 507, syscall.EDQUOT: 507, syscall.EFBIG: 507, syscall.EMFILE: 503, syscall.ENFILE: 503,
		syscall.EIO: 500, nil: 0,
	} {
		if err != nil {
			err = &fs.PathError{Op: "open", Path: "a", Err: err}
		}
		if got := statusOf(failure(err)); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}
