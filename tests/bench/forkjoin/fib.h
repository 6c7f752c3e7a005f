/* SPDX-License-Identifier: MIT */
/*
 * fib.h - fib(n) by two calls: nothing but the cost of a fork and a join.
 * Items are calls.
 */
static int fib_result; /* N is at most 46 */

FJ_TASK_1(int, fib, int, n)
{
	int a;
	int b;

	if (n < 2) {
		return n;
	}
	FJ_GROUP;
	FJ_FORK(&a, fib, n - 1);
	b = FJ_CALL(fib, n - 2);
	FJ_WAIT;
	FJ_JOIN(&a, fib);
	return a + b;
}

static long
fib_by_loop(long n)
{
	long a = 0;
	long b = 1;

	for (; n > 0; n--) {
		long next = a + b;

		a = b;
		b = next;
	}
	return a;
}

static double
fib_run(long n)
{
	FJ_RUN(&fib_result, fib, (int)n);
	return 2.0 * (double)fib_by_loop(n + 1) - 1.0;
}

static int
fib_right(long n)
{
	return fib_result == fib_by_loop(n);
}

static const struct fj_program fib_program = {
	"fib", 38, 15, fj_prepare_nothing, fib_run, fib_right,
};
