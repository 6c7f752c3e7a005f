/* SPDX-License-Identifier: MIT */
/*
 * test_pool_shutdown.c - the end of a pool: draining, cancelling, deadlines,
 * who may call it, and what is refused from then on.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

enum { QUEUED = 20 };

static _Atomic int runs;
static _Atomic int arg_drops;
static _Atomic int value_drops;

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
	atomic_fetch_add(&arg_drops, 1);
}

static void
drop_value(void *value)
{
	(void)value;
	atomic_fetch_add(&value_drops, 1);
}

static struct tpar_task
counted_task(void)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = count_run;
	task.drop_arg = drop_arg;
	task.drop_value = drop_value;
	return task;
}

/* A pool whose only worker is held, with QUEUED tasks behind. */
struct busy {
	struct unit_hold hold;
	tpar_pool *pool;
	tpar_future *held;
	tpar_future *f[QUEUED];
};

static void
keep_busy(struct busy *busy)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = counted_task();

	busy->hold = hold;
	busy->pool = unit_pool(1, 1);
	busy->held = unit_submit(busy->pool, unit_hold_task, &busy->hold, 0);
	unit_gate_await(&busy->hold.begun, 1);
	ck_assert_int_eq(tpar_submit_many(busy->pool, &task, NULL, 0, QUEUED,
					  busy->f),
			 TPAR_OK);
}

static void
release(struct busy *busy)
{
	tpar_future_unref(busy->held);
	tpar_future_unref_all(busy->f, QUEUED);
}

static void
expect_states(struct busy *busy, enum tpar_state state)
{
	int i;

	for (i = 0; i < QUEUED; i++) {
		ck_assert_int_eq(tpar_future_state(busy->f[i]), state);
	}
}

/* Each form of a submit is refused and has taken nothing. */
static void
expect_closed(tpar_pool *pool)
{
	struct tpar_task task = counted_task();
	int before = atomic_load(&arg_drops);
	tpar_future *f[2] = { NULL, NULL };
	struct tpar_failure why;
	int item = 0;

	ck_assert_int_eq(tpar_submit(pool, count_run, NULL, 0, f),
			 TPAR_ECLOSED);
	ck_assert_str_eq(tpar_error_detail(), "the pool has been shut down");
	ck_assert_int_eq(tpar_submit_task(pool, &task, f), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_submit_task(pool, &task, NULL), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 2, f),
			 TPAR_ECLOSED);
	ck_assert_ptr_null(f[0]);
	ck_assert_ptr_null(f[1]);
	ck_assert_int_eq(tpar_map(pool, count_run, &item, 0, NULL, 0, 1, &why),
			 TPAR_ECLOSED);
	ck_assert_int_eq(why.code, TPAR_ECLOSED);
	ck_assert_str_eq(why.message, "the pool has been shut down");
	ck_assert_int_eq(atomic_load(&arg_drops), before);
}

START_TEST(drain_runs_all_that_was_accepted)
{
	struct busy busy;

	keep_busy(&busy);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	expect_closed(busy.pool);
	expect_states(&busy, TPAR_PENDING);
	unit_gate_open(&busy.hold.go);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_DRAIN,
					    TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_state(busy.held), TPAR_DONE);
	expect_states(&busy, TPAR_DONE);
	ck_assert_int_eq(atomic_load(&runs), QUEUED);
	/* It stays shut down, and may be told so again. */
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_OK);
	expect_closed(busy.pool);
	ck_assert_int_eq(tpar_pool_destroy(busy.pool), TPAR_OK);
	release(&busy);
	ck_assert_int_eq(atomic_load(&arg_drops), QUEUED);
	ck_assert_int_eq(atomic_load(&value_drops), QUEUED);
}
END_TEST

