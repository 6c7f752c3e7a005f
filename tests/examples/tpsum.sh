#!/bin/sh
# SPDX-License-Identifier: MIT
# tpsum.sh - examples/tpsum against sha256sum; its argument is the program.
tpsum=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

# same TEXT: the files want and got
same()
{
	cmp -s want got || { echo "differs: $1" >&2; failed=1; }
}

# status WANTED GOT TEXT
status()
{
	[ "$1" = "$2" ] || { echo "$3: exit status $2, not $1" >&2; failed=1; }
}

mkdir -p tree/a/b tree/c
printf x > 'tree/a/with space'
printf y > 'tree/a/b/back\\slash'
printf z > "tree/c/new
line"
: > tree/empty
i=0
while [ $i -lt 1500 ]; do
	echo $i > tree/c/$i
	i=$((i + 1))
done
find tree -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum > want
for workers in 1 2 8; do
	find tree -type f -print0 | LC_ALL=C sort -z |
		xargs -0 "$tpsum" -j $workers > got
	same "a list of names, -j $workers"
done
LC_ALL=C sort want > sorted && mv sorted want
"$tpsum" tree | LC_ALL=C sort > got
same 'a tree'

sha256sum -c want > theirs && "$tpsum" -c want > got
status 0 $? 'verifying'
mv want list && mv theirs want
same 'verifying'
echo changed > tree/empty
"$tpsum" -c list > got 2> err
status 1 $? 'a changed file'
sha256sum -c list > want 2> /dev/null
same 'a changed file'
grep -q '^tpsum: WARNING: 1 computed checksum did NOT match$' err ||
	{ echo 'no warning' >&2; failed=1; }
echo nonsense > bad
"$tpsum" -c bad > /dev/null 2>&1
status 1 $? 'a list of nonsense'

"$tpsum" tree/missing tree/c/1 > got 2> err
status 1 $? 'a missing file'
sha256sum tree/c/1 > want
same 'the file after a missing one'
grep -q '^tpsum: tree/missing: No such file or directory$' err ||
	{ echo 'the missing file is not named' >&2; failed=1; }
"$tpsum" --fail-fast tree/missing tree/c/1 > /dev/null 2>&1
status 1 $? '--fail-fast'
"$tpsum" tree/c/1 > /dev/full 2> err
status 1 $? 'a full disk'
grep -q 'write error' err || { echo 'no word of the full disk' >&2; failed=1; }
printf abc | sha256sum > want
printf abc | "$tpsum" > got
same 'standard input'
exit $failed
