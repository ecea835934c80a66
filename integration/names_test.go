package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A replica is one of several origins that a name stands for. It answers with
// its own address.
type replica struct {
	*httptest.Server
	served, open atomic.Int64
}

func (r *replica) addr() string { return r.Listener.Addr().String() }
func (r *replica) port() int    { return r.Listener.Addr().(*net.TCPAddr).Port }

// startReplicas starts one replica at each of the addresses, which share a port:
// the kernel has all of 127.0.0.0/8. Before a request to /held is answered,
// something has to be received from held.
func startReplicas(t *testing.T, held <-chan struct{}, hosts ...string) (all []*replica) {
	t.Helper()
	for _, ln := range listenTogether(t, hosts...) {
		r := &replica{}
		r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			if request.URL.Path == "/held" {
				<-held
			}
			io.Copy(io.Discard, request.Body)
			r.served.Add(1)
			io.WriteString(w, r.addr())
		}))
		r.Listener.Close()
		r.Listener = ln
		r.Config.ConnState = r.count
		r.Start()
		t.Cleanup(r.Close)
		all = append(all, r)
	}
	return all
}

func (r *replica) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		r.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		r.open.Add(-1)
	}
}

// listenTogether listens on one port of several addresses.
func listenTogether(t *testing.T, hosts ...string) []net.Listener {
	t.Helper()
	for range 20 {
		var all []net.Listener
		port := "0"
		for _, host := range hosts {
			ln, err := net.Listen("tcp", net.JoinHostPort(host, port))
			if err != nil {
				break
			}
			all = append(all, ln)
			_, port, _ = net.SplitHostPort(ln.Addr().String())
		}
		if len(all) == len(hosts) {
			return all
		}
		for _, ln := range all {
			ln.Close()
		}
	}
	t.Fatal("no port is free at all addresses")
	return nil
}

// waitLog waits for the edge to say something, in which O stands for 127.0.0.
func (s *server) waitLog(t *testing.T, text string) {
	t.Helper()
	pattern := regexp.MustCompile(regexp.QuoteMeta(strings.ReplaceAll(text, "O.", "127.0.0.")))
	if _, err := s.WaitLog(pattern, patience); err != nil {
		t.Fatal(err)
	}
}

// A load is clients that send requests without a pause, each of which has to be
// answered by a replica.
type load struct {
	t       *testing.T
	stopped atomic.Bool
	all     sync.WaitGroup
}

// singly leaves no connection idle, which the end of the edge would wait for.
var singly = &http.Transport{DisableKeepAlives: true}

// startLoad sends requests that may be sent twice and others that may not.
func startLoad(t *testing.T, url string) *load {
	l := &load{t: t}
	for i := range 8 {
		l.all.Go(func() { l.run(url, []string{"GET", "POST"}[i%2]) })
	}
	t.Cleanup(l.stop)
	return l
}

