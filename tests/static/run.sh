#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - what compilers and checkers say of src, without running it.
#
#     tests/static/run.sh [CHECKER...]     (gcc tidy cppcheck)
#
# In the build directory, which has config.h; a TAP producer.  What is off, and
# why: .clang-tidy, and `gcc_off` and `cppcheck_off` below.  clang's analyzer runs
# in its shallow mode: the other takes ten times as long.
# Environment: CC, CLANG_TIDY, CPPCHECK, UV_CFLAGS, JOBS.
#
# Lists of words are meant to be split:
# shellcheck disable=SC2086

top=$(cd "$(dirname "$0")/../.." && pwd)
: "${CC:=cc}" "${CLANG_TIDY:=clang-tidy}" "${CPPCHECK:=cppcheck}" "${UV_CFLAGS=}"
: "${JOBS:=$(getconf _NPROCESSORS_ONLN)}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
flags="-std=gnu11 -I. -I$top/include -iquote $top/src $UV_CFLAGS -pthread -fexceptions"

# malloc-leak, double-free, use-after-free: gcc takes each atomic_fetch_sub() for one
#     that may have been the last, and what is linked into a list, or found again
#     by a member (TPI_CONTAINER), for lost.  The sweep of injected faults looks for
#     those at run time, with AddressSanitizer.
gcc_off='-Wno-analyzer-malloc-leak -Wno-analyzer-double-free
	-Wno-analyzer-use-after-free'

# autoVariables: lists of what waits are linked through the stacks of those who
#     wait; doc/STATES.md says why each is off before its frame ends.
# deallocret: takes munmap() of a part, and close() of what is then only named in
#     the error, for the end of the address, and of the number.
# syntaxError in sort.c: 2.10 gives up at what TPAR_TASK_4() expands to.
# missingInclude, missingIncludeSystem, toomanyconfigs: of itself, not of the code.
cppcheck_off='autoVariables deallocret missingInclude missingIncludeSystem
	toomanyconfigs syntaxError:*/src/sort.c'

skip()
{
	echo "$1"
	exit 77
}

# chaos.c is of builds with --enable-chaos only; src/sys is a tool of tests.
sources()
{
	find "$top/src" -name '*.c' ! -path '*/src/sys/*' | LC_ALL=C sort > "$work/sources"
	grep -q 'define TPI_POINTS' config.h ||
		sed -i '/\/src\/chaos\.c$/d' "$work/sources"
	grep -q 'define HAVE_UV_H\|define HAVE_SYS_EPOLL_H' config.h &&
		echo '#include <uv.h>' | $CC $UV_CFLAGS -E - > /dev/null 2>&1 ||
		sed -i '/\/src\/io\//d' "$work/sources"
}

# in_parallel COMMAND...: the command with a few of the sources each time; what it
# says is in `said`, and must be nothing
in_parallel()
{
	status=0
	xargs -P "$JOBS" -n 4 "$@" < "$work/sources" > "$work/said" 2>&1 || status=$?
	grep -v 'warnings generated\.$\|^Suppressed \|^Use -header-filter' \
		"$work/said" | sed "s,$top/,,"
	[ $status = 0 ] && ! grep -qE '(warning|error): ' "$work/said"
}

check_gcc()
{
	echo 'int main(void) { return 0; }' > "$work/probe.c"
	$CC -fanalyzer -Werror -c -o "$work/probe.o" "$work/probe.c" 2> /dev/null ||
		skip "$CC has no -fanalyzer"
	# shellcheck disable=SC2016
	in_parallel sh -c 'for file; do
		'"$CC $flags"' -O2 -Wall -Wextra -fanalyzer '"$(echo $gcc_off)"' \
			-fdiagnostics-path-format=none -c -o /dev/null "$file" ||
			exit 1
	done' sh
}

check_tidy()
{
	command -v "$CLANG_TIDY" > /dev/null || skip "no $CLANG_TIDY"
	# Flags behind `--`: with a list of commands it skips, in silence, what is not
	# in it.
	in_parallel sh -c '"$0" --quiet "--config-file=$1/.clang-tidy" $(
		shift; echo "$@") -- '"$flags"' \
		-Xclang -analyzer-config -Xclang mode=shallow' "$CLANG_TIDY" "$top"
}

check_cppcheck()
{
	command -v "$CPPCHECK" > /dev/null || skip "no $CPPCHECK"
	off=
	for id in $cppcheck_off; do
		off="$off --suppress=$id"
	done
	"$CPPCHECK" --quiet -j "$JOBS" --std=c11 --error-exitcode=1 \
		--enable=warning,performance,portability $off \
		--max-configs=1 -DHAVE_CONFIG_H=1 -D__linux__=1 -D__x86_64__=1 \
		-D__GNUC__=12 -D__STDC_VERSION__=201112L -D__CHAR_BIT__=8 \
		-I. "-I$top/include" "$top/src" 2>&1 | sed "s,$top/,,g" \
		> "$work/said"
	cat "$work/said"
	[ ! -s "$work/said" ]
}

[ $# -gt 0 ] || set -- gcc tidy cppcheck
if [ ! -f config.h ]; then
	echo '1..0 # SKIP no config.h'
	exit 77
fi
sources
echo "1..$#"
number=0
failed=0
for checker; do
	number=$((number + 1))
	(check_"$checker") > "$work/what" 2>&1
	case $? in
	0) echo "ok $number - $checker" ;;
	77) echo "ok $number - $checker # SKIP $(tail -n 1 "$work/what")" ;;
	*)
		echo "not ok $number - $checker"
		sed 's/^/# /' "$work/what"
		failed=1
		;;
	esac
done
exit $failed
