/* SPDX-License-Identifier: MIT */
/*
 * test_sweep_tasks.c - whatever fails: pools, submits, cancels, deadlines,
 * priorities, blocking tasks, shutdowns.
 */
#include "config.h"

#include "sweep.h"

#include <taskpar/blocking.h>

/* ---- Pools and submits --------------------------------------------------- */

static void
create_and_destroy(void)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = 3;
	config.blocking_limit = 2;
	config.stack_size = (size_t)256 * 1024;
	config.pin = true;
	config.name = "swept";
	fault_begin();
	if (sweep_ok(tpar_pool_create(&pool, &config))) {
		EXPECT(tpar_pool_workers(pool) == 3);
	} else {
		EXPECT(pool == NULL);
	}
	sweep_destroy(pool);
}

static void
submit_and_wait(void)
{
	tpar_pool *pool;
	tpar_future *f[6];
	int n;

	fault_begin();
	pool = sweep_pool(2, 1);
	if (pool == NULL) {
		return;
	}
	n = sweep_submit_some(pool, f, 6);
	sweep_all_done(f, n);
	tpar_future_unref_all(f, (size_t)n);
	sweep_destroy(pool);
}

/* All or none. */
static void
submit_many(void)
{
	enum { MANY = 40 };
	struct tpar_task task = sweep_task(0);
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f[MANY] = { NULL };
	int i;

	for (i = 0; i < MANY; i++) {
		atomic_store(&sweep_item[i].accepted, true);
	}
	fault_begin();
	if (sweep_ok(tpar_submit_many(pool, &task, sweep_item,
				      sizeof sweep_item[0], MANY, f))) {
		sweep_all_done(f, MANY);
		tpar_future_unref_all(f, MANY);
	} else {
		for (i = 0; i < MANY; i++) {
			EXPECT(f[i] == NULL);
			atomic_store(&sweep_item[i].accepted, false);
		}
	}
	sweep_destroy(pool);
}

/* Of half a page each, and of the size that an allocator is asked for. */
static void
submit_large_values(void)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[3] = { NULL };
	int i;

	task.fn = unit_number_task;
	fault_begin();
	for (i = 0; i < 3; i++) {
		task.value_size = i < 2 ? 2000 : LARGE_VALUE;
		task.value_align = 1024;
		task.arg = (void *)(intptr_t)i;
		if (sweep_ok(tpar_submit_task(pool, &task, &f[i]))) {
			EXPECT(tpar_future_wait(f[i], TPAR_FOREVER) == TPAR_OK);
			EXPECT(*(const intptr_t *)tpar_future_value(f[i]) == i);
		}
	}
	tpar_future_unref_all(f, 3);
	sweep_destroy(pool);
}

static void
fail_in_words(void)
{
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f[3];
	int n;
	int i;

	for (i = 0; i < 3; i++) {
		sweep_item[i].code = SWEEP_CODE;
	}
	fault_begin();
	n = sweep_submit_some(pool, f, 3);
	for (i = 0; i < n; i++) {
		EXPECT(sweep_wait(f[i], i) == TPAR_FAILED);
		EXPECT(tpar_future_code(f[i]) == SWEEP_CODE);
		EXPECT(tpar_future_message(f[i])[0] != '\0' || fault_any());
	}
	tpar_future_unref_all(f, (size_t)n);
	sweep_destroy(pool);
}

static void
take_values(void)
{
	tpar_pool *pool = unit_pool(2, 1);
	intptr_t value = -1;
	tpar_future *f;

	fault_begin();
	f = sweep_submit(pool, 5);
	if (f != NULL) {
		EXPECT(sweep_wait(f, 5) == TPAR_DONE);
		EXPECT(tpar_future_take(f, &value) == TPAR_OK);
		EXPECT(value == 5);
		atomic_fetch_add(&sweep_taken, 1);
		EXPECT(tpar_future_take(f, &value) == TPAR_EALREADY);
		tpar_future_unref(f);
	}
	sweep_destroy(pool);
}

static void
fire_and_forget(void)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;
	int i;

	config.workers = 1;
	config.queue_limit = 2;
	fault_begin();
	if (!sweep_ok(tpar_pool_create(&pool, &config))) {
		return;
	}
	for (i = 0; i < 20; i++) {
		struct tpar_task task = sweep_task(i);
		enum tpar_err err;

		task.priority = (enum tpar_priority)(i % 3);
		atomic_store(&sweep_item[i].accepted, true);
		err = tpar_submit_task(pool, &task, NULL);
		if (err != TPAR_OK) {
			/* Without a failure: the queue is full. */
			EXPECT(err == TPAR_EAGAIN || fault_any());
			EXPECT(err == TPAR_EAGAIN || err == TPAR_ENOMEM);
			atomic_store(&sweep_item[i].accepted, false);
		}
	}
	sweep_destroy(pool);
}

