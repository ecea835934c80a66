package loop

import (
	"golang.org/x/sys/unix"
)

// dropSYN is a program for the kernel's packet filter, which at a listener sees
// each segment from its TCP header on. It drops those that ask for a new
// connection, which have SYN and not ACK, as if they had been lost on the way. What belongs to a handshake under way passes. Accepted connections
// inherit the program, and have nothing that it drops.
var dropSYN = [...]unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: tcpFlags},
	{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: tcpSYN | tcpACK},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: tcpSYN, Jt: 0, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},         // nothing of it
	{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1}, // all of it
}

// Where a TCP header has its flags, and two of them (RFC 9293 section 3.1).
const (
	tcpFlags = 13
	tcpSYN   = 0x02
	tcpACK   = 0x10
)

func (k *kernel) HasBacklog(listener Handle) bool {
	fds := [1]unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	return n > 0 && err == nil
}

// Seal needs no privilege. The file of a Unix listener is removed: nobody finds
// the socket any more, but for those who are in its queue.
func (k *kernel) Seal(listener Handle) error {
	if file, ok := k.files[listener]; ok {
		delete(k.files, listener)
		return file.remove()
	}
	program := dropSYN
	return unix.SetsockoptSockFprog(int(listener), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}
