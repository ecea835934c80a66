package integration

import (
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// A dnsServer answers from records that a test may change. It knows every type
// of record, and leaves following aliases to the one who wrote the records.
type dnsServer struct {
	// Addr is where it listens, over UDP and TCP.
	Addr string

	t       *testing.T
	servers []*dns.Server

	mu      sync.Mutex
	records []dns.RR
	short   bool
	asked   map[string]int // questions, by network
}

func startDNS(t *testing.T, records ...string) *dnsServer {
	t.Helper()
	s := &dnsServer{t: t, asked: map[string]int{}}
	s.set(records...)
	s.start("127.0.0.1:0")
	t.Cleanup(s.stop)
	return s
}

// start serves at the address. A port of both protocols may take some tries.
func (s *dnsServer) start(addr string) {
	s.t.Helper()
	for range 20 {
		packets, err := net.ListenPacket("udp", addr)
		if err != nil {
			s.t.Fatal(err)
		}
		streams, err := net.Listen("tcp", packets.LocalAddr().String())
		if err != nil {
			packets.Close()
			continue
		}
		s.Addr = packets.LocalAddr().String()
		s.serve(&dns.Server{PacketConn: packets, Handler: s.answer("udp")})
		s.serve(&dns.Server{Listener: streams, Handler: s.answer("tcp")})
		return
	}
	s.t.Fatal("no port is free for both UDP and TCP")
}

func (s *dnsServer) serve(server *dns.Server) {
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go func() {
		if err := server.ActivateAndServe(); err != nil {
			s.t.Error(err)
		}
	}()
	<-started
	s.servers = append(s.servers, server)
}

func (s *dnsServer) stop() {
	for _, server := range s.servers {
		if err := server.Shutdown(); err != nil {
			s.t.Error(err)
		}
	}
	s.servers = nil
}

// set replaces all records; each is a line of a zone file. A server without any
// does not answer.
func (s *dnsServer) set(lines ...string) {
	s.t.Helper()
	var records []dns.RR
	for _, line := range lines {
		record, err := dns.NewRR(line)
		if err != nil {
			s.t.Fatal(err)
		}
		records = append(records, record)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = records
}

// shorten has nothing fit into a datagram from here on.
func (s *dnsServer) shorten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.short = true
}

func (s *dnsServer) answer(network string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, m *dns.Msg) {
		r := s.reply(network, m)
		if r == nil {
			return
		}
		if err := w.WriteMsg(r); err != nil {
			fmt.Println(err) // whoever asked has gone
		}
	}
}

func (s *dnsServer) reply(network string, m *dns.Msg) *dns.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[network]++
	if len(s.records) == 0 {
		return nil
	}
	r := new(dns.Msg).SetReply(m)
	if s.short && network == "udp" {
		r.Truncated = true
		return r
	}
	r.Rcode = dns.RcodeNameError
	for _, record := range s.records {
		h := record.Header()
		if h.Name != m.Question[0].Name {
			continue
		}
		r.Rcode = dns.RcodeSuccess
		if h.Rrtype == m.Question[0].Qtype {
			r.Answer = append(r.Answer, record)
		}
	}
	return r
}

// questions is how many were asked over the network.
func (s *dnsServer) questions(network string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[network]
}
