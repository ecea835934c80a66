package size

import "testing"

func TestParse(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "4096": 4096, "10B": 10, "1kb": 1000, "100MB": 100_000_000, "2GB": 2e9, "1TB": 1e12,
		"1KiB": 1024, "3mib": 3 << 20, "1GiB": 1 << 30, "2TiB": 2 << 40, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := Parse(s); got != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "MB", "-1", "+1", "1.5GB", "1 GB", "1M", "1GBs", "0x10", "1_000", "9223372036854775808", "9223372036854776KB", "8388608TiB"} {
		if got, err := Parse(s); err == nil {
			t.Errorf("%q: %d, want an error", s, got)
		}
	}
}
