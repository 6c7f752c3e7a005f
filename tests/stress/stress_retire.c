/* SPDX-License-Identifier: MIT */
/*
 * stress_retire.c - threads that are added while tasks wait, and end again: at
 * a low limit, for tasks that only a free thread may run, for waits with a
 * deadline.
 *
 * The clock of a pool's threads is late while they run no task, by nearly as
 * long as a thread too many stays: it ends soon after it has parked.
 */
#include "stress.h"

#include <taskpar/cancel.h>

#include <sys/syscall.h>

enum { DEPTH = 4, KIDS = 3, TASKS = 8 };

/* src/park.c keeps a thread for ten seconds. */
#define LATE_NS (10 * TPAR_SECOND - 2 * TPAR_MILLISECOND)

static _Thread_local bool is_worker;
static _Thread_local int in_tasks;
static _Atomic long started;
static _Atomic long stopped;

int
clock_gettime(clockid_t id, struct timespec *now)
{
	int64_t ns;

	if (syscall(SYS_clock_gettime, id, now) != 0) {
		return -1;
	}
	if (id == CLOCK_MONOTONIC && is_worker && in_tasks == 0) {
		ns = now->tv_sec * TPAR_SECOND + now->tv_nsec - LATE_NS;
		now->tv_sec = (time_t)(ns / TPAR_SECOND);
		now->tv_nsec = (long)(ns % TPAR_SECOND);
	}
	return 0;
}

static void
start_worker(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	is_worker = true;
	atomic_fetch_add(&started, 1);
}

static void
stop_worker(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	atomic_fetch_add(&stopped, 1);
}

static tpar_pool *
make_pool(unsigned workers, unsigned blocking_limit)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool;

	config.workers = workers;
	config.blocking_limit = blocking_limit;
	config.stack_size = (size_t)256 * 1024;
	config.on_worker_start = start_worker;
	config.on_worker_stop = stop_worker;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	return pool;
}

/* ---- A tree of tasks that wait in all ways -------------------------------- */

struct node {
	uint64_t seed;
	int depth;
	_Atomic long *ran;
};

static int run_node(void *arg, void *value);

/* Waits until all have ended, each way that there is. */
static enum tpar_err
wait_for_all(struct stress_random *random, tpar_future **f, unsigned n)
{
	int64_t late = tpar_in(3600 * TPAR_SECOND);
	enum tpar_err err;
	unsigned i;

	switch (stress_below(random, 5)) {
	case 0:
		return tpar_gather(f, n, NULL, NULL);
	case 1:
		return tpar_gather_until(f, n, NULL, late, NULL);
	case 2:
		return tpar_wait_all(f, n, late);
	case 3:
		/* The first waits give up: then there is a thread too many. */
		err = tpar_wait_all(f, n,
				    tpar_in(stress_below(random, 200000)));
		return err == TPAR_ETIMEDOUT ? tpar_wait_all(f, n, TPAR_FOREVER)
					     : err;
	default:
		err = TPAR_OK;
		for (i = 0; i < n; i++) {
			enum tpar_err one = tpar_future_wait(
				f[i], i % 2 == 0 ? late : TPAR_FOREVER);

			err = one == TPAR_OK || err == TPAR_ESTOPPED ? err
								     : one;
		}
		return err;
	}
}

static int
run_kids(struct stress_random *random, const struct node *node)
{
	unsigned n = 1 + stress_below(random, KIDS);
	struct tpar_task task = TPAR_TASK_INIT;
	struct node kid[KIDS];
	tpar_future *f[KIDS];
	enum tpar_err err;
	unsigned i;

	for (i = 0; i < n; i++) {
		kid[i] = (struct node) { stress_next(random), node->depth - 1,
					 node->ran };
	}
	task.fn = run_node;
	task.flags = stress_chance(random, 60) ? TPAR_NO_INLINE : 0;
	UNIT_MUST(tpar_submit_many(NULL, &task, kid, sizeof kid[0], n, f) ==
		  TPAR_OK);
	err = wait_for_all(random, f, n);
	if (err == TPAR_ESTOPPED) { /* a sibling could not begin */
		UNIT_MUST(tpar_cancelled());
		(void)tpar_gather_settled(f, n, NULL, NULL);
	}
	for (i = 0; i < n; i++) {
		UNIT_MUST(tpar_future_state(f[i]) >= TPAR_DONE);
		if (err == TPAR_OK && tpar_future_state(f[i]) != TPAR_DONE) {
			err = TPAR_EAGAIN; /* the wait does not say so */
		}
	}
	tpar_future_unref_all(f, n);
	UNIT_MUST(err == TPAR_OK || err == TPAR_ESTOPPED ||
		  err == TPAR_EAGAIN || err == TPAR_EFAILED ||
		  err == TPAR_ECANCELED);
	return err == TPAR_OK || err == TPAR_ESTOPPED ? (int)err : TPAR_EAGAIN;
}

