package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A client is one keep-alive connection that speaks just enough HTTP/1.1.
// net/http would take more of the two cores than the server does.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	body []byte
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// request returns the bytes of a request. Headers are whole lines.
func request(method, path string, body []byte, headers ...string) []byte {
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path)
	for _, h := range headers {
		b = append(append(b, h...), "\r\n"...)
	}
	if body != nil {
		b = fmt.Appendf(b, "Content-Type: application/fhir+json\r\nContent-Length: %d\r\n", len(body))
	}
	return append(append(b, "\r\n"...), body...)
}

// do sends a request and returns the status and the body, which is overwritten
// by the next call.
func (c *client) do(req []byte) (status int, body []byte, err error) {
	if _, err := c.conn.Write(req); err != nil {
		return 0, nil, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, fmt.Errorf("status line %q", line)
	}
	status = int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
	length, chunked := 0, false
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(v))); err != nil {
				return 0, nil, err
			}
		}
		chunked = chunked || bytes.HasPrefix(line, []byte("Transfer-Encoding: chunked"))
	}
	if chunked {
		return status, c.body, c.readChunks()
	}
	if status == 304 || status == 204 {
		length = 0
	}
	return status, c.body, c.read(length)
}

// read takes in a body of a known length.
func (c *client) read(length int) error {
	c.body = slices.Grow(c.body[:0], length)[:length]
	_, err := io.ReadFull(c.r, c.body)
	return err
}

// readChunks takes in a body sent in chunks.
func (c *client) readChunks() error {
	c.body = c.body[:0]
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		from := len(c.body)
		c.body = slices.Grow(c.body, int(n)+2)[:from+int(n)+2]
		if _, err := io.ReadFull(c.r, c.body[from:]); err != nil {
			return err
		}
		c.body = c.body[:from+int(n)]
		if n == 0 {
			return nil
		}
	}
}

// A load is requests from several connections at once, each sending its next
// when the last has been answered.
type load struct {
	to     *process
	conns  int
	status int // wanted
	next   func(i int) []byte
	shapes []string        // if set, request i is of shape i modulo their number, and failures are counted
	until  <-chan struct{} // ends it; nil: the time given to run
}

// A result is what a load measured.
type result struct {
	rate     float64 // requests a second
	p50, p99 time.Duration
	cpu      time.Duration // of the server, for each request
	failed   bool          // there are no figures
	failures int
	first    error           // failure
	shapes   []time.Duration // p50 of each, if there are any
}

// run sends requests for a while. Numbers given to next are never repeated.
func (l *load) run(counter *atomic.Int64, span time.Duration) (result, error) {
	var all sync.WaitGroup
	counts := make([]tally, l.conns)
	errs := make([]error, l.conns)
	before := l.to.cpu()
	begin := time.Now()
	for k := range l.conns {
		c, err := dial(l.to.address)
		if err != nil {
			return result{}, err
		}
		all.Go(func() {
			defer c.conn.Close()
			errs[k] = l.one(c, counter, begin.Add(span), &counts[k])
		})
	}
	all.Wait()
	took, worked := time.Since(begin), l.to.cpu()-before
	if err := cmp.Or(errs...); err != nil {
		return result{}, err
	}
	return l.result(counts, took, worked)
}

// A tally is what one connection measured.
type tally struct {
	times    []time.Duration
	shapes   []int // of the times
	failures int
	first    error
}

// result puts together what the connections measured.
func (l *load) result(counts []tally, took, worked time.Duration) (result, error) {
	var flat []time.Duration
	var r result
	of := make([][]time.Duration, len(l.shapes))
	for _, t := range counts {
		flat = append(flat, t.times...)
		r.failures += t.failures
		r.first = cmp.Or(r.first, t.first)
		for i, s := range t.shapes {
			of[s] = append(of[s], t.times[i])
		}
	}
	if len(flat) == 0 {
		return result{}, errors.New("nothing was answered")
	}
	slices.Sort(flat)
	r.rate, r.p50, r.p99 = float64(len(flat))/took.Seconds(), flat[len(flat)/2], flat[len(flat)*99/100]
	r.cpu = worked / time.Duration(len(flat))
	for _, times := range of {
		slices.Sort(times)
		p50 := time.Duration(0)
		if len(times) > 0 {
			p50 = times[len(times)/2]
		}
		r.shapes = append(r.shapes, p50)
	}
	return r, nil
}

// patience is how long an answer is waited for, so that nobody has to watch.
const patience = time.Minute

// one runs the requests of one connection, at least one.
func (l *load) one(c *client, counter *atomic.Int64, end time.Time, t *tally) error {
	if err := c.conn.SetDeadline(end.Add(patience)); err != nil {
		return err
	}
	for {
		select {
		case <-l.until:
			return nil
		default:
		}
		i := int(counter.Add(1) - 1)
		req := l.next(i)
		begin := time.Now()
		if l.until == nil && begin.After(end) && len(t.times) > 0 {
			return nil
		}
		status, body, err := c.do(req)
		if err != nil {
			return err
		}
		t.times = append(t.times, time.Since(begin))
		if len(l.shapes) > 0 {
			t.shapes = append(t.shapes, i%len(l.shapes))
		}
		if status == l.status {
			continue
		}
		err = fmt.Errorf("status %d instead of %d for %.120q: %.300s", status, l.status, req, body)
		if len(l.shapes) == 0 {
			return err
		}
		t.failures++
		t.first = cmp.Or(t.first, err)
	}
}
