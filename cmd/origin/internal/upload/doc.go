// Package upload is what becomes of content that is posted: it finds the name that
// it is kept under, has a folder of such files, parses forms and makes the report that
// the client gets. It knows no connection; who calls it reads the content.
//
//	"/a/b.txt"            what a target's path has behind the post path
//	      │  Split: no hidden names, no control characters
//	      ▼
//	"a/", "b.txt"         a folder, which has to be there, and a name, or none
//	      │  Store.Check: the name is free
//	      │  Store.Create: a file without a name, in the store's folder
//	      ▼
//	File ◄── Write        content as it comes
//	      │  Store.Keep: fsync, link(2), which replaces nothing, fsync of the folder
//	      ▼
//	"a/b.txt"             whole, or not there
//
// A file without a name (O_TMPFILE) is gone when the program ends, however it ends.
// Where the file system has none, it has a hidden one until then, which Open takes
// away if nobody has it open any more.
//
// Everything that a Store and a File do waits for the disk.
package upload
