# SPDX-License-Identifier: MIT
# semantics.awk - each row of tests/api/SEMANTICS.md has a number of its own and
# says in its last cell which tests hold the sentence (each in backticks), or
# why there is none; and those tests exist.
# Input: tests/api/*.c, then the table.

FILENAME ~ /\.c$/ {
	if (sub(/^START_TEST\(/, "")) {
		sub(/\).*/, "")
		have[$0] = 1
	}
	next
}

/^\|/ {
	n = split($0, cell, "|")
	number = cell[2]
	gsub(/ /, "", number)
	if (number !~ /[0-9]/) {
		next
	}
	rows++
	if (number in seen) {
		complain(FILENAME, FNR, number " stands twice")
	}
	seen[number] = 1
	tests = cell[n - 1]
	if (n != 5 || tests !~ /[a-z]/) {
		complain(FILENAME, FNR, number \
			 " has neither a test nor a reason")
	}
	while (match(tests, /`[^`]*`/)) {
		name = substr(tests, RSTART + 1, RLENGTH - 2)
		tests = substr(tests, RSTART + RLENGTH)
		if (!(name in have)) {
			complain(FILENAME, FNR, name " is no test in tests/api")
		}
	}
}

END {
	if (!rows) {
		complain("tests/api/SEMANTICS.md", 1, "no sentences")
	}
	exit bad
}