static void
use_default_pool(void)
{
	tpar_future *f[4];
	int n;

	fault_begin();
	n = sweep_submit_some(NULL, f, 4);
	sweep_all_done(f, n);
	tpar_future_unref_all(f, (size_t)n);
	EXPECT(tpar_pool_workers(NULL) > 0 || fault_any());
	EXPECT(tpar_pool_destroy(NULL) == TPAR_OK);
}

/* ---- Every worker, contexts ---------------------------------------------- */

static _Atomic unsigned visited;

static void
visit(unsigned index, void *arg)
{
	EXPECT(arg == &visited);
	EXPECT((atomic_fetch_or(&visited, 1u << index) >> index & 1) == 0);
}

static void
count_start(unsigned index, void *arg)
{
	(void)index;
	atomic_fetch_add((_Atomic int *)arg, 1);
}

static void
each_worker(void)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	_Atomic int started = 0;
	tpar_pool *pool;

	config.workers = 2;
	config.on_worker_start = count_start;
	config.hook_arg = &started;
	EXPECT(tpar_pool_create(&pool, &config) == TPAR_OK);
	UNIT_AWAIT(started == 2);
	atomic_store(&visited, 0);
	fault_begin();
	EXPECT(tpar_pool_each_worker(pool, visit, &visited, TPAR_FOREVER) ==
	       TPAR_OK);
	EXPECT((atomic_load(&visited) & 3) == 3);
	sweep_destroy(pool);
}

static int context;

static int
see_context(intptr_t number)
{
	tpar_future *f;

	EXPECT(tpar_context() == &context);
	if (number > 0) {
		return 0;
	}
	f = sweep_submit(NULL, 1);
	if (f != NULL) {
		EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
		tpar_future_unref(f);
	}
	return 0;
}

static void
hand_context_on(void)
{
	struct tpar_task task = sweep_task(0);
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f;

	sweep_item[0].body = see_context;
	sweep_item[1].body = see_context;
	task.context = &context;
	fault_begin();
	f = sweep_submit_task(pool, &task);
	if (f != NULL) {
		EXPECT(sweep_wait(f, 0) == TPAR_DONE);
		tpar_future_unref(f);
	}
	sweep_destroy(pool);
}

/* ---- Cancels and deadlines ----------------------------------------------- */

static int
until_stopped(intptr_t number)
{
	(void)number;
	UNIT_AWAIT(tpar_cancelled());
	return TPAR_ESTOPPED;
}

/* One runs, those behind it have not begun. */
static void
cancel_tasks(void)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[4];
	int n;
	int i;

	sweep_item[0].body = until_stopped;
	fault_begin();
	n = sweep_submit_some(pool, f, 4);
	UNIT_AWAIT(n == 0 || atomic_load(&sweep_item[0].runs) > 0);
	for (i = n - 1; i >= 0; i--) {
		EXPECT(tpar_future_cancel(f[i]) == TPAR_OK);
	}
	for (i = 0; i < n; i++) {
		EXPECT(sweep_wait(f[i], i) == TPAR_CANCELLED);
		EXPECT(atomic_load(&sweep_item[i].runs) == (i == 0 ? 1 : 0));
	}
	tpar_future_unref_all(f, (size_t)n);
	sweep_destroy(pool);
}

static int
sleep_long(intptr_t number)
{
	(void)number;
	return (int)tpar_sleep(tpar_in(3600 * TPAR_SECOND));
}

/* In its description, and afterwards. */
static void
cancel_by_deadline(void)
{
	struct tpar_task task = sweep_task(0);
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f[2];
	int i;

	sweep_item[0].body = sleep_long;
	sweep_item[1].body = sleep_long;
	task.deadline_ns = tpar_in(TPAR_MILLISECOND);
	fault_begin();
	f[0] = sweep_submit_task(pool, &task);
	f[1] = sweep_submit(pool, 1);
	if (f[1] != NULL &&
	    !sweep_ok(tpar_future_cancel_at(f[1], tpar_in(TPAR_MILLISECOND)))) {
		EXPECT(tpar_future_state(f[1]) < TPAR_DONE);
		EXPECT(tpar_future_cancel(f[1]) == TPAR_OK);
	}
	for (i = 0; i < 2; i++) {
		EXPECT(f[i] == NULL || sweep_wait(f[i], i) == TPAR_CANCELLED);
		tpar_future_unref(f[i]);
	}
	sweep_destroy(pool);
}

static int
sleep_shortly(intptr_t number)
{
	int64_t deadline = tpar_in(number * 100000);
	enum tpar_err err = tpar_sleep(deadline);

	EXPECT(err == TPAR_OK && tpar_in(0) >= deadline);
	return 0;
}

