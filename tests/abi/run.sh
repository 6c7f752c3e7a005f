#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - is the binary interface the one that abi/*.abi remember?
#
#     tests/abi/run.sh [baseline]
#
# In the build directory; a TAP producer.  With `baseline`: rewrites abi/*.abi, to
# be committed with the change that needs it.
#
# What is remembered is what a program's compiler sees: the types, as the public
# headers have them, of all names that the library exports.  It is taken from a
# file that points to each of them, so that there is nothing private in it, and no
# path.  (abidiff 2.2 cannot read what abidw 2.2 writes of the library itself: it
# has atomic types.)
# Environment: CC, NM, ABIDW, ABIDIFF, UV_CFLAGS.
#
# Lists of words are meant to be split:
# shellcheck disable=SC2086

top=$(cd "$(dirname "$0")/../.." && pwd)
: "${ABIDW:=abidw}" "${ABIDIFF:=abidiff}" "${NM:=nm}" "${CC:=cc}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

none()
{
	echo "1..0 # SKIP $1"
	exit 77
}

command -v "$ABIDW" > /dev/null || none "no $ABIDW: abigail-tools"
command -v "$ABIDIFF" > /dev/null || none "no $ABIDIFF: abigail-tools"
[ -f .libs/libtaskpar.so ] || none 'no shared library'

# names LIBRARY: what it exports, with its version
names()
{
	$NM -D --defined-only ".libs/$1.so" | sed -n 's/^[0-9a-f]* [^A] //p' |
		LC_ALL=C sort
}

# headers LIBRARY: those that belong to it
headers()
{
	case $1 in
	*-io) echo taskpar/io.h ;;
	*) (cd "$top/include" && ls taskpar/*.h | grep -v '/io\.h$') ;;
	esac
}

# probe LIBRARY: LIBRARY.so in $work
probe()
{
	{
		headers "$1" | sed 's/.*/#include <&>/'
		names "$1" | sed 's/@.*//
			s/.*/extern __typeof__(\&&) abi_&; __typeof__(\&&) abi_& = \&&;/'
	} > "$work/$1.c"
	(cd "$work" && $CC -std=gnu11 -g -O0 -fPIC -shared -I"$top/include" \
		-o "$1.so" "$1.c")
}

# describe LIBRARY
describe()
{
	"$ABIDW" --no-corpus-path --no-comp-dir-path --no-show-locs \
		--no-elf-needed --no-parameter-names \
		--out-file "$work/$1.abi" "$work/$1.so"
}

check_interface()
{
	probe "$1" && describe "$1" &&
		"$ABIDIFF" "$top/abi/$1.abi" "$work/$1.abi"
}

# Each name carries the node of the map, and all are in the baseline.
check_names()
{
	node=$(sed -n 's/^\([A-Z_0-9]*\) {$/\1/p' "$2")
	names "$1" > "$work/names"
	[ -s "$work/names" ] || return 1
	! grep -v "@@$node\$" "$work/names" || return 1
	sed "s/@@.*//" "$work/names" > "$work/have"
	sed -n "s/.*<elf-symbol name='abi_\([^']*\)'.*/\1/p" "$top/abi/$1.abi" |
		LC_ALL=C sort > "$work/want"
	diff "$work/want" "$work/have"
}

number=0
failed=0

# check NAME LIBRARY [MAP]
check()
{
	number=$((number + 1))
	if "check_$1" "$2" "${3-}" > "$work/what" 2>&1; then
		echo "ok $number - $2: $1"
	else
		echo "not ok $number - $2: $1"
		sed 's/^/# /' "$work/what"
		failed=1
	fi
}

# all LIBRARY MAP
all()
{
	[ -f ".libs/$1.so" ] || return 0
	if [ "$task" = baseline ]; then
		mkdir -p "$top/abi" && probe "$1" && describe "$1" &&
			cp "$work/$1.abi" "$top/abi/" && wc -c "$top/abi/$1.abi"
		return
	fi
	check names "$1" "$2"
	if grep -q "architecture='elf-amd-x86_64'" "$top/abi/$1.abi" &&
		$CC -dumpmachine | grep -vq '^x86_64'; then
		number=$((number + 1))
		echo "ok $number - $1: interface # SKIP the baseline is x86-64's"
	else
		check interface "$1"
	fi
}

task=${1-}
all libtaskpar "$top/src/taskpar.map" || exit 1
all libtaskpar-io "$top/src/io/taskpar-io.map" || exit 1
[ "$task" = baseline ] || echo "1..$number"
exit $failed
