package loop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"testing"
	"time"
)

// certificate makes a certificate for the length of a test, and who trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "hopwire test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return server, &tls.Config{RootCAs: roots, ServerName: "localhost"}
}

// crypto/tls knows nothing of loops; a Conn is a net.Conn to it.
func TestTLSServer(t *testing.T) {
	server, client := certificate(t)
	g := newGroup(t, 2, Config{})
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) {
		c.Loop().Go(Func(func() {
			defer c.Close()
			s := tls.Server(c, server)
			if _, err := io.Copy(s, s); err != nil {
				t.Error(err)
			}
			s.Close()
		}))
	})
	g.start()
	for range 5 {
		c := tls.Client(dial(t, ln), client)
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{1, 100, 1 << 20} {
			sent, got := pattern(size), make([]byte, size)
			wrote := make(chan error, 1)
			go func() {
				_, err := c.Write(sent)
				wrote <- err
			}()
			if _, err := io.ReadFull(c, got); err != nil || string(got) != string(sent) {
				t.Errorf("%d bytes came back otherwise: %v", size, err)
			}
			if err := wait(t, "the end of writing", wrote); err != nil {
				t.Error(err)
			}
		}
		c.CloseWrite()
		hearEnd(t, c)
	}
}

func TestTLSBetweenTasks(t *testing.T) {
	server, client := certificate(t)
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		join := beside(l, func() {
			s := tls.Server(b, server)
			hear(t, s, "request")
			say(t, s, "response")
			s.Close()
		})
		c := tls.Client(a, client)
		say(t, c, "request")
		hear(t, c, "response")
		hearEnd(t, c)
		c.Close()
		join()
	})
}

// The deadlines of a net.Conn bound a handshake with a peer that says nothing.
func TestTLSHandshakeDeadline(t *testing.T) {
	_, client := certificate(t)
	between(t, func(t *testing.T, a, b *Conn) {
		c := tls.Client(a, client)
		c.SetDeadline(time.Now().Add(10 * time.Millisecond))
		err := c.Handshake()
		var ne net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("the handshake ended with %v, want %v", err, os.ErrDeadlineExceeded)
		}
	})
}
