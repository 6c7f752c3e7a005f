#!/bin/sh
# SPDX-License-Identifier: MIT
# 10_postgres.sh - runs the example against a server of its own, on a socket in
# a directory of its own.
#
#     10_postgres.sh PROGRAM

skip()
{
	echo "$1" >&2
	exit 77
}

bin=$(for d in /usr/lib/postgresql/*/bin /usr/local/pgsql/bin; do
	[ ! -x "$d/initdb" ] || echo "$d"
done | tail -n 1)
[ -n "$bin" ] || skip 'PostgreSQL is not installed'

# The server does not run as root.
as=
if [ "$(id -u)" = 0 ]; then
	user=$(id -un postgres 2> /dev/null) || user=nobody
	command -v setpriv > /dev/null || skip 'setpriv is not installed'
	as="setpriv --reuid=$user --regid=$(id -gn "$user") --clear-groups"
	$as true 2> /dev/null || skip "cannot become $user"
fi

work=$(mktemp -d) || exit 2
stop()
{
	# shellcheck disable=SC2086
	[ ! -f "$work/data/postmaster.pid" ] ||
		$as "$bin/pg_ctl" -D "$work/data" -m immediate -w stop \
			> /dev/null 2>&1
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM
[ -z "$as" ] || chown "$user" "$work"

program=$(pwd)/$1
cd "$work" || exit 2
# shellcheck disable=SC2086
if ! $as "$bin/initdb" -D "$work/data" -A trust -U tester --no-sync \
	> "$work/log" 2>&1 ||
	! $as "$bin/pg_ctl" -D "$work/data" -w -l "$work/server.log" \
		-o "-c listen_addresses='' -c unix_socket_directories='$work' \
		-c fsync=off -c shared_buffers=4MB -c max_connections=30" \
		start > "$work/log" 2>&1
then
	cat "$work/log" "$work/server.log" >&2
	exit 1
fi
"$program" "host=$work user=tester dbname=postgres"
