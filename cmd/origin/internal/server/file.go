package server

import (
	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/shared/wire"
)

// sendFile answers a GET or HEAD of f with as much of it as is asked for.
func (x *exchange) sendFile(f *site.File) error {
	if !site.Conditional(x.head.Fields) {
		return x.sendWhole(f)
	}
	s := f.Select(x.head.Fields, x.head.Is("GET"))
	switch s.Status {
	case 200:
		return x.sendWhole(f)
	case 206:
		return x.sendPart(f, s)
	case 304:
		x.begin(304)
		x.out = appendValidators(x.out, f)
		x.endHead()
	case 416:
		x.begin(416)
		x.out = appendContentRange(x.out, f, s)
		x.out = append(x.out, "Content-Length: 0\r\n"...)
		x.endHead()
	default:
		x.answerEmpty(s.Status)
	}
	return nil
}

// sendWhole sends all of f: the prepared response as it is, if it fits.
func (x *exchange) sendWhole(f *site.File) error {
	x.worker.stamp(f)
	x.status = 200
	wanted := x.head.Is("GET")
	if !x.persists || x.head.Minor == 0 {
		head := f.Head()
		x.out = append(x.out, head[:len(head)-len(x.worker.keepAlive)-len("\r\n")]...)
		x.endHead()
		if !wanted {
			return nil
		}
		return x.sendContent(f, 0, f.Size)
	}
	switch {
	case !wanted:
		return x.put(f.Head())
	case f.Source() == nil:
		x.sent = f.Size
		return x.put(f.Message)
	}
	x.out = append(x.out, f.Head()...)
	return x.sendContent(f, 0, f.Size)
}

// sendPart sends one range of f (RFC 9110 section 15.3.7.1).
func (x *exchange) sendPart(f *site.File, s site.Selection) error {
	x.begin(206)
	x.out = appendType(x.out, f)
	x.out = wire.AppendFieldInt(x.out, "Content-Length", s.Length)
	x.out = appendContentRange(x.out, f, s)
	x.out = appendValidators(x.out, f)
	x.endHead()
	return x.sendContent(f, s.Offset, s.Length)
}

// pieceSize is how much of a large file the client must accept within
// WriteTimeout.
const pieceSize = 256 << 10

// sendContent sends octets of f behind what is pending. If the file has become
// shorter than it was, the error is io.ErrUnexpectedEOF: its length has been
// announced, and the only way left to say that the content is not whole is to
// abort the connection.
func (x *exchange) sendContent(f *site.File, offset, length int64) error {
	if f.Source() == nil {
		x.sent = length
		return x.put(f.Content()[offset : offset+length])
	}
	if err := x.flush(); err != nil {
		return err
	}
	for length > 0 {
		n, err := x.sendPiece(f, offset, min(length, pieceSize))
		if x.sent += n; err != nil {
			return err
		}
		offset += n
		length -= n
	}
	return nil
}

func (x *exchange) sendPiece(f *site.File, offset, length int64) (int64, error) {
	if x.strike != nil {
		return x.sendRead(f, offset, length)
	}
	x.writeSoon()
	n, err := x.conn.Sendfile(f.Source(), offset, length)
	return n, x.wrote(n, err)
}
