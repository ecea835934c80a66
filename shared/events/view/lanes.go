package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/events"
)

// What Lanes keep at most: lanes, and stretches of all of them.
const (
	maxLanes     = 4096
	maxStretches = 1 << 20
)

// Lanes are connections over time. The zero value is ready for events. It is bounded:
// what is beyond the bounds is not drawn, and the drawing says so.
type Lanes struct {
	began, last time.Time
	lanes       map[events.ConnID]*laneOf
	numbers     map[events.Use]int // of exchanges under way
	names       []string           // of the first ones, as far as there are letters
	exchanges   int
	asked       map[events.Use]time.Time // when a new connection was asked for
	stretches   int
	leftOut     int // connections
	full        bool
}

// A laneOf is a connection.
type laneOf struct {
	conn      events.ConnID
	stretches []stretch
	ended     string // the first side that did, and how
	end       string // how the connection was closed; empty: it was not
	by        events.Means
	answering bool       // the response to what it is used for has begun
	over      events.Use // the exchange that ended last
	endings   int
}

// A stretch is a time in which a connection was in one state.
type stretch struct {
	from, to time.Time
	state    state
	exchange int // of busy and waiting
}

// A state is what a connection is in, the one that is drawn over others the last.
type state uint8

const (
	idle state = iota
	waiting
	connecting
	busy
)

// Add takes an event.
func (l *Lanes) Add(e *events.Event) {
	if l.lanes == nil {
		l.began = e.At
		l.lanes, l.numbers, l.asked = map[events.ConnID]*laneOf{}, map[events.Use]int{}, map[events.Use]time.Time{}
	}
	if e.At.After(l.last) {
		l.last = e.At
	}
	switch e.Kind {
	case events.Opened:
		l.set(l.lane(e.Conn), e.At, idle, 0)
	case events.Bytes:
		l.bytes(e)
	case events.Ended, events.Closed:
		l.end(e)
	case events.Noted:
		l.note(e)
	}
}

// lane is that of a connection; nil if it found no room.
func (l *Lanes) lane(id events.ConnID) *laneOf {
	lane := l.lanes[id]
	if lane == nil && len(l.lanes) < maxLanes {
		lane = &laneOf{conn: id}
		l.lanes[id] = lane
	} else if lane == nil {
		l.leftOut++
	}
	return lane
}

// number is that of an exchange, by which it has a letter.
func (l *Lanes) number(x events.Exchange) int {
	n, ok := l.numbers[x.Client]
	if !ok && len(l.numbers) < maxOpen {
		n = l.exchanges
		l.exchanges++
		l.numbers[x.Client] = n
	}
	if n < len(letters) {
		if n == len(l.names) {
			l.names = append(l.names, "")
		}
		if name := x.String(); len(name) >= len(l.names[n]) || x.Origin.N > 0 {
			l.names[n] = name
		}
	}
	return n
}

func (l *Lanes) bytes(e *events.Event) {
	lane := l.lanes[e.Conn]
	if lane == nil {
		lane = l.lane(e.Conn) // it was opened before the file began
	}
	if lane == nil || e.Exchange.Client.N == 0 {
		return
	}
	if lane.over == e.Exchange.Client { // what came behind its end, nobody reads
		return
	}
	n := l.number(e.Exchange)
	if at, ok := l.asked[e.Exchange.Client]; ok && e.Conn.Hop == events.OriginHop {
		delete(l.asked, e.Exchange.Client)
		l.insert(lane, at, e.At)
	}
	if last := lane.last(); last != nil && last.exchange != n {
		lane.answering = false
	}
	lane.answering = lane.answering || e.Direction == events.Outbound
	if last := lane.last(); !lane.answering && last != nil && last.state == waiting && last.exchange == n {
		last.state = busy // more of the request came
	}
	l.set(lane, e.At, busy, n)
	if !lane.answering {
		l.set(lane, e.At, waiting, n)
	}
}

func (lane *laneOf) last() *stretch {
	if len(lane.stretches) == 0 {
		return nil
	}
	return &lane.stretches[len(lane.stretches)-1]
}

// set has a lane in a state from now on.
func (l *Lanes) set(lane *laneOf, at time.Time, s state, exchange int) {
	if lane == nil {
		return
	}
	if last := lane.last(); last != nil {
		last.to = at
		if last.state == s && last.exchange == exchange {
			return
		}
	}
	if l.full = l.full || l.stretches >= maxStretches; l.full {
		return
	}
	l.stretches++
	lane.stretches = append(lane.stretches, stretch{at, at, s, exchange})
}

// insert has a lane begin with connecting.
func (l *Lanes) insert(lane *laneOf, from, to time.Time) {
	if len(lane.stretches) <= 1 {
		l.stretches++
		lane.stretches = []stretch{{from, to, connecting, 0}}
	}
}

func (l *Lanes) note(e *events.Event) {
	client := e.Exchange.Client
	switch {
	case client.N == 0:
	case e.Note.Kind == "pool" && e.Note.Param("taken") == "new", e.Note.Kind == "replay" && e.Note.Param("decision") == "replayed":
		if len(l.asked) < maxOpen {
			l.asked[client] = e.At
		}
	case e.Note.Kind == "exchange":
		delete(l.numbers, client)
		delete(l.asked, client)
		for _, id := range [...]events.ConnID{client.Conn, e.Exchange.Origin.Conn} {
			if lane := l.lanes[id]; lane != nil && lane.end == "" {
				l.set(lane, e.At, idle, 0)
				lane.answering, lane.over = false, client
			}
		}
	}
}

