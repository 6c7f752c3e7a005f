/* SPDX-License-Identifier: MIT */
/*
 * pile.h - n forks, one after the other, of some nanoseconds each, then as many
 * joins: does a fork cost more if many are below it?  Again and again; items are
 * forks.
 */
#define PILE_STEPS 5
#define PILE_FORKS 3e6 /* in all, about */
#define PILE_FORKS_BRIEF 1e2

static uint64_t pile_result;
static uint64_t *pile_results;

FJ_TASK_1(uint64_t, pile_leaf, uint64_t, x)
{
	return flat_work(x, PILE_STEPS);
}

FJ_TASK_3(uint64_t, pile, long, times, long, n, uint64_t *, results)
{
	uint64_t sum = 0;
	long i;

	FJ_GROUP;
	for (; times > 0; times--) {
		for (i = 0; i < n; i++) {
			FJ_FORK(&results[i], pile_leaf, (uint64_t)i);
		}
		FJ_WAIT;
		while (i > 0) {
			i--;
			FJ_JOIN(&results[i], pile_leaf);
			sum += results[i];
		}
	}
	return sum;
}

static long
pile_times(long n)
{
	double all = fj_brief ? PILE_FORKS_BRIEF : PILE_FORKS;

	return 1 + (long)(all / (double)(n + 1));
}

static void
pile_prepare(long n)
{
	pile_results = (uint64_t *)fj_buffer(0, (size_t)n * sizeof(uint64_t));
}

static double
pile_run(long n)
{
	FJ_RUN(&pile_result, pile, pile_times(n), n, pile_results);
	return (double)n * (double)pile_times(n);
}

static int
pile_right(long n)
{
	uint64_t sum = 0;
	long i;

	for (i = 0; i < n; i++) {
		sum += flat_work((uint64_t)i, PILE_STEPS);
	}
	return pile_result == sum * (uint64_t)pile_times(n);
}

static const struct fj_program pile_program = {
	"pile", 10000, 20, pile_prepare, pile_run, pile_right,
};
