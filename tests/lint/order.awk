# SPDX-License-Identifier: MIT
# order.awk - every ordered access names its tag, order and partner; every tag
# has two sides and a row in doc/ORDER.md.  Input: doc/ORDER.md, the sources.
#
#     /* ORDER D1 release -> tpi_deque_steal(): the slot, then bottom. */
#
# Such a comment ends at most three lines above the statement with its access,
# or stands on its line.  An access whose partner is the same access of another
# thread has one site, which names its own function, with `--` and acq_rel.

function add_site(text,	n, word, k, order, side, partner)
{
	sub(/.*ORDER +/, "", text)
	n = split(text, word, /[ \t]+/)
	for (k = 1; k <= n && word[k] ~ /^[A-Z]+[0-9]+$/; k++) {
	}
	order = word[k]
	side = word[k + 1]
	partner = word[k + 2]
	if (k == 1 || order !~ /^(acquire|release|acq_rel|seq_cst)$/ ||
	    side !~ /^(->|<-|--)$/ || partner !~ /^[a-z_0-9]+\(\)/) {
		complain(FILENAME, FNR, "not of the form: " \
			"ORDER <tag>... <order> <-, -> or -- <partner>()")
		return
	}
	sub(/\(\).*/, "", partner)
	named = named " " order " "
	tagged = FNR
	while (--k > 0) {
		count[word[k], side]++
		sites[word[k]]++
		where[word[k]] = FILENAME ":" FNR
		if (side == "--" && order == "acq_rel" && partner == inside) {
			itself[word[k]] = 1
		}
	}
}

function complain_at(place, text,	at)
{
	split(place, at, ":")
	complain(at[1], at[2], text)
}

FILENAME ~ /ORDER\.md$/ {
	if (/^\| *[A-Z]+[0-9]+ *\|/) {
		tag = $0
		sub(/^\| */, "", tag)
		sub(/[^A-Z0-9].*/, "", tag)
		row[tag] = FILENAME ":" FNR
	}
	next
}

FNR == 1 {
	tagged = -9
	statement = 0
	named = inside = ""
	ended = 1
}

{
	was_comment = in_comment
	split_line($0)
}

code ~ /^[a-z_][a-z_0-9]*\(/ {
	inside = code
	sub(/\(.*/, "", inside)
}

comment ~ /ORDER [A-Z]/ {
	if (FNR > tagged + 1) {
		named = ""
	}
	add_site(comment)
}

# The rest of a comment with tags is not distance.
was_comment && tagged == FNR - 1 {
	tagged = FNR
}

# Where the statement began that goes on here.
code ~ /[^ \t]/ {
	if (ended) {
		statement = FNR
	}
	ended = code ~ /[;{}:][ \t]*$/ || code ~ /^#.*[^\\]$/
}

# Of C11, or of the compiler.
{
	ordered = code
	while (match(ordered, /__ATOMIC_[A-Z_]+/)) {
		ordered = substr(ordered, 1, RSTART - 1) "memory_order_" \
			tolower(substr(ordered, RSTART + 9, RLENGTH - 9)) \
			substr(ordered, RSTART + RLENGTH)
	}
}

ordered ~ /memory_order_(acquire|release|acq_rel|seq_cst)/ {
	right = 0
	rest = ordered
	while (match(rest, /memory_order_[a-z_]+/)) {
		order = substr(rest, RSTART + 13, RLENGTH - 13)
		rest = substr(rest, RSTART + RLENGTH)
		right += index(named, " " order " ") > 0
	}
	if (statement > tagged + 3) {
		complain(FILENAME, FNR, "an ordered access without ORDER <tag>")
	} else if (!right) {
		complain(FILENAME, FNR, "not the order that its ORDER names")
	}
}

code ~ /atomic_(load|store|exchange|fetch_[a-z]+|compare_exchange_[a-z]+) *\(/ {
	complain(FILENAME, FNR, "an access that does not say its order")
}

FILENAME !~ /(^|\/)(fence|taskpar\/forktask)\.h$/ && code ~ /atomic_(thread|signal)_fence/ ||
code ~ /memory_order_consume/ {
	complain(FILENAME, FNR, "no fences, no consume: see src/atomics.h")
}

END {
	for (tag in sites) {
		if (!(tag in row)) {
			complain_at(where[tag], tag " has no row in doc/ORDER.md")
		}
		if (!(count[tag, "->"] > 0 && count[tag, "<-"] > 0) &&
		    !(count[tag, "--"] > 0 && sites[tag] > 1) &&
		    !(tag in itself)) {
			complain_at(where[tag], tag " has one side only")
		}
	}
	for (tag in row) {
		if (!(tag in sites)) {
			complain_at(row[tag], tag " is nowhere in the sources")
		}
	}
	exit bad
}
