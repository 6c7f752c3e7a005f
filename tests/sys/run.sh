#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - all scenarios with many seeds, by several processes; a table.
#
#     tests/sys/run.sh SEEDS [SCENARIO...]
#
# From the build directory.  JOBS processes (2) share the seeds of each scenario.
# What fails is on stderr.  Environment: AWK, SYS_SEED_FILE, SYS_FIRST.

seeds=$1
shift
: "${AWK:=awk}" "${JOBS:=2}" "${SYS_FIRST:=1}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

job=0
pids=
first=$SYS_FIRST
while [ $job -lt "$JOBS" ]; do
	end=$((SYS_FIRST + seeds * (job + 1) / JOBS))
	SYS_FIRST=$first TASKPAR_SYS_SEEDS=$((end - first)) \
		./tests/sys/scenarios "$@" > "$work/$job" &
	pids="$pids $!"
	first=$end
	job=$((job + 1))
done
failed=0
for pid in $pids; do
	wait "$pid" || failed=1
done

cat "$work"/* | "$AWK" '
/^(not )?ok / {
	name = $NF
	if (!(name in seeds)) {
		order[++n] = name
		seeds[name] = 0
	}
	if (/^not/) {
		bad[name] = 1
	}
}
/^# [0-9]+ seeds/ {
	seeds[name] += $2
	rate[name] += $4
	steps[name] += $2 * $5
	switches[name] += $2 * $8
}
/^# [0-9]+ of/ || /^# .*:/ {
	said[name] = said[name] "\n    " $0
}
END {
	printf "%-24s %8s %8s %8s %8s\n", "scenario", "seeds", "seeds/s",
		"steps", "switches"
	for (i = 1; i <= n; i++) {
		name = order[i]
		count = seeds[name] > 0 ? seeds[name] : 1
		printf "%-24s %8d %8d %8d %8d%s%s\n", name, seeds[name],
			rate[name], steps[name] / count,
			switches[name] / count,
			name in bad ? "  FAILED" : "", said[name]
		total += seeds[name]
	}
	print n " scenarios, " total " seeds"
}'
exit $failed
