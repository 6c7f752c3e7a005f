# SPDX-License-Identifier: MIT
# sizes.awk - functions of at most 60 lines, files of at most 500.

function end_file()
{
	if (lines > 500) {
		complain(file, lines, "a file of " lines " lines (500)")
	}
}

FNR == 1 {
	end_file()
	file = FILENAME
	start = 0
}

{
	lines = FNR
}

/^\{/ {
	start = FNR
}

/^\}/ && start {
	if (FNR - start - 1 > 60) {
		complain(FILENAME, start, \
			"a function of " FNR - start - 1 " lines (60)")
	}
	start = 0
}

END {
	end_file()
	exit bad
}
