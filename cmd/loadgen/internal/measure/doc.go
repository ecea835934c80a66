// Package measure holds what was measured of time: histograms of durations, one
// for each kind, which can be merged.
//
//	the first request of a connection      FirstRequestWithConnect
//	├──────── Connect ────────┼─────────────── Latency ───────────────┤
//	│                         ├───────── FirstByte ────────┤          │
//	call for                  connection                   first      last
//	a connection              is open                      byte       byte
//
// It is arithmetic: nothing in here knows a clock or a socket.
package measure
