# SPDX-License-Identifier: MIT
# paths.awk - files of this repository that comments and documents name exist.
# Input: the list of all files, then documents and sources.

FILENAME == list {
	have[$1] = 1
	next
}

{
	text = $0
	if (!is_markdown(FILENAME)) {
		split_line($0)
		text = comment
	}
	while (match(text, \
	       /(src|include|tests|examples)\/[A-Za-z0-9_\/-]+\.[a-z]+/)) {
		name = substr(text, RSTART, RLENGTH)
		before = RSTART > 1 ? substr(text, RSTART - 1, 1) : " "
		text = substr(text, RSTART + RLENGTH)
		if (before !~ /[A-Za-z0-9_\/.-]/ && !(name in have)) {
			complain(FILENAME, FNR, name " does not exist")
		}
	}
}

END {
	exit bad
}
