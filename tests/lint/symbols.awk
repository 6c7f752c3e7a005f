# SPDX-License-Identifier: MIT
# symbols.awk - a library exports names with its prefix only; each is declared and
# described in include/, and what is described there is exported or a macro.
# Input: the output of nm -D --defined-only, then the public headers.

FILENAME == list {
	name = $NF
	sub(/@.*/, "", name)
	if ($(NF - 1) == "A") {
		next		# the node of the version script
	}
	exported[name] = 1
	if (index(name, prefix) != 1) {
		complain("library", 0, name " must not be exported")
	}
	next
}

{
	split_line($0)
}

comment ~ /^ \* tpar_[a-z_0-9]+ - / {
	name = comment
	sub(/^ \* /, "", name)
	sub(/ - .*/, "", name)
	described[name] = FILENAME " " FNR
}

{
	macro = code ~ /^#[ \t]*define/
	while (match(code, /tpar_[a-z_0-9]+[ \t]*\(/)) {
		name = substr(code, RSTART, RLENGTH)
		code = substr(code, RSTART + RLENGTH)
		sub(/[ \t]*\(/, "", name)
		if (macro) {
			defined[name] = 1
		} else {
			declared[name] = 1
		}
	}
}

END {
	for (name in exported) {
		if (index(name, prefix) == 1 && !(name in declared)) {
			complain("library", 0, name "() is not in include/")
		} else if (index(name, prefix) == 1 && !(name in described)) {
			complain("include", 0, name "() is not described")
		}
	}
	for (name in described) {
		if (!(name in exported) && !(name in defined)) {
			split(described[name], at, " ")
			complain(at[1], at[2], name "() is not exported")
		}
	}
	exit bad
}
