package capture

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/hopwire/hopwire/shared/events"
)

// The reasons have a sentence for each kind, and those first that explain the others.
func TestReasons(t *testing.T) {
	tap := newWiretap(t, layers.LinkTypeEthernet)
	connection := func(content string) {
		tap.ends[0] = netip.AddrPortFrom(tap.ends[0].Addr(), tap.ends[0].Port()+1)
		tap.sent = [2]int{}
		tap.connect()
		tap.send(events.Inbound, 0, 0, content)
	}
	for range 30 {
		connection(askA[:20])
	}
	for range 3 {
		connection("\x16\x03\x01\x02\x00\x01")
	}
	tap.snap = 14 + 20 + 20 + 10
	connection(askA)
	rec := readBytes(t, tap.file.Bytes())
	equalLines(t, "reasons", rec.Reasons, []string{
		"1 packet cut by the snapshot length of the capture: record with tcpdump -s 0",
		"left out 3 connections that carried TLS, which cannot be read: record behind what ends TLS",
		"31 connections of which the last request is not whole, such as connection 1 (10.0.0.1:4001 > 10.0.0.2:80): its last request is not whole and was left out",
	})
	if n := len(rec.Warnings); n != 1+maxWarnings+1+1 || rec.Losses != n-1 {
		t.Errorf("%d warnings, %d about losses: %q", n, rec.Losses, rec.Warnings)
	}
}

// What no layer is read of is not of an unknown link layer if the layer is known.
func TestPacketsWithoutLayers(t *testing.T) {
	for link, want := range map[layers.LinkType]string{
		layers.LinkTypeEthernet: "2 packets with broken headers, left out",
		layers.LinkTypeIPv6:     "2 packets with broken headers, left out",
		195:                     "2 packets of a link layer that cannot be read (type 195): record on an Ethernet or loopback interface",
	} {
		tap := newWiretap(t, link)
		tap.snap = 1
		tap.connect()
		w := readBytes(t, tap.file.Bytes()).Warnings
		equalLines(t, fmt.Sprint(link), w, []string{"2 packets cut by the snapshot length of the capture: record with tcpdump -s 0", want})
	}
}

// A connection for whose messages memory does not suffice is none with a request that
// cannot be read.
func TestWantOfMemory(t *testing.T) {
	tap := newWiretap(t, layers.LinkTypeEthernet)
	tap.connect()
	asks := strings.Repeat("GET / HTTP/1.1\r\nHost:a\r\n\r\n", 1000)
	for n := range 500 {
		tap.send(events.Inbound, 0, n*len(asks), asks)
	}
	rec, err := (&Reading{Memory: 32 << 20}).Read(&tap.file)
	if err != nil {
		t.Fatal(err)
	}
	matchLines(t, rec.Warnings, []string{
		"reading ended after packet 4*, where it had come to the bound of memory, 32 MiB: split the file with editcap -c",
		theirID + "left out what follows * requests for want of memory, of which the bound is 32 MiB: split the file with editcap -c",
	})
}
