# SPDX-License-Identifier: MIT
# sum.awk - what the logs of tests/fault say about injections; fails if the sweep
# had fewer than 25 scenarios or 2,000 injections.

/^# .*: [0-9]+ scenarios, [0-9]+ injections$/ {
	scenarios += $(NF - 3)
	swept += $(NF - 1)
	next
}

# Of one scenario.
FILENAME ~ /test_sweep/ {
	next
}

/^# .*: [0-9]+ injections$/ {
	others += $(NF - 1)
}

END {
	printf "the sweep: %d injections in %d scenarios\n", swept, scenarios
	printf "the other tests: %d injections\n", others
	if (scenarios < 25 || swept < 2000) {
		print "that is not enough" > "/dev/stderr"
		exit 1
	}
}
