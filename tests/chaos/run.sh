#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - the tests of the interface with threads that step aside at random.
#
#     tests/chaos/run.sh PROGRAM...
#
# In the top of a build that was configured with --enable-chaos.  There are
# CHAOS_SEEDS (50) seeds, CHAOS_FIRST (1) and the following; with each runs one
# program in CHAOS_STRIDE (10), other ones with the next.  A run that fails is
# run again by
#
#     TASKPAR_CHAOS=SEED TPAR_TEST_SEED=SEED PROGRAM
#
# though not always with the same end: the system schedules, too (src/chaos.c).
# What failing runs say is in chaos-*.log.

seeds=${CHAOS_SEEDS:-50}
first=${CHAOS_FIRST:-1}
stride=${CHAOS_STRIDE:-10}
jobs=$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 1)

TPAR_TEST_SCALE=${TPAR_TEST_SCALE:-2}
TASKPAR_AUDIT=exit
CK_VERBOSITY=${CK_VERBOSITY:-normal}
export TPAR_TEST_SCALE TASKPAR_AUDIT CK_VERBOSITY
unset TASKPAR_WORKERS TASKPAR_TRACE TASKPAR_STATS TASKPAR_SIGNAL

# runs: lines of PROGRAM SEED
runs()
{
	seed=$first
	while [ "$seed" -lt $((first + seeds)) ]; do
		n=0
		for program in "$@"; do
			n=$((n + 1))
			[ $(((n + seed) % stride)) != 0 ] ||
				echo "$program $seed"
		done
		seed=$((seed + 1))
	done
}

# shellcheck disable=SC2016
one='
log=chaos-$(basename "$1")-$2.log
if TASKPAR_CHAOS=$2 TPAR_TEST_SEED=$2 "./$1" > "$log" 2>&1; then
	rm -f "$log"
else
	echo "FAIL $1 with TASKPAR_CHAOS=$2: $log"
	exit 1
fi
'

rm -f chaos-*.log
list=$(mktemp) || exit 2
trap 'rm -f "$list"' EXIT
trap 'exit 1' HUP INT TERM
runs "$@" > "$list"
if xargs -n 2 -P "$jobs" sh -c "$one" chaos < "$list"; then
	echo "ok: $(($(wc -l < "$list"))) runs, seeds $first to $((first + seeds - 1))"
else
	exit 1
fi
