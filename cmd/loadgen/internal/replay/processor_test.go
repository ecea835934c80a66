package replay

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hopwire/hopwire/shared/loop"
)

func TestSharedProcessor(t *testing.T) {
	const (
		tcp  = "  sl  local_address rem_address\n"
		all4 = "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 2 0 100 0 0 10 0\n"
		one4 = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 2 0 100 0 0 10 0\n"
		busy = "   0: 0100007F:1F90 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 77 2 0 100 0 0 10 0\n"
		one6 = "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 2 0 100 0 0 10 0\n"
		unix = "000000002cf89136: 00000002 00000000 00010000 0001 01 77 /run/s\n"
	)
	for _, test := range []struct {
		name, target      string
		tcp, tcp6, unix   string
		ours, its, others string // processors; others: of a second process with the socket
		want              string
	}{
		{"the same", "127.0.0.1:8080", tcp + one4, "", "", "3", "3", "3", "3"},
		{"any address", "127.0.0.1:8080", tcp + all4, "", "", "0", "0", "0", "0"},
		{"IPv6", "[::1]:8080", tcp, tcp + one6, "", "1", "1", "1", "1"},
		{"no address", ":8080", tcp + one4, "", "", "1", "1", "1", "1"},
		{"a Unix socket", "unix:/run/s", "", "", unix, "1", "1", "1", "1"},
		{"another Unix socket", "unix:/run/t", "", "", unix, "1", "1", "1", ""},
		{"we are free", "127.0.0.1:8080", tcp + one4, "", "", "0-1", "1", "1", ""},
		{"the server is free", "127.0.0.1:8080", tcp + one4, "", "", "1", "0,1", "0,1", ""},
		{"one of the servers is free", "127.0.0.1:8080", tcp + one4, "", "", "1", "1", "0-1", ""},
		{"another processor", "127.0.0.1:8080", tcp + one4, "", "", "1", "0", "0", ""},
		{"another port", "127.0.0.1:8081", tcp + one4, "", "", "1", "1", "1", ""},
		{"another address", "127.0.0.2:8080", tcp + one4, "", "", "1", "1", "1", ""},
		{"another machine", "192.0.2.1:8080", tcp + all4, "", "", "1", "1", "1", ""},
		{"nobody listens", "127.0.0.1:8080", tcp + busy, "", "", "1", "1", "1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			proc := t.TempDir()
			write := func(path, text string) {
				os.MkdirAll(filepath.Dir(filepath.Join(proc, path)), 0o700)
				if err := os.WriteFile(filepath.Join(proc, path), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("net/tcp", test.tcp)
			write("net/tcp6", test.tcp6)
			write("net/unix", test.unix)
			for pid, list := range map[string]string{"self": test.ours, "41": test.its, "42": test.others, "43": "0-1"} {
				write(pid+"/status", fmt.Sprintf("Name:\tx\nCpus_allowed:\t3\nCpus_allowed_list:\t%s\nMems_allowed:\t1\n", list))
				os.Mkdir(filepath.Join(proc, pid, "fd"), 0o700)
			}
			for fd, link := range map[string]string{"41/fd/3": "socket:[77]", "42/fd/4": "socket:[77]", "43/fd/3": "socket:[78]", "43/fd/4": "/dev/null"} {
				if err := os.Symlink(link, filepath.Join(proc, fd)); err != nil {
					t.Fatal(err)
				}
			}
			target, err := loop.ParseAddress(test.target)
			if err != nil {
				t.Fatal(err)
			}
			if got := sharedProcessor(proc, target); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
