package server

import (
	"cmp"
	"fmt"
	"time"

	"github.com/hopwire/hopwire/cmd/origin/internal/fault"
	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/cmd/origin/internal/upload"
	"github.com/hopwire/hopwire/shared/accesslog"
)

// A Config is what a server is made of. The zero value of every field but Site
// works; that of a time means the one of Defaults.
type Config struct {
	// Site is what GET and HEAD serve. The server does not close it.
	Site *site.Site
	// PostPath is where POST is taken, and everything below it: "/post". Empty
	// means nowhere. A file of that name is not served.
	PostPath string
	// Study has the endpoints of package study answered, and no files where they are.
	// Requests for them may ask for faults, in the parameter fault of their query.
	Study bool
	// Sink has POST answered with a report of what came, instead of the echo.
	Sink bool
	// Uploads is where POST stores what comes, instead of the echo, and Stored the
	// same folder, so that GET gives it back; nil: nothing is stored. The server
	// closes neither.
	Uploads *upload.Store
	Stored  *site.Site
	// MaxBody is how many bytes of content a request may have; 0 is no bound.
	MaxBody int64

	// OpenFiles is how many files may be open at a time, for all loops together;
	// each has its share. Zero means 512 for each.
	OpenFiles int

	// HeadTimeout is how long a request head may take from its first octet to
	// its last, and a new connection to send the first.
	HeadTimeout time.Duration
	// IdleTimeout is how long a connection may wait for its next request.
	IdleTimeout time.Duration
	// BodyTimeout is how long content may take per kilobyte, or as much of
	// it as is left.
	BodyTimeout time.Duration
	// WriteTimeout is how long a client may take to accept the next piece of
	// a response, 256 KiB at most.
	WriteTimeout time.Duration
	// DrainIdle is how long an idle client may take for one last request after
	// the server was told to stop.
	DrainIdle time.Duration
	// DrainTimeout is how long exchanges under way may go on after the server
	// was told to stop.
	DrainTimeout time.Duration

	// Faults are what goes wrong, where it is to; nil means nothing.
	Faults *fault.Script

	// AccessLog takes a line in Common Log Format for each response; nil
	// means none. The server does not close it.
	AccessLog *accesslog.Log
	// Report is told what went wrong where nobody is left to return it to, on
	// any goroutine; nil means that nobody wants to know.
	Report func(error)
}

// Defaults are the times of a server that is not told others.
var Defaults = Config{
	HeadTimeout:  10 * time.Second,
	IdleTimeout:  75 * time.Second,
	BodyTimeout:  30 * time.Second,
	WriteTimeout: 60 * time.Second,
	DrainIdle:    time.Second,
	DrainTimeout: 10 * time.Second,
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() (Config, error) {
	if c.Report == nil {
		c.Report = func(error) {}
	}
	c.HeadTimeout = cmp.Or(c.HeadTimeout, Defaults.HeadTimeout)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, Defaults.IdleTimeout)
	c.BodyTimeout = cmp.Or(c.BodyTimeout, Defaults.BodyTimeout)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, Defaults.WriteTimeout)
	c.DrainIdle = cmp.Or(c.DrainIdle, Defaults.DrainIdle)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, Defaults.DrainTimeout)
	if c.Study && c.Faults == nil {
		c.Faults = fault.None()
	}
	if !IsPostPath(c.PostPath) {
		return c, fmt.Errorf("the post path is %q; give an absolute path such as /post, without a slash at its end", c.PostPath)
	}
	return c, nil
}

// IsPostPath says whether path is empty or one that requests can be compared with:
// absolute, and without a slash at its end.
func IsPostPath(path string) bool {
	if path == "" {
		return true
	}
	clean, err := site.AppendPath(nil, []byte(path))
	return err == nil && string(clean) == path && path[len(path)-1] != '/'
}
