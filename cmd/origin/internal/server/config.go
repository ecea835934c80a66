package server

import (
	"fmt"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/shared/accesslog"
)

// A Config is what a server is made of. The zero value of every field but Site
// works.
type Config struct {
	// Site is what GET and HEAD serve. The server does not close it.
	Site *site.Site
	// PostPath is where POST echoes, and everything below it: "/post". Empty
	// means nowhere. A file of that name is not served.
	PostPath string

	// HeadTimeout is how long a request head may take from its first octet to
	// its last, and a new connection to send the first; zero means 10 s.
	HeadTimeout time.Duration
	// IdleTimeout is how long a connection may wait for its next request;
	// zero means 75 s.
	IdleTimeout time.Duration
	// BodyTimeout is how long content may take per kilobyte, or as much of
	// it as is left; zero means 30 s.
	BodyTimeout time.Duration
	// WriteTimeout is how long a client may take to accept the next piece of
	// a response, 256 KiB at most; zero means 60 s.
	WriteTimeout time.Duration
	// DrainIdle is how long an idle client may take for one last request after
	// the server was told to stop; zero means 1 s.
	DrainIdle time.Duration
	// DrainTimeout is how long exchanges under way may go on after the server
	// was told to stop; zero means 10 s.
	DrainTimeout time.Duration

	// AccessLog takes a line in Common Log Format for each response; nil
	// means none. The server does not close it.
	AccessLog *accesslog.Log
	// Report is told what went wrong where nobody is left to return it to, on
	// any goroutine; nil means that nobody wants to know.
	Report func(error)
}

// withDefaults fills in what is zero, and reports everything that is wrong.
func (c Config) withDefaults() (Config, error) {
	var all *multierror.Error
	if c.Report == nil {
		c.Report = func(error) {}
	}
	for _, t := range []struct {
		name      string
		value     *time.Duration
		otherwise time.Duration
	}{
		{"the head timeout", &c.HeadTimeout, 10 * time.Second},
		{"the idle timeout", &c.IdleTimeout, 75 * time.Second},
		{"the body timeout", &c.BodyTimeout, 30 * time.Second},
		{"the write timeout", &c.WriteTimeout, 60 * time.Second},
		{"the time for a last request", &c.DrainIdle, time.Second},
		{"the drain timeout", &c.DrainTimeout, 10 * time.Second},
	} {
		if *t.value < 0 {
			all = multierror.Append(all, fmt.Errorf("%s is %v; give a positive duration, such as 10s", t.name, *t.value))
		}
		if *t.value == 0 {
			*t.value = t.otherwise
		}
	}
	if !cleanPath(c.PostPath) {
		all = multierror.Append(all, fmt.Errorf("the post path is %q; give an absolute path such as /post, without a slash at its end", c.PostPath))
	}
	return c, all.ErrorOrNil()
}

// cleanPath says whether path is empty or one that requests can be compared
// with.
func cleanPath(path string) bool {
	if path == "" {
		return true
	}
	clean, err := site.AppendPath(nil, []byte(path))
	return err == nil && string(clean) == path && path[len(path)-1] != '/'
}
