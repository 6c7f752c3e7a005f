/* SPDX-License-Identifier: MIT */
/*
 * test_worker_threads.c - the main loop of real workers: order, fairness,
 * stealing, hooks; every task is run once.
 */
#include "config.h"

#include "handmade.h"

enum { NOTES = 64 };

/* A list that one task after the other writes to. */
static _Atomic int noted;
static int note[NOTES];

static int
take_note(void *arg, void *value)
{
	(void)value;
	note[atomic_fetch_add(&noted, 1)] = (int)(intptr_t)arg;
	return 0;
}

/* Fewer than a batch, and than the turns until it looks outside first. */
START_TEST(outside_tasks_run_first_in_first_out)
{
	enum { FEW = 20 };
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[FEW];
	tpar_future *held;
	intptr_t i;

	held = unit_submit(pool, unit_hold_task, &hold, 0);
	for (i = 0; i < FEW; i++) {
		f[i] = unit_submit(pool, take_note, (void *)i, 0);
	}
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_wait_all(f, FEW, TPAR_FOREVER), TPAR_OK);
	for (i = 0; i < FEW; i++) {
		ck_assert_int_eq(note[i], i);
	}
	tpar_future_unref_all(f, FEW);
	tpar_future_unref(held);
	tpar_pool_destroy(pool);
}
END_TEST

static int
submit_three(void *arg, void *value)
{
	intptr_t i;

	(void)value;
	for (i = 0; i < 3; i++) {
		if (tpar_submit(NULL, take_note, (void *)i, 0, NULL) !=
		    TPAR_OK) {
			return 1;
		}
	}
	*(int *)arg = atomic_load(&noted);
	return 0;
}

START_TEST(own_tasks_run_last_in_first_out)
{
	tpar_pool *pool = unit_pool(1, 1);
	int at_once = -1;

	unit_run_in(pool, submit_three, &at_once);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	/* A submit runs nothing. */
	ck_assert_int_eq(at_once, 0);
	ck_assert_int_eq(note[0], 2);
	ck_assert_int_eq(note[1], 1);
	ck_assert_int_eq(note[2], 0);
}
END_TEST

static _Atomic int stop;
static _Atomic long turns;

/* Keeps its worker busy with itself. */
static int
go_on(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&turns, 1);
	if (!atomic_load(&stop)) {
		return tpar_submit(NULL, go_on, NULL, 0, NULL);
	}
	return 0;
}

static int
stop_it(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_store(&stop, 1);
	return 0;
}

START_TEST(busy_worker_looks_outside_now_and_then)
{
	tpar_pool *pool = unit_pool(1, 1);

	ck_assert_int_eq(tpar_submit(pool, go_on, NULL, 0, NULL), TPAR_OK);
	UNIT_AWAIT(atomic_load(&turns) > 100);
	unit_run_in(pool, stop_it, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_gt(atomic_load(&turns), 100);
}
END_TEST

static struct unit_gate others = UNIT_GATE_INIT;

static int
open_others(void *arg, void *value)
{
	(void)arg;
	(void)value;
	unit_gate_open(&others);
	return 0;
}

/* Submits, then waits in a way that the library knows nothing of. */
static int
rely_on_thieves(void *arg, void *value)
{
	unsigned n = *(unsigned *)arg;
	unsigned i;

	(void)value;
	for (i = 0; i < n; i++) {
		if (tpar_submit(NULL, open_others, NULL, 0, NULL) != TPAR_OK) {
			return 1;
		}
	}
	unit_gate_await(&others, n);
	return 0;
}

START_TEST(idle_worker_steals_everything)
{
	unsigned n = (unsigned)unit_scaled(3000);
	tpar_pool *pool = unit_pool(2, 1);

	unit_run_in(pool, rely_on_thieves, &n);
	ck_assert_uint_eq(others.opened, n);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Each index is started and stopped in turn, on its own thread. */
enum { THREADS = 6 };

static _Atomic int alive[THREADS];
static _Atomic int wrong;
static _Atomic int hooks;
static pthread_t thread_of[THREADS];

static void
on_start(unsigned index, void *arg)
{
	char name[32];
	char expected[32];

	if (index >= THREADS || arg != &hooks ||
	    atomic_exchange(&alive[index], 1) != 0) {
		atomic_store(&wrong, 1);
		return;
	}
	snprintf(expected, sizeof expected, "hooked/%u", index);
	if (pthread_getname_np(pthread_self(), name, sizeof name) != 0 ||
	    strcmp(name, expected) != 0) {
		atomic_store(&wrong, 2);
	}
	thread_of[index] = pthread_self();
	atomic_fetch_add(&hooks, 1);
}

static void
on_stop(unsigned index, void *arg)
{
	if (index >= THREADS || arg != &hooks ||
	    !pthread_equal(thread_of[index], pthread_self()) ||
	    atomic_exchange(&alive[index], 0) != 1) {
		atomic_store(&wrong, 3);
	}
}

static int
wait_elsewhere(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f = NULL;
	enum tpar_err err;

	(void)arg;
	(void)value;
	task.fn = hand_nothing;
	task.flags = TPAR_NO_INLINE;
	f = unit_submit_task(NULL, &task);
	err = tpar_future_wait(f, TPAR_FOREVER);
	tpar_future_unref(f);
	/* All threads may be used up by tasks like this one. */
	return err == TPAR_OK || err == TPAR_EAGAIN ? 0 : (int)err;
}

START_TEST(hooks_run_first_and_last)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;
	tpar_future *f[50];
	int i;

	config.workers = 2;
	config.blocking_limit = THREADS - 2;
	config.stack_size = (size_t)256 * 1024;
	config.name = "hooked";
	config.on_worker_start = on_start;
	config.on_worker_stop = on_stop;
	config.hook_arg = &hooks;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	for (i = 0; i < 50; i++) {
		f[i] = unit_submit(pool, wait_elsewhere, NULL, 0);
	}
	ck_assert_int_eq(tpar_gather(f, 50, NULL, NULL), TPAR_OK);
	tpar_future_unref_all(f, 50);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&wrong), 0);
	ck_assert_int_ge(atomic_load(&hooks), 2);
	for (i = 0; i < THREADS; i++) {
		ck_assert_int_eq(atomic_load(&alive[i]), 0);
	}
}
END_TEST