static int
run_node(void *arg, void *value)
{
	const struct node *node = arg;
	struct stress_random random = { node->seed };
	int rc = 0;

	(void)value;
	in_tasks++;
	atomic_fetch_add(node->ran, 1);
	stress_dawdle(&random, 10);
	if (node->depth > 0) {
		rc = run_kids(&random, node);
	}
	in_tasks--;
	return rc;
}

static long
count_nodes(uint64_t seed, int depth)
{
	struct stress_random random = { seed };
	long nodes = 1;
	unsigned n;

	if (depth == 0) {
		return 1;
	}
	stress_dawdle(&random, 10); /* as the task does */
	n = 1 + stress_below(&random, KIDS);
	while (n-- > 0) {
		nodes += count_nodes(stress_next(&random), depth - 1);
	}
	return nodes;
}

/* true: all of it has run. */
static bool
run_trees(struct stress_random *random, tpar_pool *pool, int depth)
{
	struct node node[TASKS];
	tpar_future *f[TASKS];
	_Atomic long ran = 0;
	long nodes = 0;
	bool all = true;
	int i;

	for (i = 0; i < TASKS; i++) {
		node[i] = (struct node) { stress_next(random), depth, &ran };
		nodes += count_nodes(node[i].seed, depth);
		f[i] = unit_submit(pool, run_node, &node[i], 0);
	}
	for (i = 0; i < TASKS; i++) {
		enum tpar_err err = tpar_future_wait(f[i], TPAR_FOREVER);

		UNIT_MUST(err == TPAR_OK ||
			  (err == TPAR_EFAILED &&
			   tpar_future_code(f[i]) == TPAR_EAGAIN));
		all &= err == TPAR_OK;
	}
	tpar_future_unref_all(f, TASKS);
	UNIT_MUST(!all || atomic_load(&ran) == nodes);
	return all;
}

/* Waits end, although threads are used up now and then. */
static void
run_at_limit(struct stress_random *random)
{
	tpar_pool *pool = make_pool(1 + stress_below(random, 2),
				    1 + stress_below(random, 3));
	struct timespec nap = { 0, 4 * TPAR_MILLISECOND };

	(void)run_trees(random, pool, DEPTH);
	if (stress_chance(random, 50)) {
		(void)nanosleep(&nap, NULL); /* some threads end */
	}
	/* There is a thread for what needs only one. */
	UNIT_MUST(run_trees(random, pool, 0));
	(void)run_trees(random, pool, DEPTH);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	UNIT_MUST(atomic_load(&started) == atomic_load(&stopped));
}

START_TEST(waits_end_at_the_limit_of_threads)
{
	ck_assert_int_gt(stress_run("limit", run_at_limit, 40), 0);
}
END_TEST

/* Enough threads, which come and go: everything runs. */
static void
run_with_enough(struct stress_random *random)
{
	tpar_pool *pool = make_pool(1 + stress_below(random, 3), 1000);
	struct timespec nap = { 0, 0 };
	int i;

	for (i = 0; i < 4; i++) {
		UNIT_MUST(run_trees(random, pool, 2));
		nap.tv_nsec = (long)stress_below(random, 4000000);
		(void)nanosleep(&nap, NULL);
	}
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	UNIT_MUST(atomic_load(&started) == atomic_load(&stopped));
}

START_TEST(threads_come_and_go)
{
	ck_assert_int_gt(stress_run("enough", run_with_enough, 25), 0);
	/* More than the pools had workers: threads were added. */
	ck_assert_int_gt(atomic_load(&started), unit_scaled(25));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { waits_end_at_the_limit_of_threads,
				 threads_come_and_go };

	return stress_main("stress_retire", tests,
			   sizeof tests / sizeof tests[0]);
}
