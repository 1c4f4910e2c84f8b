#!/usr/bin/env bash
# What make check does beyond make test: slower, and in need of more than Go.
# What cannot run here is said loudly and passed over.
set -euo pipefail
cd "$(dirname "$0")/.."

govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0

say() { printf '== %s\n' "$*"; }
loud() { printf '\n!!!! %s\n\n' "$*" >&2; }

# generated makes the generated files again and wants no difference.
generated() {
	if ! command -v npm >/dev/null; then
		loud "NO NPM: whether the generated files are up to date was not checked."
		return
	fi
	go generate ./...
	git diff --exit-code --stat -- '*_gen.go' '*.bin'
}

# vulnerabilities fails on a known one that our code can reach, exit status 3.
vulnerabilities() {
	local status=0
	go run "$govulncheck" ./... || status=$?
	case $status in
	0) ;;
	3) exit 1 ;;
	*) loud "NO GOVULNCHECK: it, or its database, could not be fetched." ;;
	esac
}

# oracle asks many more random searches than make test.
oracle() {
	NOAFHIR_ORACLE_SEARCHES=250000 go test -count=1 -run '^TestOracle$' ./fhir/search
}

say random searches
oracle
say generated files
generated
say govulncheck
vulnerabilities
say static binary
scripts/prove-static.sh
