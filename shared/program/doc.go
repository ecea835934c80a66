// Package program is what all command lines do identically, those of the three
// programs and those that measure them: start, read flags, listen to signals, say
// what went wrong and exit.
//
//	func main() { program.Main(app()) }
//
//	            Main(app)
//	               │  adopt: environment variables, help, version
//	               │  flags, then PROGRAM_FLAG_NAME, then defaults
//	 wrong usage ◄─┤                       "edge: unknown flag --x; see 'edge --help'"   exit 2
//	               │  --loops -> GOMAXPROCS
//	               ▼
//	        app.Action(c)     c.Context: cancelled by the first SIGINT or SIGTERM
//	               │          Hurry(c.Context): closed by the second; what has not
//	               │          ended soon after is ended, and at once by the third
//	               │          Reopen(c.Context): SIGHUP, once somebody listens
//	               ▼
//	    nil: exit 0      error: one line each, "edge: what is wrong"               exit 1
//
// Standard output carries what the user asked for, standard error everything
// else, by way of [Messages]: no reader who stops holds the program up, and with
// --log-format json each message is an object, also one about the flags. An error
// is one sentence and never comes with a page of help in front of it.
//
// The limit of open files needs no line here: the runtime raises the soft limit
// to the hard one when a program that imports package os starts.
package program