static void
sleep_for_a_while(void)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[4];
	int64_t deadline;
	int n;
	int i;

	for (i = 0; i < 4; i++) {
		sweep_item[i].body = sleep_shortly;
	}
	fault_begin();
	n = sweep_submit_some(pool, f, 4);
	deadline = tpar_in(200000);
	EXPECT(tpar_sleep(deadline) == TPAR_OK);
	EXPECT(tpar_in(0) >= deadline);
	sweep_all_done(f, n);
	tpar_future_unref_all(f, (size_t)n);
	sweep_destroy(pool);
}

/* ---- Blocking ------------------------------------------------------------ */

static void
run_blocking(void)
{
	tpar_pool *pool = unit_pool(1, 3);
	tpar_future *f[6];
	int n;

	fault_begin();
	for (n = 0; n < 6; n++) {
		struct tpar_task task = sweep_task(n);

		task.flags = TPAR_BLOCKING;
		sweep_item[n].body = sleep_shortly;
		f[n] = sweep_submit_task(pool, &task);
		if (f[n] == NULL) {
			break;
		}
	}
	sweep_all_done(f, n);
	tpar_future_unref_all(f, (size_t)n);
	sweep_destroy(pool);
}

static int
block_in_part(intptr_t number)
{
	tpar_future *f;

	tpar_blocking_enter();
	(void)sleep_shortly(1);
	f = sweep_submit(NULL, (int)number + 10);
	if (f != NULL) {
		enum tpar_err err = tpar_future_wait(f, TPAR_FOREVER);

		EXPECT(err == TPAR_OK || err == TPAR_EAGAIN);
		EXPECT(err == TPAR_OK || fault_any());
		tpar_future_unref(f);
	}
	tpar_blocking_leave();
	return 0;
}

static void
run_regions(void)
{
	tpar_pool *pool = unit_pool(1, 2);
	tpar_future *f[4];
	int n;
	int i;

	for (i = 0; i < 4; i++) {
		sweep_item[i].body = block_in_part;
	}
	fault_begin();
	n = sweep_submit_some(pool, f, 4);
	sweep_all_done(f, n);
	tpar_future_unref_all(f, (size_t)n);
	sweep_destroy(pool);
}

/* ---- Shutdowns ----------------------------------------------------------- */

/* With tasks that run, tasks that wait in queues, and some that block. */
static void
shut_down(enum tpar_shutdown how)
{
	tpar_pool *pool;
	tpar_future *f[12];
	int n;
	int i;

	for (i = 0; i < 2; i++) {
		sweep_item[i].body = how == TPAR_CANCEL ? until_stopped : NULL;
	}
	fault_begin();
	pool = sweep_pool(2, 2);
	if (pool == NULL) {
		return;
	}
	for (n = 0; n < 12; n++) {
		struct tpar_task task = sweep_task(n);

		task.flags = n % 3 == 2 ? TPAR_BLOCKING : 0;
		f[n] = sweep_submit_task(pool, &task);
		if (f[n] == NULL) {
			break;
		}
	}
	EXPECT(tpar_pool_shutdown(pool, how, TPAR_FOREVER) == TPAR_OK);
	EXPECT(tpar_submit(pool, unit_number_task, NULL, 8, NULL) ==
	       TPAR_ECLOSED);
	for (i = 0; i < n; i++) {
		enum tpar_state state = sweep_wait(f[i], i);

		EXPECT(state == TPAR_DONE ||
		       (how == TPAR_CANCEL && state == TPAR_CANCELLED));
	}
	tpar_future_unref_all(f, (size_t)n);
	sweep_destroy(pool);
}

static void
shut_down_draining(void)
{
	shut_down(TPAR_DRAIN);
}

static void
shut_down_cancelling(void)
{
	shut_down(TPAR_CANCEL);
}

static const struct sweep_scenario scenarios[] = {
	{ "create and destroy a pool", create_and_destroy, 40 },
	{ "submit and wait", submit_and_wait, 40 },
	{ "submit many", submit_many, 5 },
	{ "submit with large values", submit_large_values, 5 },
	{ "fail in words", fail_in_words, 3 },
	{ "take values", take_values, 3 },
	{ "fire and forget, in all priorities", fire_and_forget, 30 },
	{ "the default pool", use_default_pool, 50 },
	{ "each worker", each_worker, 0 },
	{ "hand a context on", hand_context_on, 3 },
	{ "cancel", cancel_tasks, 3 },
	{ "cancel by a deadline", cancel_by_deadline, 8 },
	{ "sleep", sleep_for_a_while, 5 },
	{ "blocking tasks", run_blocking, 8 },
	{ "blocking regions", run_regions, 8 },
	{ "shut down, draining", shut_down_draining, 40 },
	{ "shut down, cancelling", shut_down_cancelling, 40 },
};

SWEEP_TEST(scenarios)

int
main(void)
{
	return sweep_main("sweep_tasks", scenario_survives_whatever_fails,
			  sizeof scenarios / sizeof scenarios[0], 1200);
}
