#!/usr/bin/env bash
# Proves that no acknowledged write is lost when the database is killed and comes
# back while clients write, and that the server goes on without a restart. Needs
# root on Debian, as mongodb-test.sh, whose database on a port of its own it uses.
set -euo pipefail
cd "$(dirname "$0")/.."

export MONGODB_TEST_PORT=${MONGODB_TEST_PORT:-27199}
work=$(mktemp -d)
server=

die() { printf 'prove-mongodb: %s\n' "$*" >&2; exit 1; }

finish() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" || true
	fi
	scripts/mongodb-test.sh down || true
	rm -rf "$work"
}
trap finish EXIT

# until_ready waits for /readyz, at most a minute.
until_ready() {
	local _
	for _ in $(seq 600); do
		kill -0 "$server" 2>/dev/null || die "the server stopped: $(tail -n 3 "$work/log")"
		curl -fsS -o /dev/null "$base/readyz" 2>/dev/null && return
		sleep 0.1
	done
	die "not ready after a minute"
}

# client writes patients, one after another, and notes the answers.
client() {
	local i
	for i in $(seq 150); do
		printf '%s %s\n' "c$1-$i" "$(curl -sS -o /dev/null -w '%{http_code}' -X PUT "$base/fhir/Patient/c$1-$i" \
			-H 'Content-Type: application/fhir+json' -d "{\"resourceType\":\"Patient\",\"id\":\"c$1-$i\"}")"
	done >"$work/answers.$1"
}

url=$(scripts/mongodb-test.sh up)
CGO_ENABLED=0 go build -o "$work/noafhir" ./cmd/noafhir
"$work/noafhir" serve --listen 127.0.0.1:0 --store "${url}prove" --log-format text >/dev/null 2>"$work/log" &
server=$!
for _ in $(seq 600); do
	base=$(sed -n 's/.*msg=serving address=\([^ ]*\) .*/http:\/\/\1/p' "$work/log")
	[ -z "$base" ] || break
	sleep 0.1
done
[ -n "$base" ] || die "the server did not come up: $(cat "$work/log")"
until_ready

clients=()
for c in 1 2 3 4; do
	client $c &
	clients+=($!)
done
sleep 1
scripts/mongodb-test.sh kill
sleep 1
status=$(curl -s -o /dev/null -w '%{http_code}' "$base/readyz")
[ "$status" = 503 ] || die "without a database /readyz answers $status"
scripts/mongodb-test.sh up >/dev/null
wait "${clients[@]}"
until_ready

stored=$(cat "$work"/answers.* | grep -c ' 201$') || true
refused=$(cat "$work"/answers.* | grep -c ' 503$') || true
other=$(cat "$work"/answers.* | grep -vc ' \(201\|503\)$') || true
[ $((stored * refused)) -gt 0 ] || die "$stored writes were stored and $refused refused: the database was not killed among them"
[ "$other" = 0 ] || die "$other answers were neither 201 nor 503"
while read -r id _; do
	curl -fsS -o /dev/null "$base/fhir/Patient/$id" || die "$id was acknowledged and is not there"
done < <(cat "$work"/answers.* | grep ' 201$')
printf '%s writes acknowledged, %s refused with 503 while the database was away; all acknowledged are there\n' "$stored" "$refused"
