package loop

// BufferSize is the size of a Buffer, and so the longest head that fits.
const BufferSize = 16 << 10

// A Buffer holds octets between their arrival and their use. It is borrowed
// from a loop while there is something in it, and released when it is empty, so
// that an idle connection has none.
//
//	0        read             written            BufferSize
//	| used   | unread         | space            |
type Buffer struct {
	loop          *Loop
	read, written int
	released      bool
	data          [BufferSize]byte
}

// Buffer borrows an empty buffer.
func (l *Loop) Buffer() *Buffer {
	b, ok := l.buffers.get()
	if !ok {
		b = &Buffer{loop: l}
	}
	b.released = false
	l.lent++
	return b
}

// Release gives the buffer back. Slices of it are void from here on. Releasing
// it twice panics: two connections would get the same buffer, and read each
// other's octets.
func (b *Buffer) Release() {
	if b.released {
		panic("loop: a buffer was released twice")
	}
	b.read, b.written, b.released = 0, 0, true
	b.loop.lent--
	b.loop.buffers.put(b)
	b.loop.trimLater()
}

// Unread is what was filled in and not consumed yet. The slice stays valid
// until Compact or Release.
func (b *Buffer) Unread() []byte { return b.data[b.read:b.written] }

// Len is the number of unread octets.
func (b *Buffer) Len() int { return b.written - b.read }

// Space is where octets can be filled in, behind the unread ones.
func (b *Buffer) Space() []byte { return b.data[b.written:] }

// Filled says that n octets of Space have been filled in.
func (b *Buffer) Filled(n int) { b.written += n }

// Consume says that the first n unread octets are done with. They stay where
// they are until Compact.
func (b *Buffer) Consume(n int) {
	if b.read += n; b.read > b.written {
		panic("loop: more bytes consumed than a buffer holds")
	}
}

// Compact moves the unread octets to the front, which makes all room there is
// into Space.
func (b *Buffer) Compact() {
	b.written = copy(b.data[:], b.Unread())
	b.read = 0
}

// FillFrom reads once from c into Space, waiting if need be. A buffer without
// space reads nothing and returns 0 and nil.
func (b *Buffer) FillFrom(c *Conn) (int, error) {
	n, err := c.Read(b.Space())
	b.Filled(n)
	return n, err
}
