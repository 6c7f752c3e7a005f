/* SPDX-License-Identifier: MIT */
/*
 * 09_loop.c - loops over all items, in parts: 1, 1/2, 1/3 ... and their sums;
 * the first of these that is more than twelve.
 */
#include <stdio.h>
#include <taskpar.h>

#define N 100000

static double x[N];

static int
fill(size_t begin, size_t end, void *arg) /* a plain loop over a part */
{
	(void)arg;
	for (size_t i = begin; i < end; i++)
		x[i] = 1.0 / (double)(i + 1);
	return 0; /* else the loop fails, and no further part begins */
}

static int
add(void *left, const void *right, void *arg)
{
	(void)arg;
	*(double *)left += *(const double *)right;
	return 0;
}

static int
find_above(size_t begin, size_t end, size_t *hit, void *limit)
{
	for (*hit = begin; *hit < end && x[*hit] <= *(double *)limit; ++*hit)
		;
	return 0;
}

int
main(void)
{
	struct tpar_prefix sums = TPAR_PREFIX_INIT;
	double limit = 12;
	struct tpar_failure why;
	size_t i;

	sums.value_size = sizeof x[0];
	sums.combine = add;
	if (tpar_for(NULL, 0, N, 0, fill, NULL, &why) ||
	    tpar_scan(NULL, x, x, N, 0, &sums, &why) || /* in place */
	    tpar_find_first(NULL, 0, N, 0, find_above, &limit, &i, &why)) {
		fprintf(stderr, "%s\n", why.message);
		return 1;
	}
	printf("%zu terms: %.9f\n", i + 1, x[i]);
	return 0;
}
