// Command tlsrelay accepts TLS and relays what is in it to a plain TCP port, so that
// there is something that speaks TLS in front of an edge.
//
//	tlsrelay ADDRESS TARGET FILE
//
// It listens on ADDRESS with a certificate for 127.0.0.1 and localhost that it makes
// when it begins, and writes to FILE, in PEM, for those who are to trust it.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: tlsrelay ADDRESS TARGET FILE")
		os.Exit(2)
	}
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if err := run(ctx, os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "tlsrelay:", err)
		os.Exit(1)
	}
}

// run relays until ctx is cancelled, and then leaves connections as they are: they end
// with the process.
func run(ctx context.Context, address, target, file string) error {
	certificate, err := makeCertificate()
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", address, &tls.Config{
		Certificates: []tls.Certificate{certificate},
		NextProtos:   []string{"http/1.1"},
	})
	if err != nil {
		return err // and the certificate of who listens there stays
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	if err := os.WriteFile(file, public, 0o644); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "listening on", listener.Addr())
	context.AfterFunc(ctx, func() { listener.Close() })
	for {
		client, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go relay(client.(*tls.Conn), target)
	}
}

func makeCertificate() (c tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "hopwire tlsrelay"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(0, 0, 30),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// relay passes on what either side says, and the end of it, until both have ended or
// one has failed.
func relay(client *tls.Conn, target string) {
	defer client.Close()
	plain, err := net.Dial("tcp", target)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tlsrelay:", err)
		return
	}
	defer plain.Close()
	server := plain.(*net.TCPConn)
	both, ctx := errgroup.WithContext(context.Background())
	context.AfterFunc(ctx, func() { client.Close(); server.Close() })
	both.Go(func() error { return pass(server, client) })
	both.Go(func() error { return pass(client, server) })
	_ = both.Wait() // whose connection failed knows it
}

func pass(to interface {
	io.Writer
	CloseWrite() error
}, from io.Reader) error {
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.CloseWrite()
}