START_TEST(cancel_ends_what_has_not_begun_and_asks_what_runs)
{
	struct busy busy;

	keep_busy(&busy);
	busy.hold.code = TPAR_ESTOPPED;
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	expect_closed(busy.pool);
	/* At once, although the worker is busy. */
	expect_states(&busy, TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(busy.held), TPAR_RUNNING);
	unit_gate_open(&busy.hold.go);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_CANCEL,
					    TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_state(busy.held), TPAR_CANCELLED);
	ck_assert_int_eq(atomic_load(&runs), 0);
	ck_assert_int_eq(tpar_pool_destroy(busy.pool), TPAR_OK);
	release(&busy);
	ck_assert_int_eq(atomic_load(&arg_drops), QUEUED);
	ck_assert_int_eq(atomic_load(&value_drops), 0);
}
END_TEST

START_TEST(deadline_leaves_the_shutdown_under_way)
{
	struct busy busy;

	keep_busy(&busy);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_DRAIN, tpar_in(0)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_DRAIN,
					    tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&busy.hold.go);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_DRAIN,
					    tpar_in(100 * TPAR_SECOND)),
			 TPAR_OK);
	expect_states(&busy, TPAR_DONE);
	ck_assert_int_eq(tpar_pool_destroy(busy.pool), TPAR_OK);
	release(&busy);
}
END_TEST

/* A held task of this name and site. */
static void
submit_held(tpar_pool *pool, struct unit_hold *hold, const char *name,
	    const char *site)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = unit_hold_task;
	task.arg = hold;
	task.name = name;
	task.site = site;
	ck_assert_int_eq(tpar_submit_task(pool, &task, NULL), TPAR_OK);
}

