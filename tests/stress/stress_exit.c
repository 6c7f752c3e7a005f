/* SPDX-License-Identifier: MIT */
/*
 * stress_exit.c - trees of tasks of any priority, in two pools, some of which
 * call pthread_exit(), while others ask each thread for something, and the
 * pools are shut down under them.
 *
 * Sets are cancelled in time, but a plain wait that is unwound leaves its tasks
 * alone: their arguments are numbers.
 */
#include "stress.h"

#include <taskpar/cancel.h>

enum { DEPTH = 3, KIDS = 4, ROOTS = 6 };

static tpar_pool *pool[2];
static unsigned exits; /* percent */
static _Atomic long submitted;
static _Atomic long dropped;
static _Atomic long started;
static _Atomic long stopped;

static void
count_start(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	atomic_fetch_add(&started, 1);
}

static void
count_stop(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	atomic_fetch_add(&stopped, 1);
}

static void
count_drop(void *arg)
{
	(void)arg;
	atomic_fetch_add(&dropped, 1);
}

static int run(void *arg, void *value);

/* The depth is in the lowest bits.  NULL: the pool has been shut down. */
static tpar_future *
submit(struct stress_random *random, tpar_pool *to, uintptr_t depth)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f = NULL;
	enum tpar_err err;

	task.fn = run;
	task.arg = (void *)((uintptr_t)stress_next(random) * 8 + depth);
	task.drop_arg = count_drop;
	task.flags = stress_chance(random, 20) ? TPAR_NO_INLINE : 0;
	task.priority = (enum tpar_priority)stress_below(random, 3);
	err = tpar_submit_task(to, &task, &f);
	UNIT_MUST(err == TPAR_OK || err == TPAR_ECLOSED);
	atomic_fetch_add(&submitted, err == TPAR_OK);
	return f;
}

/* What a task has to release, however it ends. */
struct kids {
	tpar_future *f[KIDS];
	size_t n;
};

static void
release(void *arg)
{
	struct kids *kids = arg;

	tpar_future_unref_all(kids->f, kids->n);
}

static void
await(struct stress_random *random, struct kids *kids)
{
	int64_t deadline = stress_deadline(random);
	size_t i;

	switch (stress_below(random, 5)) {
	case 0:
		(void)tpar_gather(kids->f, kids->n, NULL, NULL);
		break;
	case 1:
		(void)tpar_gather_until(kids->f, kids->n, NULL, deadline, NULL);
		break;
	case 2:
		(void)tpar_gather_settled(kids->f, kids->n, NULL, NULL);
		break;
	case 3:
		(void)tpar_wait_all(kids->f, kids->n, deadline);
		break;
	default:
		for (i = 0; i < kids->n; i++) {
			(void)tpar_future_wait(kids->f[i], TPAR_FOREVER);
		}
	}
}

static void
run_kids(struct stress_random *random, uintptr_t depth, struct kids *kids)
{
	unsigned n = depth > 0 ? 1 + stress_below(random, KIDS) : 0;

	while (n-- > 0) {
		tpar_future *kid = submit(random, pool[stress_below(random, 2)],
					  depth - 1);

		if (kid != NULL) {
			kids->f[kids->n++] = kid;
		}
	}
	if (kids->n > 0) {
		await(random, kids);
	}
	if (stress_chance(random, exits)) {
		pthread_exit(NULL);
	}
}

static int
run(void *arg, void *value)
{
	struct stress_random random = { (uintptr_t)arg };
	struct kids kids = { .n = 0 };

	(void)value;
	stress_dawdle(&random, 5);
	pthread_cleanup_push(release, &kids);
	run_kids(&random, (uintptr_t)arg % 8, &kids);
	pthread_cleanup_pop(1);
	return stress_chance(&random, 5) ? 5 : 0;
}

static void
count_call(unsigned index, void *arg)
{
	(void)index;
	atomic_fetch_add((_Atomic long *)arg, 1);
}

/* Asks all threads for something, again and again. */
struct asker {
	struct stress_random random;
	_Atomic bool over;
};

static void *
ask(void *arg)
{
	struct asker *asker = arg;

	while (!atomic_load(&asker->over)) {
		_Atomic long calls = 0;
		int64_t deadline = stress_deadline(&asker->random);
		enum tpar_err err = tpar_pool_each_worker(
			pool[stress_below(&asker->random, 2)], count_call,
			&calls, deadline);

		UNIT_MUST(err == TPAR_OK ||
			  (err == TPAR_ETIMEDOUT && deadline != TPAR_FOREVER));
	}
	return NULL;
}

static void
start(struct stress_random *random)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	int i;

	config.stack_size = (size_t)256 * 1024;
	config.on_worker_start = count_start;
	config.on_worker_stop = count_stop;
	exits = stress_below(random, 20);
	for (i = 0; i < 2; i++) {
		config.workers = 1 + stress_below(random, 3);
		config.blocking_limit = 50 + stress_below(random, 50);
		UNIT_MUST(tpar_pool_create(&pool[i], &config) == TPAR_OK);
	}
}

/* In any order, and both ways. */
static void
shut_down(struct stress_random *random)
{
	int first = (int)stress_below(random, 2);
	int i;

	for (i = 0; i < 2; i++) {
		enum tpar_shutdown how =
			stress_chance(random, 50) ? TPAR_CANCEL : TPAR_DRAIN;

		while (tpar_pool_shutdown(pool[first ^ i], how,
					  stress_deadline(random)) != TPAR_OK) {
		}
	}
}

static void
run_round(struct stress_random *random)
{
	struct asker asker = { .random = { stress_next(random) } };
	tpar_future *f[ROOTS];
	pthread_t thread;
	int i;

	start(random);
	thread = unit_start(ask, &asker);
	for (i = 0; i < ROOTS; i++) {
		f[i] = submit(random, pool[stress_below(random, 2)],
			      stress_below(random, DEPTH + 1));
	}
	if (stress_chance(random, 50)) {
		(void)tpar_wait_all(f, ROOTS, TPAR_FOREVER);
	} else {
		stress_dawdle(random, 100);
	}
	shut_down(random);
	atomic_store(&asker.over, true);
	unit_join(thread);
	for (i = 0; i < 2; i++) {
		UNIT_MUST(tpar_pool_destroy(pool[i]) == TPAR_OK);
	}
	for (i = 0; i < ROOTS; i++) {
		UNIT_MUST(tpar_future_state(f[i]) >= TPAR_DONE);
	}
	tpar_future_unref_all(f, ROOTS);
	UNIT_MUST(atomic_load(&submitted) == atomic_load(&dropped));
	UNIT_MUST(atomic_load(&started) == atomic_load(&stopped));
}

START_TEST(threads_exit_in_trees_of_tasks)
{
	ck_assert_int_gt(stress_run("exit", run_round, 60), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { threads_exit_in_trees_of_tasks };

	return stress_main("stress_exit", tests,
			   sizeof tests / sizeof tests[0]);
}
