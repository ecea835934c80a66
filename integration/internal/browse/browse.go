// Package browse asks for a page the way a browser does: the page, then at once
// all that it refers to, over a few connections that are kept, then its form.
//
//	connection 1   GET /            GET /style.css   GET /image.svg   POST /form
//	connection 2                    GET /photo.png
//
// and the same again for each further view. It is net/http's client, so that
// what it sends is not ours.
package browse

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// connections is how many a visit has to the server: a browser takes six.
const connections = 2

// A visit is one user's looking at a page.
type visit struct {
	client http.Client

	mu       sync.Mutex
	requests int
}

// Visit loads the page at the given URL so many times, loads what its src and
// stylesheet attributes name, and posts its form. It returns how many requests
// that took, and an error when one of them was not answered with 2xx or 3xx.
func Visit(ctx context.Context, page string, views int) (requests int, err error) {
	base, err := url.Parse(page)
	if err != nil {
		return 0, err
	}
	transport := &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	v := &visit{client: http.Client{Transport: transport}}
	for range views {
		if err := v.view(ctx, base); err != nil {
			return v.requests, err
		}
	}
	return v.requests, nil
}

func (v *visit) view(ctx context.Context, base *url.URL) error {
	html, err := v.do(ctx, http.MethodGet, base, "")
	if err != nil {
		return err
	}
	if err := v.loadParts(ctx, base, html); err != nil {
		return err
	}
	return v.postForm(ctx, base, html)
}

var (
	partURLs = regexp.MustCompile(`(?:<link\s[^>]*href|\ssrc)="([^"#]+)"`)
	formURL  = regexp.MustCompile(`<form\s[^>]*action="([^"]+)"`)
)

func (v *visit) loadParts(ctx context.Context, base *url.URL, html string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, match := range partURLs.FindAllStringSubmatch(html, -1) {
		part, err := base.Parse(match[1])
		if err != nil {
			return fmt.Errorf("the page refers to %q: %w", match[1], err)
		}
		if part.Scheme == "http" {
			group.Go(func() error {
				_, err := v.do(ctx, http.MethodGet, part, "")
				return err
			})
		}
	}
	return group.Wait()
}

func (v *visit) postForm(ctx context.Context, base *url.URL, html string) error {
	match := formURL.FindStringSubmatch(html)
	if match == nil {
		return nil
	}
	target, err := base.Parse(match[1])
	if err != nil {
		return fmt.Errorf("the form posts to %q: %w", match[1], err)
	}
	_, err = v.do(ctx, http.MethodPost, target, url.Values{"text": {"hello, hop"}}.Encode())
	return err
}

// do sends one request and returns the response's whole content.
func (v *visit) do(ctx context.Context, method string, target *url.URL, form string) (content string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, target.String(), strings.NewReader(form))
	if err != nil {
		return "", err
	}
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("User-Agent", "browse")
	response, err := v.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", method, target, err)
	}
	v.mu.Lock()
	v.requests++
	v.mu.Unlock()
	if response.StatusCode >= 400 {
		return "", fmt.Errorf("%s %s: %s", method, target, response.Status)
	}
	return string(b), nil
}
