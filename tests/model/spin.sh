#!/bin/sh
# SPDX-License-Identifier: MIT
# spin.sh - checks pool.pml, the life of a whole pool, with Spin; a TAP producer.
#
# Each configuration is searched to its end; each planted bug must be found.  As
# many at a time as there are processors, or $JOBS.  Without spin or a compiler
# the run is skipped (exit 77).

here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}

# What to do; FLAGS of pool.pml.  A verifier for safety looks for assertions that
# fail and for states in which somebody waits for ever; one for liveness, for runs
# in which the pool is never gone.
jobs()
{
	cat << 'END'
safety
safety -DRETIRE -DCANCEL
safety -DBLOCKING=1 -DTHREADS=2
safety -DBLOCKING=1 -DRETIRE
safety -DBLOCKING=2
liveness -DRETIRE
liveness -DBLOCKING=1 -DTHREADS=2
bug -DBUG_PARK_WITHOUT_LOOK
bug -DBUG_BLOCK_WITHOUT_LOOK
bug -DBUG_SUBMIT_WITHOUT_LOOK
bug -DBUG_REFUSE_WITHOUT_CLAIM
bug -DBUG_TELL_FIRST
bug -DBUG_QUIET_ALTHOUGH_QUEUED
bug -DBUG_NOT_SHUT
bug -DBUG_ONE_IS_NOT_TOLD
bug -DBLOCKING=1 -DRETIRE -DBUG_END_ALTHOUGH_POPPED
bug -DBLOCKING=2 -DBUG_STOP_WITHOUT_LOOK
bug -DBLOCKING=2 -DBUG_PAUSE_WITHOUT_LOOK
END
}

# verify KIND FLAGS: 0: no error, 1: one was found, 2: the search did not end
verify()
{
	kind=$1
	shift
	spin -a "$@" "$here/pool.pml" > spin.out 2>&1 || return 2
	how=
	defines='-DSAFETY -DNOCLAIM'
	if [ "$kind" = liveness ]; then
		defines=
		how=-a
	fi
	# shellcheck disable=SC2086
	"$cc" -w -O1 -DCOLLAPSE $defines -o pan pan.c >> spin.out 2>&1 ||
		return 2
	# shellcheck disable=SC2086
	./pan -m100000 $how > pan.out 2>&1
	if grep -q 'errors: [1-9]' pan.out; then
		return 1
	elif grep -q 'Search not completed\|max search depth' pan.out ||
		! grep -q 'errors: 0' pan.out; then
		return 2
	fi
}

states()
{
	sed -n 's/^ *\([0-9.e+]*\) states, stored.*/(\1 states)/p' pan.out
}

job()
{
	mkdir "$work/$1" && cd "$work/$1" || exit 2
	line=$(jobs | sed "$1!d")
	# shellcheck disable=SC2086
	verify $line
	result=$?
	want=0
	title="pool $line"
	if [ "${line%% *}" = bug ]; then
		want=1
		title="pool finds: ${line#* }"
	fi
	if [ $result = $want ]; then
		echo "ok - $title $([ $want = 1 ] || states)"
		echo "${line%% *}" >> "$work/good"
	else
		echo "not ok - $title"
		cat spin.out pan.out 2> /dev/null | sed 's/^/# /' | tail -n 40
	fi
}

if [ "$1" = --job ]; then
	work=$2
	job "$3"
	exit 0
fi
if [ -z "$(command -v spin)" ] || [ -z "$(command -v "$cc")" ]; then
	echo '1..0 # SKIP there is no spin, or no compiler'
	exit 77
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
: > "$work/good"
n=$(jobs | wc -l)
echo "1..$((n))"
awk 'BEGIN { for (i = 1; i <= ARGV[1]; i++) print i }' "$n" |
	xargs -n 1 -P "${JOBS:-$(getconf _NPROCESSORS_ONLN)}" \
		"$0" --job "$work"
bugs=$(grep -c bug "$work/good")
good=$(wc -l < "$work/good")
echo "# $((good - bugs)) configurations, $bugs of $(jobs | grep -c '^bug')" \
	"planted bugs found"
[ "$good" -eq "$n" ]
