package upload

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// hiddenPrefix begins the names of unfinished files, where they need one.
const hiddenPrefix = ".upload-"

// maxBusy is how many operations of a Store wait for the disk at a time; each holds a
// thread.
const maxBusy = 32

// A Store is a folder of files that were posted. Any goroutine may use it.
type Store struct {
	// Sync makes a file, or a folder, last: fsync(2), unless a test has it fail, or
	// take long.
	Sync func(*os.File) error

	root  *os.Root
	top   *os.File // the folder itself
	named bool     // unfinished files have a hidden name
	busy  chan struct{}
	open  sync.WaitGroup // files
}

// Open opens a folder, takes away what an earlier program could not finish, and tries
// whether files can be made in it.
func Open(dir string) (*Store, error) {
	fail := func(err error) (*Store, error) {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			err = path.Err
		}
		return nil, fmt.Errorf("nothing can be stored in %q: %w; name a folder that may be written, on a file system with hard links", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fail(err)
	}
	s := &Store{Sync: (*os.File).Sync, root: root, busy: make(chan struct{}, maxBusy)}
	if s.top, err = root.Open("."); err == nil {
		s.removeUnfinished()
		if err = s.try(); err != nil {
			s.named = true
			err = s.try()
		}
	}
	if err != nil {
		return fail(errors.Join(err, s.Close()))
	}
	return s, nil
}

// Close waits until the files under way are closed.
func (s *Store) Close() error {
	s.open.Wait()
	if s.top == nil {
		return s.root.Close()
	}
	return errors.Join(s.top.Close(), s.root.Close())
}

// removeUnfinished takes away hidden files that nobody has locked. A program that was
// killed left them; those of one that still runs are locked. What cannot be taken away
// is in nobody's way.
func (s *Store) removeUnfinished() {
	names, _ := s.top.Readdirnames(-1)
	for _, name := range names {
		if !strings.HasPrefix(name, hiddenPrefix) {
			continue
		}
		if f, err := s.root.OpenFile(name, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0); err == nil {
			if lock(f) == nil {
				s.root.Remove(name)
			}
			f.Close()
		}
	}
}

func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// try makes a file, links it to a name and removes it.
func (s *Store) try() error {
	f, err := s.unfinished()
	if err != nil {
		return err
	}
	s.open.Add(1)
	defer f.Close()
	f.name = hiddenPrefix + OwnName("")
	if err := f.link(s.top); err != nil {
		return err
	}
	return s.root.Remove(f.name)
}

// work has no more than maxBusy wait for the disk; call what it returns at the end.
func (s *Store) work() (done func()) {
	s.busy <- struct{}{}
	return func() { <-s.busy }
}

// Check says whether name could be stored in folder, both as Split gives them: whether
// the folder is there, and the name, unless it is empty, free. The error is an *Error:
// 409 if not.
func (s *Store) Check(folder, name string) error {
	defer s.work()()
	if info, err := s.root.Stat(path.Join(".", folder)); err != nil {
		return failure(err)
	} else if !info.IsDir() {
		return errFolder
	}
	if name == "" {
		return nil
	}
	_, err := s.root.Lstat(folder + name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return cmp.Or(failure(err), errTaken)
}

// A File is a file under way. It belongs to whoever created it.
type File struct {
	store  *Store
	file   *os.File
	name   string // what Keep calls it
	hidden string // what it is called until it is closed; empty: nothing
}

// Create makes an empty file that Keep will store in folder under name. Whoever
// creates it closes it. The error is Check's, or another *Error: 507 if there is no
// room, 503 if the program has too many open.
func (s *Store) Create(folder, name string) (*File, error) {
	if err := s.Check(folder, name); err != nil {
		return nil, err
	}
	defer s.work()()
	f, err := s.unfinished()
	if err != nil {
		return nil, failure(err)
	}
	f.name = folder + name
	s.open.Add(1)
	return f, nil
}

// Others may read what was stored, if the umask lets them.
const mode = 0o644

func (s *Store) unfinished() (*File, error) {
	if !s.named {
		f, err := s.root.OpenFile(".", os.O_WRONLY|unix.O_TMPFILE, mode)
		return &File{store: s, file: f}, err
	}
	hidden := hiddenPrefix + OwnName("")
	f, err := s.root.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(err, f.Close(), s.root.Remove(hidden))
	}
	return &File{store: s, file: f, hidden: hidden}, nil
}

// Name is the path below the store's folder that the file is to have.
func (f *File) Name() string { return f.name }

// Write appends to the file. The error is an *Error: 507 if there is no room.
func (f *File) Write(p []byte) (int, error) {
	defer f.store.work()()
	n, err := f.file.Write(p)
	return n, failure(err)
}

// Keep gives files of one folder their names, or none of them: they are made to last
// first, then named, and then the folder is made to last. An existing file is never
// replaced. The error is an *Error: 409 if a name is taken by now.
func (s *Store) Keep(files []*File) error {
	defer s.work()()
	for _, f := range files {
		if err := s.Sync(f.file); err != nil {
			return failure(err)
		}
	}
	dir, err := s.root.Open(path.Dir(files[0].name))
	if err != nil {
		return failure(err)
	}
	defer dir.Close()
	linked := 0
	for linked < len(files) && err == nil {
		if err = files[linked].link(dir); err == nil {
			linked++
		}
	}
	if err == nil {
		err = s.Sync(dir)
	}
	if err != nil {
		for _, f := range files[:linked] {
			unix.Unlinkat(int(dir.Fd()), path.Base(f.name), 0) // Nobody has been told of it.
		}
	}
	return failure(err)
}

// link gives the file its name in dir. A file without a name is found through /proc,
// and its descriptor held meanwhile, so that it is no other file's.
func (f *File) link(dir *os.File) error {
	to, name := int(dir.Fd()), path.Base(f.name)
	if f.hidden != "" {
		return unix.Linkat(int(f.store.top.Fd()), f.hidden, to, name, 0)
	}
	conn, err := f.file.SyscallConn()
	if err != nil {
		return err
	}
	held := conn.Control(func(fd uintptr) {
		err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), to, name, unix.AT_SYMLINK_FOLLOW)
	})
	return errors.Join(held, err)
}

// Close ends the writing. What was not kept is gone.
func (f *File) Close() error {
	defer f.store.open.Done()
	defer f.store.work()()
	err := f.file.Close()
	if f.hidden != "" {
		err = errors.Join(err, f.store.root.Remove(f.hidden))
	}
	return err
}
