//go:build !linux

package loop

// hopwire is made of what Linux offers: epoll, splice, sendfile. On another
// system the build ends here, and the undefined name is its message.
func kernelEngine(int) (Engine, error) { return hopwire_runs_on_Linux_only() }
