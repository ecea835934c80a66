package server

import (
	"bytes"
	"errors"

	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/cmd/origin/internal/study"
	"github.com/hopwire/hopwire/cmd/origin/internal/upload"
	"github.com/hopwire/hopwire/shared/wire"
)

// respond answers the request whose head was read.
func (x *exchange) respond() outcome {
	x.named()
	var err error
	if x.framing, err = wire.RequestFraming(&x.head); err != nil {
		return x.refuseBy(err)
	}
	x.body.Reset(x.framing)
	x.most = 0
	x.last = !wire.RequestPersists(&x.head)
	x.persists = !x.last && !x.worker.draining
	if x.worker.faults != nil {
		if o, answered := x.meetFault(); answered {
			return o
		}
	}
	if x.expectsOther() {
		return x.refuse(417)
	}
	if x.worker.config.Study && x.names(study.Path) {
		return x.serveStudy()
	}
	if x.head.Is("POST") {
		return x.servePost()
	}
	x.disregardContent()
	switch {
	case x.head.Is("GET"), x.head.Is("HEAD"):
		return x.serveFile()
	case x.head.Is("OPTIONS"):
		return x.serveOptions()
	}
	return x.serveOther()
}

// target is the request target's path as received, and its query with the
// question mark.
func (x *exchange) target() (path, query []byte) {
	path = x.head.Target
	if x.head.Form == wire.AbsoluteForm {
		_, _, path = x.head.Absolute()
	}
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		path, query = path[:i], path[i:]
	}
	if len(path) == 0 {
		path = rootPath
	}
	return path, query
}

var rootPath = []byte("/")

// errPost says that a path is the one that is posted to, or below it.
var errPost = errors.New("the path is the one that is posted to")

// find looks up the file that a target's path names.
func (x *exchange) find(path []byte) (*site.File, error) {
	if err := x.clean(path); err != nil {
		return nil, err
	}
	f, err := x.worker.cache.Open(x.scratch, x.worker.loop.Now())
	if err == nil && f.Source() != nil {
		x.worker.tidyLater()
	}
	return f, err
}

// findStored looks up the file that was posted under the path in scratch, which clean
// has said errPost of.
func (x *exchange) findStored() (*site.File, error) {
	stored, name := x.worker.stored, x.scratch[len(x.worker.config.PostPath):]
	if stored == nil || len(name) <= len("/") {
		return nil, errPost
	}
	if upload.Hidden(name) {
		return nil, site.ErrMissing
	}
	f, err := stored.Open(name, x.worker.loop.Now())
	if err == nil && f.Source() != nil {
		x.worker.tidyLater()
	}
	return f, err
}

// clean puts the path that a target's path stands for into scratch. The post path is
// found by that, so that no way of writing it leads past it.
func (x *exchange) clean(path []byte) (err error) {
	x.scratch, err = site.AppendPath(x.scratch[:0], path)
	if post := x.worker.config.PostPath; err == nil && post != "" && below(x.scratch, post) {
		return errPost
	}
	return err
}

// below says whether path is base, or begins with it and a slash.
func below(path []byte, base string) bool {
	return len(path) >= len(base) && string(path[:len(base)]) == base &&
		(len(path) == len(base) || path[len(base)] == '/')
}

// names says whether the target's path is base or below it, however it is written.
func (x *exchange) names(base string) bool {
	path, _ := x.target()
	return x.clean(path) == nil && below(x.scratch, base)
}

// serveFile answers GET and HEAD.
func (x *exchange) serveFile() outcome {
	path, query := x.target()
	f := x.worker.cache.Fresh(path, x.worker.loop.Now())
	if f == nil {
		var err error
		if f, err = x.find(path); err == errPost {
			f, err = x.findStored()
		}
		if err != nil {
			return x.serveNone(err, query)
		}
	}
	if f.Addressed() {
		f = f.For(x.address())
	}
	err := x.sendFile(f)
	f.Release()
	return x.settle(err)
}

// serveNone answers GET and HEAD where there is no file.
func (x *exchange) serveNone(err error, query []byte) outcome {
	switch err {
	case errPost:
		x.answerAllow(405, x.allowed())
	case site.ErrDirectory:
		x.answerMoved(query)
	default:
		x.answerEmpty(site.Status(err))
	}
	return x.settle(nil)
}

// allowed is what can be done with the post path and what is below it.
func (x *exchange) allowed() string {
	if x.worker.stored != nil {
		return allowAnything
	}
	return allowPost
}

// servePost takes what is posted, and otherwise tells apart what does not exist from
// what cannot be posted to.
func (x *exchange) servePost() outcome {
	path, _ := x.target()
	f, err := x.find(path)
	if err == errPost {
		return x.post()
	}
	x.disregardContent()
	switch err {
	case nil:
		f.Release()
		x.answerAllow(405, allowFile)
	case site.ErrDirectory:
		x.answerAllow(405, allowFile)
	default:
		x.answerEmpty(site.Status(err))
	}
	return x.settle(nil)
}

// serveOptions tells what can be done with a target; "*" is the server (RFC
// 9110 section 9.3.7).
func (x *exchange) serveOptions() outcome {
	if x.head.Form == wire.AsteriskForm {
		x.answerAllow(204, allowAnything)
		return x.settle(nil)
	}
	path, _ := x.target()
	switch f, err := x.find(path); err {
	case nil:
		f.Release()
		x.answerAllow(204, allowFile)
	case site.ErrDirectory:
		x.answerAllow(204, allowFile)
	case errPost:
		x.answerAllow(204, x.allowed())
	default:
		x.answerEmpty(site.Status(err))
	}
	return x.settle(nil)
}

// serveOther answers methods that nothing here has. Whether there is a file is
// not looked at.
func (x *exchange) serveOther() outcome {
	path, _ := x.target()
	switch err := x.clean(path); {
	case x.head.Form == wire.AuthorityForm: // CONNECT names no resource of ours
		x.answerAllow(405, allowAnything)
	case err == errPost:
		x.answerAllow(405, x.allowed())
	case err == nil:
		x.answerAllow(405, allowFile)
	default:
		x.answerEmpty(site.Status(err))
	}
	return x.settle(nil)
}
