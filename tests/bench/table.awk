# SPDX-License-Identifier: MIT
# table.awk - medians and ratios of what tests/bench/run has measured.
# Input: "peer NAME TITLE" for each column, "BENCH WORKERS PEER NUMBER".
# Variables: rounds; tsv, a file for the results, or "".

function unit_of(bench)
{
	return bench == "roundtrip" ? "us" : bench == "idle_cpu" ? "ms CPU" : \
		bench == "idle_wake" ? "wakes" : bench ~ /memory$/ ? "bytes" : \
		bench ~ /^cancel/ ? "ms" : bench ~ /failure$/ ? "tasks" : \
		"ns"
}

function scale_of(bench)
{
	return bench == "roundtrip" ? 1e3 : \
		bench ~ /^(idle_cpu$|cancel)/ ? 1e6 : 1
}

function show(x)
{
	return sprintf(x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : "%.2f", x)
}

# Sorts the numbers of a cell into v[1..n] and returns n.
function sorted(cell, v,    n, i, k, x)
{
	n = split(numbers[cell], v, " ")
	for (i = 2; i <= n; i++) {
		x = v[i] + 0
		for (k = i - 1; k >= 1 && v[k] + 0 > x; k--) {
			v[k + 1] = v[k]
		}
		v[k + 1] = x
	}
	return n
}

function compute(cell, bench,    v, n)
{
	n = sorted(cell, v)
	median[cell] = (v[int((n + 1) / 2)] + v[int(n / 2) + 1]) / 2
	median[cell] /= scale_of(bench)
	least[cell] = v[1] / scale_of(bench)
	most[cell] = v[n] / scale_of(bench)
	runs[cell] = n
}

# The median, 0 if there is none.  (A bare median[cell] would make one.)
function of(row, peer)
{
	return (row " " peer) in median ? median[row " " peer] : 0
}

function cell_text(row, peer)
{
	if ((row " " peer) in failed) {
		return "failed"
	} else if (!((row " " peer) in median)) {
		return "-"
	} else if (peer == "taskpar" || of(row, "taskpar") == 0) {
		return show(of(row, peer))
	}
	return show(of(row, peer)) " (" \
		show(of(row, peer) / of(row, "taskpar")) ")"
}

function write_tsv(row, peer,    cell, ratio, part)
{
	cell = row " " peer
	if (tsv == "" || !(cell in median)) {
		return
	}
	split(row, part, " ")
	if (of(row, "taskpar") > 0) {
		ratio = sprintf("%.4g", of(row, peer) / of(row, "taskpar"))
	}
	printf("%s\t%s\t%s\t%s\t%.6g\t%.6g\t%.6g\t%d\t%s\n", part[1], \
		part[2], peer, unit_of(part[1]), median[cell], least[cell], \
		most[cell], runs[cell], ratio) > tsv
}

# One line of the table, for which text[1..peers] has the cells.
function print_line(head, text,    line, i)
{
	line = sprintf("%-24s", head)
	for (i = 1; i <= peers; i++) {
		line = line sprintf("%-15s", text[i])
	}
	sub(/ +$/, "", line)
	print line
}

function print_row(row,    part, text, i)
{
	split(row, part, " ")
	for (i = 1; i <= peers; i++) {
		text[i] = cell_text(row, name[i])
		write_tsv(row, name[i])
	}
	print_line(sprintf("%-14s %2s %s", part[1], part[2], \
		unit_of(part[1])), text)
}

# How many times faster than with the first number of workers.
function print_speedup(row,    part, base, text, i)
{
	split(row, part, " ")
	base = part[1] " " first_workers[part[1]]
	if (base == row) {
		return
	}
	for (i = 1; i <= peers; i++) {
		text[i] = of(base, name[i]) && of(row, name[i]) ? \
			show(of(base, name[i]) / of(row, name[i])) : "-"
	}
	print_line(sprintf("%-14s %2s faster", part[1], part[2]), text)
}

$1 == "peer" {
	name[++peers] = $2
	title[peers] = $3
	next
}

{
	row = $1 " " $2
	if (!(row in known)) {
		known[row] = 1
		order[++rows] = row
		if (!($1 in first_workers)) {
			first_workers[$1] = $2
		}
	}
	if ($4 == "failed") {
		failed[row " " $3] = 1
	} else {
		numbers[row " " $3] = numbers[row " " $3] " " $4
		bench_of[row " " $3] = $1
	}
}

END {
	for (cell in numbers) {
		compute(cell, bench_of[cell])
	}
	if (tsv != "") {
		print "bench\tworkers\tpeer\tunit\tmedian\tmin\tmax\truns\t" \
			"ratio" > tsv
	}
	print "medians of " rounds "; in brackets: times taskpar's"
	print_line(sprintf("%-14s %2s %s", "bench", "W", "unit"), title)
	for (i = 1; i <= rows; i++) {
		print_row(order[i])
	}
	for (i = 1; i <= rows; i++) {
		if (order[i] ~ /^(flat|flat_many|inner|inner_1m|tree|window) /) {
			print_speedup(order[i])
		}
	}
	for (i = 1; i <= rows; i++) {
		if (order[i] ~ /^roundtrip / && of(order[i], "taskpar") && \
		    of(order[i], "condvar")) {
			split(order[i], part, " ")
			printf("roundtrip %2s: taskpar / condvar = %s\n", \
				part[2], show(of(order[i], "taskpar") / \
					of(order[i], "condvar")))
		}
	}
}
