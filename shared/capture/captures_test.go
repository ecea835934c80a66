package capture

import (
	"path/filepath"
	"slices"
	"testing"
)

// The captures in testdata are small, each with one fault that captures have.
func TestReadCaptures(t *testing.T) {
	cases := []struct {
		file     string
		requests []int // of each connection
		warnings []string
	}{
		{"tunnel_gre_two_clients", []int{3, 3}, nil},
		{"join_keepalive_probe", []int{4}, []string{theirID + "its beginning was not captured"}},
		{"ports_again_no_syn", []int{1, 1}, []string{
			"connection 2 (10.0.0.1:4000 > 10.0.0.2:80): its beginning was not captured"}},
		{"proto_tls", nil, []string{"left out 1 connection that carried TLS, which cannot be read: record behind what ends TLS"}},
		{"snap96", nil, []string{
			"1 packet cut by the snapshot length of the capture: record with tcpdump -s 0",
			theirID + "99 bytes of requests missing; lost at least 1 request"}},
		{"pcap_2_3", []int{1}, nil},
		{"caplen_above_len", []int{2}, nil},
	}
	for _, c := range cases {
		t.Run(c.file, func(t *testing.T) {
			rec, err := ReadFile(filepath.Join("testdata", c.file+".pcap"))
			if err != nil {
				t.Fatal(err)
			}
			var requests []int
			for _, connection := range rec.Connections {
				requests = append(requests, len(connection.Exchanges))
			}
			if !slices.Equal(requests, c.requests) {
				t.Errorf("requests %v, want %v", requests, c.requests)
			}
			equalLines(t, "warnings", rec.Warnings, c.warnings)
		})
	}
}
