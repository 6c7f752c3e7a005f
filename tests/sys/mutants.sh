#!/bin/sh
# SPDX-License-Identifier: MIT
# mutants.sh - in how many of so many seeds the scenarios find bugs that are planted
# in copies of the library's sources; a TAP producer.
#
#     tests/sys/mutants.sh [SEEDS]
#
# From the build directory, after `make check-sys` has built it.  One that is not
# found is a failure, and so is one that cannot be planted any more.
# Environment: CC, CFLAGS, AWK.

top=$(cd "$(dirname "$0")/../.." && pwd)
seeds=${1:-2000}
: "${CC:=cc}" "${CFLAGS=-O2}" "${AWK:=awk}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
archives=.libs/libtaskpar_sys_core.a
[ -f $archives ] || { echo "1..0 # SKIP no $archives"; exit 77; }
number=0
failed=0

# say STATUS TEXT
say()
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=1
	fi
}

# rebuild FILE SOURCE...: with $work/src/FILE instead of the library's
rebuild()
{
	cp .libs/libtaskpar_sys_core.a "$work/core.a"
	shift
	for source; do
		object=libtaskpar_sys_core_la-${source%.c}.o
		# shellcheck disable=SC2086
		$CC $CFLAGS -pthread -fexceptions -I. -I"$top/include" \
			-I"$work/src" -I"$top/src" -DTPI_POINTS -DTPI_SYS \
			-include config.h -include taskpar/sys-pthread.h \
			-c -o "$work/$object" "$work/src/$source" || return 1
		ar r "$work/core.a" "$work/$object" 2> "$work/ar" || return 1
	done
	# shellcheck disable=SC2086
	$CC $CFLAGS -pthread -o "$work/scenarios" $objects "$work/core.a" \
		.libs/libtaskpar_sys_base.a
}

# mutant WHAT FILE SCENARIOS SED [SOURCE...]: SOURCES include FILE, by default it
# is one itself
mutant()
{
	what=$1
	file=$2
	scenarios=$3
	edit=$4
	shift 4
	[ $# -gt 0 ] || set -- "$file"
	rm -rf "$work/src"
	mkdir "$work/src"
	for source; do
		cp "$top/src/$source" "$work/src/"
	done
	sed "$edit" "$top/src/$file" > "$work/src/$file"
	if cmp -s "$top/src/$file" "$work/src/$file"; then
		say 1 "$what: it cannot be planted in src/$file"
		return
	fi
	if ! rebuild "$file" "$@" > "$work/log" 2>&1; then
		say 1 "$what: it does not compile"
		sed 's/^/# /' "$work/log"
		return
	fi
	# shellcheck disable=SC2086
	SYS_COUNT=1 TASKPAR_SYS_SEEDS=$seeds "$work/scenarios" $scenarios \
		> "$work/out" 2> "$work/err"
	"$AWK" '/^(not )?ok / { name = $NF }
		/^# [0-9]+ of [0-9]+ fail/ { print "# " name ": " substr($0, 3) }' \
		"$work/out" > "$work/found"
	[ -s "$work/found" ]
	say $? "$what"
	cat "$work/found"
}

objects=
for object in tests/sys/*.o; do
	case $object in
	*/test_* | */*-*) ;;
	*) objects="$objects $object" ;;
	esac
done

mutant 'a worker parks without a look for work that came meanwhile' park.c \
	'one_after_another drain_a_tree nested_gathers_stolen' \
	's/if (leaves_room(pool, before) &&$/if (false \&\& before \&\&/'
mutant 'a worker that stops searching last does not look again' worker.c \
	'workers_meet drain_a_tree nested_gathers_stolen' \
	's/if (tpi_park_searching(before) == 1 &&$/if (false \&\& before \&\&/'
mutant 'a parker is signalled between its look and its sleep' parker.c \
	'nested_gathers_stolen hand_over window_full' \
	'/The owner is between/,/cond_signal/{/tpi_lock_/d;}'
mutant 'a waiter is not woken by the last member' frame.c \
	'gathers_from_outside stream first_failure' \
	'/^tpi_frame_member_off/,/^}/s/tpi_parker_wake(parker);/(void)parker;/'
mutant 'a cancel between the claim and the wait is missed' block.h \
	'stop_of_a_gather cancel_against_wait' \
	'/^tpi_block_publish/,/^}/{/if (TPI_UNLIKELY(tpi_state_stop/,/^	}/d;}' \
	wait.c
mutant 'a callback does not hold its future' after.c \
	'gather_async chain promise_contest' \
	's/^	tpi_future_retain(f);//'
mutant 'a take does not tell who waits for room' windowtake.c \
	'window_full window_fails' \
	'/^move_out/,/^}/s/tpi_window_wake_locked(w);//'
mutant 'an earlier timer does not wake the thread' timer.c \
	'deadline waits_given_up sleepers' \
	'/^tpi_timer_add_reserved/,/^}/s/if (earlier)/if (false \&\& earlier)/'
mutant 'a broken wait is not broken again' interrupt.c \
	'cond_wait_stopped interrupted_read' \
	'/^begin_kicks/,/^}/s/set_timer(region->when);//'
mutant 'a shutdown is not told that a worker has parked' park.c \
	'drain_against_submit cancel_against_submit drain_a_tree' \
	'/^sleep_locked/,/^}/s/if (tpi_pool_quiet_locked(pool))/if (false)/'
mutant 'a set asks its first member to stop before it ends the next' cancel.c \
	'nothing_begins_after_a_failure' \
	'/^stop_all/,/^}/s/(void)end_pending(.*/continue;/'
mutant 'a join gives its fork up on a cycle' block.c \
	'ring_of_forks_that_gather ring_through_another_pool' \
	's/if (frame->tied)/if (false)/'
mutant 'nobody leaves a cycle for a join' cycle.c \
	'ring_of_nested_forks_that_gather' \
	's/broken = take_off(frame, next);/(void)take_off;/'
mutant 'a join is not seen to wait while a fork runs on top' leap.c \
	'ring_of_nested_forks' \
	's/tpi_block_publish(&leap->frame);//'
echo "1..$number"
exit $failed
