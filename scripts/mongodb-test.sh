#!/usr/bin/env bash
# A database that speaks MongoDB's protocol, for tests on a Debian machine without
# containers: PostgreSQL with the DocumentDB extension, from Debian's packages in a
# folder of its own, and FerretDB in front of it. Nothing is installed on the
# machine but mmdebstrap. It has no transactions; a MongoDB replica set has.
#
#   mongodb-test.sh up      get what is missing, start, and print the address
#   mongodb-test.sh down    stop, and throw the data away
#   mongodb-test.sh kill    end it at once; up goes on with the data
#   mongodb-test.sh status  print the address if it runs; exit status 1 if not
#
# It listens on 127.0.0.1 only, without logins, and does not wait for the disk: for
# invented data. Programs are kept in the cache folder; from there it takes a second
# or two to start. Exit status 3 means that this machine can not run it.
#
#   MONGODB_TEST_HOME   cache folder; default: noafhir/mongodb-test in the user's cache
#   MONGODB_TEST_PORT   default: 27117; databases on different ports are independent
#   MONGODB_TEST_SUITE  release of Debian that has DocumentDB; default: forky
set -euo pipefail

home=${MONGODB_TEST_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/noafhir/mongodb-test}
port=${MONGODB_TEST_PORT:-27117}
suite=${MONGODB_TEST_SUITE:-forky}
package=postgresql-18-documentdb
ferretdb=github.com/FerretDB/FerretDB/v2/cmd/ferretdb@v2.7.0

url=mongodb://127.0.0.1:$port/
root=$home/root            # of PostgreSQL and FerretDB, in a chroot
bin=/usr/lib/postgresql/18/bin
data=/var/lib/postgresql/$port
socket=/run/postgresql
user=70                    # of both, in the chroot; it needs no name outside
pid=$home/$port.pid        # of FerretDB
killed=$home/$port.killed  # there is data to go on with

say() { printf '   %s\n' "$*" >&2; }
cannot() { printf 'mongodb-test: %s\n' "$*" >&2; exit 3; }

# step says what is done, and does it without a word unless it fails, which ends
# the script.
step() {
	doing=$1
	say "$doing"
	shift
	"$@" >"$home/log" 2>&1 8>&-
	doing=
}

doing=
finish() {
	[ -z "$doing" ] || {
		tail -n 20 "$home/log" >&2
		cannot "failed at: $doing"
	}
}
trap finish EXIT

# inside runs a command in the chroot, as the user that may do nothing else.
inside() {
	chroot --userspec="$user:$user" "$root" /usr/bin/env -i PATH=/usr/bin HOME=/tmp LC_ALL=C "$@"
}

postgres_runs() { [ -x "$root$bin/pg_ctl" ] && inside $bin/pg_ctl -D "$data" status >/dev/null 2>&1; }

# ferretdb_runs looks at the program, too: the number of a process that is gone is
# given to another.
ferretdb_runs() {
	[ -s "$pid" ] && [[ $(readlink "/proc/$(cat "$pid")/exe" 2>/dev/null) == */usr/bin/ferretdb ]]
}

able() {
	[ "$(id -u)" -eq 0 ] || cannot "only root can use chroot"
	grep -qs '^ID=debian$' /etc/os-release || cannot "this is not Debian"
	command -v go >/dev/null || cannot "there is no Go to build FerretDB with"
}

# mirror prints the address from which this machine gets Debian.
mirror() {
	apt-get indextargets --format '$(REPO_URI)' "Codename: $(. /etc/os-release && echo "$VERSION_CODENAME")" \
		'Origin: Debian' 'Component: main' 'Created-By: Packages' | head -n 1
}

# fetch_packages unpacks PostgreSQL and what it needs. No script of a package runs:
# what they would have done, as far as it matters here, is done below.
fetch_packages() {
	local new=$root.new from acquire=$home/apt.conf
	if ! command -v mmdebstrap >/dev/null || [ -z "$(mirror)" ]; then
		apt-get update
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mmdebstrap
	fi
	from=$(mirror)
	[ -n "$from" ] || { echo "apt knows no Debian mirror"; false; }
	apt-config dump Acquire >"$acquire" # proxies and the like
	rm -rf "$new"
	mmdebstrap --variant=extract --mode=root --aptopt="$acquire" --aptopt='Acquire::Languages "none"' \
		--include="$package,base-files,coreutils,dash,tzdata" "$suite" "$new" "$from"
	rm -rf "$new"/usr/share/{doc,man,locale} "$new"/usr/lib/postgresql/18/lib/bitcode
	printf '%s:x:%s:%s::/tmp:/bin/sh\n' root 0 0 postgres $user $user >"$new/etc/passwd"
	printf '%s:x:%s:\n' root 0 postgres $user >"$new/etc/group"
	printf '127.0.0.1 localhost\n' >"$new/etc/hosts"
	ln -sf postgis-3.control "$new/usr/share/postgresql/18/extension/postgis.control"
	[ -e "$new/dev/null" ] || mknod -m 666 "$new/dev/null" c 1 3
	install -d -m 1777 "$new/tmp" "$new/dev/shm"
	install -d -o $user -g $user "$new$socket" "$new${data%/*}"
	mv "$new" "$root"
}

