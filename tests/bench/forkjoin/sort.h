/* SPDX-License-Identifier: MIT */
/*
 * sort.h - n random 64-bit numbers, sorted through a comparison function:
 * qsort(), and what libraries have of their own, if so (FJ_SORT).  Items are
 * numbers.
 */
#ifdef FJ_SORT

static uint64_t *sort_data;
static uint64_t sort_sum;

/* As for qsort(). */
static int
sort_order(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static inline int
sort_order_with(const void *a, const void *b, void *arg)
{
	(void)arg;
	return sort_order(a, b);
}

static void
sort_prepare(long n)
{
	uint64_t random = 5;
	long i;

	sort_data = (uint64_t *)fj_buffer(0, (size_t)n * sizeof(uint64_t));
	sort_sum = 0;
	for (i = 0; i < n; i++) {
		sort_data[i] = fj_random(&random);
		sort_sum += sort_data[i];
	}
}

static double
sort_run(long n)
{
	FJ_SORT(sort_data, (size_t)n);
	return (double)n;
}

/* The same numbers, as far as their sum tells, in order. */
static int
sort_right(long n)
{
	uint64_t sum = n > 0 ? sort_data[0] : 0;
	long i;

	for (i = 1; i < n && sort_data[i - 1] <= sort_data[i]; i++) {
		sum += sort_data[i];
	}
	return i >= n && sum == sort_sum;
}

static const struct fj_program sort_program = {
	"sort", 10000000, 20000, sort_prepare, sort_run, sort_right,
};

#endif
