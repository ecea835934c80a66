package site

import (
	"bytes"
	"errors"
	"time"

	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
)

var (
	// ErrDirectory says that a path without trailing slash names a directory:
	// 301 to the path with one, so that the relative links of its page work.
	ErrDirectory = errors.New("the path names a directory")

	errShrank = errors.New("the file became shorter while it was read")
)

// A Cache finds files for one loop, and keeps what it found.
//
// The files kept are in a list, those confirmed last at the front. A file in
// use is confirmed once a second, so that order is that of use to within a
// second, and a hit need not move anything.
type Cache struct {
	tree       tree
	fresh      time.Duration // how long a file is served without another look at the disk
	small      int64         // octets up to which content is kept in memory; larger files are kept open
	budget     int           // octets that may be kept in memory
	entries    int           // files that may be kept, and so those kept open
	appendHead func(b []byte, f *File) []byte

	files map[string]*File
	kept  list.List[*File]
	cost  int
}

// NewCache makes a cache for one loop. appendHead appends the head that goes
// before the content in File.Message; nil means none. It is called when f is
// loaded, with all but Message and HeadLen set.
func (s *Site) NewCache(appendHead func(b []byte, f *File) []byte) *Cache {
	c := &Cache{
		tree:       s.tree,
		fresh:      time.Second,
		small:      64 << 10,
		budget:     32 << 20,
		entries:    512,
		appendHead: appendHead,
		files:      make(map[string]*File),
	}
	if c.appendHead == nil {
		c.appendHead = func(b []byte, _ *File) []byte { return b }
	}
	return c
}

// Fresh borrows the file kept under path if it need not be confirmed; else it
// returns nil, and Open decides. The path may be one straight from a request
// target: files are kept under paths that decode to themselves.
func (c *Cache) Fresh(path []byte, now loop.Time) *File {
	f := c.files[string(path)]
	if f == nil || now.Sub(f.checked) >= c.fresh {
		return nil
	}
	f.refs++
	return f
}

// Open borrows the file that path, which is AppendPath's, names. A path with a
// trailing slash names the index.html in that directory. The error is
// ErrDirectory, ErrMissing, or one of the file system; see Status.
func (c *Cache) Open(path []byte, now loop.Time) (*File, error) {
	if f := c.files[string(path)]; f != nil {
		if c.confirm(f, now) {
			f.refs++
			return f, nil
		}
		c.forget(f)
	}
	f, err := c.open(string(path))
	if err != nil {
		return nil, err
	}
	f.refs++
	f.checked = now
	if bytes.IndexByte(path, '%') < 0 {
		c.keep(f)
	}
	return f, nil
}

func (c *Cache) open(path string) (*File, error) {
	name := path[1:]
	if path[len(path)-1] == '/' {
		name += "index.html"
	}
	f, err := c.load(path, name)
	if errors.Is(err, errShrank) {
		f, err = c.load(path, name)
	}
	return f, err
}

// confirm says whether f is still what its name means.
func (c *Cache) confirm(f *File, now loop.Time) bool {
	if now.Sub(f.checked) < c.fresh {
		return true
	}
	if s, err := c.tree.stat(f.name); err != nil || s != f.state || f.young {
		return false
	}
	f.checked = now
	c.kept.Remove(f)
	c.kept.PushFront(f)
	return true
}

// keep files f and makes room for it.
func (c *Cache) keep(f *File) {
	if f.cost() > c.budget {
		return
	}
	c.files[f.path] = f
	c.kept.PushFront(f)
	for c.cost += f.cost(); c.cost > c.budget || len(c.files) > c.entries; {
		c.forget(c.kept.Last())
	}
}

// forget ends the keeping of f. Who has borrowed it still has it.
func (c *Cache) forget(f *File) {
	delete(c.files, f.path)
	c.kept.Remove(f)
	c.cost -= f.cost()
	if f.refs == 0 {
		f.close()
	}
}

// Close forgets everything.
func (c *Cache) Close() {
	for f := range c.kept.All() {
		c.forget(f)
	}
}
