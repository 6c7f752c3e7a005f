# SPDX-License-Identifier: MIT
# names.awk - functions that comments and documents name exist: tpar_x() and
# tpi_x(), and whatever stands as partner in an ORDER comment.
# Input: src and include first, then everything else.

function wanted(text, pattern,	name)
{
	while (match(text, pattern)) {
		name = substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
		gsub(/[^a-z_0-9]/, "", name)
		want[++wants] = name
		want_at[wants] = FILENAME " " FNR
	}
}

is_markdown(FILENAME) {
	wanted($0, "(tpar|tpi)_[a-z_0-9]+\\(\\)")
	next
}

{
	split_line($0)
	wanted(comment, "(tpar|tpi)_[a-z_0-9]+\\(\\)")
	if (comment ~ /ORDER [A-Z]/) {
		wanted(comment, "[a-z_][a-z_0-9]*\\(\\)")
	}
}

FILENAME ~ /(^|\/)(src|include)\// {
	while (match(code, /[a-z_][a-z_0-9]*[ \t]*\(/)) {
		name = substr(code, RSTART, RLENGTH)
		code = substr(code, RSTART + RLENGTH)
		sub(/[ \t]*\(/, "", name)
		have[name] = 1
	}
}

END {
	for (i = 1; i <= wants; i++) {
		if (!(want[i] in have)) {
			split(want_at[i], at, " ")
			complain(at[1], at[2], want[i] "() does not exist")
		}
	}
	exit bad
}
