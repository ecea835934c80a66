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
// The files kept are in two lists, those in memory and those that are open, the
// ones confirmed last at the front. A file in use is confirmed once a second, so
// that order is that of use to within a second, and a hit need not move anything.
type Cache struct {
	tree       tree
	fresh      time.Duration // how long a file is served without another look at the disk
	small      int64         // octets up to which content is kept in memory; larger files are kept open
	budget     int           // octets that may be kept in memory
	entries    int           // files that may be kept in memory
	mayOpen    int           // files that may be open; more are if so many are borrowed
	appendHead func(b []byte, f *File) []byte

	files    map[string]*File
	inMemory list.List[*File]
	held     list.List[*File] // open ones
	cost     int
	open     int // files that are open: those held, and others that are borrowed
}

// NewCache makes a cache for one loop. appendHead appends the head that goes
// before the content in File.Message; nil means none. It is called when f is
// loaded, with all but Message and HeadLen set. mayOpen is how many files there are
// descriptors for; with 0 or more than 512 it is 512.
func (s *Site) NewCache(appendHead func(b []byte, f *File) []byte, mayOpen int) *Cache {
	const entries = 512
	if mayOpen == 0 {
		mayOpen = entries
	}
	c := &Cache{
		tree:       s.tree,
		fresh:      time.Second,
		small:      64 << 10,
		budget:     32 << 20,
		entries:    entries,
		mayOpen:    min(mayOpen, entries),
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
	f, err := c.find(string(path))
	if err != nil {
		return nil, err
	}
	f.refs++
	f.checked = now
	c.closeBeyond(c.mayOpen)
	if bytes.IndexByte(path, '%') < 0 {
		c.keep(f)
	}
	return f, nil
}

func (c *Cache) find(path string) (*File, error) {
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
	c.order(f).Remove(f)
	c.order(f).PushFront(f)
	return true
}

// order is the list that f is kept in.
func (c *Cache) order(f *File) *list.List[*File] {
	if f.source != nil {
		return &c.held
	}
	return &c.inMemory
}

// keep files f and makes room for it.
func (c *Cache) keep(f *File) {
	if f.cost() > c.budget {
		return
	}
	c.files[f.path] = f
	c.order(f).PushFront(f)
	for c.cost += f.cost(); c.cost > c.budget || c.inMemory.Len() > c.entries; {
		c.forget(c.inMemory.Last())
	}
}

// closeBeyond forgets open files until there are no more than n, or all that are
// left are borrowed.
func (c *Cache) closeBeyond(n int) {
	for c.open > n && c.held.Len() > 0 {
		c.forget(c.held.Last())
	}
}

// heldFor is how long a file is kept open that nobody asks for.
const heldFor = 10 * time.Second

// CloseUnused closes files that nobody has asked for of late, which may be deleted,
// and take room on the disk as long as they are open. It reports whether there are
// others to be looked at later.
func (c *Cache) CloseUnused(now loop.Time) (more bool) {
	for c.held.Len() > 0 && now.Sub(c.held.Last().checked) >= heldFor {
		c.forget(c.held.Last())
	}
	return c.held.Len() > 0
}

// forget ends the keeping of f. Who has borrowed it still has it.
func (c *Cache) forget(f *File) {
	delete(c.files, f.path)
	c.order(f).Remove(f)
	c.cost -= f.cost()
	if f.refs == 0 {
		f.close()
	}
}

// Close forgets everything.
func (c *Cache) Close() {
	for _, f := range c.files {
		c.forget(f)
	}
}
