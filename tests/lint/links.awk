# SPDX-License-Identifier: MIT
# links.awk - doc/X.md#anchor in a comment, and [text](X.md#anchor) in a
# document, lead to a heading (GitHub's spelling) or to <a id="anchor">.
# Input: all documents first, then the sources.

function anchor(file, name)
{
	have[base_name(file) "#" name] = 1
}

function slug(text)
{
	sub(/^#+ */, "", text)
	gsub(/\]\([^)]*\)/, "", text)
	text = tolower(text)
	gsub(/[^a-z0-9 _-]/, "", text)
	gsub(/ /, "-", text)
	return text
}

function want(link)
{
	sub(/^doc\//, "", link)
	link = base_name(link)
	wants[++n] = link
	wants_at[n] = FILENAME " " FNR
}

FNR == 1 {
	in_code = 0
	anchor(FILENAME, "")
}

is_markdown(FILENAME) && /^```/ {
	in_code = !in_code
}

is_markdown(FILENAME) && !in_code {
	if (/^#+ /) {
		name = slug($0)
		key = FILENAME "#" name
		anchor(FILENAME, seen[key] ? name "-" seen[key] : name)
		seen[key]++
	}
	text = $0
	while (match(text, /<a (id|name)="[^"]*"/)) {
		name = substr(text, RSTART, RLENGTH - 1)
		text = substr(text, RSTART + RLENGTH)
		sub(/.*"/, "", name)
		anchor(FILENAME, name)
	}
	text = $0
	while (match(text, /\]\([A-Za-z0-9_.\/-]*(\.md)?(#[^)]*)?\)/)) {
		link = substr(text, RSTART + 2, RLENGTH - 3)
		text = substr(text, RSTART + RLENGTH)
		if (link ~ /^#/) {
			want(base_name(FILENAME) link)
		} else if (link ~ /\.md(#|$)/) {
			want(link)
		}
	}
}

{
	text = $0
	if (!is_markdown(FILENAME)) {
		split_line($0)
		text = comment
	}
	while (match(text, /doc\/[A-Za-z0-9_-]+\.md(#[A-Za-z0-9_-]+)?/)) {
		want(substr(text, RSTART, RLENGTH))
		text = substr(text, RSTART + RLENGTH)
	}
}

END {
	for (i = 1; i <= n; i++) {
		link = wants[i]
		if (link !~ /#/) {
			link = link "#"
		}
		if (!(link in have)) {
			split(wants_at[i], at, " ")
			complain(at[1], at[2], wants[i] " does not exist")
		}
	}
	exit bad
}
