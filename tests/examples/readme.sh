#!/bin/sh
# SPDX-License-Identifier: MIT
# readme.sh - the README's first program is examples/01_square.c, line by line,
# and does in C11 what is said; the pieces of code that follow it compile.
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# block NUMBER: a piece of C code in the README
block()
{
	"${AWK:-awk}" -v want="$1" '/^```c$/ { on = ++n == want; next }
		/^```$/ { on = 0 } on' "$top/README.md"
}

block 1 > "$work/readme.c"
sed -n '/^#include <stdio.h>/,$p' "$top/examples/01_square.c" > "$work/example.c"
diff "$work/readme.c" "$work/example.c" >&2 || exit 1

library=$PWD/.libs/libtaskpar.so
[ -f "$library" ] || library=$PWD/.libs/libtaskpar.a
# shellcheck disable=SC2086
${CC:-cc} $CFLAGS -std=c11 -pedantic -Wall -Wextra -Werror -I"$top/include" \
	-o "$work/readme" "$work/readme.c" "$library" -pthread >&2 || exit 1
LD_LIBRARY_PATH=$PWD/.libs "$work/readme" > "$work/out" || exit 1
diff "$top/tests/examples/01.out" "$work/out" >&2
