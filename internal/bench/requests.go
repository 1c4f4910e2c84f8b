package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// many is how many connections make a full load of reads, and crowd how many
// clients write at once.
const (
	many  = 32
	crowd = 64
)

// Resources made while measuring have numbers of their own, from these on.
const (
	rawFirst    = 1_000_000_000
	createFirst = 2_000_000_000
	bundleFirst = 3_000_000_000
)

// prepared returns requests made beforehand, so that making them takes nothing
// from the server; then it begins again.
func prepared(count int, of func(i int) []byte) func(int) []byte {
	list := [][]byte{}
	for i := range count {
		list = append(list, of(i))
	}
	return func(i int) []byte { return list[i%count] }
}

// gets returns requests that read any resource of those to begin with.
func (b *bench) gets(headers ...string) func(int) []byte {
	a := b.newAsking()
	return prepared(10_000, func(int) []byte {
		return request("GET", "/fhir/"+relative(a.IntN(b.size)), nil, headers...)
	})
}

// reads measures GET by id and 304, beside bare Gin and the plain driver.
func (b *bench) reads() error {
	r, err := b.trials(
		b.load(load{to: b.gin, conns: many, status: 200, next: b.gets()}),
		b.load(load{to: b.server, conns: many, status: 200, next: b.gets()}),
		b.load(load{to: b.server, conns: many, status: 304, next: b.gets(`If-None-Match: W/"1"`)}),
		b.load(load{to: b.gin, conns: 1, status: 200, next: b.gets()}),
		b.load(load{to: b.server, conns: 1, status: 200, next: b.gets()}),
		func() (result, error) { return b.floor.read(b) },
	)
	if err != nil {
		return err
	}
	bare, get, unchanged, bare1, get1 := r[0], r[1], r[2], r[3], r[4]
	b.add("GET by id, 32 connections", get.rate, "/s", "B0", bare.rate, atLeast(0.25))
	b.add("the same, processor time of the server", micro(get.cpu), "µs", "B0", micro(bare.cpu), atMost(4))
	b.add("GET by id, one connection, p50", micro(get1.p50), "µs", "B0", micro(bare1.p50), nil)
	b.add("GET by id, one connection, p99", micro(get1.p99), "µs", "B0", micro(bare1.p99), atMost(2))
	b.add("GET by id, one connection", get1.rate, "/s", "plain driver", r[5].rate, b.elsewhere(0.6))
	b.add("304 for If-None-Match, 32 connections", unchanged.rate, "/s", "GET", get.rate, atLeast(1))
	return nil
}

// elsewhere returns a goal for databases that are reached over a network: beside
// one in the same process HTTP is most of the work.
func (b *bench) elsewhere(bound float64) *goal {
	if b.place.file != "" {
		return nil
	}
	return atLeast(bound)
}

// creates returns requests that create observations of any patient, made one
// after the other from the last day on.
func (b *bench) creates() func(int) []byte {
	first, a := int(b.requests.Load()), b.newAsking()
	return prepared(50_000, func(i int) []byte {
		i += first
		e := a.encounter()
		at := lastDay.Add(time.Duration(i) * 10 * time.Second)
		return request("POST", "/fhir/Observation", observation(createFirst+i, "", relative(patientOf(e)), relative(e), at, 0))
	})
}

// updates returns requests that change nothing of an observation that is indexed.
func (b *bench) updates() func(int) []byte {
	a := b.newAsking()
	return prepared(50_000, func(i int) []byte {
		n := a.observation()
		body := observation(n, id(n), relative(patientOf(n)), relative(encounterOf(n)), b.date(n), 1+i)
		return request("PUT", "/fhir/"+relative(n), body)
	})
}

// writes measures durable creates and updates, beside B1 and B2.
func (b *bench) writes() error {
	r, err := b.trials(
		func() (result, error) { return floorSync(b.dir, b.span) },
		func() (result, error) { return floorCommit(b.dir, b.span) },
		b.load(load{to: b.server, conns: 1, status: 201, next: b.creates()}),
		b.load(load{to: b.server, conns: crowd, status: 201, next: b.creates()}),
		b.load(load{to: b.server, conns: 1, status: 200, next: b.updates()}),
		func() (result, error) { return b.floor.create(b, 1) },
	)
	if err != nil {
		return err
	}
	sync, commit, one, all, again := r[0], r[1], r[2], r[3], r[4]
	b.add("durable create, one client", one.rate, "/s", "B2", r[5].rate, cmp.Or(b.elsewhere(0.6), atLeast(0.65)))
	b.add("durable create, one client", one.rate, "/s", "B1", commit.rate, atLeast(0.22))
	b.add("the same, p50", micro(one.p50), "µs", "append and sync", micro(sync.p50), atMost(3))
	b.add("the same, p99", micro(one.p99), "µs", "", 0, nil)
	b.add("durable create, 64 clients", all.rate, "/s", "one client", one.rate, atLeast(2.5))
	b.add("the same", all.rate, "/s", "B1", commit.rate, atLeast(0.6))
	b.add("update, nothing indexed changed, one client", again.rate, "/s", "create", one.rate, atLeast(1))
	return nil
}

// bundles measures transactions over HTTP, beside B2 with as many a commit.
func (b *bench) bundles() error {
	const patients = 8
	first := int(b.requests.Load())
	fresh := func(i int) []byte {
		return request("POST", "/fhir", b.transactionBundle(bundleFirst+(first+i)*patients*perPatient, patients))
	}
	const beforehand = 200
	ready := prepared(beforehand, fresh)
	next := func(i int) []byte {
		if i -= first; i < beforehand {
			return ready(i)
		}
		return fresh(i)
	}
	r, err := b.trials(
		b.load(load{to: b.server, conns: 2, status: 200, next: next}),
		func() (result, error) { return b.floor.create(b, patients*perPatient) },
	)
	if err != nil {
		return err
	}
	rate := r[0].rate * patients * perPatient
	b.add(fmt.Sprintf("transactions of %d over HTTP, resources", patients*perPatient), rate, "/s", "B2 in bulk", r[1].rate, atLeast(0.5))
	b.add("the same, a core of two", rate/2, "/s", "", 0, atLeast(2500))
	return nil
}

// storm measures GET by id while others write, beside the same without.
func (b *bench) storm() error {
	a := b.newAsking()
	get := load{to: b.server, conns: 4, status: 200, next: prepared(10_000, func(int) []byte {
		return request("GET", "/fhir/"+relative(a.observation()), nil)
	})}
	writers := load{to: b.server, conns: 16, status: 201, next: b.creates()}
	r, err := b.trials(b.load(get), func() (result, error) {
		until, ended := make(chan struct{}), make(chan error, 1)
		writers.until = until
		go func() {
			_, err := writers.run(&b.requests, time.Hour)
			ended <- err
		}()
		busy, err := get.run(&b.requests, b.span)
		close(until)
		return busy, errors.Join(err, <-ended)
	})
	if err != nil {
		return err
	}
	idle, busy := r[0], r[1]
	b.add("GET by id, four connections, while 16 clients write, p99", micro(busy.p99), "µs", "the same, idle", micro(idle.p99), atMost(4))
	b.add("the same", busy.rate, "/s", "the same, idle", idle.rate, nil)
	return nil
}
