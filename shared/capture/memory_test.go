package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// A flood is a file without end: a beginning, and what comes again and again.
type flood struct {
	ready []byte
	more  func(n int) []byte
	n     int
}

func (f *flood) Read(p []byte) (int, error) {
	for len(f.ready) == 0 {
		f.ready = f.more(f.n)
		f.n++
	}
	n := copy(p, f.ready)
	f.ready = f.ready[n:]
	return n, nil
}

// tapped makes a flood of what send captures for n = 0, 1, 2 and so on.
func tapped(t testing.TB, send func(tap *wiretap, n int)) io.Reader {
	tap := newWiretap(t, layers.LinkTypeEthernet)
	tap.connect()
	f := &flood{ready: bytes.Clone(tap.file.Bytes())}
	f.more = func(n int) []byte {
		tap.file.Reset()
		send(tap, n)
		return bytes.Clone(tap.file.Bytes())
	}
	return f
}

func clientOf(n int) netip.AddrPort {
	ip := binary.BigEndian.AppendUint32(nil, 10<<24|uint32(n))
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip)), 4000)
}

var (
	sectionBlock   = []byte("\n\r\r\n\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x1c\x00\x00\x00")
	interfaceBlock = "\x01\x00\x00\x00\x14\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00"
	namesBlock     = "\x04\x00\x00\x00\x1c\x00\x00\x00\x01\x00\x06\x00\x0a\x00\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x1c\x00\x00\x00"
	packetBlock    = "\x06\x00\x00\x00\x20\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + "\x20\x00\x00\x00"
)

