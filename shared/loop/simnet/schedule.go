package simnet

import "github.com/hopwire/hopwire/shared/loop"

// An action is what the network does at an instant: a signal or a piece of octets
// arrives, the network comes to fetch the next piece, a report is due.
type action struct {
	at    loop.Time
	order uint64 // among those of one instant: first scheduled, first done
	what  actionKind
	ready loop.Ready // lateReport
	n     int        // octetsArrive: how many; requestArrives: the attempt

	stream *stream
	socket *socket
	watch  *watch
}

type actionKind uint8

const (
	octetsTaken    actionKind = iota // stream: the network fetches a piece
	octetsArrive                     // stream: n octets
	endArrives                       // stream: the end of stream
	resetArrives                     // socket: at it
	requestArrives                   // socket: its connect, at the listener
	answerArrives                    // socket: its connect is accepted
	refusalArrives                   // socket: its connect is refused
	retriesEnd                       // socket: its connect got no answer
	lateReport                       // watch: ready
)

func (w *World) do(a *action) {
	switch a.what {
	case octetsTaken:
		a.stream.take()
	case octetsArrive:
		a.stream.arrive(a.n)
	case endArrives:
		a.stream.endArrive()
	case resetArrives:
		a.socket.resetArrive()
	case requestArrives:
		w.requestArrive(a.socket, a.n)
	case answerArrives:
		a.socket.established()
	case refusalArrives:
		a.socket.connectFailed(refused)
	case retriesEnd:
		a.socket.connectFailed(timedOut)
	case lateReport:
		a.watch.post(a.ready)
	}
}

// after schedules an action after a time within the range, and says when.
func (w *World) after(r Range, a action) (at loop.Time) {
	a.at = w.now.Add(w.chance.within(r))
	w.schedule.add(a)
	return a.at
}

// A schedule holds the actions to come as a binary heap: the next is first.
type schedule struct {
	heap  []action
	added uint64
}

func (s *schedule) add(a action) {
	s.added++
	a.order = s.added
	s.heap = append(s.heap, a)
	s.up(len(s.heap) - 1)
}

// next is when the first action is due; Never if none will be.
func (s *schedule) next() loop.Time {
	if len(s.heap) == 0 {
		return loop.Never
	}
	return s.heap[0].at
}

func (s *schedule) pop() action {
	first, last := s.heap[0], len(s.heap)-1
	s.heap[0] = s.heap[last]
	s.heap[last] = action{} // let go of what it points to
	s.heap = s.heap[:last]
	s.down(0)
	return first
}

func (s *schedule) before(i, j int) bool {
	x, y := &s.heap[i], &s.heap[j]
	return x.at < y.at || x.at == y.at && x.order < y.order
}

func (s *schedule) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !s.before(i, parent) {
			return
		}
		s.heap[i], s.heap[parent] = s.heap[parent], s.heap[i]
		i = parent
	}
}

func (s *schedule) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(s.heap) {
			return
		}
		if child+1 < len(s.heap) && s.before(child+1, child) {
			child++
		}
		if !s.before(child, i) {
			return
		}
		s.heap[i], s.heap[child] = s.heap[child], s.heap[i]
		i = child
	}
}
