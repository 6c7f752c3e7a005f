# SPDX-License-Identifier: MIT
# common.awk - what the lints share.  split_line() sets `code`, the line without
# comments and with literals emptied, and `comment`, the text of its comments.

function complain(file, line, text)
{
	print file ":" line ": " text
	bad = 1
}

# Call it for every line of a file, in order; FNR == 1 starts a new file.
function split_line(line,	rest, t, s, literal)
{
	if (FNR == 1) {
		in_comment = 0
	}
	code = comment = ""
	rest = line
	while (rest != "") {
		if (in_comment) {
			if (!(s = index(rest, "*/"))) {
				comment = comment rest
				return
			}
			comment = comment substr(rest, 1, s - 1) " "
			rest = substr(rest, s + 2)
			in_comment = 0
		}
		if (!match(rest, /\/\*|\/\/|"|'/)) {
			code = code rest
			return
		}
		t = substr(rest, RSTART, RLENGTH)
		code = code substr(rest, 1, RSTART - 1)
		rest = substr(rest, RSTART + RLENGTH)
		if (t == "/*") {
			in_comment = 1
		} else if (t == "//") {
			comment = comment rest
			return
		} else {
			code = code t t
			literal = t == "\"" ? "\\\\.|\"" : "\\\\.|'"
			while (match(rest, literal)) {
				s = substr(rest, RSTART, RLENGTH)
				rest = substr(rest, RSTART + RLENGTH)
				if (s == t) {
					break
				}
			}
		}
	}
}

function base_name(path)
{
	sub(/.*\//, "", path)
	return path
}

function is_markdown(path)
{
	return path ~ /\.md$/
}
