# SPDX-License-Identifier: MIT
# words.awk - no notes to self; no code that is switched off.

/(^|[^A-Za-z_])(TODO|FIXME|XXX|HACK)([^A-Za-z_]|$)/ && !/TODO\(#[0-9]+\)/ {
	complain(FILENAME, FNR, "a note to self without an issue's number")
}

/^[ \t]*#[ \t]*if[ \t]+0([^0-9]|$)/ {
	complain(FILENAME, FNR, "code that is switched off")
}

END {
	exit bad
}
