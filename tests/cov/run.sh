#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - how much of src the tests that were run in this directory have run.
#
#     tests/cov/run.sh
#
# In a build by `make check-cov`.  Fails if it is less than LINES or BRANCHES percent.
# COV_TXT: a file for the table; otherwise it goes to cov.txt.
#
# Left out, and why:
#   branches of TPI_CHECK(), TPI_ASSERT()  the other way is the end of the process,
#       by memory that is broken; tests of their own see that it comes.
#   branches of unwinding  (-fexceptions) each call has one, which C does not take;
#       what does, pthread_exit(), has tests of its own.
#   src/sys  a tool for tests, of a library of its own: it has all of src in it once
#       more, with calls at each step, which would be counted together.
#   src/chaos.c  is of builds with --enable-chaos only; a tool of tests.
#   lines with GCOVR_EXCL_LINE, with the reason beside them.

top=$(cd "$(dirname "$0")/../.." && pwd)
: "${LINES_MIN:=98}" "${BRANCHES_MIN:=88}" "${GCOVR:=gcovr}" "${COV_TXT:=cov.txt}"
command -v "$GCOVR" > /dev/null || {
	echo "SKIP: no $GCOVR"
	exit 77
}
find . -name '*.gcda' | grep -q . || {
	echo 'no counts: not a build with --coverage, or nothing was run' >&2
	exit 1
}
"$GCOVR" --root "$top" --filter "$top/src/" --exclude "$top/src/chaos.c" --exclude "$top/src/sys/" \
	--gcov-ignore-parse-errors --exclude-throw-branches \
	--exclude-branches-by-pattern '.*TPI_(CHECK|ASSERT)\(' \
	--txt "$COV_TXT" --json cov.json --print-summary \
	--fail-under-line "$LINES_MIN" --fail-under-branch "$BRANCHES_MIN" \
	. 2> cov.log
status=$?
[ $status = 0 ] || tail -n 3 cov.log >&2
exit $status
