package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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
	return prepared(10_000, func(int) []byte {
		i := rand.IntN(b.size)
		typ := "Observation"
		if i%perPatient == 0 {
			typ = "Patient"
		}
		return request("GET", "/fhir/"+typ+"/"+id(i), nil, headers...)
	})
}

// reads measures GET by id and 304, beside bare Gin. From here on the database is
// in the memory of the operating system: disks differ more than programs do.
func (b *bench) reads() error {
	if err := copyFile(os.DevNull, b.store); err != nil {
		return err
	}
	r, err := b.trials(
		b.load(load{to: b.gin, conns: many, status: 200, next: b.gets()}),
		b.load(load{to: b.server, conns: many, status: 200, next: b.gets()}),
		b.load(load{to: b.server, conns: many, status: 304, next: b.gets(`If-None-Match: W/"1"`)}),
		b.load(load{to: b.gin, conns: 1, status: 200, next: b.gets()}),
		b.load(load{to: b.server, conns: 1, status: 200, next: b.gets()}),
	)
	if err != nil {
		return err
	}
	bare, get, unchanged, bare1, get1 := r[0], r[1], r[2], r[3], r[4]
	b.add("GET by id, 32 connections", get.rate, "/s", "B0", bare.rate, atLeast(0.25))
	b.add("the same, processor time of the server", micro(get.cpu), "µs", "B0", micro(bare.cpu), atMost(4))
	b.add("GET by id, one connection, p50", micro(get1.p50), "µs", "B0", micro(bare1.p50), nil)
	b.add("GET by id, one connection, p99", micro(get1.p99), "µs", "B0", micro(bare1.p99), atMost(2))
	b.add("304 for If-None-Match, 32 connections", unchanged.rate, "/s", "GET", get.rate, atLeast(1))
	return nil
}

// searches measures pages of 20, beside GET by id.
func (b *bench) searches() error {
	anyCode := func() string { return "http://loinc.org%7C" + labTests[rand.IntN(len(labTests))].code }
	anyPatient := func() string { return "Patient/" + id(patientOf(rand.IntN(b.size))) }
	for _, s := range []struct {
		name string
		path func() string
		goal bool
	}{
		{"of one patient", func() string { return "subject=" + anyPatient() }, true},
		{"with one of ten codes", func() string { return "code=" + anyCode() }, true},
		{"of one patient with one code", func() string { return "subject=" + anyPatient() + "&code=" + anyCode() }, false},
	} {
		search := load{to: b.server, conns: many, status: 200, next: prepared(10_000, func(int) []byte {
			return request("GET", "/fhir/Observation?_count=20&"+s.path(), nil)
		})}
		search1 := search
		search1.conns = 1
		r, err := b.trials(
			b.load(load{to: b.server, conns: many, status: 200, next: b.gets()}), b.load(search),
			b.load(load{to: b.server, conns: 1, status: 200, next: b.gets()}), b.load(search1),
		)
		if err != nil {
			return err
		}
		get, full, get1, one := r[0], r[1], r[2], r[3]
		var rate, p50, p99 *goal
		if s.goal {
			rate, p50, p99 = atLeast(0.25), atMost(4), atMost(5)
		}
		b.add("page of 20 observations "+s.name+", 32 connections", full.rate, "/s", "GET", get.rate, rate)
		b.add("the same, processor time of the server", micro(full.cpu), "µs", "GET", micro(get.cpu), nil)
		b.add("the same, one connection, p50", micro(one.p50), "µs", "GET", micro(get1.p50), p50)
		b.add("the same, one connection, p99", micro(one.p99), "µs", "GET", micro(get1.p99), p99)
	}
	return nil
}

// creates returns requests that create observations of any patient, made one
// after the other from the last day on.
func (b *bench) creates() func(int) []byte {
	first := int(b.requests.Load())
	return prepared(50_000, func(i int) []byte {
		i += first
		subject := "Patient/" + id(patientOf(rand.IntN(b.size)))
		at := lastDay.Add(time.Duration(i) * 10 * time.Second)
		return request("POST", "/fhir/Observation", observation(createFirst+i, "", subject, at, 0))
	})
}

// updates returns requests that change nothing of an observation that is indexed.
func (b *bench) updates() func(int) []byte {
	return prepared(50_000, func(i int) []byte {
		n := rand.IntN(b.size/perPatient)*perPatient + 1 + rand.IntN(observationsPerPatient)
		name := id(n)
		return request("PUT", "/fhir/Observation/"+name, observation(n, name, "Patient/"+id(patientOf(n)), b.date(n), 1+i))
	})
}

// writes measures durable creates and updates, beside B1 and B2.
func (b *bench) writes() error {
	r, err := b.trials(
		func() (result, error) { return floorSync(b.dir, b.span) },
		func() (result, error) { return floorCommit(b.dir, b.span) },
		func() (result, error) { return b.raw.rate(b.span, 1) },
		b.load(load{to: b.server, conns: 1, status: 201, next: b.creates()}),
		b.load(load{to: b.server, conns: crowd, status: 201, next: b.creates()}),
		b.load(load{to: b.server, conns: 1, status: 200, next: b.updates()}),
	)
	if err != nil {
		return err
	}
	sync, commit, rows, one, all, again := r[0], r[1], r[2], r[3], r[4], r[5]
	b.add("durable create, one client", one.rate, "/s", "B2", rows.rate, atLeast(0.65))
	b.add("the same", one.rate, "/s", "B1", commit.rate, atLeast(0.22))
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
		func() (result, error) { return b.raw.rate(b.span, patients*perPatient) },
		b.load(load{to: b.server, conns: 2, status: 200, next: next}),
	)
	if err != nil {
		return err
	}
	bulk, rate := r[0].rate, r[1].rate*patients*perPatient
	b.add(fmt.Sprintf("transactions of %d over HTTP, resources", patients*perPatient), rate, "/s", "B2 in bulk", bulk, atLeast(0.5))
	b.add("the same, a core of two", rate/2, "/s", "", 0, atLeast(2500))
	return nil
}

// storm measures GET by id while others write, beside the same without.
func (b *bench) storm() error {
	get := load{to: b.server, conns: 4, status: 200, next: prepared(10_000, func(int) []byte {
		i := rand.IntN(b.size/perPatient)*perPatient + 1
		return request("GET", "/fhir/Observation/"+id(i), nil)
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
