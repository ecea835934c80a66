package replay

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hopwire/hopwire/shared/loop"
)

// sharedProcessor is the only processor on which this process and those that listen
// at the target may run, such as "0"; empty if that is not so, or cannot be known: they
// are on another machine, or not to be looked at. proc is /proc (proc(5)).
func sharedProcessor(proc string, target *loop.Address) string {
	ours := onlyProcessor(proc + "/self/status")
	if ours == "" {
		return "" // as mostly, so that nothing more is read
	}
	sockets := listening(proc, target)
	files, _ := filepath.Glob(proc + "/[0-9]*/fd/*")
	found := ""
	for _, file := range files {
		if link, err := os.Readlink(file); err != nil || !slices.Contains(sockets, link) {
			continue
		}
		if onlyProcessor(filepath.Join(filepath.Dir(file), "../status")) != ours {
			return ""
		}
		found = ours
	}
	return found
}

// onlyProcessor is the one on which a process may run; empty if there are several.
func onlyProcessor(status string) string {
	text, _ := os.ReadFile(status)
	_, list, _ := strings.Cut(string(text), "\nCpus_allowed_list:")
	list, _, _ = strings.Cut(list, "\n")
	list = strings.TrimSpace(list)
	if strings.ContainsAny(list, ",-") {
		return ""
	}
	return list
}

// listening are the sockets of this machine that take connections to the target, as
// the descriptors of their owners are called: "socket:[123]".
func listening(proc string, target *loop.Address) (sockets []string) {
	add := func(inode string) { sockets = append(sockets, "socket:["+inode+"]") }
	if target.Path != "" {
		for _, f := range fieldsOf(proc + "/net/unix") {
			if len(f) == 8 && f[3] == "00010000" && f[7] == target.Path { // __SO_ACCEPTCON
				add(f[6])
			}
		}
		return sockets
	}
	if !isOurs(target.TCP.Addr()) {
		return nil
	}
	for _, f := range slices.Concat(fieldsOf(proc+"/net/tcp"), fieldsOf(proc+"/net/tcp6")) {
		if len(f) < 10 || f[3] != "0A" { // TCP_LISTEN
			continue
		}
		at := addrPort(f[1])
		if at.Port() == target.TCP.Port() && (at.Addr().IsUnspecified() || target.TCP.Addr().IsUnspecified() || at.Addr() == target.TCP.Addr().Unmap()) {
			add(f[9])
		}
	}
	return sockets
}

func fieldsOf(table string) (lines [][]string) {
	text, _ := os.ReadFile(table)
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.Fields(line))
	}
	return lines
}

// addrPort reads an address as the kernel's tables have it, in words of 32 bits: in
// IPv4 127.0.0.1:80 is 0100007F:0050 on most machines.
func addrPort(text string) netip.AddrPort {
	address, port, _ := strings.Cut(text, ":")
	ip, _ := hex.DecodeString(address)
	for word := range slices.Chunk(ip, 4) {
		if len(word) == 4 {
			binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
		}
	}
	a, _ := netip.AddrFromSlice(ip)
	n, _ := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(a.Unmap(), uint16(n))
}

// isOurs says that it is an address of this machine.
func isOurs(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	all, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(all, func(one net.Addr) bool {
		prefix, err := netip.ParsePrefix(one.String())
		return err == nil && prefix.Addr() == a.Unmap()
	})
}
