/* SPDX-License-Identifier: MIT */
/*
 * skynet.h - a tree of 10 children each, 10^n leaves; the sum of their numbers.
 * Items are leaves.
 */
static long skynet_result;

FJ_TASK_2(long, skynet, long, first, long, leaves)
{
	long part[10];
	long each = leaves / 10;
	long sum;
	int i;

	if (leaves == 1) {
		return first;
	}
	FJ_GROUP;
	for (i = 0; i < 9; i++) {
		FJ_FORK(&part[i], skynet, first + i * each, each);
	}
	sum = FJ_CALL(skynet, first + 9 * each, each);
	FJ_WAIT;
	for (i = 8; i >= 0; i--) {
		FJ_JOIN(&part[i], skynet);
		sum += part[i];
	}
	return sum;
}

static long
skynet_leaves(long n)
{
	long leaves = 1;

	for (; n > 0; n--) {
		leaves *= 10;
	}
	return leaves;
}

static double
skynet_run(long n)
{
	FJ_RUN(&skynet_result, skynet, 0, skynet_leaves(n));
	return (double)skynet_leaves(n);
}

static int
skynet_right(long n)
{
	long leaves = skynet_leaves(n);
	long sum = 0;
	long i;

	for (i = 0; i < leaves; i++) {
		sum += i;
	}
	return skynet_result == sum;
}

static const struct fj_program skynet_program = {
	"skynet", 8, 3, fj_prepare_nothing, skynet_run, skynet_right,
};
