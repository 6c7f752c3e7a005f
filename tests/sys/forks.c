/* SPDX-License-Identifier: MIT */
/*
 * forks.c - scenarios of fork-join: forks that are stolen, promoted and joined,
 * loops that split, failures in them.
 */
#include "sys.h"

static tpar_pool *pool;

TPAR_TASK_2(long, fib, int, n, int, yields)
{
	long a;
	long b;

	if (n < 2) {
		if (yields) {
			tpar_sys_yield();
		}
		return n;
	}
	TPAR_FORK(fib, n - 1, yields);
	b = TPAR_CALL(fib, n - 2, yields);
	a = TPAR_JOIN(fib);
	return a + b;
}

static void
fork_and_join(void *arg)
{
	long result = 0;

	(void)arg;
	pool = sys_pool(2, 2);
	MUST(TPAR_RUN(fib, pool, &result, NULL, 5, 1) == TPAR_OK);
	MUST(result == 5);
	sys_destroy(pool);
}

/* Two computations at a time, and futures beside them. */
static void *
run_one(void *arg)
{
	long result = 0;

	(void)arg;
	MUST(TPAR_RUN(fib, pool, &result, NULL, 4, 1) == TPAR_OK);
	MUST(result == 3);
	return NULL;
}

static void
forks_beside_futures(void *arg)
{
	struct item item = { .polls = 2 };
	pthread_t thread;
	tpar_future *f;

	(void)arg;
	pool = sys_pool(2, 2);
	thread = sys_start(run_one, NULL);
	f = item_submit(pool, &item);
	(void)run_one(NULL);
	MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	sys_join(thread);
	tpar_future_unref(f);
	sys_destroy(pool);
	item_must_be_over(&item, 1);
}

/* A leaf that takes long while others look for forks: they take them by force. */
static int leaves;

TPAR_TASK_1(long, slow, int, n)
{
	long sum;
	int i;

	if (n == 0) {
		for (i = 0; i < 40; i++) {
			tpar_sys_yield();
		}
		leaves++;
		return 1;
	}
	TPAR_FORK(slow, 0);
	sum = TPAR_CALL(slow, n - 1);
	return sum + TPAR_JOIN(slow);
}

static void
forced_exposure(void *arg)
{
	long result = 0;

	(void)arg;
	leaves = 0;
	pool = sys_pool(2, 1);
	MUST(TPAR_RUN(slow, pool, &result, NULL, 3) == TPAR_OK);
	MUST(result == 4 && leaves == 4);
	sys_destroy(pool);
}

/* A computation that fails: what has not begun is skipped, all is joined. */
static int running;

TPAR_TASK_1(long, failing, int, n)
{
	long sum;

	if (n == 0) {
		running++;
		tpar_sys_yield();
		tpar_run_fail(9, "leaf");
		running--;
		return 0;
	}
	TPAR_FORK(failing, n - 1);
	sum = TPAR_CALL(failing, n - 1);
	return sum + TPAR_JOIN(failing);
}

static void
forks_fail(void *arg)
{
	struct tpar_failure why;
	long result = 42;

	(void)arg;
	running = 0;
	pool = sys_pool(2, 1);
	MUST(TPAR_RUN(failing, pool, &result, &why, 2) == TPAR_EFAILED);
	MUST(why.code == 9 && result == 42 && running == 0);
	sys_destroy(pool);
}

/* Each item is in exactly one call. */
#define ITEMS 12

static int seen[ITEMS];

static int
body(size_t begin, size_t end, void *arg)
{
	(void)arg;
	for (; begin < end; begin++) {
		seen[begin]++;
		tpar_sys_yield();
	}
	return 0;
}

static void
loop_splits(void *arg)
{
	int i;

	(void)arg;
	memset(seen, 0, sizeof seen);
	pool = sys_pool(2, 1);
	MUST(tpar_for(pool, 0, ITEMS, 1, body, NULL, NULL) == TPAR_OK);
	for (i = 0; i < ITEMS; i++) {
		MUST(seen[i] == 1);
	}
	sys_destroy(pool);
}

/* Ranges that are put together, which only neighbours can be. */
struct range {
	size_t begin;
	size_t end; /* 0: the identity */
};

static int
fold(size_t begin, size_t end, void *value, void *arg)
{
	struct range *r = value;

	(void)arg;
	tpar_sys_yield();
	r->begin = begin;
	r->end = end;
	return 0;
}

static int
combine(void *left, const void *right, void *arg)
{
	struct range *l = left;
	const struct range *r = right;

	(void)arg;
	if (l->end == 0) {
		*l = *r;
	} else if (r->end != 0) {
		MUST(l->end == r->begin);
		l->end = r->end;
	}
	return 0;
}

