package servers

import (
	"fmt"
	"syscall"
)

// HAProxyHTTP is HAProxy as an HTTP gateway in front of an origin at the
// address upstream, with connections to it that all requests share.
func HAProxyHTTP(dir, upstream string, options ...Option) (*Server, error) {
	return haproxy(dir, "http", sharing, "pool-max-conn -1", upstream, options)
}

// HAProxyRetrying is HAProxyHTTP that sends a request other than a POST again
// when its connection ended without a response.
func HAProxyRetrying(dir, upstream string, options ...Option) (*Server, error) {
	return haproxy(dir, "http", sharing+`
	retry-on conn-failure empty-response`, `pool-max-conn -1
	http-request disable-l7-retry if METH_POST`, upstream, options)
}

// Reloading runs HAProxy with a master that replaces its worker at SIGUSR2, as
// nginx's does at SIGHUP.
func Reloading() Option {
	return func(p *program) {
		args := p.args
		p.args = func(file string) []string { return append([]string{"-W"}, args(file)...) }
	}
}

const sharing = `
	option http-keep-alive
	http-reuse always
	timeout http-keep-alive 600s`

// HAProxyTCP is HAProxy as a relay of octets, which looks at none of them.
func HAProxyTCP(dir, upstream string, options ...Option) (*Server, error) {
	return haproxy(dir, "tcp", "", "", upstream, options)
}

// haproxy has further lines for the defaults, and options of the server, behind
// which further lines for the backend may follow.
func haproxy(dir, mode, more, server, upstream string, options []Option) (*Server, error) {
	config := `
global
	nbthread 1
	maxconn ` + fmt.Sprint(MaxConns()) + `

defaults
	mode ` + mode + `
	timeout connect 10s
	timeout client 600s
	timeout server 600s` + more + `

frontend clients
	bind LISTEN backlog 4096
	default_backend origin

backend origin
	server origin ` + upstream + " " + server + `
`
	args := func(file string) []string { return []string{"-db", "-f", file} }
	return start(dir, program{name: "haproxy", config: config, args: args}, options)
}

// MaxConns is the number of clients that any of the relays can have within the limit
// of open files. HAProxy needs two descriptors for each, and refuses to start with
// more; the edge counts on three.
func MaxConns() int { return MaxFiles() / 3 }

// MaxFiles is the number of connections that a process can have within the limit of
// open files.
func MaxFiles() int {
	limit := syscall.Rlimit{Cur: 1024}
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) // cannot fail
	const others = 200
	return int(min(limit.Cur, 1<<18) - others)
}