func (l *load) run(url, method string) {
	client := http.Client{Transport: &http.Transport{}, Timeout: patience}
	defer client.CloseIdleConnections()
	for !l.stopped.Load() {
		request, err := http.NewRequest(method, url, strings.NewReader("content"))
		if err != nil {
			l.t.Error(err)
			return
		}
		response, err := client.Do(request)
		if err != nil {
			l.t.Errorf("a request was lost: %v", err)
			return
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 200 || !strings.HasPrefix(string(body), "127.0.0.") {
			l.t.Errorf("a request was lost: %s, %q, %v, %s", response.Status, body, err, response.Header.Get("Proxy-Status"))
			return
		}
	}
}

func (l *load) stop() {
	l.stopped.Store(true)
	l.all.Wait()
}

// The name of an origin gets another address in the middle of everything: new
// requests go there, those under way come to their end where they are, and none
// is lost, not even when the old origin is switched off afterwards.
func TestNameChangesUnderLoad(t *testing.T) {
	held := make(chan struct{})
	replicas := startReplicas(t, held, "127.0.0.1", "127.0.0.2")
	before, after := replicas[0], replicas[1]
	names := startDNS(t, "app.test. 1 IN A 127.0.0.1")
	edge := startEdge(t, fmt.Sprintf("dns://app.test:%d", before.port()), "--resolver", names.Addr)
	edge.waitLog(t, fmt.Sprintf("edge: origin dns://app.test:%d is now O.1:%[1]d", before.port()))

	load := startLoad(t, edge.url("/"))
	slow := make(chan error, 1)
	go func() { slow <- fetch(singly, edge.url("/held"), []byte(before.addr())) }()
	served(t, before, 200)
	names.set("app.test. 1 IN A 127.0.0.2")
	edge.waitLog(t, fmt.Sprintf("is now O.2:%d (O.1:%[1]d is drained)", before.port()))
	served(t, after, 200)
	held <- struct{}{}
	if err := <-slow; err != nil {
		t.Errorf("the request that was under way: %v", err)
	}
	eventually(t, func() string {
		if n := before.open.Load(); n > 0 {
			return fmt.Sprintf("%d connections to the old origin are left", n)
		}
		return ""
	})
	last := before.served.Load()
	before.Close()
	served(t, after, 200)
	load.stop()
	if n := before.served.Load(); n != last {
		t.Errorf("the old origin was sent %d more requests", n-last)
	}
}

// served waits until the replica has answered so many more requests.
func served(t *testing.T, r *replica, more int64) {
	t.Helper()
	want := r.served.Load() + more
	eventually(t, func() string {
		if n := r.served.Load(); n < want {
			return fmt.Sprintf("%s has answered %d requests of %d", r.addr(), n, want)
		}
		return ""
	})
}

// An answer that does not fit into a datagram comes over TCP.
func TestLongAnswers(t *testing.T) {
	r := startReplicas(t, nil, "127.0.0.1")[0]
	names := startDNS(t, "app.test. 60 IN A 127.0.0.1")
	names.shorten()
	edge := startEdge(t, fmt.Sprintf("dns://app.test:%d", r.port()), "--resolver", names.Addr)
	if err := fetch(singly, edge.url("/"), []byte(r.addr())); err != nil {
		t.Error(err)
	}
	if u, s := names.questions("udp"), names.questions("tcp"); u != 2 || s != 2 {
		t.Errorf("%d questions over UDP and %d over TCP, want 2 and 2: A and AAAA", u, s)
	}
}

// Requests go to the lowest priority that has addresses and is well, by weight.
func TestServiceRecords(t *testing.T) {
	replicas := startReplicas(t, nil, "127.0.0.1", "127.0.0.2", "127.0.0.3")
	port := replicas[0].port()
	service := func(priority, weight int, target string) string {
		return fmt.Sprintf("_http._tcp.app.test. 1 IN SRV %d %d %d %s", priority, weight, port, target)
	}
	one, two, backup := service(1, 1, "one.test."), service(1, 3, "two.test."), service(2, 1, "three.test.")
	names := startDNS(t, backup, two, one,
		"one.test. 1 IN A 127.0.0.1", "two.test. 1 IN A 127.0.0.2", "three.test. 1 IN A 127.0.0.3")
	edge := startEdge(t, "srv://_http._tcp.app.test", "--resolver", names.Addr, "--loops", "1")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for range 40 {
		response, err := (&http.Client{Transport: transport}).Get(edge.url("/"))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	for i, want := range []int64{10, 30, 0} {
		if n := replicas[i].served.Load(); n != want {
			t.Errorf("%s has answered %d requests, want %d", replicas[i].addr(), n, want)
		}
	}
	for _, r := range replicas[:2] {
		r.Close()
	}
	if err := fetch(transport, edge.url("/"), []byte(replicas[2].addr())); err != nil {
		t.Errorf("from the reserve: %v", err)
	}
	names.set(backup, two, one, "three.test. 1 IN A 127.0.0.3")
	edge.waitLog(t, fmt.Sprintf("is now O.3:%d (O.1:%[1]d, O.2:%[1]d are drained)", port))
	if err := fetch(transport, edge.url("/"), []byte(replicas[2].addr())); err != nil {
		t.Error(err)
	}
}

// Without DNS the origins are what they were.
func TestNameServerDies(t *testing.T) {
	replicas := startReplicas(t, nil, "127.0.0.1", "127.0.0.2")
	port := replicas[0].port()
	names := startDNS(t, "app.test. 1 IN A 127.0.0.1")
	edge := startEdge(t, fmt.Sprintf("dns://app.test:%d", port), "--resolver", names.Addr)
	names.stop()
	edge.waitLog(t, fmt.Sprintf("origin dns://app.test:%d stays O.1:%[1]d: asking the DNS server %s failed", port, names.Addr))
	if err := fetch(singly, edge.url("/"), []byte(replicas[0].addr())); err != nil {
		t.Error(err)
	}
	names.set("app.test. 1 IN A 127.0.0.2")
	names.start(names.Addr)
	edge.waitLog(t, fmt.Sprintf("is now O.2:%d (O.1:%[1]d is drained)", port))
	if err := fetch(singly, edge.url("/"), []byte(replicas[1].addr())); err != nil {
		t.Error(err)
	}
}

// The edge starts before the name exists, says so to whoever asks, and finds it
// when it does.
func TestNameIsNotThereYet(t *testing.T) {
	r := startReplicas(t, nil, "127.0.0.1")[0]
	for _, test := range []struct {
		records []string
		status  int
		error   string
	}{
		{[]string{"other.test. 1 IN A 127.0.0.1"}, 502, "dns_error"},
		{[]string{"app.test. 1 IN TXT x"}, 500, "destination_not_found"},
		{nil, 504, "dns_timeout"},
	} {
		names := startDNS(t, test.records...)
		edge := startEdge(t, fmt.Sprintf("dns://app.test:%d", r.port()), "--resolver", names.Addr)
		response, err := (&http.Client{Transport: singly}).Get(edge.url("/"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if status := response.Header.Get("Proxy-Status"); response.StatusCode != test.status || !strings.Contains(status, "error="+test.error) {
			t.Errorf("%s: %s, %s", test.records, response.Status, status)
		}
		names.set("app.test. 1 IN A 127.0.0.1")
		edge.waitLog(t, fmt.Sprintf("origin dns://app.test:%d is now O.1:%[1]d", r.port()))
		if err := fetch(singly, edge.url("/"), []byte(r.addr())); err != nil {
			t.Error(err)
		}
	}
}

// Whoever fails the check gets no request until it passes again.
func TestChecks(t *testing.T) {
	var sick atomic.Bool
	hosts := make(chan string, 1)
	well := startUpstream(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "well") })
	other := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			select {
			case hosts <- r.Host + " " + r.Header.Get("Via"):
			default:
			}
			if sick.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}
		io.WriteString(w, "other")
	})
	sick.Store(true)
	edge := startEdge(t, well.addr(), "--origin", other.addr(), "--loops", "2",
		"--check", "/health", "--check-interval", "20ms", "--check-rise", "2")
	edge.waitLog(t, "origin "+other.addr()+" is down: the check was answered 503 Service Unavailable")
	for range 20 {
		if err := fetch(singly, edge.url("/"), []byte("well")); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-hosts; got != other.addr()+" " {
		t.Errorf("the check has Host and Via %q", got)
	}
	sick.Store(false)
	edge.waitLog(t, "origin "+other.addr()+" is up")
	eventually(t, func() string {
		if err := fetch(singly, edge.url("/"), []byte("other")); err != nil {
			return err.Error()
		}
		return ""
	})
}
