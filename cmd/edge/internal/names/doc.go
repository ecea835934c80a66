// Package names finds the addresses of origins that are written as names, and
// finds them again while the program runs, as often as their records ask for.
//
// # The life of a name
//
//	--origin dns://app.local:80                   --origin srv://_http._tcp.app.local
//	          │ ParseTarget                                 │
//	          ▼                                             ▼
//	   candidates: /etc/hosts, search domains          SRV records
//	          │                                             │ by priority, as far as they have addresses
//	          ▼                                             ▼
//	   A and AAAA of app.local.                 A and AAAA of each target
//	          │                                             │
//	          └──────────────► Result ◄─────────────────────┘
//	                             │ members, TTL, failure
//	            ┌────────────────┴───────────────────┐
//	            ▼                                    ▼
//	     decide: is it news?                  schedule: when next?
//	            │                               smallest TTL, 1 s to 1 min,
//	            ▼                               or 1 s, 2 s, ... 30 s after a failure
//	   Config.Members, Config.Report                 │
//	                                                 └──► look up again
//
// Each name has a goroutine of its own, outside the loops, which hands its
// results over by a call.
//
// # What is asked
//
// The servers are those of /etc/resolv.conf, which is read again for each
// lookup, or the one of --resolver. They are asked in their order, over UDP,
// over TCP where the answer does not fit, with the timeout and the attempts that
// resolv.conf gives. Following aliases (CNAME) is the server's work.
//
// As for other programs of the system, a name without a final dot is completed
// by the search domains as resolv.conf says (ndots), and /etc/hosts comes before
// DNS. A server named by --resolver is asked for names as they were written, and
// /etc/hosts does not count. "localhost" is 127.0.0.1, whoever may say otherwise
// (RFC 6761 section 6.3).
//
// # What a failure changes
//
// Nothing. The addresses that are known stay until there is an answer with
// others: a DNS server that is down must not take the origins with it (RFC 8767
// has the reasoning). That goes for each question by itself, so that an answer
// for A counts although nobody answers for AAAA.
package names
