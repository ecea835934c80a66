// Package report puts into words and numbers what a replay or a sweep has measured.
//
//	*replay.Result ──► New ──► Report ──┬──► WriteText   for people, 80 columns
//	                                    ├──► WriteJSON   for programs, stable names
//	                                    └──► WriteBench  as Go's benchmarks have it
//
//	JSON of two ──► ReadSide ──► Compare ──► Comparison, which is written likewise
//
//	*replay.Result ──► Run ──► WriteLog, a log of HdrHistogram
//	such logs ──► ReadLog ──► Merge ──► Report
//
//	sweep.Report ──► WriteSweepText, WriteSweepJSON, and WriteSweepPage   a page of HTML
//
//	replay.Progress ──► Line            one line of a terminal, while it runs
//
// Nothing in here looks at a clock or a socket.
package report