START_TEST(deadline_names_the_tasks_that_run)
{
	struct unit_hold hold[2] = { UNIT_HOLD_INIT, UNIT_HOLD_INIT };
	tpar_pool *pool = unit_pool(2, 1);
	const char *detail;

	submit_held(pool, &hold[0], "reader", "net.c:12");
	submit_held(pool, &hold[1], "writer", "net.c:40");
	unit_gate_await(&hold[0].begun, 1);
	unit_gate_await(&hold[1].begun, 1);
	ck_assert_int_eq(tpar_submit(pool, count_run, NULL, 0, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	detail = tpar_error_detail();
	ck_assert_ptr_eq(strstr(detail, "2 tasks run: "), detail);
	ck_assert_ptr_nonnull(strstr(detail, "'reader' (net.c:12)"));
	ck_assert_ptr_nonnull(strstr(detail, "'writer' (net.c:40)"));
	ck_assert_ptr_nonnull(strstr(detail, "; others are queued"));
	unit_gate_open(&hold[1].go);
	UNIT_AWAIT(atomic_load(&runs) == 1);
	/* In the end only one is left. */
	do {
		ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW),
				 TPAR_ETIMEDOUT);
	} while (strcmp(tpar_error_detail(),
			"1 task runs: 'reader' (net.c:12)") != 0);
	unit_gate_open(&hold[0].go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(deadline_names_some_of_many)
{
	enum { MANY = 20 };
	static struct unit_hold hold[MANY];
	tpar_pool *pool = unit_pool(MANY, 1);
	struct unit_hold none = UNIT_HOLD_INIT;
	const char *detail;
	int i;

	for (i = 0; i < MANY; i++) {
		hold[i] = none;
		submit_held(pool, &hold[i], "one of many", NULL);
		unit_gate_await(&hold[i].begun, 1);
	}
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	detail = tpar_error_detail();
	ck_assert_ptr_eq(strstr(detail, "20 tasks run: 'one of many', "),
			 detail);
	ck_assert_str_eq(detail + strlen(detail) - 5, ", ...");
	for (i = 0; i < MANY; i++) {
		unit_gate_open(&hold[i].go);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(idle_pool_is_shut_down_in_no_time)
{
	tpar_pool *pool = unit_pool(2, 1);

	unit_run_in(pool, count_run, NULL);
	/* Its threads may be on their way to sleep. */
	while (tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW) != TPAR_OK) {
		ck_assert_str_eq(tpar_error_detail(),
				 "no task runs, but not all threads are at "
				 "rest");
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(drain_may_turn_into_cancel_but_not_back)
{
	struct busy busy;

	keep_busy(&busy);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&busy.hold.go);
	/* Destroying drains, too: there is nothing left to be run. */
	ck_assert_int_eq(tpar_pool_destroy(busy.pool), TPAR_OK);
	expect_states(&busy, TPAR_CANCELLED);
	ck_assert_int_eq(atomic_load(&runs), 0);
	release(&busy);
}
END_TEST

START_TEST(unknown_way_of_ending_is_refused)
{
	tpar_pool *pool = unit_pool(1, 1);

	ck_assert_int_eq(tpar_pool_shutdown(pool, (enum tpar_shutdown)2,
					    TPAR_FOREVER),
			 TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(),
			 "shutdown: neither drain nor cancel");
	unit_run_in(pool, count_run, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

struct ender {
	tpar_pool *pool;
	enum tpar_shutdown how;
	enum tpar_err err;
};

static void *
end_it(void *arg)
{
	struct ender *ender = arg;

	ender->err = tpar_pool_shutdown(ender->pool, ender->how, TPAR_FOREVER);
	return NULL;
}

START_TEST(several_may_wait_for_the_end)
{
	struct ender ender[3];
	pthread_t thread[3];
	struct busy busy;
	int i;

	keep_busy(&busy);
	for (i = 0; i < 3; i++) {
		ender[i] =
			(struct ender) { busy.pool, TPAR_DRAIN, TPAR_EINVAL };
		thread[i] = unit_start(end_it, &ender[i]);
	}
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&busy.hold.go);
	for (i = 0; i < 3; i++) {
		unit_join(thread[i]);
		ck_assert_int_eq(ender[i].err, TPAR_OK);
	}
	expect_states(&busy, TPAR_DONE);
	ck_assert_int_eq(tpar_pool_destroy(busy.pool), TPAR_OK);
	release(&busy);
}
END_TEST

START_TEST(drain_and_cancel_at_once_end_together)
{
	long round;
	int i;

	for (round = 0; round < unit_scaled(100); round++) {
		struct ender ender[2];
		pthread_t thread[2];
		struct busy busy;

		keep_busy(&busy);
		for (i = 0; i < 2; i++) {
			ender[i] = (struct ender) { busy.pool,
						    i == 0 ? TPAR_DRAIN
							   : TPAR_CANCEL,
						    TPAR_EINVAL };
			thread[i] = unit_start(end_it, &ender[i]);
		}
		unit_gate_open(&busy.hold.go);
		for (i = 0; i < 2; i++) {
			unit_join(thread[i]);
			ck_assert_int_eq(ender[i].err, TPAR_OK);
		}
		for (i = 0; i < QUEUED; i++) {
			ck_assert_int_ge(tpar_future_state(busy.f[i]),
					 TPAR_DONE);
		}
		ck_assert_int_eq(tpar_pool_destroy(busy.pool), TPAR_OK);
		release(&busy);
	}
	ck_assert_int_eq(atomic_load(&arg_drops), round * QUEUED);
	ck_assert_int_eq(atomic_load(&value_drops), atomic_load(&runs));
}
END_TEST

/* A task that, once let go, submits to its own pool and waits for all of it. */
struct late {
	struct unit_hold hold;
	enum tpar_err one;
	enum tpar_err many;
	bool stopped;
};

static int
submit_late(void *arg, void *value)
{
	struct tpar_task task = counted_task();
	struct late *late = arg;
	tpar_future *f = NULL;

	(void)unit_hold_task(&late->hold, value);
	late->stopped = tpar_cancelled();
	late->one = tpar_submit_task(NULL, &task, &f);
	late->many = tpar_submit_many(NULL, &task, NULL, 0, 5, NULL);
	if (f != NULL) {
		UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
		tpar_future_unref(f);
	}
	return 0;
}

static void
end_with_late(struct late *late, enum tpar_shutdown how)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);

	late->hold = hold;
	ck_assert_int_eq(tpar_submit(pool, submit_late, late, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&late->hold.begun, 1);
	ck_assert_int_eq(tpar_pool_shutdown(pool, how, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&late->hold.go);
	ck_assert_int_eq(tpar_pool_shutdown(pool, how, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(task_of_a_draining_pool_may_still_submit)
{
	struct late late;

	end_with_late(&late, TPAR_DRAIN);
	ck_assert_int_eq(late.one, TPAR_OK);
	ck_assert_int_eq(late.many, TPAR_OK);
	ck_assert(!late.stopped);
	ck_assert_int_eq(atomic_load(&runs), 6);
	ck_assert_int_eq(atomic_load(&arg_drops), 6);
}
END_TEST

START_TEST(task_of_a_cancelled_pool_is_refused_too)
{
	struct late late;

	end_with_late(&late, TPAR_CANCEL);
	ck_assert_int_eq(late.one, TPAR_ECLOSED);
	ck_assert_int_eq(late.many, TPAR_ECLOSED);
	ck_assert(late.stopped);
	ck_assert_int_eq(atomic_load(&runs), 0);
	ck_assert_int_eq(atomic_load(&arg_drops), 0);
}
END_TEST

static int
wait_for_it(void *arg, void *value)
{
	(void)value;
	return (int)tpar_future_wait(arg, TPAR_FOREVER);
}

START_TEST(drain_waits_for_a_task_on_another_pools_thread)
{
	struct unit_hold none = UNIT_HOLD_INIT;
	struct late late = { .one = TPAR_EINVAL };
	tpar_pool *other = unit_pool(1, 1);
	struct busy busy;
	tpar_future *f;

	keep_busy(&busy);
	late.hold = none;
	f = unit_submit(busy.pool, submit_late, &late, 0);
	ck_assert_int_eq(tpar_submit(other, wait_for_it, f, 0, NULL), TPAR_OK);
	unit_gate_await(&late.hold.begun, 1);
	unit_gate_open(&busy.hold.go);
	/* Now it is the only one left, and runs elsewhere. */
	ck_assert_int_eq(tpar_wait_all(busy.f, QUEUED, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_DRAIN,
					    tpar_in(5 * TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	ck_assert_ptr_eq(strstr(tpar_error_detail(), "1 task runs: "),
			 tpar_error_detail());
	unit_gate_open(&late.hold.go);
	ck_assert_int_eq(tpar_pool_destroy(busy.pool), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	/* Its pool was still open to what it submitted there. */
	ck_assert_int_eq(late.one, TPAR_OK);
	ck_assert_int_eq(late.many, TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), QUEUED + 6);
	/* Whoever waits for it has no handle of his own. */
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
	tpar_future_unref(f);
	release(&busy);
}
END_TEST

static int
shut_down_until_stopped(void *arg, void *value)
{
	(void)value;
	return (int)tpar_pool_shutdown(arg, TPAR_DRAIN, TPAR_FOREVER);
}

START_TEST(task_that_waits_for_another_pools_end_can_be_stopped)
{
	tpar_pool *other = unit_pool(1, 1);
	struct busy busy;
	tpar_future *f;

	keep_busy(&busy);
	f = unit_submit(other, shut_down_until_stopped, busy.pool, 0);
	/* Once it sleeps, another one has its place. */
	UNIT_AWAIT(tpar_future_state(f) == TPAR_RUNNING);
	unit_run_in(other, count_run, NULL);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	expect_closed(busy.pool);
	expect_states(&busy, TPAR_PENDING);
	unit_gate_open(&busy.hold.go);
	ck_assert_int_eq(tpar_pool_destroy(busy.pool), TPAR_OK);
	release(&busy);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		drain_runs_all_that_was_accepted,
		cancel_ends_what_has_not_begun_and_asks_what_runs,
		deadline_leaves_the_shutdown_under_way,
		deadline_names_the_tasks_that_run,
		deadline_names_some_of_many,
		idle_pool_is_shut_down_in_no_time,
		drain_may_turn_into_cancel_but_not_back,
		unknown_way_of_ending_is_refused,
		several_may_wait_for_the_end,
		drain_and_cancel_at_once_end_together,
		task_of_a_draining_pool_may_still_submit,
		task_of_a_cancelled_pool_is_refused_too,
		drain_waits_for_a_task_on_another_pools_thread,
		task_that_waits_for_another_pools_end_can_be_stopped,
	};

	return unit_main("pool_shutdown", tests,
			 sizeof tests / sizeof tests[0]);
}
