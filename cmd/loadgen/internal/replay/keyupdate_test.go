package replay

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
)

// TestKeyUpdateWhileWriting: the server wants new keys, and to be told so, while it
// does not read what we write. All of the request arrives, under both keys, and those
// on other connections of the loop notice nothing.
func TestKeyUpdateWhileWriting(t *testing.T) {
	const size = 32 << 20 // more than the kernel holds in both directions
	usual, client := asUsual()
	quick := make(chan struct{})
	replied := make(chan int, 1)
	s := serve(t, func(p *peer) {
		raw := &recorder{Conn: p.Conn}
		keys := &bytes.Buffer{}
		config := usual.Clone()
		config.KeyLogWriter, config.SessionTicketsDisabled = keys, true
		c := tls.Server(raw, config)
		p.Conn, p.reader = c, bufio.NewReader(c)
		r, err := http.ReadRequest(p.reader)
		if err != nil {
			return
		}
		if r.Method == "GET" {
			p.say(plantest.OK)
			always(plantest.OK)(p)
			close(quick)
			return
		}
		if c.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
			t.Errorf("this test cannot write %s", tls.CipherSuiteName(c.ConnectionState().CipherSuite))
			return
		}
		w := &recordWriter{to: raw, secret: secretOf(keys.String(), "SERVER_TRAFFIC_SECRET_0")}
		untilFull(raw.Conn)
		w.write(22, "\x18\x00\x00\x01\x01") // update_requested, RFC 8446 section 4.6.3
		w.update()
		w.write(23, "HTTP/1.1 103 Early Hints\r\n\r\n")
		<-quick
		if n, err := io.Copy(io.Discard, r.Body); n != size {
			t.Errorf("%d bytes of the request arrived, %v", n, err)
		}
		w.write(23, plantest.OK)
		p.next()
		w.write(21, "\x01\x00") // close_notify
		replied <- keyUpdates(raw.read)
	})
	gets := plantest.Gets("/1", "/2", "/3")
	r := replayed(t, planned(t, []plantest.Exchange{postOf(size)}, gets), s.address, Config{TLS: client, Connections: 2, Verify: true})
	if got, want := countsOf(r), (counts{requests: 4, opened: 2, reused: 2, byUs: 2}); got != want || r.Interim != 1 {
		t.Errorf("got %+v, want %+v, %v", got, want, r.Explanations)
	}
	if n := <-replied; n != 1 {
		t.Errorf("%d replies to the KeyUpdate", n)
	}
}

// untilFull returns when the peer can write no more, since nobody reads.
func untilFull(c net.Conn) {
	raw, _ := c.(*net.TCPConn).SyscallConn()
	for before, same := -1, 0; same < 10; time.Sleep(5 * time.Millisecond) {
		unread := 0
		raw.Control(func(fd uintptr) { unread, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ) })
		if same++; unread != before || unread == 0 {
			before, same = unread, 0
		}
	}
}

// keyUpdates counts the records of TLS 1.3 whose length only a KeyUpdate has here.
func keyUpdates(records []byte) (n int) {
	const length = 5 + 1 + 16 // the message, its type, a tag
	for len(records) >= 5 {
		of := int(binary.BigEndian.Uint16(records[3:]))
		if of == length && records[0] == 23 {
			n++
		}
		records = records[min(5+of, len(records)):]
	}
	return n
}

// secretOf finds a secret in what KeyLogWriter got.
func secretOf(keys, label string) []byte {
	for line := range strings.Lines(keys) {
		if fields := strings.Fields(line); fields[0] == label {
			secret, _ := hex.DecodeString(fields[2])
			return secret
		}
	}
	return nil
}

// A recordWriter writes records of TLS 1.3 with TLS_AES_128_GCM_SHA256. crypto/tls has
// no call that updates keys.
type recordWriter struct {
	to     io.Writer
	secret []byte
	seq    uint64
}

// update takes the next secret (RFC 8446 section 7.2).
func (w *recordWriter) update() { w.secret, w.seq = w.derive("traffic upd", 32), 0 }

// derive is HKDF-Expand-Label (RFC 8446 section 7.1).
func (w *recordWriter) derive(label string, length int) []byte {
	info := fmt.Sprintf("\x00%c%c%s\x00", length, 6+len(label), "tls13 "+label)
	key, err := hkdf.Expand(sha256.New, w.secret, info, length)
	if err != nil {
		panic(err)
	}
	return key
}

func (w *recordWriter) write(kind byte, content string) {
	block, _ := aes.NewCipher(w.derive("key", 16))
	aead, _ := cipher.NewGCM(block)
	nonce := w.derive("iv", 12)
	for i := range 8 {
		nonce[4+i] ^= byte(w.seq >> (56 - 8*i))
	}
	w.seq++
	head := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(content)+1+16))
	w.to.Write(aead.Seal(head, nonce, append([]byte(content), kind), head))
}
