# What each target does is in scripts/; this file only names them.
# VERSION is what `noafhir version` prints.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  = -s -w -X main.version=$(VERSION)

.PHONY: help test check build demo bench image prove-static prove-mongodb generate clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

test: ## format, vet, staticcheck, tidy, then go test -race ./..., MongoDB included
	@scripts/test.sh

check: ## test, with all random tests on MongoDB too, and: generated files, known vulnerabilities, the static binary
	@NOAFHIR_TEST_SEEDS=8 scripts/test.sh
	@scripts/check.sh

build: ## the stripped static binary, bin/noafhir
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/noafhir ./cmd/noafhir

demo: ## serve the demo patients from a fresh store on 127.0.0.1:8080
	go run ./cmd/noafhir serve --demo --auth off

bench: ## benchmarks of the parts, then whole-server runs beside their floors
	go test -run '^$$' -bench . ./...
	go run ./internal/bench

image: ## the container image noafhir:VERSION
	docker build --build-arg VERSION=$(VERSION) -t noafhir:$(VERSION) .

prove-static: ## serve from an empty folder as a nobody, in a chroot
	@scripts/prove-static.sh

prove-mongodb: ## kill the database among writes, and lose none (root on Debian)
	@scripts/prove-mongodb.sh

generate: ## make the generated tables again (needs npm)
	go generate ./...

clean: ## remove what build and the tests leave behind
	rm -rf bin dist
