# SPDX-License-Identifier: MIT
# asserts.awk - every START_TEST asserts something: itself, or in a function of
# its file or of a header that it uses, or by the signal or exit it expects.

function begin(name, test)
{
	me = is_header ? name : FILENAME " " name
	is_test[me] = test
	at[me] = FNR
	known[me] = 1
}

FNR == 1 {
	me = ""
	in_macro = 0
	is_header = FILENAME ~ /\.h$/
}

{
	split_line($0)
}

/^(START_TEST|[a-z_][a-z_0-9]*)\(/ {
	test = /^START_TEST/
	name = $0
	sub(/^START_TEST\(/, "", name)
	sub(/[^a-z_0-9A-Z].*/, "", name)
	begin(name, test)
}

/^[ \t]*#[ \t]*define[ \t]+[A-Za-z_0-9]+\(/ {
	name = $0
	sub(/^[ \t]*#[ \t]*define[ \t]+/, "", name)
	sub(/\(.*/, "", name)
	outer = me
	in_macro = 1
	begin(name, 0)
}

{
	text = code
	expects = code ~ /tcase_add[a-z_]*(raise_signal|exit)/
	while (match(text, /[A-Za-z_][A-Za-z_0-9]*/)) {
		word = substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
		if (expects) {
			asserts[FILENAME " " word] = 1
		} else if (me == "") {
			continue
		} else if (word ~ /^_?ck_(assert|abort)/ ||
			   (!is_header && word ~ /_MUST$/)) {
			asserts[me] = 1
		} else if (!((me, word) in uses)) {
			uses[me, word] = 1
			user[++n] = me
			used[n] = word
			user_file[n] = is_header ? "" : FILENAME " "
		}
	}
}

in_macro && !/\\$/ {
	me = outer
	in_macro = 0
}

/^\}/ {
	me = ""
}

END {
	do {
		again = 0
		for (i = 1; i <= n; i++) {
			if (!(user[i] in asserts) &&
			    ((user_file[i] used[i]) in asserts ||
			     used[i] in asserts)) {
				asserts[user[i]] = again = 1
			}
		}
	} while (again)
	for (name in known) {
		if (is_test[name] && !(name in asserts)) {
			split(name, part, " ")
			complain(part[1], at[name], part[2] " asserts nothing")
		}
	}
	exit bad
}
