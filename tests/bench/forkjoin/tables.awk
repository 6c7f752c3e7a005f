# SPDX-License-Identifier: MIT
# tables.awk - the medians of tests/bench/forkjoin/medians.awk, in Markdown: for
# each compiler one table of times and one of what they are relative to the
# sequential program; then the series, `flat` and `pile`, in nanoseconds.

function show(x)
{
	return sprintf(x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : x >= 1 ? \
		"%.2f" : "%.3f", x)
}

function key(program, backend, w)
{
	return program "\t" w "\t" backend
}

# "t1, t2": seconds, or ns per item; "-" if there is none.
function times(program, backend, per_item,    text, i, k)
{
	for (i = 1; i <= widths; i++) {
		k = key(program, backend, width[i])
		if (k in seconds) {
			text = text (text == "" ? "" : ", ") \
				(scaled[k] ? "~" : "") show(seconds[k] * \
					(per_item ? 1e9 / items[k] : 1))
		}
	}
	return text == "" ? "–" : text
}

# "r1, r2 (speed-up)"
function ratios(program, backend,    text, i, k, first)
{
	first = key(program, backend, width[1])
	for (i = 1; i <= widths; i++) {
		k = key(program, backend, width[i])
		if ((k in ratio) && ratio[k] > 0) {
			text = text (text == "" ? "" : ", ") show(ratio[k])
		}
	}
	k = key(program, backend, width[widths])
	if (text != "" && k != first && (k in seconds) && (first in seconds)) {
		text = text " (" show(seconds[first] / seconds[k]) ")"
	}
	return text == "" ? "–" : text
}

# "1", and how many times faster copies at once are than one after the other.
function alone(program, backend,    w, k)
{
	w = width[widths]
	sub(/^seq/, "pair", backend)
	k = key(program, backend, w)
	return "1" ((k in ratio) && ratio[k] > 0 ? " (" show(w / ratio[k]) ")" : "")
}

function is_of(backend, other)
{
	return (backend ~ /_other$/) == other
}

function head(title, other, first,    line, rule, i, name)
{
	print "\n" title "\n"
	line = "| " first " |"
	rule = "|---|"
	for (i = 1; i <= backends; i++) {
		if (is_of(backend[i], other)) {
			name = version[backend[i]]
			sub(/^[^,]*, /, "", name)
			line = line " " name " |"
			rule = rule "---|"
		}
	}
	print line "\n" rule
}

# "flat" of "flat_100"; "" if it is no series.
function series_of(p)
{
	return p ~ /^(flat|pile)_[0-9]+$/ ? substr(p, 1, index(p, "_") - 1) : ""
}

# kind: "times" or "ratios"; of a series, or of those that are in none.
function body(other, kind, series,    i, p, line, k, b)
{
	for (i = 1; i <= programs; i++) {
		p = program[i]
		if (series_of(p) != series) {
			continue
		}
		line = "| " (series == "" ? p : substr(p, 6)) " |"
		for (k = 1; k <= backends; k++) {
			b = backend[k]
			if (!is_of(b, other)) {
				continue
			}
			if (kind == "ratios") {
				line = line " " (b ~ /^seq/ ? alone(p, b) : \
					ratios(p, b)) " |"
			} else {
				line = line " " times(p, b, series != "") " |"
			}
		}
		print line
	}
}

function tables(other,    compiler)
{
	compiler = version[other ? "seq_other" : "seq"]
	sub(/,.*/, "", compiler)
	if (compiler == "") {
		return
	}
	if ("" in there) {
		head(compiler ", seconds with " list " workers:", other, \
			"program")
		body(other, "times", "")
		head(compiler ", times the sequential program; in brackets how" \
			" many times faster " width[widths] " workers are than " \
			width[1] ", and " width[widths] " sequential programs" \
			" at once than one after the other:", other, "program")
		body(other, "ratios", "")
	}
	if ("flat" in there) {
		head(compiler ", a loop of fork, call and join; ns per pass:", \
			other, "body, ns, about")
		body(other, "times", "flat")
		head(compiler ", the same, times the sequential loop:", other, \
			"body, ns, about")
		body(other, "ratios", "flat")
	}
	if ("pile" in there) {
		head(compiler ", forks of about 3 ns, then their joins; ns per" \
			" fork:", other, "forks")
		body(other, "times", "pile")
	}
}

BEGIN {
	FS = "\t"
}

$1 == "about" {
	print "* " $2
}

$1 == "backend" {
	backend[++backends] = $2
	version[$2] = $3
	print "* " $3
}

$1 == "run" {
	if (!($2 in known)) {
		known[$2] = 1
		program[++programs] = $2
		there[series_of($2)] = 1
	}
	if (!($3 in known_width)) {
		known_width[$3] = 1
		width[++widths] = $3
		list = list (list == "" ? "" : ", ") $3
	}
	k = $2 "\t" $3 "\t" $4
	seconds[k] = $5
	ratio[k] = $8
	scaled[k] = $9
	items[k] = $10
}

END {
	tables(0)
	tables(1)
	print "\n~: measured with fewer items, and multiplied."
}
