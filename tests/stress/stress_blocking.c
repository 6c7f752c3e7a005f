/* SPDX-License-Identifier: MIT */
/*
 * stress_blocking.c - trees of tasks of which some block, as a whole or in part,
 * and all wait for others, on few threads that come and go; pools that end while
 * some are queued.
 *
 * As in stress_retire.c the clock of a pool's threads is late while they run no
 * task, so that a thread too many ends soon after it has parked.
 */
#include "stress.h"

#include <taskpar/cancel.h>

#include <sys/syscall.h>

enum { DEPTH = 4, KIDS = 3, TASKS = 6, QUEUED = 40 };

/* src/park.c keeps a thread for ten seconds. */
#define LATE_NS (10 * TPAR_SECOND - TPAR_MILLISECOND)

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
	UNIT_MUST(index < *(unsigned *)arg);
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

static unsigned capacity;

static tpar_pool *
make_pool(struct stress_random *random)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool;

	config.workers = 1 + stress_below(random, 3);
	config.blocking_limit = 1 + stress_below(random, 4);
	config.stack_size = (size_t)512 * 1024;
	config.on_worker_start = start_worker;
	config.on_worker_stop = stop_worker;
	config.hook_arg = &capacity;
	capacity = config.workers + 2 * config.blocking_limit;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	return pool;
}

static void
end_pool(tpar_pool *pool)
{
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	UNIT_MUST(atomic_load(&started) == atomic_load(&stopped));
}

/* ---- Trees ---------------------------------------------------------------- */

struct node {
	uint64_t seed;
	int depth;
	_Atomic long *ended;
};

static int run_node(void *arg, void *value);

static tpar_future *
submit_node(struct stress_random *random, tpar_pool *pool, struct node *node)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f;

	task.fn = run_node;
	task.arg = node;
	task.flags = stress_chance(random, 50) ? TPAR_BLOCKING : 0;
	task.priority = (enum tpar_priority)stress_below(random, 3);
	if (stress_chance(random, 30)) {
		UNIT_MUST(tpar_submit_many(pool, &task, NULL, 0, 1, &f) ==
			  TPAR_OK);
	} else {
		UNIT_MUST(tpar_submit_task(pool, &task, &f) == TPAR_OK);
	}
	return f;
}

static void
wait_for(struct stress_random *random, tpar_future **f, unsigned n)
{
	unsigned i;

	if (stress_chance(random, 50)) {
		(void)tpar_gather_settled(f, n, NULL, NULL);
	} else {
		for (i = 0; i < n; i++) {
			(void)tpar_future_wait(f[i], TPAR_FOREVER);
		}
	}
	for (i = 0; i < n; i++) {
		UNIT_MUST(tpar_future_state(f[i]) >= TPAR_DONE);
	}
	tpar_future_unref_all(f, n);
}

static void
run_kids(struct stress_random *random, const struct node *node)
{
	unsigned n = 1 + stress_below(random, KIDS);
	struct node kid[KIDS];
	tpar_future *f[KIDS];
	unsigned i;

	for (i = 0; i < n; i++) {
		kid[i] = (struct node) { stress_next(random), node->depth - 1,
					 node->ended };
		f[i] = submit_node(random, NULL, &kid[i]);
	}
	wait_for(random, f, n);
}

static int
run_node(void *arg, void *value)
{
	struct node node = *(struct node *)arg;
	struct stress_random random = { node.seed };
	bool part = stress_chance(&random, 30);

	(void)value;
	in_tasks++;
	if (part) {
		tpar_blocking_enter();
	}
	stress_dawdle(&random, 10);
	if (node.depth > 0) {
		run_kids(&random, &node);
	}
	if (part && stress_chance(&random, 50)) {
		tpar_blocking_leave();
	}
	in_tasks--;
	atomic_fetch_add(node.ended, 1);
	return 0;
}

static void
run_trees(struct stress_random *random, tpar_pool *pool)
{
	struct node node[TASKS];
	tpar_future *f[TASKS];
	_Atomic long ended = 0;
	int i;

	for (i = 0; i < TASKS; i++) {
		node[i] = (struct node) { stress_next(random), DEPTH, &ended };
		f[i] = submit_node(random, pool, &node[i]);
	}
	wait_for(random, f, TASKS);
}

static void
run_round(struct stress_random *random)
{
	struct timespec nap = { 0, (long)stress_below(random, 3000000) };
	tpar_pool *pool = make_pool(random);

	run_trees(random, pool);
	if (stress_chance(random, 50)) {
		(void)nanosleep(&nap, NULL); /* some threads end */
	}
	run_trees(random, pool);
	end_pool(pool);
}

START_TEST(waits_end_whoever_blocks)
{
	ck_assert_int_gt(stress_run("waits", run_round, 60), 0);
}
END_TEST

/* ---- Threads that exit ------------------------------------------------------ */

static int
exit_or_not(void *arg, void *value)
{
	struct node *node = arg;
	struct stress_random random = { node->seed };

	(void)value;
	if (stress_chance(&random, 40)) {
		tpar_blocking_enter();
	}
	stress_dawdle(&random, 10);
	if (stress_chance(&random, 50)) {
		pthread_exit(NULL);
	}
	return 0;
}

static void
run_exits(struct stress_random *random)
{
	tpar_pool *pool = make_pool(random);
	struct node node[QUEUED];
	tpar_future *f[QUEUED];
	int i;

	for (i = 0; i < QUEUED; i++) {
		struct tpar_task task = TPAR_TASK_INIT;

		node[i].seed = stress_next(random);
		task.fn = exit_or_not;
		task.arg = &node[i];
		task.flags = stress_chance(random, 70) ? TPAR_BLOCKING : 0;
		f[i] = unit_submit_task(pool, &task);
	}
	wait_for(random, f, QUEUED);
	run_trees(random, pool);
	end_pool(pool);
}

START_TEST(threads_that_exit_are_replaced)
{
	ck_assert_int_gt(stress_run("exits", run_exits, 40), 0);
}
END_TEST

/* ---- The end of a pool -------------------------------------------------------- */

static int
count(void *arg, void *value)
{
	(void)value;
	atomic_fetch_add((_Atomic long *)arg, 1);
	return 0;
}

static void
run_end(struct stress_random *random)
{
	tpar_pool *pool = make_pool(random);
	struct tpar_task task = TPAR_TASK_INIT;
	bool cancel = stress_chance(random, 50);
	unsigned n = 1 + stress_below(random, QUEUED);
	tpar_future *f[QUEUED];
	_Atomic long ran = 0;
	unsigned i;

	task.fn = count;
	task.arg = &ran;
	for (i = 0; i < n; i++) {
		task.flags = stress_chance(random, 80) ? TPAR_BLOCKING : 0;
		f[i] = unit_submit_task(pool, &task);
		stress_dawdle(random, 5);
	}
	if (cancel) {
		UNIT_MUST(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER) ==
			  TPAR_OK);
	}
	end_pool(pool);
	for (i = 0; i < n; i++) {
		UNIT_MUST(
			tpar_future_state(f[i]) == TPAR_DONE ||
			(cancel && tpar_future_state(f[i]) == TPAR_CANCELLED));
	}
	UNIT_MUST(cancel || atomic_load(&ran) == (long)n);
	tpar_future_unref_all(f, n);
}

START_TEST(pools_end_with_all_that_was_queued)
{
	ck_assert_int_gt(stress_run("end", run_end, 200), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { waits_end_whoever_blocks,
				 threads_that_exit_are_replaced,
				 pools_end_with_all_that_was_queued };

	return stress_main("stress_blocking", tests,
			   sizeof tests / sizeof tests[0]);
}
