/* SPDX-License-Identifier: MIT */
/*
 * flat.h - the smallest parallelism: a loop of one fork, a call and a join, all
 * of the same work of n steps, a nanosecond or two each.  Items are pairs.
 */
#define FLAT_STEPS 1e8 /* in all, about */
#define FLAT_STEPS_BRIEF 1e5
#define FLAT_SECONDS 0.15 /* the loop is repeated until then */

static uint64_t flat_result;

/*
 * Multiplications, each of what the one before gave, for which a processor
 * always needs the same time.  (Sums in memory took up to 1.2 times as long in
 * one program as in another, by chance.)  The empty statement keeps compilers
 * from merging steps, or passes.
 */
static __attribute__((noinline)) uint64_t
flat_work(uint64_t x, long steps)
{
	for (; steps > 0; steps--) {
		x = x * UINT64_C(6364136223846793005) + (uint64_t)steps;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

FJ_TASK_2(uint64_t, flat_body, uint64_t, x, long, steps)
{
	return flat_work(x, steps);
}

FJ_TASK_2(uint64_t, flat, long, pairs, long, steps)
{
	uint64_t sum = 0;
	uint64_t forked;
	uint64_t i;

	FJ_GROUP;
	for (i = 1; i <= (uint64_t)pairs; i++) {
		FJ_FORK(&forked, flat_body, i, steps);
		sum += FJ_CALL(flat_body, i - 1, steps);
		FJ_WAIT;
		FJ_JOIN(&forked, flat_body);
		sum += forked;
	}
	return sum;
}

static long
flat_pairs(long steps)
{
	double all = fj_brief ? FLAT_STEPS_BRIEF : FLAT_STEPS;

	return 16 + (long)(all / (double)(2 * steps + 20));
}

static double
flat_run(long n)
{
	double pairs = 0;

	do {
		uint64_t before = flat_result;

		FJ_RUN(&flat_result, flat, flat_pairs(n), n);
		fj_require(pairs == 0 || before == flat_result, "flat");
		pairs += (double)flat_pairs(n);
	} while (!fj_brief && fj_now() - fj_begin < FLAT_SECONDS);
	return pairs;
}

/* The work on 0 to pairs, each twice but the first and the last. */
static int
flat_right(long n)
{
	uint64_t pairs = (uint64_t)flat_pairs(n);
	uint64_t sum = flat_work(0, n) + flat_work(pairs, n);
	uint64_t i;

	for (i = 1; i < pairs; i++) {
		sum += 2 * flat_work(i, n);
	}
	return flat_result == sum;
}

static const struct fj_program flat_program = {
	"flat", 0, 20, fj_prepare_nothing, flat_run, flat_right,
};
