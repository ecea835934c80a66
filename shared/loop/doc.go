// Package loop runs straight-line network code at the price of an event loop. Make
// a Group, have it Listen with a function that gets each new connection, and Run
// it; a task that Go starts reads and writes as if it had a thread of its own:
//
//	g, err := loop.NewGroup(2, loop.Config{})
//	ln, err := g.Listen("127.0.0.1:8080", func(c *loop.Conn) {
//		c.Loop().Go(loop.Func(func() {
//			defer c.Close()
//			io.Copy(c, c)
//		}))
//	})
//	err = g.Run()
//
// A [Loop] is one goroutine around one epoll instance (an [Engine]). A task is a
// coroutine of a loop: code whose blocking calls, such as [Conn.Read], give the
// thread back to the loop until they can go on. A [Group] is the loops of a
// program; a connection lives on one of them for its whole life, and nothing
// that a loop owns is touched from another, so there are no locks.
//
// # The life of a connection
//
//	               accept                     Dial
//	                 |                          |
//	                 v                          v
//	Park      +-------------+  Readable   +-----------+
//	.-------> |   parked    | ----------> |  served   | <--- Read, Write, ...
//	|         | a struct, a | handler     |  a task,  |      suspend the task
//	|         | deadline, a | starts a    |  a stack, |      until the engine
//	|         | Handler     | task (Go)   |  buffers  |      says "ready"
//	|         +-------------+             +-----------+
//	|           |         |                 |   |   |
//	'-----------|---------|-----------------'   |   |
//	            |Expired  |Aborted        Linger|   |Close, Reset
//	            |         |                     v   |
//	            |         |             FIN, drain, |
//	            |         |             close       |
//	            v         v                     v   v
//	          +---------------------------------------+
//	          |  closed: waiting calls return, the    |
//	          |  socket goes, listeners may go on     |
//	          +---------------------------------------+
//
// A parked connection costs its struct and nothing else: no task, no stack, no
// buffer. Tasks and buffers are borrowed while there is something to do, and
// used again, last in, first out.
//
// # One turn of a loop
//
//	tasks that can go on -> wait for events -> connections and handlers -> timers -> posted functions
//
// A socket is registered once, edge-triggered. What is known of its readiness
// is kept in the Conn: a read that gave less than was asked for has emptied the
// socket, so the next one waits for an event instead of asking in vain. An
// exchange of one request and one response takes one read and one write.
//
// Deadlines are numbers. A connection's timer is put into a timing wheel when
// the connection first waits, and when it runs out it looks whether the
// deadline has moved; moving a deadline is a store.
//
// A task that panics ends its own connections, and those of the tasks that it
// started, and is reported; a task that is always able to go on gives way to the
// others after 64 KiB, read and written. It then stands back for those that move
// less: in each turn of the loop all such heavy tasks together move 256 KiB, or do
// 64 operations that move next to nothing; one of them goes on for some MiB before
// the next one follows. So what an exchange of a few octets waits for does not grow
// with the number of large ones beside it.
//
// # The seam
//
// Everything outside the program is reached through an [Engine]: operations
// that never wait, and one call that waits for the next event. The kernel's
// engine is epoll. Package simnet is another one, a simulated network with a
// simulated clock, in which the same code runs from a seed.
//
// Reading order: engine.go, task.go, loop.go, conn.go, deadline.go, park.go,
// buffer.go, write.go, splice.go, dial.go, listen.go, room.go, backlog.go,
// group.go, ask.go; then signal.go, timer.go and wheel.go, and epoll_linux.go behind
// the seam.
package loop
