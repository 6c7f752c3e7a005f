#!/bin/sh
# SPDX-License-Identifier: MIT
# planted.sh - does the soak find what it is there for?  Bugs are planted in a
# copy of the library, one at a time, and each must be caught for what it is.
#
#     tests/soak/planted.sh [BUG...]        in the top of a build
#
# Environment: CC, AWK, SOAK_SEED; SOAK_SECS (8) and SOAK_PATIENCE (6) for each.

src=$(cd "$(dirname "$0")/../.." && pwd)
: "${CC:=cc}" "${AWK:=awk}" "${SOAK_SECS:=8}" "${SOAK_PATIENCE:=6}"
export SOAK_SECS SOAK_PATIENCE
[ -f config.h ] || { echo 'planted.sh: no config.h here' >&2; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

every='static unsigned long planted; if (__atomic_add_fetch(&planted, 1, 0)'

# bug NAME: what is planted where, and what the soak is to say about it
bug()
{
	file=
	case $1 in
	none)
		says='all agrees'
		;;
	lost_task)
		says='hangs: no turn|jobs accepted|pools.c:[0-9]*: not true'
		file=worker.c
		begins='run(struct tpi_worker *w, struct tpar_future *f)'
		code="$every % 10000 == 0) return;"
		;;
	lost_wake)
		says='hangs: no turn'
		file=parker.c
		begins='tpi_parker_wake(struct tpi_parker *p)'
		code="$every % 10000 == 0) return;"
		;;
	leak_when_cancelled)
		says='KiB in use at rest'
		file=future.c
		begins='tpi_future_end_cancelled(struct tpar_future *f)'
		code='static void *volatile kept; kept = malloc(64);'
		;;
	value_not_dropped)
		says='values made'
		file=future.c
		begins='drop_value(struct tpar_future *f, uintptr_t word)'
		code="$every % 10000 == 0 && tpi_state_phase(word) == TPI_ENDED)
			(void)tpi_state_take(&f->state);"
		;;
	leaked_thread)
		says='threads at most|threads and'
		file=pool.c
		begins='end_pool(struct tpar_pool *pool)'
		code="extern int pause(void); pthread_t t; $every % 100 == 0)
			(void)pthread_create(&t, NULL,
			(void *(*)(void *))(void *)pause, NULL);"
		;;
	leaked_descriptor)
		says='descriptors at most|descriptors, before'
		file=pool.c
		begins='end_pool(struct tpar_pool *pool)'
		code="extern int dup(int); $every % 100 == 0) (void)!dup(2);"
		;;
	*)
		echo "planted.sh: no bug $1" >&2
		exit 2
		;;
	esac
}

# compile FILE NAME [FLAG...]
compile()
{
	source=$1
	object=$work/$2.o
	shift 2
	$CC -std=gnu11 -O1 -g -pthread -fexceptions -I. -I"$src/include" \
		"$@" -c -o "$object" "$source"
}

# Behind the brace that follows the line.
plant()
{
	begins=$begins code=$code "$AWK" '
		{ print }
		$0 == ENVIRON["begins"] { at = NR + 1 }
		at == NR && $0 == "{" { print ENVIRON["code"]; done++ }
		END { exit done != 1 }' "$src/src/$file"
}

# caught NAME: builds with it and soaks
caught()
{
	objects=$(ls "$work"/*.o | grep -v '/planted.o$')
	if [ -n "$file" ]; then
		plant > "$work/planted.c" || return
		objects=$(ls "$work"/*.o | grep -v -e "/${file%.c}.o$" \
			-e '/planted.o$')
		compile "$work/planted.c" planted -I"$src/src" || return
		objects="$objects $work/planted.o"
	fi
	# Names of objects have no blanks:
	# shellcheck disable=SC2086
	$CC -pthread -o "$work/soak" $objects || return
	# gdb is slow on a busy machine, and the report ends by itself.
	"$work/soak" > "$work/$1.out" 2>&1
	grep -Eq "$says" "$work/$1.out"
}

# What the build has of it; not what is built of the same files for others.
for source in src/*.lo; do
	source=$src/${source%.lo}.c
	[ -f "$source" ] || continue
	compile "$source" "$(basename "$source" .c)" -I"$src/src" || exit 2
done
for source in "$src"/tests/soak/*.c; do
	compile "$source" "soak_$(basename "$source" .c)" || exit 2
done
status=0
for name in ${*:-none lost_task lost_wake leak_when_cancelled \
	value_not_dropped leaked_thread leaked_descriptor}; do
	bug "$name"
	if caught "$name"; then
		echo "ok $name: $(grep -Em1 "$says" "$work/$name.out")"
	else
		echo "not ok $name: nothing of: $says"
		tail -n 20 "$work/$name.out"
		status=1
	fi
done
exit $status
