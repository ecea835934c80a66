// Origin serves the files of a folder, or the example site inside of it, and
// echoes or stores what is posted to it.
//
//	main ─► flags.go: settings ─► run: site, log, loops, server, admin
//	                                │
//	             first signal       │ "listening on ..."
//	         ──────────────────►  drain: accept no more, let exchanges end
//	               SIGHUP           │ ─► the log's file is opened anew
//	             second signal      │
//	         ──────────────────►  stop
//	                                ▼
//	                       close log and site, exit
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/hashicorp/go-multierror"

	"github.com/hopwire/hopwire/cmd/origin/internal/server"
	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/cmd/origin/internal/study"
	"github.com/hopwire/hopwire/cmd/origin/internal/upload"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/admin"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/program"
)

func main() { program.Main(app()) }

// run serves until ctx is cancelled and what is under way has come to its end.
// Messages go to w.
func run(ctx context.Context, s *settings, w io.Writer) (err error) {
	o, err := open(ctx, s, program.Reopen(ctx), w)
	if err != nil {
		return err
	}
	defer func() { err = multierror.Append(err, o.close()).ErrorOrNil() }()
	addr, err := o.server.Listen(s.listen)
	if err != nil {
		return err
	}
	program.ReturnMemory(ctx)
	program.Listening(w, addr)
	o.admin.Ready()
	return o.server.Run(ctx, program.Hurry(ctx))
}

// An origin is what the program consists of while it runs.
type origin struct {
	site    *site.Site
	uploads *upload.Store  // nil: nothing is stored
	stored  *site.Site     // the same folder
	log     *accesslog.Log // nil: none is wanted
	admin   *admin.Server  // nil: none is wanted
	server  *server.Server
}

// open sets everything up but the listener. If something fails, what was opened
// is closed again. By reopen it hears that the log has been moved away.
func open(ctx context.Context, s *settings, reopen <-chan struct{}, w io.Writer) (_ *origin, err error) {
	o := &origin{}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	if o.site, err = openSite(s); err != nil {
		return nil, err
	}
	if err := o.openUploads(s.uploadDir); err != nil {
		return nil, err
	}
	config := s.server
	config.Site, config.Uploads, config.Stored = o.site, o.uploads, o.stored
	config.Report = func(err error) { fmt.Fprintf(w, "origin: %v\n", err) }
	if s.accessLog != "" {
		if o.log, err = accesslog.Open(s.accessLog, reopen, config.Report); err != nil {
			return nil, err
		}
		o.log.JSON = s.logJSON
		config.AccessLog = o.log
	}
	group, err := loop.NewGroup(s.loops, loop.Config{MaxConns: s.maxConnections, Report: config.Report})
	if err != nil {
		return nil, err
	}
	if o.server, err = server.New(group, config); err != nil {
		return nil, err
	}
	return o, o.startAdmin(ctx, s.admin, w)
}

func openSite(s *settings) (*site.Site, error) {
	switch {
	case s.root != "":
		return site.Open(s.root)
	case s.server.Study:
		return site.Example(study.Section(site.Address)), nil
	}
	return site.Example(""), nil
}

func (o *origin) openUploads(dir string) (err error) {
	if dir == "" {
		return nil
	}
	if o.uploads, err = upload.Open(dir); err != nil {
		return err
	}
	o.stored, err = site.Open(dir)
	return err
}

// close closes the files, after the loops have ended.
func (o *origin) close() error {
	all := multierror.Append(nil, o.admin.Close(), o.log.Close())
	for _, s := range []*site.Site{o.site, o.stored} {
		if s != nil {
			all = multierror.Append(all, s.Close())
		}
	}
	if o.uploads != nil {
		all = multierror.Append(all, o.uploads.Close())
	}
	return all.ErrorOrNil()
}
