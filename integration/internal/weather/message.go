package weather

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"strconv"
)

// appendContent appends the content that belongs to a number: its own lines of 16
// octets, so that no piece of it can be taken for another's.
func appendContent(b []byte, id int64, octets int) []byte {
	line := fmt.Appendf(nil, "%015d\n", id)
	begin := len(b)
	b = append(b, line[:min(len(line), octets)]...)
	for len(b)-begin < octets {
		have := len(b) - begin
		b = append(b, b[begin:begin+min(have, octets-have)]...)
	}
	return b
}

// appendFramed appends the framing of the content, the end of the head, which it
// returns, and the content, chunked or not.
func appendFramed(b, content []byte, chunked bool) (_ []byte, head int) {
	if chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n\r\n"...)
		return appendChunked(b, content), len(b)
	}
	b = fmt.Appendf(b, "Content-Length: %d\r\n\r\n", len(content))
	return append(b, content...), len(b)
}

// appendChunked appends the content in two chunks.
func appendChunked(b, content []byte) []byte {
	half := len(content) / 2
	for _, chunk := range [][]byte{content[:half], content[half:]} {
		if len(chunk) > 0 {
			b = fmt.Appendf(b, "%x\r\n%s\r\n", len(chunk), chunk)
		}
	}
	return append(b, "0\r\n\r\n"...)
}

// fields are what matters of a head's field lines.
type fields struct {
	length  int64
	chunked bool
	close   bool
}

var errSyntax = errors.New("weather: this is no HTTP message")

// readFields reads the field lines up to the empty one.
func readFields(r *bufio.Reader) (f fields, err error) {
	for {
		line, err := readLine(r)
		if err != nil || len(line) == 0 {
			return f, err
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			return f, errSyntax
		}
		if err := f.note(name, bytes.TrimSpace(value)); err != nil {
			return f, err
		}
	}
}

func (f *fields) note(name, value []byte) (err error) {
	switch {
	case is(name, "Content-Length"):
		f.length, err = strconv.ParseInt(string(value), 10, 64)
	case is(name, "Transfer-Encoding"):
		f.chunked = is(value, "chunked")
	case is(name, "Connection"):
		f.close = is(value, "close")
	}
	return err
}

func is(b []byte, s string) bool { return len(b) == len(s) && bytes.EqualFold(b, []byte(s)) }

func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, cutShort(err)
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// cutShort is the error of a message that ends too early.
func cutShort(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readContent appends what follows a head with these fields.
func readContent(r *bufio.Reader, f fields, b []byte) ([]byte, error) {
	if !f.chunked {
		return readOctets(r, f.length, b)
	}
	for {
		line, err := readLine(r)
		if err != nil {
			return b, err
		}
		size, err := strconv.ParseInt(string(line), 16, 32)
		if err != nil {
			return b, errSyntax
		}
		if b, err = readOctets(r, size, b); err != nil {
			return b, err
		}
		end, err := readLine(r) // behind a chunk, and the whole
		if err != nil || len(end) > 0 {
			return b, errors.Join(err, errSyntax)
		}
		if size == 0 {
			return b, nil
		}
	}
}

// reader is the content that follows a head with these fields, without what is
// behind the last chunk.
func (f fields) reader(r *bufio.Reader) io.Reader {
	if f.chunked {
		return httputil.NewChunkedReader(r)
	}
	return io.LimitReader(r, f.length)
}

func readOctets(r *bufio.Reader, n int64, b []byte) ([]byte, error) {
	if n < 0 || n > 1<<26 {
		return b, errSyntax
	}
	had := len(b)
	if need := had + int(n); need > cap(b) {
		b = append(make([]byte, 0, need), b...)
	}
	b = b[:had+int(n)]
	_, err := io.ReadFull(r, b[had:])
	return b, cutShort(err)
}
