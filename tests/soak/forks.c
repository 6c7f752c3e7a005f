/* SPDX-License-Identifier: MIT */
/*
 * forks.c - fork-join computations and the loops of algorithm.h: even trees,
 * uneven ones, ones that fail, with futures in their leaves, sums, scans, sorts.
 */
#include "soak.h"

#include <taskpar/algorithm.h>
#include <taskpar/forkjoin.h>

enum { FIB_INSIDE = 12, FIB_LEAST = 18, FIB_MOST = 27, BROKEN = 4711 };

/* ---- Trees --------------------------------------------------------------- */

TPAR_TASK_1(uint64_t, fib, int, n)
{
	uint64_t a;
	uint64_t b;

	if (n < 2) {
		return (uint64_t)n;
	}
	TPAR_FORK(fib, n - 1);
	b = TPAR_CALL(fib, n - 2);
	a = TPAR_JOIN(fib);
	return a + b;
}

static uint64_t
fib_of(int n)
{
	uint64_t a = 0;
	uint64_t b = 1;

	while (n-- > 0) {
		uint64_t next = a + b;

		a = b;
		b = next;
	}
	return a;
}

/* Each call that forks is one of two that end in the leaves. */
static uint64_t
forks_of_fib(int n)
{
	return fib_of(n + 1) - 1;
}

static void
run_fib(tpar_pool *pool, int n)
{
	uint64_t result = 0;
	enum tpar_err err = TPAR_RUN(fib, pool, &result, NULL, n);

	if (err == TPAR_OK) {
		SOAK_MUST(result == fib_of(n));
		soak_add(SOAK_FORKS, forks_of_fib(n));
	} else {
		/* A blocking task submits it, maybe to a pool that was shut. */
		SOAK_MUST((err == TPAR_ESTOPPED || err == TPAR_ECLOSED) &&
			  tpar_cancelled());
	}
}

/* What a leaf of an uneven tree leaves to a future. */
static int
leaf_task(void *arg, void *value)
{
	*(uint64_t *)value = *(const uint64_t *)arg;
	return 0;
}

static uint64_t
leaf(uint64_t seed)
{
	tpar_future *f = NULL;
	uint64_t value = 0;
	enum tpar_err err;

	if (seed % 16 != 0) {
		return seed;
	}
	if (tpar_submit(NULL, leaf_task, &seed, sizeof seed, &f) != TPAR_OK) {
		return seed;
	}
	err = tpar_gather(&f, 1, &value, NULL);
	tpar_future_unref(f);
	return err == TPAR_OK ? value : seed;
}

/* 1 to 4 branches, of different depths. */
TPAR_TASK_2(uint64_t, tree, uint64_t, seed, int, depth)
{
	struct soak_random random = { seed };
	unsigned n = 1 + soak_below(&random, 4);
	uint64_t sum = 0;
	unsigned i;

	if (depth <= 0) {
		return leaf(seed);
	}
	for (i = 0; i < n; i++) {
		TPAR_FORK(tree, soak_next(&random), depth - 1 - (int)(i % 2));
	}
	for (i = 0; i < n; i++) {
		sum = sum * 3 + TPAR_JOIN(tree);
	}
	return sum;
}

/* The same without any of the library; counts what would be forked. */
static uint64_t
plain_tree(uint64_t seed, int depth, uint64_t *forks)
{
	struct soak_random random = { seed };
	unsigned n = 1 + soak_below(&random, 4);
	uint64_t seeds[4];
	uint64_t sum = 0;
	unsigned i;

	if (depth <= 0) {
		return seed;
	}
	for (i = 0; i < n; i++) {
		seeds[i] = soak_next(&random);
	}
	*forks += n;
	while (n-- > 0) {
		sum = sum * 3 +
		      plain_tree(seeds[n], depth - 1 - (int)(n % 2), forks);
	}
	return sum;
}

static void
run_tree(tpar_pool *pool, uint64_t seed)
{
	uint64_t forks = 0;
	uint64_t expected = plain_tree(seed, 9, &forks);
	uint64_t result = 0;

	SOAK_MUST(TPAR_RUN(tree, pool, &result, NULL, seed, 9) == TPAR_OK);
	SOAK_MUST(result == expected);
	soak_add(SOAK_FORKS, forks);
}

/* One of its leaves fails. */
TPAR_VOID_TASK_2(breaking, int, depth, int, path)
{
	if (depth == 0) {
		if (path == 0) {
			tpar_run_fail(BROKEN, "leaf %d", path);
		}
		return;
	}
	TPAR_FORK(breaking, depth - 1, 2 * path);
	TPAR_CALL(breaking, depth - 1, 2 * path + 1);
	TPAR_JOIN(breaking);
}

