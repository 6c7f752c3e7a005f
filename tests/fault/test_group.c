/* SPDX-License-Identifier: MIT */
/*
 * test_group.c - groups and deadlines without memory, threads, locks: what is
 * refused has taken nothing, what is taken is waited for.
 */
#include "config.h"

#include "fault.h"

#include "src/timer.h"

#include <taskpar/group.h>

enum { MANY = 150, SUBMITS = 21, HOUR = 3600 };

static _Atomic int runs;
static _Atomic int args_dropped;
static _Atomic int accepted;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

static void
drop_arg(void *arg)
{
	(void)arg;
	atomic_fetch_add(&args_dropped, 1);
}

static struct tpar_task
counted_task(tpar_group *g)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = count_run;
	task.drop_arg = drop_arg;
	task.group = g;
	return task;
}

static tpar_pool *
begin(unsigned workers)
{
	/* As in a process that has had no timer yet. */
	tpi_timer_fork(TPI_FORK_PREPARE);
	tpi_timer_fork(TPI_FORK_CHILD);
	atomic_store(&runs, 0);
	atomic_store(&args_dropped, 0);
	atomic_store(&accepted, 0);
	return unit_pool(workers, 1);
}

static tpar_group *
open_in(tpar_pool *pool)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	tpar_group *g = NULL;

	config.pool = pool;
	EXPECT(tpar_group_open(&g, &config) == TPAR_OK);
	return g;
}

/* ---- Opening ------------------------------------------------------------- */

static void
open_some(tpar_pool *pool)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	tpar_group *g[6];
	enum tpar_err err;
	int i;

	config.pool = pool;
	fault_begin();
	for (i = 0; i < 6; i++) {
		g[i] = NULL;
		config.deadline_ns =
			i % 2 != 0 ? tpar_in(HOUR * TPAR_SECOND) : TPAR_FOREVER;
		err = tpar_group_open(&g[i], &config);
		EXPECT((err == TPAR_OK) == (g[i] != NULL));
		EXPECT(err == TPAR_OK ||
		       ((err == TPAR_ENOMEM || err == TPAR_EAGAIN) &&
			fault_any()));
	}
	fault_end();
	for (i = 0; i < 6; i++) {
		if (g[i] != NULL) {
			EXPECT(tpar_group_run(g[i], count_run, NULL) ==
			       TPAR_OK);
			EXPECT(tpar_group_close(g[i], NULL, 0, NULL) ==
			       TPAR_OK);
		}
		tpar_group_destroy(g[i]);
	}
}

