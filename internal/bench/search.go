package main

import (
	"fmt"
	"slices"
	"time"
)

// searches returns requests of a shape.
func (b *bench) searches(s shape) func(int) []byte {
	a := b.newAsking()
	return prepared(5_000, func(int) []byte { return request("GET", "/fhir/"+s.next(a), nil) })
}

// alone returns the trial of a shape with one connection.
func (b *bench) alone(s shape) trial {
	return b.crowded(s, 1)
}

// crowded returns the trial of a shape with several connections.
func (b *bench) crowded(s shape, conns int) trial {
	return b.tolerant(fmt.Sprintf("%s, %d connections", s.name, conns), b.load(load{to: b.server, conns: conns, status: 200, next: b.searches(s)}))
}

// pages measures first pages of searches that an index answers, beside GET by id.
func (b *bench) pages() error {
	trials := []trial{
		b.load(load{to: b.server, conns: 1, status: 200, next: b.gets()}),
		b.load(load{to: b.server, conns: many, status: 200, next: b.gets()}),
	}
	for _, s := range pages {
		trials = append(trials, b.alone(s), b.crowded(s, many))
	}
	r, err := b.trials(trials...)
	if err != nil {
		return err
	}
	get, crowded := r[0], r[1]
	for i, s := range pages {
		one, full := r[2+2*i], r[3+2*i]
		if one.failed || full.failed {
			continue
		}
		b.add(s.name+", p50", micro(one.p50), "µs", "GET", micro(get.p50), atMost(4))
		b.add("… p99", micro(one.p99), "µs", "GET", micro(get.p99), atMost(5))
		b.add("… 32 connections", full.rate, "/s", "GET", crowded.rate, atLeast(0.25))
		b.add("… processor time of the server", micro(full.cpu), "µs", "GET", micro(crowded.cpu), nil)
	}
	return nil
}

// pairs measures conditions that narrow each other, beside one by itself.
func (b *bench) pairs() error {
	trials := []trial{b.alone(single)}
	for _, s := range pairs {
		trials = append(trials, b.alone(s))
	}
	r, err := b.trials(trials...)
	if err != nil {
		return err
	}
	for i, s := range pairs {
		if r[1+i].failed || r[0].failed {
			continue
		}
		b.add(s.name+", p50", micro(r[1+i].p50), "µs", single.name, micro(r[0].p50), atMost(3))
	}
	return nil
}

// linkTime is how long the first page may take of searches that lead through many
// resources.
const linkTime = 100

// links measures conditions on other resources.
func (b *bench) links() error {
	var trials []trial
	for _, s := range links {
		trials = append(trials, b.alone(s))
	}
	r, err := b.trials(trials...)
	if err != nil {
		return err
	}
	b.remark("Links lead through %s patients, %s encounters and their observations.", number(float64(b.size/perPatient)), number(float64(b.size/perPatient*encounters)))
	for i, s := range links {
		if r[i].failed {
			continue
		}
		b.add(s.name+", p50", micro(r[i].p50)/1000, "ms", "", 0, atMost(linkTime))
		b.add("… p99", micro(r[i].p99)/1000, "ms", "", 0, nil)
	}
	return nil
}

// mixSpan is how many times longer than others a run of the mix is.
const mixSpan = 4

// mixed measures what clients ask in real use.
func (b *bench) mixed() error {
	a, names := b.newAsking(), []string{}
	for _, s := range mix {
		names = append(names, s.name)
	}
	next := prepared(len(mix)*300, func(i int) []byte {
		return request("GET", "/fhir/"+mix[i%len(mix)].next(a), nil)
	})
	for _, conns := range []int{16, 32} {
		l := load{to: b.server, conns: conns, status: 200, next: next, shapes: names}
		if _, err := l.run(&b.requests, b.span); err != nil {
			return err
		}
		failures, slowest := 0, ""
		r, err := b.trials(func() (result, error) {
			r, err := l.run(&b.requests, mixSpan*b.span)
			if failures += r.failures; r.first != nil {
				b.note("of the mix: %v", r.first)
			}
			if err == nil {
				slowest = slowestOf(names, r.shapes)
			}
			return r, err
		})
		if err != nil {
			return err
		}
		b.add(fmt.Sprintf("mix of %d searches, %d clients", len(mix), conns), r[0].rate, "/s", "", 0, nil)
		b.add("… p50", micro(r[0].p50)/1000, "ms", "", 0, nil)
		b.add("… p99", micro(r[0].p99)/1000, "ms", "", 0, nil)
		b.add("… errors", float64(failures), "", "", 0, atMost(0))
		b.add("… processor time of the server", micro(r[0].cpu), "µs", "", 0, nil)
		b.remark("Slowest of the mix with %d clients, p50: %s.", conns, slowest)
	}
	return nil
}

// slowestOf names the three slowest shapes.
func slowestOf(names []string, times []time.Duration) string {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return int(times[j] - times[i]) })
	text := ""
	for _, i := range order[:3] {
		text += fmt.Sprintf(", %s %.1f ms", names[i], micro(times[i])/1000)
	}
	return text[2:]
}
