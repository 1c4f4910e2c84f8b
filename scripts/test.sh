#!/usr/bin/env bash
# Everything a change must pass before it is merged. The tests come last, so
# that the output ends with go test's own lines.
set -euo pipefail
cd "$(dirname "$0")/.."

# Nothing of ours uses C. Only the race detector needs it, below.
export CGO_ENABLED=0

# Pinned: another version may find other things in the same code.
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2

say() { printf '== %s\n' "$*"; }
loud() { printf '\n!!!! %s\n\n' "$*" >&2; }

# need_go stops where there is no Go that can build this module.
need_go() {
	if command -v go >/dev/null && go list -m >/dev/null && go version; then
		return
	fi
	loud "There is no Go 1.26 or newer here. Get it from https://go.dev/dl/ (unpack it to /usr/local," \
		"put /usr/local/go/bin on PATH), then run make test again."
	exit 1
}

# as_root runs a command as root, where that can be had without a question.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# race says -race where the race detector can run: it needs a C compiler, which
# on Debian is installed if it is missing.
race() {
	if ! command -v "$(go env CC)" >/dev/null && command -v apt-get >/dev/null; then
		say "the race detector needs a C compiler: installing gcc and libc6-dev" >&2
		{ as_root apt-get update && as_root apt-get install -y --no-install-recommends gcc libc6-dev; } >&2 || true
	fi
	if command -v "$(go env CC)" >/dev/null; then
		echo -race
	else
		loud "NO C COMPILER: the tests run WITHOUT the race detector."
	fi
}

check_format() {
	local files
	files=$(git ls-files '*.go' | xargs -r gofmt -l)
	if [ -n "$files" ]; then
		loud "gofmt would change:" "$files"
		exit 1
	fi
}

# lint runs staticcheck. Where it cannot be fetched, that is said and no more:
# a machine without a network still runs the tests.
lint() {
	if go run "$staticcheck" -version; then
		go run "$staticcheck" ./...
	else
		loud "NO STATICCHECK: it could not be fetched, so it did not run."
	fi
}

# mongodb says which MongoDB the tests use: the one of NOAFHIR_TEST_MONGODB, or else
# one that is made for them on Debian. Where there is neither, the tests of it are
# left out.
started=
left_out=
mongodb() {
	local lock
	if [ -n "${NOAFHIR_TEST_MONGODB:-}" ]; then
		say "MongoDB: the one of NOAFHIR_TEST_MONGODB"
		return
	fi
	# The lock is held for as long as the tests run: who is last stops the database.
	lock=${TMPDIR:-/tmp}/noafhir-mongodb-test.$(id -u)
	exec 7>"$lock"
	flock -s 7
	say "MongoDB: one for tests (scripts/mongodb-test.sh)"
	scripts/mongodb-test.sh status >/dev/null || started=yes
	if NOAFHIR_TEST_MONGODB=$(scripts/mongodb-test.sh up 7>&-); then
		export NOAFHIR_TEST_MONGODB
		return
	fi
	started=
	unset NOAFHIR_TEST_MONGODB
	left_out="NO MONGODB: what is tested on it was LEFT OUT. Start one and set NOAFHIR_TEST_MONGODB=mongodb://…"
	loud "$left_out"
}

# finish stops the database if it was started here and nobody else uses it, and
# repeats what was left out, for those who look at the end only.
finish() {
	if [ -n "$started" ] && flock -n -x 7; then
		scripts/mongodb-test.sh down
	fi
	[ -z "$left_out" ] || loud "$left_out"
}

need_go
flag=$(race)
say gofmt
check_format
say go vet
go vet ./...
say staticcheck
lint
say go mod tidy
go mod tidy -diff
trap finish EXIT
mongodb
say "go test $flag"
if [ -n "$flag" ]; then
	export CGO_ENABLED=1
fi
go test ${flag:+"$flag"} -timeout 30m ./... 7>&-