// Whatever is in a file, reading it takes no more memory than it may, and what was
// read until then is there.
func TestReadingIsBounded(t *testing.T) {
	if wiretest.RaceDetector {
		t.Skip("it is about memory, and the race detector takes its own")
	}
	const bound = 32 << 20
	const ended, cut = "it had come to the bound of memory, 32 MiB: ask for more, or split the file with editcap -c", "more than 1024 KiB without a packet"
	much := strings.Repeat("x", 32<<10)
	cases := []struct {
		name string
		file func(t *testing.T) io.Reader
		want string
	}{
		{"interfaces", func(*testing.T) io.Reader {
			return &flood{ready: sectionBlock, more: func(int) []byte { return []byte(interfaceBlock) }}
		}, cut},
		{"interfaces between packets", func(*testing.T) io.Reader {
			return &flood{ready: sectionBlock, more: func(int) []byte { return []byte(interfaceBlock + packetBlock) }}
		}, ended},
		{"names between packets", func(*testing.T) io.Reader {
			return &flood{ready: sectionBlock, more: func(n int) []byte {
				return []byte(map[bool]string{true: interfaceBlock}[n == 0] + namesBlock + packetBlock)
			}}
		}, ended},
		{"interfaces with long names", func(*testing.T) io.Reader {
			size := string(binary.LittleEndian.AppendUint32(nil, uint32(24+len(much))))
			block := interfaceBlock[:4] + size + interfaceBlock[8:16] + "\x02\x00\x00\x80" + much + size
			return &flood{ready: sectionBlock, more: func(int) []byte { return []byte(block + packetBlock) }}
		}, ended},
		{"one large block", func(*testing.T) io.Reader {
			head := append(bytes.Clone(sectionBlock), interfaceBlock+"\x06\x00\x00\x00\x20\x00\x00\x7f"+strings.Repeat("\x00", 12)+"\x00\x00\x00\x7f\x00\x00\x00\x7f"...)
			return &flood{ready: head, more: func(int) []byte { return []byte(much) }}
		}, cut},
		{"connections", func(t *testing.T) io.Reader {
			return tapped(t, func(tap *wiretap, n int) {
				tap.ends[0] = clientOf(n)
				tap.send(events.Inbound, flagSYN, 0, "")
			})
		}, ended},
		{"content", func(t *testing.T) io.Reader {
			return tapped(t, func(tap *wiretap, n int) { tap.send(events.Inbound, 0, n*len(much), much) })
		}, ended},
		{"content of many connections", func(t *testing.T) io.Reader {
			return tapped(t, func(tap *wiretap, n int) {
				tap.ends[0] = clientOf(n)
				tap.connect()
				tap.send(events.Inbound, 0, 0, askA)
				tap.send(events.Outbound, 0, 0, answer)
			})
		}, ended},
		{"joined connections", func(t *testing.T) io.Reader {
			return tapped(t, func(tap *wiretap, n int) {
				tap.ends[0] = clientOf(n)
				tap.send(events.Inbound, 0, 0, askA)
			})
		}, ended},
		{"an octet each", func(t *testing.T) io.Reader {
			return tapped(t, func(tap *wiretap, n int) { tap.send(events.Inbound, 0, n, "x") })
		}, ended},
		{"every other octet", func(t *testing.T) io.Reader {
			return tapped(t, func(tap *wiretap, n int) { tap.send(events.Inbound, 0, 1+2*n, "x") })
		}, ended},
		{"small requests", func(t *testing.T) io.Reader {
			asks := strings.Repeat("GET / HTTP/1.1\r\nHost:a\r\n\r\n", 1000)
			return tapped(t, func(tap *wiretap, n int) { tap.send(events.Inbound, 0, n*len(asks), asks) })
		}, " for want of memory, of which the bound is 32 MiB: ask for more, or split the file with editcap -c"},
		{"interim responses", func(t *testing.T) io.Reader {
			hints := strings.Repeat("HTTP/1.1 103 \r\n\r\n", 1000)
			return tapped(t, func(tap *wiretap, n int) {
				if n == 0 {
					tap.send(events.Inbound, 0, 0, askA)
				}
				tap.send(events.Outbound, 0, n*len(hints), hints)
			})
		}, " for want of memory, of which the bound is 32 MiB: ask for more, or split the file with editcap -c"},
	}
	defer debug.SetGCPercent(debug.SetGCPercent(25)) // as loadgen does
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(bound))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := c.file(t)
			before := heap()
			peak := highest(t)
			rec, err := (&Reading{Memory: bound, MoreMemory: "ask for more"}).Read(file)
			// What is new while a collection runs counts as in use.
			if took := peak() - before; took > bound*3/2 {
				t.Errorf("took %d MiB, the bound is %d", took>>20, bound>>20)
			}
			if err != nil || !strings.Contains(strings.Join(rec.Warnings, "\n"), c.want) {
				t.Errorf("%v, warnings %.1000q; want %q", err, rec.Warnings, c.want)
			}
		})
	}
}

// highest watches how much of the heap is in use, by what each collection finds;
// what it returns ends that and says the most it was.
func highest(t *testing.T) (peak func() int64) {
	done, most := make(chan struct{}), make(chan int64)
	go func() {
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		ticks := time.NewTicker(time.Millisecond)
		defer ticks.Stop()
		for n := int64(0); ; {
			metrics.Read(sample)
			n = max(n, int64(sample[0].Value.Uint64()))
			select {
			case <-ticks.C:
			case <-done:
				most <- n
				return
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-most
	}
}

func TestReadingTellsProgress(t *testing.T) {
	tp := newTape(t)
	f := tp.open(events.ClientHop)
	for range 100 {
		tp.in(f, strings.Repeat("x", 100_000))
	}
	file := tp.bytes()
	var told []int64
	r := &Reading{Progress: func(read, size int64) { told = append(told, read, size) }}
	if _, err := r.Read(bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	if len(told) < 4 || len(told) > 10 || told[0] == 0 || told[1] != 0 || told[len(told)-2] > int64(len(file)) || told[len(told)-2] < int64(len(file))/2 {
		t.Errorf("told %v of a file of %d bytes", told, len(file))
	}
}
