#!/bin/sh
# SPDX-License-Identifier: MIT
# readme.sh - the README's program is examples/01_square.c, line by line.
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$top/README.md" > "$work/r"
sed -n '/^#include <stdio.h>/,$p' "$top/examples/01_square.c" > "$work/e"
diff "$work/r" "$work/e" >&2
