# SPDX-License-Identifier: MIT
# layers.awk - includes go downward only, as src/LAYERS says.
# Input: src/LAYERS, then the sources and headers.

function place(name)
{
	if (name in level) {
		complain(FILENAME, FNR, name " stands here twice")
	}
	level[name] = $1
	order[name] = ++places
}

FILENAME ~ /(^|\/)LAYERS$/ {
	if ($0 !~ /^#/ && NF > 0) {
		for (i = 2; i <= NF; i++) {
			if ($i ~ /\.[ch]$/) {
				place($i)
			} else {
				place($i ".c")
				place($i ".h")
			}
		}
	}
	layers = FILENAME
	next
}

FNR == 1 {
	me = base_name(FILENAME)
	public = FILENAME ~ /(^|\/)include\//
	includes = 0
	if (!public) {
		found[me] = 1
		if (!(me in level)) {
			complain(FILENAME, 1, "not in " layers)
		}
	}
}

/^[ \t]*#[ \t]*include/ {
	includes++
	what = $0
	sub(/^[^<"]*/, "", what)
	quoted = what ~ /^"/
	what = substr(what, 2)
	sub(/[">].*/, "", what)

	if (what == "stdatomic.h" && me !~ /^(sys-)?atomics\.h$/) {
		complain(FILENAME, FNR, "only atomics.h includes <stdatomic.h>")
	}
	if (public && (quoted || what ~ /\.\./ || what ~ /^src\//)) {
		complain(FILENAME, FNR, \
			"a public header includes <taskpar/...> and <system.h>")
	} else if (public && what == "taskpar.h") {
		complain(FILENAME, FNR, "the umbrella is for users")
	}
	if (public || !quoted) {
		next
	}
	if (what == "config.h") {
		if (me ~ /\.h$/ || includes != 1) {
			complain(FILENAME, FNR, \
				"config.h is the first include of a .c")
		}
	} else if (!(what in level)) {
		complain(FILENAME, FNR, what " is not in " layers)
	} else if (!(me in level)) {
		next
	} else if (level[what] > level[me]) {
		complain(FILENAME, FNR, what " (level " level[what] \
			") lies above " me " (level " level[me] ")")
	} else if (me ~ /\.h$/ && level[what] == level[me] &&
		   order[what] >= order[me]) {
		complain(FILENAME, FNR, \
			what " does not stand left of " me " in " layers)
	}
}

END {
	for (name in level) {
		if (!(name in found)) {
			complain(layers, 1, name " does not exist")
		}
	}
	exit bad
}
