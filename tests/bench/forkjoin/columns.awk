# SPDX-License-Identifier: MIT
# columns.awk - the medians of tests/bench/forkjoin/medians.awk for gnuplot:
# how many times the sequential time each back end takes with the most workers,
# a line for each program in dir/programs, for each body of `flat` in dir/flat.
# The first line of dir/programs has the titles, dir/title that of the picture.
# Variable: dir

function cell(program, backend,    k)
{
	k = program "\t" most "\t" backend
	return (k in ratio) && ratio[k] > 0 ? ratio[k] : "-"
}

function line_of(program, name,    line, i)
{
	line = name
	for (i = 1; i <= backends; i++) {
		line = line " " cell(program, backend[i])
	}
	return line
}

BEGIN {
	FS = "\t"
}

$1 == "about" && $2 ~ /^[A-Z][A-Za-z]+: / {
	title = title (title == "" ? "" : "; ") $2
}

$1 == "backend" && $2 !~ /^seq/ {
	backend[++backends] = $2
	sub(/, /, ": ", $3)
	titles = titles " \"" $3 "\""
}

$1 == "run" {
	if (!($2 in known)) {
		known[$2] = 1
		program[++programs] = $2
	}
	if ($3 + 0 > most) {
		most = $3
	}
	ratio[$2 "\t" $3 "\t" $4] = $8
}

END {
	print "program" titles > (dir "/programs")
	printf("") > (dir "/flat")
	for (i = 1; i <= programs; i++) {
		if (program[i] ~ /^pile_/) {
			continue
		}
		if (program[i] !~ /^flat_/) {
			name = program[i]
			gsub(/_/, " ", name)
			print line_of(program[i], "\"" name "\"") > \
				(dir "/programs")
		} else {
			ns = substr(program[i], 6)
			print line_of(program[i], ns == 0 ? 1 : ns) > \
				(dir "/flat")
		}
	}
	print title > (dir "/title")
	print most > (dir "/workers")
}
