package server

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math"
	"mime/multipart"

	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/cmd/origin/internal/upload"
	"github.com/hopwire/hopwire/shared/wire"
)

// post answers a POST whose path, which is in scratch, is one to post to.
func (x *exchange) post() outcome {
	config := x.worker.config
	x.most = config.MaxBody
	switch {
	case x.most > 0 && x.framing.Length > x.most:
		x.most = 0 // It is not taken, so that it may be discarded.
		return x.turnDown(413)
	case config.Sink || config.Uploads != nil:
		return (&posting{x: x, store: config.Uploads, all: sha256.New()}).run()
	}
	return x.echo()
}

// A posting is a request whose content is read wholly, and stored if there is a store,
// before it is answered.
type posting struct {
	x     *exchange
	store *upload.Store // nil: nothing is stored

	// What the head says; its bytes are gone when content is read.
	mediaType    string
	kind         upload.Kind
	boundary     string
	folder, name string // that the path gives

	all    hash.Hash // of the content
	report upload.Report
	files  []*upload.File

	// For package multipart: what it has not taken yet, whether there is no more, how
	// much it may take before a part's content, and what was wrong with reading, which
	// it may hide.
	unread []byte
	ended  bool
	header int
	failed error
}

func (p *posting) run() outcome {
	defer p.close()
	if hasCoding(&p.x.head) {
		return p.refuseCoding()
	}
	if err := p.admit(); err != nil {
		p.complain(err)
		if e, ok := err.(*upload.Error); ok {
			return p.x.turnDown(e.Status)
		}
		return p.x.broken(err)
	}
	p.x.invite()
	err := p.take()
	if err == nil && len(p.files) > 0 {
		err = p.aside(func() error { return p.store.Keep(p.files) })
	}
	if err != nil {
		p.complain(err)
		p.makeRoom()
		return p.x.refuseBody(err)
	}
	return p.answer()
}

// makeRoom lets go of the files before the client learns that they are not kept: who
// was told that there is no room (507) may then send something smaller.
func (p *posting) makeRoom() {
	if files := p.files; len(files) > 0 {
		p.files = nil
		p.x.worker.aside(func() {
			for _, f := range files {
				f.Close()
			}
		})
	}
}

// close lets go of the files, which need not be waited for.
func (p *posting) close() {
	for _, f := range p.files {
		go f.Close() // If it was kept it has been made to last; else it is of no use.
	}
}

// aside is the worker's. The time that it takes is not the client's for sending.
func (p *posting) aside(f func() error) (err error) {
	x := p.x
	if err := x.flush(); err != nil {
		p.failed = err
		return err
	}
	before := x.worker.loop.Now()
	x.worker.aside(func() { err = f() })
	x.by = x.by.Add(x.worker.loop.Now().Sub(before))
	return err
}

// admit decides by the head whether the content will be taken.
func (p *posting) admit() (err error) {
	mediaType, _ := p.x.head.Field(wire.FieldContentType)
	p.mediaType = string(mediaType)
	if p.kind, p.boundary, err = upload.KindOf(p.mediaType); err != nil || p.store == nil {
		return err
	}
	if p.folder, p.name, err = upload.Split(string(p.x.scratch[len(p.x.worker.config.PostPath):])); err != nil {
		return err
	}
	if p.kind == upload.URLEncoded && p.name != "" {
		p.kind = upload.Opaque // curl says so of whatever it posts, unless it is told better
	}
	if p.kind != upload.Opaque {
		return p.aside(func() error { return p.store.Check(p.folder, p.name) })
	}
	name := p.name
	if name == "" {
		name = upload.OwnName(site.Extension(p.mediaType)) // by which GET finds the type
	}
	f, err := p.create(name)
	if err == nil {
		p.report.Location = p.location(f)
	}
	return err
}

// create begins a file.
func (p *posting) create(name string) (f *upload.File, err error) {
	if len(p.files) == upload.MaxFiles {
		return nil, upload.ErrMany
	}
	err = p.aside(func() (err error) {
		f, err = p.store.Create(p.folder, name)
		return err
	})
	if err == nil {
		p.files = append(p.files, f)
	}
	return f, err
}

// location is the path at which GET will find f.
func (p *posting) location(f *upload.File) string {
	return string(site.AppendEscaped(nil, []byte(p.x.worker.config.PostPath+"/"+f.Name())))
}

// take reads the content.
func (p *posting) take() (err error) {
	switch p.kind {
	case upload.URLEncoded:
		err = p.takeFields()
	case upload.Multipart:
		err = p.takeParts()
	default:
		err = p.takeOpaque()
	}
	p.report.Digest = upload.DigestOf(p.x.came, p.all)
	return err
}

// next is readContent with a sum of what came.
func (p *posting) next() ([]byte, error) {
	content, err := p.x.readContent()
	p.all.Write(content)
	return content, err
}

func (p *posting) takeOpaque() error {
	for {
		content, err := p.next()
		if err != nil || len(content) == 0 {
			return err
		}
		if len(p.files) > 0 {
			if _, err := (fileWriter{p, p.files[0]}).Write(content); err != nil {
				return err
			}
		}
	}
}

// A fileWriter writes to a file aside.
type fileWriter struct {
	*posting
	file *upload.File
}

