#!/bin/sh
# SPDX-License-Identifier: MIT
# 12_sys.sh - the planted bug of examples/12_sys is found, reported, and found again
# by its seed, in other processes.
#
#     tests/examples/12_sys.sh PROGRAM

program=$1
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "$1" >&2
	cat "$work"/* >&2
	exit 1
}

unset TASKPAR_WORKERS TASKPAR_SYS_SEED TASKPAR_SYS_SEEDS
"$program" > "$work/out" 2> "$work/err" || fail 'it fails'
printf '%s\n' 'lost: nobody can go on: a deadlock, or a wake-up is lost' \
	'and again: 2 of 2' 'mended: 500 seeds find nothing' > "$work/want"
cmp -s "$work/out" "$work/want" || fail 'it prints something else'
seed=$(sed -n 's/.*TASKPAR_SYS_SEED=\(mailbox:[0-9]*\)$/\1/p' "$work/err")
[ -n "$seed" ] || fail 'it names no seed'
grep -q 'waits on a condition variable' "$work/err" &&
	grep -q 'came by, last first: .*12_sys.c:[0-9]' "$work/err" ||
	fail 'it does not say who waits for what'

# Elsewhere in memory, at another time: the same.
for i in 1 2 3; do
	TASKPAR_SYS_SEED=$seed "$program" > "$work/out$i" 2> "$work/err$i"
	grep '^lost: nobody can go on' "$work/out$i" > "$work/found" ||
		fail 'the seed does not find it again'
	sed -n '/^taskpar-sys/p;/^  after/p;/^  thread/p;/came by/p' \
		"$work/err$i" > "$work/said$i"
	cmp -s "$work/said1" "$work/said$i" || fail 'it is not the same again'
done
