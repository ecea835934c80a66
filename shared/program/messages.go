package program

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hopwire/hopwire/shared/jsonline"
	"golang.org/x/sys/unix"
)

const (
	// messagesHeld is how many bytes of messages wait for whoever reads them.
	messagesHeld = 64 << 10
	// patience is how long the end of the program waits for them to be taken.
	patience = 2 * time.Second
)

// Messages are what a program has to say on standard error. The reader of a pipe
// may stop reading without going away, and a terminal may be stopped; a write
// would wait for that, and with it a loop and all its clients. So Write never
// waits: it leaves the message in bounded memory, which a goroutine empties. What
// finds no room is left out and counted, and the count is said in its place.
//
//	any goroutine ── Write ──► memory ──► goroutine ──► standard error
//	                             └─ no room: left out, counted
type Messages struct {
	program string
	json    bool // each is an object
	out     io.Writer
	news    chan struct{} // something waits; holds one

	mu      sync.Mutex
	waiting []byte
	lost    int             // lines left out behind those that wait; what has no end is none
	flushes []chan struct{} // to close when all that waits has been taken
}

// NewMessages are those of the named program, on their way to out.
func NewMessages(program string, out io.Writer) *Messages {
	m := &Messages{program: program, out: out, news: make(chan struct{}, 1)}
	go m.deliver()
	return m
}

// Write takes one message, and never fails. A message larger than the memory is
// taken if it is alone.
func (m *Messages) Write(message []byte) (int, error) {
	size := len(message)
	if m.json {
		message = m.object(string(message))
	}
	m.mu.Lock()
	if n := len(m.waiting); n > 0 && (m.lost > 0 || n+len(message) > messagesHeld) {
		m.lost += lines(message)
	} else {
		m.waiting = append(m.waiting, message...)
	}
	m.mu.Unlock()
	m.wake()
	return size, nil
}

// object is a message, of whatever lines, as an object on one line. That the program
// says it need not be said in it.
func (m *Messages) object(message string) []byte {
	b := jsonline.Time(jsonline.Begin(nil), "time", time.Now())
	b = jsonline.Text(jsonline.Text(b, "program", m.program), "event", "message")
	message = strings.TrimPrefix(strings.TrimSuffix(message, "\n"), m.program+": ")
	return jsonline.End(jsonline.Text(b, "message", message))
}

// Flush waits until all messages have been taken, but not for long.
func (m *Messages) Flush() { m.flush(patience) }

func (m *Messages) flush(patience time.Duration) {
	taken := make(chan struct{})
	m.mu.Lock()
	m.flushes = append(m.flushes, taken)
	m.mu.Unlock()
	m.wake()
	select {
	case <-taken:
	case <-time.After(patience):
	}
}

func (m *Messages) wake() {
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// deliver is the goroutine.
func (m *Messages) deliver() {
	for range m.news {
		m.mu.Lock()
		messages, lost, flushes := m.waiting, m.lost, m.flushes
		m.waiting, m.lost, m.flushes = nil, 0, nil
		m.mu.Unlock()

		said := len(messages)
		if lost > 0 {
			gap := fmt.Appendf(nil, "%s: lines left out here, since nobody took them: %d\n", m.program, lost)
			if m.json {
				gap = m.object(string(gap))
			}
			messages = append(messages, gap...)
		}
		if len(messages) > 0 {
			if n, err := m.out.Write(messages); err != nil {
				m.mu.Lock() // to be told with the next, if that can be written
				m.lost += lost + lines(messages[min(n, said):said])
				m.mu.Unlock()
			}
		}
		for _, taken := range flushes {
			close(taken)
		}
	}
}

func lines(message []byte) int { return bytes.Count(message, []byte("\n")) }

// Terminal returns the messages that are written to w if somebody sees them on a
// terminal, and nil if not: for a line that is written over again and again. So it
// is also nil for a terminal that cannot take a line back.
func Terminal(w io.Writer) *Messages {
	m, ok := w.(*Messages)
	if kind := os.Getenv("TERM"); !ok || !isTerminal(m.out) || kind == "" || kind == "dumb" {
		return nil
	}
	return m
}

// Columns is how wide the terminal is now; 80 if it does not say.
func (m *Messages) Columns() int {
	columns := 80
	onDescriptor(m.out, func(fd int) {
		if size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			columns = int(size.Col)
		}
	})
	return columns
}

// Width is how wide lines on w should be: as its terminal, or else as COLUMNS says; 80
// without either. Terminal says which of them it was.
func Width(w io.Writer) (columns int, terminal bool) {
	if isTerminal(w) {
		return (&Messages{out: w}).Columns(), true
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 && n <= 10_000 {
		return n, false
	}
	return 80, false
}

// isTerminal reports whether w is a terminal, and one that has not been closed.
func isTerminal(w io.Writer) (yes bool) {
	onDescriptor(w, func(fd int) {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		yes = err == nil
	})
	return yes
}

// onDescriptor calls f with the descriptor of w, if it has one.
func onDescriptor(w io.Writer, f func(fd int)) {
	file, ok := w.(*os.File)
	if !ok {
		return
	}
	if conn, err := file.SyscallConn(); err == nil {
		conn.Control(func(fd uintptr) { f(int(fd)) })
	}
}