// end ends a lane: when the connection was closed, or has ended in both directions.
func (l *Lanes) end(e *events.Event) {
	lane := l.lanes[e.Conn]
	if lane == nil || lane.end != "" {
		return
	}
	if lane.ended == "" {
		who := sender(e)
		if who == "server" && e.Comment != "" {
			who = "edge"
		}
		lane.ended, lane.by = who+" "+e.Means.String(), e.Means
	}
	if lane.endings++; e.Kind == events.Ended && lane.endings < 2 {
		return
	}
	if last := lane.last(); last != nil {
		last.to = e.At
	}
	lane.end = lane.ended
	if e.Comment != "" {
		lane.end += " " + english.Printable(e.Comment)
	}
}

// letters are those of exchanges, from the first on and then from a again.
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// AppendLanes draws connections over time, as wide as the terminal is:
//
//	client c3 |   -a......aa---------b..bb-----|      client FIN client-closed
//	origin o1 |    +a.....a----------------------     open
//	origin o2 |                      +b..b-----|      edge FIN idle-timeout
//
// One exchange has the same letter on both of its connections.
func (s Style) AppendLanes(b []byte, l *Lanes) []byte {
	total := l.last.Sub(l.began)
	ends := 26
	if s.width() < 70 {
		ends = 12
	}
	d := drawing{Style: s, l: l, columns: s.width() - labelColumns - 2 - ends, ends: ends}
	b = s.line(b, 0, strong, fmt.Sprintf("%s from %s on", english.Plural(len(l.lanes), "connection"), l.began.UTC().Format("2006-01-02 15:04:05.000000 MST")))
	b = append(s.set(b, faint, d.axis(total)), '\n')
	for _, lane := range l.sorted() {
		b = d.lane(b, lane)
	}
	b = s.words(append(b, '\n'), faint, []string{"letter: exchange, in which bytes go", ".: waiting for the response", "+: connecting", "-: idle", "|: closed", "x: reset"})
	if names := l.names; len(names) > 0 {
		all := make([]string, len(names))
		for i, name := range names {
			all[i] = letters[i:i+1] + ": " + name
		}
		if l.exchanges > len(letters) {
			all = append(all, "and so on, from a again")
		}
		b = s.words(b, plain, all)
	}
	if l.leftOut > 0 {
		b = s.line(b, 0, trouble, fmt.Sprintf("not drawn, since only %d are: what happened on further connections", maxLanes))
	}
	if l.full {
		b = s.line(b, 0, trouble, "not drawn, for want of room: what changed later")
	}
	return b
}

// words are set in lines that are broken between them only.
func (s Style) words(b []byte, i ink, all []string) []byte {
	for k, word := range all {
		all[k] = strings.ReplaceAll(word, " ", noBreak)
	}
	return append(b, strings.ReplaceAll(string(s.line(nil, 0, i, strings.Join(all, "  "))), noBreak, " ")...)
}

func (l *Lanes) sorted() (all []*laneOf) {
	for _, lane := range l.lanes {
		all = append(all, lane)
	}
	slices.SortFunc(all, func(a, b *laneOf) int {
		return cmp.Or(cmp.Compare(a.conn.Hop, b.conn.Hop), cmp.Compare(a.conn.N, b.conn.N))
	})
	return all
}

// labelColumns are those of the names at the left.
const labelColumns = 8

type drawing struct {
	Style
	l             *Lanes
	columns, ends int
}

// axis has the time at the left, in the middle and at the right.
func (d *drawing) axis(total time.Duration) string {
	at := func(t time.Duration) string {
		if total < time.Second {
			return milliseconds(t) + " ms"
		}
		return fmt.Sprintf("%.3f s", t.Seconds())
	}
	line := []rune(strings.Repeat(" ", labelColumns) + strings.Repeat("─", d.columns))
	put := func(column int, text string) {
		for i, r := range text {
			if column+i < len(line) {
				line[column+i] = r
			}
		}
	}
	middle, end := at(total/2)+" ", at(total)
	put(labelColumns, "0 ")
	put(labelColumns+d.columns/2, middle)
	if d.columns/2 > len(middle)+len(end) {
		put(labelColumns+d.columns-len(end)-1, " "+end)
	}
	return string(line)
}

// column is where a time is.
func (d *drawing) column(at time.Time) int {
	total := d.l.last.Sub(d.l.began)
	if total <= 0 {
		return 0
	}
	return max(0, min(int(float64(at.Sub(d.l.began))/float64(total)*float64(d.columns)), d.columns-1))
}

func (d *drawing) lane(b []byte, lane *laneOf) []byte {
	cells := []byte(strings.Repeat(" ", d.columns))
	drawn := make([]state, d.columns)
	for i, stretch := range lane.stretches {
		if i == len(lane.stretches)-1 && lane.end == "" {
			stretch.to = d.l.last
		}
		sign := [...]byte{idle: '-', waiting: '.', connecting: '+', busy: letters[stretch.exchange%len(letters)]}[stretch.state]
		for c := d.column(stretch.from); c <= d.column(stretch.to); c++ {
			if cells[c] == ' ' || stretch.state >= drawn[c] {
				cells[c], drawn[c] = sign, stretch.state
			}
		}
	}
	end := "open"
	if last := lane.last(); lane.end != "" {
		end = lane.end
		if last != nil {
			cells[d.column(last.to)] = map[bool]byte{true: 'x', false: '|'}[lane.by == events.RST]
		}
	}
	b = append(pad(d.set(b, nameInk, clip(lane.conn.String(), labelColumns-1)), clip(lane.conn.String(), labelColumns-1), labelColumns-1), ' ')
	b = append(b, cells...)
	return append(d.set(append(b, ' '), faint, clip(end, d.ends)), '\n')
}
