#!/usr/bin/env bash
# Proves what the container image relies on: the binary is static, and serves
# from a folder that holds nothing else, as a user that owns only its data.
# Needs root, for chroot.
set -euo pipefail
cd "$(dirname "$0")/.."

user=65532
root=$(mktemp -d)
server=

die() { printf 'prove-static: %s\n' "$*" >&2; exit 1; }

finish() {
	[ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
	rm -rf "$root"
}
trap finish EXIT

# free_port prints a loopback port that nobody answers on.
free_port() {
	local port
	for port in $(shuf -i 20000-29999 -n 50); do
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
	die "no free port"
}

# ready waits until the server answers, at most a minute: the machine may be busy.
ready() {
	local _
	for _ in $(seq 1200); do
		kill -0 "$server" 2>/dev/null || die "the server stopped: $(cat "$root/data/log")"
		curl -fsS -o /dev/null "http://127.0.0.1:$1/readyz" 2>/dev/null && return
		sleep 0.05
	done
	die "not ready after a minute: $(cat "$root/data/log")"
}

[ "$(id -u)" -eq 0 ] || die "chroot needs root"
for tool in ldd curl; do
	command -v "$tool" >/dev/null || die "$tool is needed"
done

CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$root/noafhir" ./cmd/noafhir
if ldd "$root/noafhir" >/dev/null 2>&1; then
	die "the binary is dynamic: $(ldd "$root/noafhir")"
fi
mkdir "$root/data"
chown "$user:$user" "$root/data"
chmod 755 "$root"

port=$(free_port)
chroot --userspec="$user:$user" "$root" /noafhir serve \
	--listen "127.0.0.1:$port" --store sqlite:/data/noafhir.db --auth off >"$root/data/log" 2>&1 &
server=$!
ready "$port"
curl -fsS -o /dev/null "http://127.0.0.1:$port/fhir/metadata"

kill -TERM "$server"
status=0
wait "$server" || status=$?
server=
[ "$status" -eq 0 ] || die "exit status $status after SIGTERM"
printf 'static, %s bytes; served from an empty folder as user %s; drained and exited 0\n' \
	"$(stat -c %s "$root/noafhir")" "$user"
