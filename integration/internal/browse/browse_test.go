package browse

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestVisit(t *testing.T) {
	const page = `<link rel="stylesheet" href="/s.css"><img src="i.png"><script src="https://elsewhere/x.js"></script>
		<a href="/not-loaded">x</a><form method="post" action="/post">`
	var mu sync.Mutex
	var seen []string
	status := 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Method+" "+r.URL.Path)
		if r.URL.Path == "/post" {
			w.WriteHeader(status)
		}
		fmt.Fprint(w, page)
	}))
	defer server.Close()

	n, err := Visit(t.Context(), server.URL+"/dir/", 2)
	slices.Sort(seen)
	if got := strings.Join(seen, ", "); err != nil || n != 8 || got != "GET /dir/, GET /dir/, GET /dir/i.png, GET /dir/i.png, GET /s.css, GET /s.css, POST /post, POST /post" {
		t.Errorf("%d requests, %v: %s", n, err, got)
	}
	status = 500
	if _, err := Visit(t.Context(), server.URL, 1); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("the form was answered with 500, but: %v", err)
	}
}
