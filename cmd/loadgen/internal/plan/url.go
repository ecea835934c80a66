package plan

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// IsURL says whether an argument is a URL, and not the name of a file.
func IsURL(s string) bool {
	return strings.Contains(s, "://")
}

// FromURL makes a plan of one GET of an http or https URL, as if it had been recorded.
// The request has a Host field and nothing else.
func FromURL(s string) (*Plan, error) { return Ask{}.FromURL(s) }

// FromURL makes a plan of one request for an http URL, as if it had been recorded.
func (a Ask) FromURL(s string) (*Plan, error) {
	u, err := parseURL(s)
	if err != nil {
		return nil, err
	}
	usual, final, err := a.requests(u)
	if err != nil {
		return nil, err
	}
	b := newPlanner()
	r, fault, err := b.prepare(usual)
	if err = cmp.Or(err, fault); err != nil {
		return nil, fmt.Errorf("%s makes no valid request: %w", s, err)
	}
	if !r.Closes {
		r.Final = final
	}
	return &Plan{
		Sessions: []Session{{Name: s, Requests: []Request{r}}},
		Joined:   true,
		Targets:  []string{targetOf(u)},
	}, nil
}

func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is no URL: %w", s, errors.Unwrap(err))
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%s: give an http or https URL, such as http://127.0.0.1:8080/", s)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%s names no host", s)
	case u.User != nil:
		return nil, fmt.Errorf("%s: user names in URLs are not sent; leave %q out", s, u.User.Username()+"@")
	}
	return u, nil
}

// targetOf is the address that u names, as Plan.Targets has it. The port is that of the
// scheme unless u says otherwise.
func targetOf(u *url.URL) string {
	if u.Scheme == "https" {
		return "https://" + net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443"))
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80"))
}
