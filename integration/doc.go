// Package integration tests the three binaries: it runs them as a user does and
// sets them against programs that others wrote:
//
//	clients                                              origins
//
//	net/http, curl ──┐                              ┌── origin
//	Chromium ────────┼──►  edge --record FILE  ──►──┼── nginx
//	loadgen replay ──┘          │                   └── net/http
//	                            ▼
//	                  FILE: tshark reads it, loadgen replays it
//
// Every server listens on a port of 127.0.0.1 that the kernel chose and names
// it in the line "listening on …". Each process is ended by its number when its
// test ends, and shows its log if the test failed.
//
// A test that needs a further program is skipped where it is missing, and says
// so. With HOPWIRE_REQUIRE_TOOLS=1 it fails instead.
//
// What measures the binaries stands beside it, in cmd: bench, weather, browse for
// the demonstration, and tlsrelay. In internal is what they and the tests share:
// processes, other servers, a browser's visit, weather.
//
// house_test.go asserts the rules by which the repository is built: who imports
// whom, that everything is documented, what stands where.
package integration
