// Package ledger holds what loadgen has counted of a run against what the servers
// have counted meanwhile. What one side sent the other must have seen.
//
//	                 before                        after
//	/counters ──► Parse ──► Counters ─┐   ┌─ Counters ◄── Parse ◄── /counters
//	                                  ▼   ▼
//	                                 Program ──┐
//	*replay.Result ────────────────────────────┴──► Balance ──► Ledger
//	/proc/net/snmp, netstat ──► Kernel, shown beside
//
// An equation has terms whose count is known, and terms that are "up to" one: what was
// under way when the run ended, or met the end of its connection, the server may have
// seen or not. It balances if its sides have a value in common. The numbers themselves
// stand in README, "Counters that come out even".
//
// Nothing in here opens a file or a socket.
package ledger