func (w fileWriter) Write(content []byte) (n int, err error) {
	err = w.aside(func() (err error) {
		n, err = w.file.Write(content)
		return err
	})
	return n, err
}

func (p *posting) takeFields() error {
	var form []byte
	for {
		content, err := p.next()
		switch {
		case err != nil:
			return err
		case len(content) == 0:
			return p.report.AddURLEncoded(string(form))
		case len(form)+len(content) > upload.MaxForm:
			return upload.ErrMany
		}
		form = append(form, content...)
	}
}

func (p *posting) takeParts() error {
	parts := multipart.NewReader(p, p.boundary)
	for {
		p.header = upload.MaxPartHeader
		part, err := parts.NextRawPart()
		p.header = math.MaxInt
		switch {
		case err == io.EOF && p.failed == nil: // What follows the last part is nobody's.
			for err = nil; err == nil && !p.x.body.Done(); {
				_, err = p.next()
			}
			return err
		case err == nil:
			err = p.takePart(part)
		}
		if err != nil {
			return p.cause(err)
		}
	}
}

// Read gives package multipart the content, and an empty line behind it: it takes the
// end within the head of a part for the end of all parts, but not within its content.
func (p *posting) Read(b []byte) (n int, err error) {
	if len(p.unread) == 0 {
		if p.ended {
			return 0, io.EOF
		}
		if p.unread, p.failed = p.next(); p.failed != nil {
			return 0, p.failed
		}
		if p.ended = len(p.unread) == 0; p.ended {
			p.unread = emptyLine
		}
	}
	n = copy(b, p.unread)
	p.unread = p.unread[n:]
	if p.header -= n; p.header < 0 {
		p.failed = upload.ErrMany
	}
	return n, p.failed
}

var emptyLine = []byte("\r\n\r\n")

// cause is what was wrong when package multipart, or a copy from it, has said err.
func (p *posting) cause(err error) error {
	if p.failed != nil {
		return p.failed
	}
	if _, ok := err.(*upload.Error); ok {
		return err
	}
	return upload.ErrForm
}

func (p *posting) takePart(part *multipart.Part) error {
	field, filename, err := upload.Disposition(part.Header.Get("Content-Disposition"))
	switch {
	case err != nil:
		return err
	case filename == "":
		return p.takeField(part, field)
	}
	return p.takeFile(part, upload.Part{Field: field, Filename: filename, Type: part.Header.Get("Content-Type")})
}

func (p *posting) takeField(part io.Reader, name string) error {
	value, err := io.ReadAll(io.LimitReader(part, upload.MaxForm+1))
	if err != nil {
		return err
	}
	return p.report.AddField(name, string(value))
}

func (p *posting) takeFile(part io.Reader, about upload.Part) (err error) {
	sum := sha256.New()
	stored := bufio.NewWriterSize(io.Discard, writeSize)
	if p.store != nil {
		name := p.name
		if name == "" {
			if name, err = upload.BaseName(about.Filename); err != nil {
				return err
			}
		}
		f, err := p.create(name)
		if err != nil {
			return err
		}
		about.Location = p.location(f)
		stored.Reset(fileWriter{p, f})
	}
	n, err := io.Copy(io.MultiWriter(sum, stored), part)
	if err == nil {
		err = stored.Flush()
	}
	if err != nil {
		return err
	}
	about.Digest = upload.DigestOf(n, sum)
	return p.report.AddFile(about)
}

// writeSize is how much of a part is written at a time; package multipart gives it in
// pieces of 4 KiB.
const writeSize = 32 << 10

// answer tells the client what has come of its content.
func (p *posting) answer() outcome {
	x, content := p.x, p.report.Append(nil)
	if len(p.files) > 0 {
		x.begin(201)
		x.out = wire.AppendField(x.out, "Location", p.location(p.files[0]))
	} else {
		x.begin(200)
	}
	x.out = wire.AppendField(x.out, "Content-Type", "application/json")
	x.out = wire.AppendFieldInt(x.out, "Content-Length", int64(len(content)))
	x.endHead()
	x.sent = int64(len(content))
	return x.settle(x.put(content))
}

// complain reports what is not the client's fault.
func (p *posting) complain(err error) {
	if e, ok := err.(*upload.Error); ok && e.Status >= 500 {
		p.x.worker.config.Report(fmt.Errorf("what was posted could not be stored: %w", e))
	}
}

// hasCoding says whether the content is in a coding (RFC 9110 section 8.4), which
// nothing here takes away: a form could not be parsed, and GET would give back a file
// that is not what its type says.
func hasCoding(h *wire.RequestHead) bool {
	for i := range h.Fields {
		if wire.EqualFold(h.Fields[i].Name, "Content-Encoding") && !wire.EqualFold(h.Fields[i].Value, "identity") {
			return true
		}
	}
	return false
}

// refuseCoding says which coding would do (RFC 9110 section 15.5.16).
func (p *posting) refuseCoding() outcome {
	x := p.x
	x.disregardContent()
	x.begin(415)
	x.out = append(x.out, "Accept-Encoding: identity\r\nContent-Length: 0\r\n"...)
	x.endHead()
	return x.settle(nil)
}
