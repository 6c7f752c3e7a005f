/* SPDX-License-Identifier: MIT */
/*
 * cilksort.h - merge sort by quarters, with merges that are parallel, too.
 * Items are the numbers sorted: those from 0 to n - 1 in random order.
 */
#define CILKSORT_QUICK 2048 /* sorted sequentially */
#define CILKSORT_INSERT 20  /* by insertion */
#define CILKSORT_MERGE 2048 /* merged sequentially */

static int *cilksort_data;
static int *cilksort_spare;

static void
cilksort_insert(int *v, long n)
{
	long i;

	for (i = 1; i < n; i++) {
		int x = v[i];
		long k = i;

		for (; k > 0 && v[k - 1] > x; k--) {
			v[k] = v[k - 1];
		}
		v[k] = x;
	}
}

static inline void
cilksort_order(int *a, int *b)
{
	if (*a > *b) {
		int x = *a;

		*a = *b;
		*b = x;
	}
}

/* The median of three is the pivot; Hoare's partition. */
static void
cilksort_quick(int *v, long n)
{
	while (n > CILKSORT_INSERT) {
		long low = -1;
		long high = n;
		int pivot;

		cilksort_order(&v[0], &v[n / 2]);
		cilksort_order(&v[n / 2], &v[n - 1]);
		cilksort_order(&v[0], &v[n / 2]);
		pivot = v[n / 2];
		for (;;) {
			do {
				low++;
			} while (v[low] < pivot);
			do {
				high--;
			} while (v[high] > pivot);
			if (low >= high) {
				break;
			}
			cilksort_order(&v[high], &v[low]);
			cilksort_order(&v[low], &v[high]);
		}
		cilksort_quick(v + high + 1, n - high - 1);
		n = high + 1;
	}
	cilksort_insert(v, n);
}

static void
cilksort_merge_leaf(const int *a, long na, const int *b, long nb, int *to)
{
	while (na > 0 && nb > 0) {
		if (*a <= *b) {
			*to++ = *a++;
			na--;
		} else {
			*to++ = *b++;
			nb--;
		}
	}
	memcpy(to, a, (size_t)na * sizeof *a);
	memcpy(to + na, b, (size_t)nb * sizeof *b);
}

/* How many of v[0..n) are less than x. */
static long
cilksort_below(const int *v, long n, int x)
{
	long low = 0;

	while (n > 0) {
		long half = n / 2;

		if (v[low + half] < x) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

FJ_VOID_TASK_5(cilksort_merge, const int *, a, long, na, const int *, b, long,
	       nb, int *, to)
{
	long half;
	long below;

	if (na < nb) {
		const int *v = a;
		long n = na;

		a = b;
		na = nb;
		b = v;
		nb = n;
	}
	if (na + nb < CILKSORT_MERGE) {
		cilksort_merge_leaf(a, na, b, nb, to);
		return;
	}
	half = na / 2;
	below = cilksort_below(b, nb, a[half]);
	FJ_GROUP;
	FJ_FORK_VOID(cilksort_merge, a, half, b, below, to);
	FJ_CALL(cilksort_merge, a + half, na - half, b + below, nb - below,
		to + half + below);
	FJ_WAIT;
	FJ_JOIN_VOID(cilksort_merge);
}

FJ_VOID_TASK_3(cilksort, int *, v, int *, spare, long, n)
{
	long q = n / 4;

	if (n < CILKSORT_QUICK) {
		cilksort_quick(v, n);
		return;
	}
	FJ_GROUP;
	FJ_FORK_VOID(cilksort, v, spare, q);
	FJ_FORK_VOID(cilksort, v + q, spare + q, q);
	FJ_FORK_VOID(cilksort, v + 2 * q, spare + 2 * q, q);
	FJ_CALL(cilksort, v + 3 * q, spare + 3 * q, n - 3 * q);
	FJ_WAIT;
	FJ_JOIN_VOID(cilksort);
	FJ_JOIN_VOID(cilksort);
	FJ_JOIN_VOID(cilksort);
	FJ_FORK_VOID(cilksort_merge, v, q, v + q, q, spare);
	FJ_CALL(cilksort_merge, v + 2 * q, q, v + 3 * q, n - 3 * q,
		spare + 2 * q);
	FJ_WAIT;
	FJ_JOIN_VOID(cilksort_merge);
	FJ_CALL(cilksort_merge, spare, 2 * q, spare + 2 * q, n - 2 * q, v);
}

static void
cilksort_prepare(long n)
{
	uint64_t random = 1;
	long i;

	cilksort_data = (int *)fj_buffer(0, (size_t)n * sizeof(int));
	cilksort_spare = (int *)fj_buffer(1, (size_t)n * sizeof(int));
	for (i = 0; i < n; i++) {
		long k = (long)(fj_random(&random) % (uint64_t)(i + 1));

		cilksort_data[i] = cilksort_data[k];
		cilksort_data[k] = (int)i;
	}
}

static double
cilksort_run(long n)
{
	FJ_RUN_VOID(cilksort, cilksort_data, cilksort_spare, n);
	return (double)n;
}

static int
cilksort_right(long n)
{
	long i;

	for (i = 0; i < n && cilksort_data[i] == i; i++) {
	}
	return i == n;
}

static const struct fj_program cilksort_program = {
	"cilksort",	  10000000,	20000,
	cilksort_prepare, cilksort_run, cilksort_right,
};
