package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// answer is called on a goroutine of the request's connection.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	page := s.page(r.URL.Path)
	switch {
	case page == nil:
		http.Error(w, "nothing is here; there are /metrics, /counters, /healthz and /readyz", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are allowed", http.StatusMethodNotAllowed)
	default:
		page(w, r)
	}
}

func (s *Server) page(path string) http.HandlerFunc {
	switch path {
	case "/metrics":
		return s.reading(s.metrics)
	case "/counters":
		return s.reading(s.counters)
	case "/healthz":
		return s.healthz
	case "/readyz":
		return s.readyz
	}
	return nil
}

// reading is a page that shows what the loops have answered.
func (s *Server) reading(show func(http.ResponseWriter, *http.Request, Reading)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.patience)
		defer cancel()
		reading, err := s.config.Read(ctx)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			http.Error(w, fmt.Sprintf("a loop is busy, or does not run yet: it has not answered within %v", s.patience), http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, "a loop cannot be asked: "+err.Error(), http.StatusServiceUnavailable)
		default:
			show(w, r, reading)
		}
	}
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request, reading Reading) {
	now := prometheus.NewRegistry()
	now.MustRegister(&collector{&s.config, reading})
	promhttp.HandlerFor(prometheus.Gatherers{s.own, now}, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// counters writes an object with a number for each name, in lines, so that it can be
// read without a tool. The last one tells apart whose numbers they are: a program that was
// started anew, or one that is asked at two addresses.
func (s *Server) counters(w http.ResponseWriter, _ *http.Request, reading Reading) {
	var b []byte
	for name, value := range reading.Counters {
		b = fmt.Appendf(b, "  %q: %d,\n", name, value)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "{\n%s  \"started-us\": %d\n}\n", b, s.started.UnixMicro())
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") }

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-s.draining:
		http.Error(w, "draining: the program is about to end", http.StatusServiceUnavailable)
		return
	default:
	}
	if !s.ready.Load() {
		http.Error(w, "starting: the program does not listen yet", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
