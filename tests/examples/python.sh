#!/bin/sh
# SPDX-License-Identifier: MIT
# python.sh - the code of doc/PYTHON.md compiles, and prints what it says: under
# each heading what stands behind "  # " in the Python.  Code that begins at the
# margin goes to the top of the file, code that is indented into a function.
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# blocks LANGUAGE HEAD TAIL MAIN-HEAD CALL MAIN-TAIL: one program of them
blocks()
{
	"${AWK:-awk}" -v language="$1" -v head="$2" -v tail="$3" \
		-v main_head="$4" -v call="$5" -v main_tail="$6" '
		$0 == "```" language { on = first = 1; next }
		on && /^```$/ { if (body) print tail; on = body = 0 }
		!on { next }
		first && /^[ \t]/ { body = 1; printf head "\n", ++n }
		{ first = 0; print }
		END {
			print main_head
			for (i = 1; i <= n; i++) {
				printf call "\n", i
			}
			print main_tail
		}' "$top/doc/PYTHON.md"
}

sed -n '/^```python$/,/^```$/s/^[ \t].*  # //p' "$top/doc/PYTHON.md" \
	> "$work/want"
[ -s "$work/want" ] || exit 1

# What a piece prints is one line.
lines()
{
	sed 's/ *$//; /^$/d' "$work/out" | diff "$work/want" - >&2
}

blocks c 'static void\npiece_%d(void)\n{' '}' 'int\nmain(void)\n{' \
	'	piece_%d();\n	printf("\\n");' '}' > "$work/python.c"
library=$PWD/.libs/libtaskpar.so
[ -f "$library" ] || library=$PWD/.libs/libtaskpar.a
# shellcheck disable=SC2086
${CC:-cc} $CFLAGS -std=c11 -pedantic -Wall -Wextra -Werror -I"$top/include" \
	-o "$work/python" "$work/python.c" "$library" -pthread >&2 || exit 1
LD_LIBRARY_PATH=$PWD/.libs "$work/python" > "$work/out" || exit 1
lines || exit 1

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null ||
	exit 0
blocks python 'async def piece_%d():' '' '' \
	'asyncio.run(piece_%d())\nprint()' '' > "$work/python.py"
python3 "$work/python.py" > "$work/out" || exit 1
lines
