/* SPDX-License-Identifier: MIT */
/*
 * late.h - a fork of n ms and a leaf of n ms, while the other worker is busy
 * for 3 ms more when the fork happens: does it find what was forked, although
 * the one that has forked it does nothing but its own leaf?  Items are pairs.
 */
#include <sched.h>

#define LATE_BUSY 0.003
#define LATE_PATIENCE 0.1 /* for a worker that cannot take by force */
#define LATE_IDLE_FORKS 1000

static long late_result;
static int late_begun;

static long
late_spin(double seconds)
{
	double end = fj_now() + seconds;

	while (fj_now() < end) {
	}
	return 1;
}

FJ_TASK_1(long, late_body, double, seconds)
{
	return late_spin(seconds);
}

FJ_TASK_1(long, late_busy, double, seconds)
{
	__atomic_store_n(&late_begun, 1, __ATOMIC_RELEASE);
	return late_spin(seconds);
}

/* That forks fork and join as usual, and nobody has asked for any. */
FJ_TASK_1(long, late_calm, int, forks)
{
	long sum = 0;

	FJ_GROUP;
	for (; forks > 0; forks--) {
		long one;

		FJ_FORK(&one, late_body, 0);
		FJ_WAIT;
		FJ_JOIN(&one, late_body);
		sum += one;
	}
	return sum;
}

FJ_TASK_1(long, late_pair, double, seconds)
{
	long ends;
	long forked;

	fj_begin = fj_now();
	FJ_GROUP;
	FJ_FORK(&forked, late_body, seconds);
	ends = FJ_CALL(late_body, seconds);
	FJ_WAIT;
	FJ_JOIN(&forked, late_body);
	fj_end = fj_now();
	return ends + forked;
}

FJ_TASK_1(long, late, double, seconds)
{
	double end = fj_now() + LATE_PATIENCE;
	long busy = 1;
	long ends;

	FJ_GROUP;
	if (fj_workers > 1) {
		FJ_FORK(&busy, late_busy, LATE_BUSY);
		while (!__atomic_load_n(&late_begun, __ATOMIC_ACQUIRE) &&
		       fj_now() < end) {
			sched_yield();
		}
	}
	ends = FJ_CALL(late_calm, LATE_IDLE_FORKS);
	ends += FJ_CALL(late_pair, seconds);
	FJ_WAIT;
	if (fj_workers > 1) {
		FJ_JOIN(&busy, late_busy);
	}
	return ends + busy;
}

static double
late_run(long n)
{
	late_begun = 0;
	FJ_RUN(&late_result, late, (double)n * 1e-3);
	return 1;
}

static int
late_right(long n)
{
	(void)n;
	return late_result == LATE_IDLE_FORKS + 3;
}

static const struct fj_program late_program = {
	"late", 50, 1, fj_prepare_nothing, late_run, late_right,
};
