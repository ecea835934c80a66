package site

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
)

// A File is one version of a file, as it was when it was loaded. It belongs to
// one loop. Its exported fields are for reading, Stamp and Foreign excepted.
type File struct {
	Type     string // media type
	Size     int64  // octets of content
	Modified int64  // seconds since 1970, or Undated
	ETag     string // a strong validator (RFC 9110 section 8.8.3), quotes included
	// Message is the head that the cache's appendHead made, and behind it the
	// content of a small file. Change it through Exclusive only.
	Message []byte
	HeadLen int
	// Stamp is the borrowers' own, to note for when Message was last patched.
	Stamp int64
	// Foreign is the borrowers' own, too: the content is a client's, not the site's.
	Foreign bool

	source *os.File // of a large file
	refs   int      // borrowers
	entry
}

// An entry is what a cache knows of a file.
type entry struct {
	list.Links[*File] // among the files kept

	cache      *Cache
	path, name string // what it is filed under; what the tree calls it
	state      state
	checked    loop.Time // when the tree last confirmed state
	young      bool      // changed so shortly before loading that state may not tell the next change
}

// Head is the prepared response head.
func (f *File) Head() []byte { return f.Message[:f.HeadLen] }

// Content is the content of a small file. It must not be changed.
func (f *File) Content() []byte { return f.Message[f.HeadLen:] }

// Source is the open file of a large one, whose content is not in Message; else
// nil. It may since have become shorter than Size.
func (f *File) Source() *os.File { return f.source }

// Exclusive returns Message for patching. If somebody else is still sending it,
// it is a copy, which from now on is Message: octets on their way must not
// change.
func (f *File) Exclusive() []byte {
	if f.refs > 1 {
		f.Message = append([]byte(nil), f.Message...)
	}
	return f.Message
}

// Release gives a borrowed file back.
func (f *File) Release() {
	if f.refs--; f.refs == 0 && !list.Linked(f) {
		f.close()
	}
}

func (f *File) close() {
	if f.source != nil {
		f.source.Close() // It was only read from: nothing can be lost.
		f.source = nil
		f.cache.open--
	}
}

// cost is what the file takes of a cache's budget. Of open ones it is the number
// that is bounded.
func (f *File) cost() int {
	if f.source != nil {
		return 0
	}
	return cap(f.Message) + 512
}

// load opens the file that the tree calls name.
func (c *Cache) load(path, name string) (*File, error) {
	source, content, state, err := c.tree.open(name)
	for Status(err) == 503 && c.held.Len() > 0 { // no descriptor is left
		c.closeBeyond(c.open - 1)
		source, content, state, err = c.tree.open(name)
	}
	if err != nil {
		return nil, err
	}
	if state.mode.IsDir() && path[len(path)-1] != '/' {
		return nil, ErrDirectory
	}
	if !state.mode.IsRegular() {
		return nil, ErrMissing
	}
	now := time.Now() // the clock that the file system goes by
	f := &File{
		Type:     contentType(name),
		Size:     state.size,
		Modified: modified(state, now),
		ETag:     etag(state),
		source:   source,
		entry:    entry{cache: c, path: path, name: name, state: state, young: now.UnixNano()-state.modified < int64(granularity)},
	}
	if source != nil {
		c.open++
	}
	return f, c.prepare(f, content)
}

// Undated stands for the time of the last change where none is known.
const Undated = math.MinInt64

func modified(s state, now time.Time) int64 {
	if s.addressed {
		return Undated // the page depends on more than when it was written
	}
	return time.Unix(0, min(s.modified, now.UnixNano())).Unix() // RFC 9110 section 8.8.2.1
}

// Addressed reports whether the file names the address that it was reached by, and
// is to be had from For.
func (f *File) Addressed() bool { return f.state.addressed }

// For gives f back and borrows it as it reads for a client that came by an address,
// which is only put in: it must have nothing in it that HTML gives a meaning.
func (f *File) For(address string) *File {
	defer f.Release()
	content := bytes.ReplaceAll(f.Content(), []byte(Address), []byte(address))
	g := &File{Type: f.Type, Modified: f.Modified, refs: 1, entry: entry{cache: f.cache, state: f.state}}
	g.state.size, g.state.sum = int64(len(content)), sumOf(content)
	g.Size, g.ETag = g.state.size, etag(g.state)
	g.cache.prepare(g, content) // fails for large files only
	return g
}

// granularity is the coarsest time stamp of a file system in use (FAT's).
const granularity = 2 * time.Second

// prepare makes the message of a file that was just opened, and takes a small
// one into memory.
func (c *Cache) prepare(f *File, content []byte) error {
	room := 512
	small := f.source == nil || f.Size <= c.small
	if small {
		room += int(f.Size)
	}
	f.Message = c.appendHead(make([]byte, 0, room), f)
	f.HeadLen = len(f.Message)
	if f.source == nil {
		f.Message = append(f.Message, content...)
	} else if small {
		defer f.close()
		return f.take()
	}
	return nil
}

// take reads the content from source. There can be more by now, which the next
// stat notices, but not less.
func (f *File) take() error {
	total := f.HeadLen + int(f.Size)
	f.Message = append(f.Message, make([]byte, f.Size)...)[:total]
	switch _, err := io.ReadFull(f.source, f.Message[f.HeadLen:]); err {
	case io.EOF, io.ErrUnexpectedEOF:
		return errShrank
	default:
		return err
	}
}

// etag is made of the modification time and the size, so that several origins
// with copies of one site agree on it. Nanoseconds make it strong: two versions
// share it only if the file system cannot tell them apart by time.
func etag(s state) string {
	if s.sum != 0 {
		return fmt.Sprintf(`"%x"`, s.sum)
	}
	return fmt.Sprintf(`"%x-%x"`, s.modified, s.size)
}
