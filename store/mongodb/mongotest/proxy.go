package mongotest

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// A Proxy stands between a store and its database, and can be cut.
type Proxy struct {
	// URL leads to the database through the proxy.
	URL string

	server   string
	listener net.Listener
	all      sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
	watch func(message []byte) Fate
}

// A Fate is what becomes of a message to the database.
type Fate int

// What can become of a message.
const (
	Pass      Fate = iota // it arrives
	CutBefore             // it does not, and the connection breaks
	CutAfter              // it does, but the connection breaks before there is an answer
)

// NewProxy returns a proxy to the database of a URL, which names one server. It
// ends with the test.
func NewProxy(t testing.TB, database string) *Proxy {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal("the URL of the database is none")
	}
	p := &Proxy{server: u.Host, conns: map[net.Conn]bool{}}
	if u.Port() == "" {
		p.server += ":27017"
	}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	// Without directConnection the driver would ask the server where it is, and go
	// there.
	q := u.Query()
	q.Del("replicaSet")
	q.Set("directConnection", "true")
	q.Set("serverSelectionTimeoutMS", "800")
	u.Host, u.RawQuery = p.listener.Addr().String(), q.Encode()
	p.URL = u.String()
	p.all.Go(p.accept)
	t.Cleanup(func() {
		p.listener.Close()
		p.Cut()
		p.all.Wait()
	})
	return p
}

// Cut breaks all connections, and every one that is made until Mend.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// Mend lets connections be made again.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// Watch has a function decide about each message to the database from now on,
// those of other connections at the same time; nil: all pass.
func (p *Proxy) Watch(decide func(message []byte) Fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch = decide
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil || !p.keep(client, server) {
			client.Close()
			if err == nil {
				server.Close()
			}
			continue
		}
		p.all.Go(func() { p.forward(client, server) })
		p.all.Go(func() {
			io.Copy(client, server)
			client.Close()
			server.Close()
		})
	}
}

// keep notes the two ends of a connection, unless the proxy is cut.
func (p *Proxy) keep(ends ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range ends {
		p.conns[c] = !p.cut
	}
	return !p.cut
}

// forward passes messages on to the database.
func (p *Proxy) forward(client, server net.Conn) {
	defer client.Close()
	for {
		message, err := readMessage(client)
		fate := CutBefore
		if err == nil {
			fate = p.fate(message)
		}
		switch fate {
		case CutBefore:
			server.Close()
			return
		case CutAfter:
			// The other direction ends when it has an answer that nobody takes: then the
			// database has done what it was told.
			client.Close()
			server.Write(message)
			return
		}
		if _, err := server.Write(message); err != nil {
			return
		}
	}
}

// readMessage reads a message, which begins with its length.
func readMessage(r io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(head)
	if length < 16 || length > 64<<20 {
		return nil, io.ErrUnexpectedEOF
	}
	message := append(head, make([]byte, length-4)...)
	_, err := io.ReadFull(r, message[4:])
	return message, err
}

func (p *Proxy) fate(message []byte) Fate {
	p.mu.Lock()
	decide := p.watch
	p.mu.Unlock()
	if decide == nil {
		return Pass
	}
	return decide(message)
}