static void
open_outside(void)
{
	tpar_pool *pool = begin(1);

	open_some(pool);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

static int
open_task(void *arg, void *value)
{
	(void)value;
	open_some(arg);
	return 0;
}

static void
open_inside(void)
{
	tpar_pool *pool = begin(1);

	unit_run_in(pool, open_task, pool);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(group_is_opened_or_nothing_is)
{
	ck_assert_int_ge(fault_sweep(open_outside), 20);
	ck_assert_int_ge(fault_sweep(open_inside), 20);
}
END_TEST

/* ---- Submitting ---------------------------------------------------------- */

/* Accepted or refused as it should be; counts what was accepted. */
static bool
count(enum tpar_err err, int n)
{
	EXPECT(err == TPAR_OK || (err == TPAR_ENOMEM && fault_any()));
	atomic_fetch_add(&accepted, err == TPAR_OK ? n : 0);
	return err == TPAR_OK;
}

static void
submit_children(tpar_group *g, tpar_pool *pool, int64_t deadline_ns)
{
	struct tpar_task task = counted_task(g);
	tpar_future *f[20];
	int i;

	task.deadline_ns = deadline_ns;
	fault_begin();
	for (i = 0; i < SUBMITS; i++) {
		bool many = i % 10 == 0;
		bool handles = i % 3 == 0;
		size_t n = many ? 20 : 1;

		f[0] = NULL;
		task.value_size = i % 5 == 0 ? 1000 : 8;
		if (count(many ? tpar_submit_many(pool, &task, NULL, 0, n,
						  handles ? f : NULL)
			       : tpar_submit_task(pool, &task,
						  handles ? f : NULL),
			  (int)n) &&
		    handles) {
			tpar_future_unref_all(f, n);
		}
	}
	fault_end();
}

static void
check_children(tpar_group *g, tpar_pool *pool, bool late)
{
	enum tpar_err err;

	if (g != NULL) {
		err = tpar_group_close(g, NULL, 0, NULL);
		EXPECT(err == TPAR_OK);
		EXPECT(atomic_load(&args_dropped) == atomic_load(&accepted));
		tpar_group_destroy(g);
	}
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
	EXPECT(atomic_load(&args_dropped) == atomic_load(&accepted));
	EXPECT(atomic_load(&runs) == (late ? 0 : atomic_load(&accepted)));
}

static void
submit_outside(void)
{
	tpar_pool *pool = begin(2);
	tpar_group *g = open_in(pool);

	submit_children(g, pool, TPAR_FOREVER);
	check_children(g, pool, false);
}

static void
submit_with_deadline(void)
{
	tpar_pool *pool = begin(2);
	tpar_group *g = open_in(pool);

	submit_children(g, pool, tpar_in(HOUR * TPAR_SECOND));
	check_children(g, pool, false);
}

static void
submit_tasks_with_deadline(void)
{
	tpar_pool *pool = begin(2);

	submit_children(NULL, pool, tpar_in(HOUR * TPAR_SECOND));
	check_children(NULL, pool, false);
}

static void
submit_late(void)
{
	tpar_pool *pool = begin(2);
	tpar_group *g = open_in(pool);

	submit_children(g, pool, TPAR_NOW);
	check_children(g, pool, true);
}

static int
submit_task(void *arg, void *value)
{
	tpar_group *g = open_in(arg);

	(void)value;
	submit_children(g, arg, TPAR_FOREVER);
	submit_children(g, arg, tpar_in(HOUR * TPAR_SECOND));
	EXPECT(tpar_group_close(g, NULL, 0, NULL) == TPAR_OK);
	EXPECT(atomic_load(&args_dropped) == atomic_load(&accepted));
	tpar_group_destroy(g);
	return 0;
}

static void
submit_inside(void)
{
	tpar_pool *pool = begin(1);

	unit_run_in(pool, submit_task, pool);
	check_children(NULL, pool, false);
}

START_TEST(children_are_accepted_or_nothing_is)
{
	ck_assert_int_ge(fault_sweep(submit_outside), 4);
	ck_assert_int_ge(fault_sweep(submit_inside), 4);
	ck_assert_int_ge(fault_sweep(submit_late), 4);
}
END_TEST

START_TEST(deadline_is_set_or_nothing_is_submitted)
{
	ck_assert_int_ge(fault_sweep(submit_with_deadline), 20);
	ck_assert_int_ge(fault_sweep(submit_tasks_with_deadline), 20);
}
END_TEST

static void
cancel_at(void)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = begin(1);
	tpar_future *f = unit_submit(pool, unit_hold_task, &hold, 0);
	enum tpar_err err;
	int i;

	unit_gate_await(&hold.begun, 1);
	fault_begin();
	for (i = 0; i < 70; i++) {
		err = tpar_future_cancel_at(f, tpar_in(HOUR * TPAR_SECOND));
		EXPECT(err == TPAR_OK || (err == TPAR_ENOMEM && fault_any()));
	}
	fault_end();
	unit_gate_open(&hold.go);
	EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(future_gets_a_deadline_or_an_error_says_so)
{
	ck_assert_int_ge(fault_sweep(cancel_at), 20);
}
END_TEST

/* ---- Closing ------------------------------------------------------------- */

static void
submit_all(tpar_group *g, tpar_pool *pool, unsigned flags)
{
	struct tpar_task task = counted_task(g);

	task.flags = flags;
	EXPECT(tpar_submit_many(pool, &task, NULL, 0, MANY, NULL) == TPAR_OK);
}

static void
close_outside(void)
{
	tpar_pool *pool = begin(1);
	tpar_group *g = open_in(pool);

	submit_all(g, pool, 0);
	fault_begin();
	EXPECT(tpar_group_close(g, NULL, 0, NULL) == TPAR_OK);
	tpar_group_destroy(g);
	fault_end();
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
	EXPECT(atomic_load(&runs) == MANY);
}

static int
close_task(void *arg, void *value)
{
	tpar_group *g = open_in(arg);

	(void)value;
	submit_all(g, arg, 0);
	fault_begin();
	/* The only worker runs them here. */
	EXPECT(tpar_group_close(g, NULL, 0, NULL) == TPAR_OK);
	tpar_group_destroy(g);
	fault_end();
	EXPECT(atomic_load(&runs) == MANY);
	return 0;
}

static void
close_inside(void)
{
	tpar_pool *pool = begin(1);

	unit_run_in(pool, close_task, pool);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(close_needs_no_memory)
{
	(void)fault_sweep(close_outside);
	ck_assert_int_ge(fault_sweep(close_inside), 1);
}
END_TEST

/* Only another thread may run them; if there is none, nobody does. */
static int
close_elsewhere_task(void *arg, void *value)
{
	tpar_group *g = open_in(arg);
	enum tpar_err err;

	(void)value;
	submit_all(g, arg, TPAR_NO_INLINE);
	fault_begin();
	err = tpar_group_close(g, NULL, 0, NULL);
	EXPECT(err == TPAR_OK || (err == TPAR_EAGAIN && fault_any()));
	EXPECT(atomic_load(&args_dropped) == MANY);
	EXPECT(err != TPAR_OK || atomic_load(&runs) == MANY);
	tpar_group_destroy(g);
	fault_end();
	return 0;
}

static void
close_elsewhere(void)
{
	tpar_pool *pool = begin(1);

	unit_run_in(pool, close_elsewhere_task, pool);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(close_cancels_what_no_thread_can_run)
{
	ck_assert_int_ge(fault_sweep(close_elsewhere), 5);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { group_is_opened_or_nothing_is,
				 children_are_accepted_or_nothing_is,
				 deadline_is_set_or_nothing_is_submitted,
				 future_gets_a_deadline_or_an_error_says_so,
				 close_needs_no_memory,
				 close_cancels_what_no_thread_can_run };

	return fault_main("fault_group", tests, sizeof tests / sizeof tests[0],
			  100);
}
