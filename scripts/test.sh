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
say "go test $flag"
if [ -n "$flag" ]; then
	CGO_ENABLED=1 exec go test -race -timeout 30m ./...
fi
exec go test -timeout 30m ./...
