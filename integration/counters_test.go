package integration

import (
	"fmt"
	"net/http"
	"regexp"
	"syscall"
	"testing"
)

// Asked by a signal, the edge says what it has counted, and goes on.
func TestCountersOnSignal(t *testing.T) {
	_, edge, transport := behindEdge(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "here") })
	for asked := range 2 {
		if err := fetch(transport, edge.url("/"), []byte("here")); err != nil {
			t.Fatal(err)
		}
		if err := edge.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		answer := regexp.MustCompile(fmt.Sprintf("(?m)^client-connections 1\nrequests %d\nrequests-sent %[1]d\nrequests-sent-again 0\norigin-connections 1\nlog-lines-lost 0\nevents-lost 0\nrequest-ends.answered %[1]d\nresponses.200 %[1]d\norigin-ends.kept %[1]d$", asked+1))
		if _, err := edge.WaitLog(answer, patience); err != nil {
			t.Fatalf("%v\n%s", err, edge.Log())
		}
	}
	c := dialRaw(t, edge.Addr)
	c.send("GET / HTTP/1.1\r\n\r\n")
	c.rest()
	if err := edge.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	answer := regexp.MustCompile("(?m)^responses.400 1\nclient-ends.refused 1\norigin-ends.kept 2\nrefusals.http_request_error 1$")
	if _, err := edge.WaitLog(answer, patience); err != nil {
		t.Fatalf("%v\n%s", err, edge.Log())
	}
}

// Our origin says for how long it keeps a connection, and our edge closes it before.
func TestKeepAliveTimeout(t *testing.T) {
	origin := startOrigin(t, "", "--idle-timeout", "2s")
	edge := startEdge(t, origin.Addr)
	c := dialRaw(t, edge.Addr)
	c.send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	c.rest()
	closed := regexp.MustCompile("(?m)^origin-ends.keep-alive-timeout 1$")
	eventually(t, func() string {
		if err := edge.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if !closed.MatchString(edge.Log()) {
			return "the edge has not closed its connection"
		}
		return ""
	})
}