build_ferretdb() {
	mkdir -p "$home/bin"
	(cd / && GOBIN=$home/bin GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=0 go install "$ferretdb")
	install "$home/bin/ferretdb" "$root/usr/bin/ferretdb"
}

# make_cluster makes an empty database. DocumentDB sorts by an index only with its
# own access method, connects to itself, and has no statistics that would keep the
# planner from reading whole collections. What is committed survives the death of the
# processes, though not of the machine.
make_cluster() {
	rm -rf "${root:?}$data"
	inside $bin/initdb -D "$data" -U postgres -A trust --no-locale -E UTF8 --no-sync
	cat >>"$root$data/postgresql.conf" <<-END
		listen_addresses = ''
		port = $port
		unix_socket_directories = '$socket'
		dynamic_shared_memory_type = mmap
		max_connections = 200
		max_worker_processes = 24
		shared_buffers = 256MB
		max_wal_size = 4GB
		wal_level = minimal
		max_wal_senders = 0
		fsync = off
		full_page_writes = off
		jit = off
		enable_seqscan = off
		shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb_extended_rum,pg_documentdb'
		documentdb.alternate_index_handler_name = 'extended_rum'
		documentdb.localhost_connection_string = 'host=$socket port=$port'
		cron.host = '$socket'
		cron.database_name = 'postgres'
		cron.use_background_workers = on
		cron.log_run = off
	END
}

start_postgres() {
	[ -e "$killed" ] || make_cluster
	rm -f "$killed"
	inside $bin/pg_ctl -D "$data" -l "$data.log" -w -t 60 start
	inside $bin/psql -X -q -v ON_ERROR_STOP=1 -h $socket -p "$port" -U postgres -d postgres \
		-c 'CREATE EXTENSION IF NOT EXISTS documentdb CASCADE' \
		-c 'CREATE EXTENSION IF NOT EXISTS documentdb_extended_rum'
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start_ferretdb() {
	if answers; then
		echo "something else listens on port $port"
		return 1
	fi
	install -d -o $user -g $user "$root/var/lib/ferretdb-$port"
	setsid chroot --userspec="$user:$user" "$root" /usr/bin/env -i /usr/bin/ferretdb \
		--postgresql-url="postgres://postgres@/postgres?host=$socket&port=$port&pool_min_conns=2" \
		--listen-addr="127.0.0.1:$port" --debug-addr=- --state-dir="/var/lib/ferretdb-$port" \
		--telemetry=disable --no-auth --log-level=ERROR >"$home/$port.log" 2>&1 </dev/null &
	echo $! >"$pid"
	local _
	for _ in $(seq 300); do
		answers && return
		kill -0 "$(cat "$pid")" 2>/dev/null || break
		sleep 0.1
	done
	cat "$home/$port.log"
	return 1
}

up() {
	able
	mkdir -p "$home"
	exec 8>"$home/lock"
	flock 8 # two that start it at the same time start one
	if [ ! -x "$root$bin/postgres" ]; then
		step "getting $package of Debian $suite into $root (about a minute and 560 MB, once)" fetch_packages
	fi
	if [ ! -x "$root/usr/bin/ferretdb" ]; then
		step "building FerretDB (about a minute, once)" build_ferretdb
	fi
	if ! ferretdb_runs || ! postgres_runs; then
		end
		step "starting PostgreSQL" start_postgres
		step "starting FerretDB on port $port" start_ferretdb
	fi
	echo "$url"
}

# end stops both without a warning, as a power cut would.
end() {
	local _
	if ferretdb_runs; then
		kill -KILL "$(cat "$pid")"
		for _ in $(seq 100); do
			ferretdb_runs || break
			sleep 0.1
		done
	fi
	rm -f "$pid"
	if postgres_runs; then
		inside $bin/pg_ctl -D "$data" -m immediate -w stop >/dev/null
	fi
}

case ${1:-} in
up) up ;;
down)
	able
	end
	rm -rf "$killed" "${root:?}$data" "$root$data.log"
	;;
kill)
	able
	end
	[ ! -d "$root$data" ] || touch "$killed"
	;;
status)
	[ "$(id -u)" -eq 0 ] && ferretdb_runs && postgres_runs || exit 1
	echo "$url"
	;;
*)
	echo "usage: $0 up|down|kill|status" >&2
	exit 2
	;;
esac
