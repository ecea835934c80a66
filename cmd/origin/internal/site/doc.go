// Package site finds the file that a request names, and says which part of it
// the request asks for. It opens files and knows their validators; it writes
// nothing to anybody.
//
//	"/a/./b%20c.css?v=2"  a request target
//	      │  AppendPath: percent-decoding, dot segments, no way out
//	      ▼
//	"/a/b c.css"          a path: what a cache entry is filed under
//	      │  Cache.Open: an entry not a second old, or one that a stat
//	      │  confirms, or the tree: an os.Root, or the example in memory
//	      ▼
//	*File                 type, validators, and either its content behind a
//	      │               prepared response head (a small file), or an open
//	      │               file for sendfile (a large one)
//	      │  File.For: of the example's page, one that names the client's address
//	      │  File.Select: the conditional fields, then the range
//	      ▼
//	Selection             200, 206, 304, 412 or 416, and which octets
//
// A Site may be shared; a Cache belongs to one loop, so that looking a file up
// takes no lock. A File is borrowed from its cache and given back with Release:
// it stays whole for the borrower even if the cache forgets it meanwhile.
package site