static void
reduce_splits(void *arg)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;
	struct range all = { 0, 0 };

	(void)arg;
	how.value_size = sizeof all;
	how.fold = fold;
	how.combine = combine;
	pool = sys_pool(2, 1);
	MUST(tpar_reduce(pool, 0, 8, 1, &how, &all, NULL) == TPAR_OK);
	MUST(all.begin == 0 && all.end == 8);
	sys_destroy(pool);
}

/*
 * Forks that wait, by way of another task, for the task that joins them: whoever
 * closes the cycle, and whatever runs on top of what, somebody is told.
 */
static struct ring {
	bool by_gather;
	tpar_pool *pool; /* the computation's, NULL: that of its task */
	int inside;
	struct gate known;
	tpar_future *root;
	tpar_future *other;
	enum tpar_err err[3]; /* of the root, the other one, the fork */
} ring;

static enum tpar_err
ring_wait(tpar_future *f)
{
	return ring.by_gather ? tpar_gather(&f, 1, NULL, NULL)
			      : tpar_future_wait(f, TPAR_FOREVER);
}

TPAR_TASK_1(int, ring_fork, int, depth)
{
	int i;

	if (depth > 0) {
		TPAR_FORK(ring_fork, depth - 1);
		for (i = 0; i < 4; i++) {
			tpar_sys_yield();
		}
		return TPAR_JOIN(ring_fork);
	}
	ring.inside++;
	ring.err[2] = ring_wait(ring.other);
	ring.inside--;
	return 0;
}

static int
ring_other(void *arg, void *value)
{
	(void)arg;
	(void)value;
	ring.err[1] = ring_wait(ring.root);
	return 0;
}

static int
ring_root(void *arg, void *value)
{
	const int *depth = arg;

	(void)value;
	gate_await(&ring.known, 1);
	ring.err[0] = TPAR_RUN(ring_fork, ring.pool, NULL, NULL, *depth);
	MUST(ring.inside == 0);
	return 0;
}

static void
ring_of(bool by_gather, int depth)
{
	const struct gate gate = GATE_INIT;
	int told = 0;
	int i;

	ring.by_gather = by_gather;
	ring.known = gate;
	pool = sys_pool(3, 3);
	MUST(tpar_submit(pool, ring_root, &depth, 0, &ring.root) == TPAR_OK);
	MUST(tpar_submit(pool, ring_other, NULL, 0, &ring.other) == TPAR_OK);
	gate_open(&ring.known);
	(void)tpar_future_wait(ring.other, TPAR_FOREVER);
	(void)tpar_future_wait(ring.root, TPAR_FOREVER);
	for (i = 0; i < 3; i++) {
		told += ring.err[i] == TPAR_EDEADLK;
	}
	MUST(told > 0);
	tpar_future_unref(ring.root);
	tpar_future_unref(ring.other);
	sys_destroy(pool);
}

static void
ring_of_forks(void *arg)
{
	(void)arg;
	ring_of(false, 1);
}

static void
ring_of_forks_that_gather(void *arg)
{
	(void)arg;
	ring_of(true, 1);
}

static void
ring_through_another_pool(void *arg)
{
	(void)arg;
	ring.pool = sys_pool(1, 1);
	ring_of(true, 0);
	sys_destroy(ring.pool);
	ring.pool = NULL;
}

static void
ring_of_nested_forks(void *arg)
{
	(void)arg;
	ring_of(false, 3);
}

static void
ring_of_nested_forks_that_gather(void *arg)
{
	(void)arg;
	ring_of(true, 3);
}

const struct scenario scenarios_of_forks[] = {
	{ "fork_and_join", fork_and_join, 0, 0 },
	{ "forks_beside_futures", forks_beside_futures, 0, 0 },
	{ "forced_exposure", forced_exposure, 0, 0 },
	{ "forks_fail", forks_fail, 0, 0 },
	{ "loop_splits", loop_splits, 0, 0 },
	{ "reduce_splits", reduce_splits, 0, 0 },
	{ "ring_of_forks", ring_of_forks, 0, 0 },
	{ "ring_of_forks_that_gather", ring_of_forks_that_gather, 0, 0 },
	{ "ring_through_another_pool", ring_through_another_pool, 0, 0 },
	{ "ring_of_nested_forks", ring_of_nested_forks, 0, 0 },
	{ "ring_of_nested_forks_that_gather", ring_of_nested_forks_that_gather,
	  0, 0 },
	{ NULL, NULL, 0, 0 },
};
