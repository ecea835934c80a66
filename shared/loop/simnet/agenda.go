package simnet

import "github.com/hopwire/hopwire/shared/loop"

// A happening is something that will be so at an instant: a signal or a piece
// of octets arrives, the network comes to fetch the next piece, a report is due.
type happening struct {
	at    loop.Time
	order uint64 // among those of one instant: first planned, first to happen
	what  happeningKind
	ready loop.Ready // lateReport
	n     int        // octetsArrive: how many; requestArrives: the attempt

	stream *stream
	socket *socket
	watch  *watch
}

type happeningKind uint8

const (
	octetsTaken    happeningKind = iota // stream: the network fetches a piece
	octetsArrive                        // stream: n octets
	endArrives                          // stream: the end of stream
	resetArrives                        // socket: at it
	requestArrives                      // socket: its connect, at the listener
	answerArrives                       // socket: its connect is accepted
	refusalArrives                      // socket: its connect is refused
	retriesEnd                          // socket: its connect got no answer
	lateReport                          // watch: ready
)

// happen lets it be so.
func (h *happening) happen(w *World) {
	switch h.what {
	case octetsTaken:
		h.stream.take()
	case octetsArrive:
		h.stream.arrive(h.n)
	case endArrives:
		h.stream.endArrive()
	case resetArrives:
		h.socket.resetArrive()
	case requestArrives:
		w.requestArrive(h.socket, h.n)
	case answerArrives:
		h.socket.established()
	case refusalArrives:
		h.socket.connectFailed(refused)
	case retriesEnd:
		h.socket.connectFailed(timedOut)
	case lateReport:
		h.watch.post(h.ready)
	}
}

// An agenda holds what is going to happen, as a binary heap: the next is first.
type agenda struct {
	heap    []happening
	planned uint64
}

func (a *agenda) plan(h happening) {
	a.planned++
	h.order = a.planned
	a.heap = append(a.heap, h)
	a.up(len(a.heap) - 1)
}

// next is when the first thing happens; Never if nothing will.
func (a *agenda) next() loop.Time {
	if len(a.heap) == 0 {
		return loop.Never
	}
	return a.heap[0].at
}

func (a *agenda) take() happening {
	first, last := a.heap[0], len(a.heap)-1
	a.heap[0] = a.heap[last]
	a.heap[last] = happening{} // let go of what it points to
	a.heap = a.heap[:last]
	a.down(0)
	return first
}

func (a *agenda) before(i, j int) bool {
	x, y := &a.heap[i], &a.heap[j]
	return x.at < y.at || x.at == y.at && x.order < y.order
}

func (a *agenda) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !a.before(i, parent) {
			return
		}
		a.heap[i], a.heap[parent] = a.heap[parent], a.heap[i]
		i = parent
	}
}

func (a *agenda) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(a.heap) {
			return
		}
		if child+1 < len(a.heap) && a.before(child+1, child) {
			child++
		}
		if !a.before(child, i) {
			return
		}
		a.heap[i], a.heap[child] = a.heap[child], a.heap[i]
		i = child
	}
}
