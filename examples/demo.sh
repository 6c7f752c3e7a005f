#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh - the examples at work; `./bootstrap demo` builds and runs them.
#
#     sh examples/demo.sh BUILD [DIRECTORY...]
#
# Hashes files of the directories (/usr/include and /usr/lib), first with
# sha256sum, then with examples/tpsum, which must print the very same bytes.
# Of a large system only a part is taken, which sha256sum hashes in seconds.

cd "$1" || exit 1
shift
[ $# -gt 0 ] || set -- /usr/include /usr/lib
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
LC_ALL=C
export LC_ALL

# hash PROGRAM [OPTION...]: of all files, as few runs as the system allows
hash()
{
	xargs -0 -s 1000000 "$@" < "$work/list"
}

# timed TEXT PROGRAM [OPTION...]: what it prints is in $work/out
timed()
{
	text=$1
	shift
	begin=$(date +%s%N)
	hash "$@" > "$work/out" || exit 1
	printf '%6d ms  %s\n' $((($(date +%s%N) - begin) / 1000000)) "$text"
}

# same TEXT: as what sha256sum has printed
same()
{
	cmp "$work/sha256sum" "$work/out" || exit 1
}

echo '--- examples/01_square: one call; values in order'
examples/01_square > "$work/out" || exit 1
tr '\n' ' ' < "$work/out"
echo
echo '--- examples/02_gather: futures; a task that fails stops the others'
examples/02_gather || exit 1

echo '--- examples/tpsum: a task for each file'
if [ ! -x examples/tpsum ]; then
	echo 'not built: libcrypto was not found' >&2
	exit 1
fi
find "$@" -type f -size -32768k -readable -print0 2> /dev/null |
	sort -z | head -z -n 30000 > "$work/list"
count=$(tr -dc '\0' < "$work/list" | wc -c)
bytes=$(hash cat | wc -c) # and now it is cached
echo "$count files below $*, $((bytes / 1000000)) MB"
timed 'sha256sum, which has a SHA-256 of its own' sha256sum
mv "$work/out" "$work/sha256sum"
timed 'tpsum -j 1: with that of libcrypto' examples/tpsum -j 1
same
timed "tpsum: on all CPUs ($(nproc))" examples/tpsum
same
echo "the same $count lines each time, byte for byte"