static void
run_breaking(tpar_pool *pool)
{
	struct tpar_failure why;

	SOAK_MUST(TPAR_RUN(breaking, pool, NULL, &why, 8, 0) == TPAR_EFAILED);
	SOAK_MUST(why.code == BROKEN);
}

/* ---- Loops --------------------------------------------------------------- */

enum { ITEMS = 20000 };

static int
add_range(size_t begin, size_t end, void *arg)
{
	uint32_t *x = arg;
	size_t i;

	for (i = begin; i < end; i++) {
		x[i] += (uint32_t)i;
	}
	return 0;
}

static int
fold(size_t begin, size_t end, void *value, void *arg)
{
	const uint32_t *x = arg;
	uint64_t sum = 0;
	size_t i;

	for (i = begin; i < end; i++) {
		sum += x[i];
	}
	*(uint64_t *)value += sum;
	return 0;
}

static int
combine(void *left, const void *right, void *arg)
{
	(void)arg;
	*(uint64_t *)left += *(const uint64_t *)right;
	return 0;
}

static void
run_sum(tpar_pool *pool, uint32_t *x, size_t n)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;
	uint64_t sum = 0;

	memset(x, 0, n * sizeof *x);
	SOAK_MUST(tpar_for(pool, 0, n, 0, add_range, x, NULL) == TPAR_OK);
	how.value_size = sizeof sum;
	how.fold = fold;
	how.combine = combine;
	how.arg = x;
	SOAK_MUST(tpar_reduce(pool, 0, n, 0, &how, &sum, NULL) == TPAR_OK);
	SOAK_MUST(sum == (uint64_t)n * (n - 1) / 2);
	soak_add(SOAK_ITEMS, 2 * n);
}

static int
compare(const void *a, const void *b, void *arg)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	(void)arg;
	return (x > y) - (x < y);
}

static void
run_sort(struct soak_random *random, tpar_pool *pool, uint32_t *x, size_t n)
{
	bool by_digits = soak_chance(random, 50);
	uint64_t before = 0;
	uint64_t after = 0;
	enum tpar_err err;
	size_t i;

	for (i = 0; i < n; i++) {
		x[i] = (uint32_t)soak_next(random);
		before += x[i];
	}
	err = by_digits ? tpar_sort_u32(pool, x, n, NULL)
			: tpar_sort(pool, x, n, sizeof *x, compare, NULL, NULL);
	SOAK_MUST(err == TPAR_OK);
	for (i = 0; i < n; i++) {
		SOAK_MUST(i == 0 || x[i - 1] <= x[i]);
		after += x[i];
	}
	SOAK_MUST(before == after);
	soak_add(SOAK_ITEMS, n);
}

static void
run_scan(tpar_pool *pool, uint64_t *x, size_t n)
{
	struct tpar_prefix how = TPAR_PREFIX_INIT;
	size_t i;

	for (i = 0; i < n; i++) {
		x[i] = i;
	}
	how.value_size = sizeof *x;
	how.combine = combine;
	SOAK_MUST(tpar_scan(pool, x, x, n, 0, &how, NULL) == TPAR_OK);
	for (i = 0; i < n; i++) {
		SOAK_MUST(x[i] == (uint64_t)i * (i + 1) / 2);
	}
	soak_add(SOAK_ITEMS, n);
}

static void
run_loops(struct soak_random *random, tpar_pool *pool)
{
	size_t n = 1 + soak_below(random, ITEMS);
	uint64_t *x = malloc(n * sizeof *x);

	SOAK_MUST(x != NULL);
	switch (soak_below(random, 3)) {
	case 0:
		run_sum(pool, (uint32_t *)x, n);
		break;
	case 1:
		run_sort(random, pool, (uint32_t *)x, n);
		break;
	default:
		run_scan(pool, x, n);
		break;
	}
	free(x);
}

/* ---- Turns --------------------------------------------------------------- */

void
soak_some_forks(struct soak_random *random, tpar_pool *pool)
{
	run_fib(pool, (int)soak_below(random, FIB_INSIDE));
}

void
soak_forks(struct soak_load *load)
{
	struct soak_random *random = &load->random;
	tpar_pool *pool = soak_pool(random);
	unsigned which = soak_below(random, 10);

	if (which < 6) {
		soak_step(load, "an even tree");
		run_fib(pool,
			FIB_LEAST + (int)soak_below(random,
						    FIB_MOST - FIB_LEAST + 1));
	} else if (which == 6) {
		soak_step(load, "an uneven tree");
		run_tree(pool, soak_next(random));
	} else if (which == 7) {
		soak_step(load, "a tree that fails");
		run_breaking(pool);
	} else {
		soak_step(load, "loops");
		run_loops(random, pool);
	}
}
