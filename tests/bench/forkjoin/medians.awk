# SPDX-License-Identifier: MIT
# medians.awk - what tests/bench/forkjoin/run has measured, as a table.
# Input: "PROGRAM WORKERS BACKEND SECONDS ITEMS", and lines that begin with
# "backend" or "about", which are copied.
# Output, separated by tabs, a line for each program, workers and back end:
#     run  program  workers  backend  seconds  least  most  ratio  scaled  items
# seconds: the median, for as many items as the sequential program has had;
# ratio: to that of the same compiler, 0 if there is none; scaled: 1 if it has
# had other items in fact (flat runs for a time, with any number).
# The back end "pair" is of sequential programs that ran at the same time.
# One more line that begins with "about" tells how quiet it was.

function seq_of(backend)
{
	return backend ~ /_other$/ ? "seq_other" : "seq"
}

# Sorts the numbers of a row into v[1..n] and returns n.
function sorted(row, v,    n, i, k, x)
{
	n = split(numbers[row], v, " ")
	for (i = 2; i <= n; i++) {
		x = v[i] + 0
		for (k = i - 1; k >= 1 && v[k] + 0 > x; k--) {
			v[k + 1] = v[k]
		}
		v[k + 1] = x
	}
	return n
}

function compute(row,    v, n)
{
	n = sorted(row, v)
	median[row] = (v[int((n + 1) / 2)] + v[int(n / 2) + 1]) / 2
	least[row] = v[1] + 0
	most[row] = v[n] + 0
}

function print_row(row,    part, base, ratio, size)
{
	split(row, part, "\t")
	base = seq_row[part[1] "\t" seq_of(part[3])]
	size = base == "" ? items[row] : items[base]
	ratio = base == "" ? 0 : median[row] / median[base]
	printf("run\t%s\t%.6g\t%.6g\t%.6g\t%.4g\t%d\t%.0f\n", row, \
		median[row] * size, least[row] * size, most[row] * size, \
		ratio, items[row] != size && part[1] !~ /^flat_/, size)
}

$1 == "backend" || $1 == "about" {
	sub(/ /, "\t")
	if ($1 == "backend") {
		sub(/ /, "\t")
	}
	print
	next
}

{
	row = $1 "\t" $2 "\t" $3
	if (!(row in items)) {
		order[++rows] = row
	}
	if ($3 ~ /^seq/ && !(($1 "\t" $3) in seq_row)) {
		seq_row[$1 "\t" $3] = row
	}
	items[row] = $5
	numbers[row] = numbers[row] " " $4 / $5
}

END {
	for (i = 1; i <= rows; i++) {
		compute(order[i])
		numbers["spread"] = numbers["spread"] " " \
			most[order[i]] / least[order[i]]
	}
	compute("spread")
	if (rows > 0) {
		printf("about\tThe slowest round took %.2f times the fastest" \
			" (median of all programs)\n", median["spread"])
	}
	for (i = 1; i <= rows; i++) {
		print_row(order[i])
	}
}
