#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh - two examples at work; `./bootstrap demo` builds and runs them.
#
#     sh examples/demo.sh BUILD [DIRECTORY...]
#
# Hashes all files of the directories (/usr/include and /usr/lib), once with
# sha256sum, once with examples/tpsum, which must print the very same bytes.

cd "$1" || exit 1
shift
[ $# -gt 0 ] || set -- /usr/include /usr/lib
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# milliseconds COMMAND...: its output goes to $work/out
milliseconds()
{
	begin=$(date +%s%N)
	"$@" > "$work/out" || return
	echo $((($(date +%s%N) - begin) / 1000000))
}

# hash PROGRAM: of all files, as few runs as the system's limits allow
hash()
{
	xargs -0 -s 1000000 "$1" < "$work/list"
}

echo '--- examples/01_square'
examples/01_square || exit 1

echo '--- examples/tpsum'
if [ ! -x examples/tpsum ]; then
	echo 'not built: libcrypto was not found' >&2
	exit 1
fi
find "$@" -type f -readable -print0 2> /dev/null | LC_ALL=C sort -z > "$work/list"
count=$(tr -dc '\0' < "$work/list" | wc -c)
bytes=$(xargs -0 -s 1000000 cat < "$work/list" | wc -c) # and now it is cached
echo "$count files below $*, $((bytes / 1000000)) MB"

theirs=$(milliseconds hash sha256sum) || exit 1
mv "$work/out" "$work/sha256sum"
ours=$(milliseconds hash examples/tpsum) || exit 1
mv "$work/out" "$work/tpsum"
cmp "$work/sha256sum" "$work/tpsum" || exit 1

echo "sha256sum  $theirs ms"
echo "tpsum      $ours ms, $(nproc) CPUs"
echo "the same $(wc -l < "$work/tpsum") lines, byte for byte"