START_TEST(pinned_workers_run)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = 3;
	config.pin = true;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	unit_run_in(pool, hand_nothing, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Tasks that submit tasks: a tree of them, every one counted. */
static _Atomic long runs;

static int
grow(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	int i;

	(void)value;
	atomic_fetch_add(&runs, 1);
	for (i = 0; i < 3 && depth > 0; i++) {
		if (tpar_submit(NULL, grow, (void *)(depth - 1), 0, NULL) !=
		    TPAR_OK) {
			return 1;
		}
	}
	return 0;
}

START_TEST(every_task_runs_once)
{
	unsigned workers;
	long rounds = unit_scaled(3);
	long round;

	for (workers = 1; workers <= 8; workers *= 2) {
		for (round = 0; round < rounds; round++) {
			tpar_pool *pool = unit_pool(workers, 4);

			atomic_store(&runs, 0);
			ck_assert_int_eq(tpar_submit(pool, grow,
						     (void *)(intptr_t)8, 0,
						     NULL),
					 TPAR_OK);
			ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
			/* 1 + 3 + 9 + ... + 3^8 */
			ck_assert_int_eq(atomic_load(&runs), 9841);
		}
	}
}
END_TEST

struct client {
	tpar_pool *pool;
	long n;
	long wrong;
};

static void *
submit_and_wait(void *arg)
{
	struct client *client = arg;
	tpar_future *f[32];
	intptr_t values[32];
	long i;
	int k;

	for (i = 0; i < client->n; i++) {
		for (k = 0; k < 32; k++) {
			f[k] = unit_submit(client->pool, unit_number_task,
					   (void *)(i + k), sizeof(intptr_t));
		}
		if (tpar_gather(f, 32, values, NULL) != TPAR_OK) {
			client->wrong++;
		}
		for (k = 0; k < 32; k++) {
			client->wrong += values[k] != i + k;
		}
		tpar_future_unref_all(f, 32);
	}
	return NULL;
}

START_TEST(many_outside_threads_get_their_values)
{
	enum { CLIENTS = 4 };
	tpar_pool *pool = unit_pool(3, 1);
	struct client client[CLIENTS];
	pthread_t thread[CLIENTS];
	int i;

	for (i = 0; i < CLIENTS; i++) {
		client[i].pool = pool;
		client[i].n = unit_scaled(500);
		client[i].wrong = 0;
		thread[i] = unit_start(submit_and_wait, &client[i]);
	}
	for (i = 0; i < CLIENTS; i++) {
		unit_join(thread[i]);
		ck_assert_int_eq(client[i].wrong, 0);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Looks at what the workers run while it comes and goes. */
struct looker {
	tpar_pool *pool;
	_Atomic bool over;
	long seen;
};

static void *
look_at_tasks(void *arg)
{
	struct looker *looker = arg;
	tpar_pool *all = looker->pool;
	uint32_t i = 0;

	while (!atomic_load(&looker->over)) {
		struct tpar_future *f = tpi_worker_taken(
			tpi_pool_worker(all, i++ % tpi_pool_worker_count(all)));

		if (f != NULL) {
			UNIT_MUST(f->fn == hand_nothing);
			UNIT_MUST(f->intake == &all->intake);
			tpi_future_release(f);
			looker->seen++;
		}
		sched_yield();
	}
	return NULL;
}

START_TEST(tasks_may_be_looked_at_while_they_come_and_go)
{
	struct looker looker = { .pool = unit_pool(2, 1) };
	pthread_t thread = unit_start(look_at_tasks, &looker);
	long n = unit_scaled(30000);
	long i;

	for (i = 0; i < n; i++) {
		ck_assert_int_eq(tpar_submit(looker.pool, hand_nothing, NULL, 0,
					     NULL),
				 TPAR_OK);
	}
	ck_assert_int_eq(tpar_pool_shutdown(looker.pool, TPAR_DRAIN,
					    TPAR_FOREVER),
			 TPAR_OK);
	atomic_store(&looker.over, true);
	unit_join(thread);
	for (i = 0; i < 2; i++) {
		ck_assert_ptr_null(tpi_worker_taken(
			tpi_pool_worker(looker.pool, (uint32_t)i)));
	}
	ck_assert_int_eq(tpar_pool_destroy(looker.pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		outside_tasks_run_first_in_first_out,
		own_tasks_run_last_in_first_out,
		busy_worker_looks_outside_now_and_then,
		idle_worker_steals_everything,
		hooks_run_first_and_last,
		pinned_workers_run,
		every_task_runs_once,
		many_outside_threads_get_their_values,
		tasks_may_be_looked_at_while_they_come_and_go,
	};

	return unit_main("worker_threads", tests,
			 sizeof tests / sizeof tests[0]);
}
