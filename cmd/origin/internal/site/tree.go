package site

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// A Site is what is served: a folder, or the example. It may be shared.
type Site struct{ tree tree }

// Open makes a site of a folder. Nothing outside of it is ever served: a
// symbolic link is followed if it is relative and stays inside, and is no file
// otherwise, even if it is laid while a lookup is under way (os.Root).
func Open(dir string) (*Site, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("root %q cannot be served: %w; name a folder that may be read", dir, cause(err))
	}
	if _, err := fs.ReadDir(root.FS(), "."); err != nil {
		root.Close()
		return nil, fmt.Errorf("root %q cannot be read: %w; name a folder that may be read", dir, cause(err))
	}
	return &Site{tree: &folder{root: root}}, nil
}

// cause strips the name of the operation, which tells a user nothing.
func cause(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Close ends the site. Its caches must have been closed before.
func (s *Site) Close() error { return s.tree.close() }

// A tree is where files come from. Names are relative and have no dot segments.
type tree interface {
	// open gives the file's state with either an open file, which the caller
	// closes, or, if the tree is in memory, its content. A directory has
	// neither.
	open(name string) (*os.File, []byte, state, error)
	// stat gives the state of what name is now.
	stat(name string) (state, error)
	close() error
}

// A state tells one version of a file from another: equal states, equal file.
type state struct {
	device, inode     uint64
	size              int64
	modified, changed int64 // nanoseconds since 1970
	mode              fs.FileMode
	sum               uint64 // of the content, where there is no time to go by
	addressed         bool   // the content has Address in it
}

// A folder is a tree on disk. The system calls of a lookup hold the loop up, as
// they do in any event-driven server; the cache makes them rare.
type folder struct{ root *os.Root }

func (t *folder) open(name string) (*os.File, []byte, state, error) {
	// A named pipe would hold up the one who opens it until a writer comes.
	f, err := t.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, state{}, err
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, nil, stateOf(info), err
	}
	return f, nil, stateOf(info), nil
}

func (t *folder) stat(name string) (state, error) {
	info, err := t.root.Stat(name)
	return stateOf(info), err
}

func (t *folder) close() error { return t.root.Close() }

func stateOf(info fs.FileInfo) state {
	if info == nil {
		return state{}
	}
	s := state{size: info.Size(), modified: info.ModTime().UnixNano(), mode: info.Mode()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.device, s.inode = uint64(sys.Dev), sys.Ino
		s.changed = sys.Ctim.Nano()
	}
	return s
}

// Status is the status code for an error of AppendPath or Cache.Open.
func Status(err error) int {
	switch errno := syscall.Errno(0); {
	case err == ErrDirectory:
		return 301
	case err == ErrTarget:
		return 400
	case err == errShrank:
		return 500
	case errors.Is(err, fs.ErrPermission):
		return 403
	case errors.Is(err, fs.ErrNotExist), !errors.As(err, &errno):
		// The latter is what os.Root says of a link that leads outside.
		return 404
	case errno == syscall.EMFILE, errno == syscall.ENFILE:
		return 503
	case slices.Contains(noFile, errno):
		return 404
	}
	return 500
}

// noFile is what the kernel says of names that no file can have, or that lead
// in a circle, or to a socket.
var noFile = []syscall.Errno{syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.ENXIO, syscall.EINVAL}
