/* SPDX-License-Identifier: MIT */
/*
 * test_race_task.c - races in tasks: the task is stopped, is a member itself, or
 * has no thread left that could begin a member.
 */
#include "promised.h"

#include <taskpar/cancel.h>

/* What races, and what becomes of it. */
struct racing {
	tpar_future *f[4];
	size_t n;
	intptr_t value;
	size_t index;
	enum tpar_err err;
	struct tpar_failure why;
};

static void *
race(void *arg)
{
	struct racing *racing = arg;

	racing->value = -1;
	racing->index = SIZE_MAX;
	racing->err = tpar_race(racing->f, racing->n, &racing->value,
				&racing->index, &racing->why);
	return NULL;
}

struct task {
	struct unit_gate known;
	struct unit_gate begun;
	struct racing racing;
};

static void
init_task(struct task *task)
{
	memset(task, 0, sizeof *task);
	task->known = (struct unit_gate)UNIT_GATE_INIT;
	task->begun = (struct unit_gate)UNIT_GATE_INIT;
}

static int
race_in_task(void *arg, void *value)
{
	struct task *task = arg;

	(void)value;
	unit_gate_await(&task->known, 1);
	unit_gate_open(&task->begun);
	(void)race(&task->racing);
	return tpar_checkpoint();
}

START_TEST(stopped_task_stops_its_race_and_waits_for_it)
{
	struct promised made[2];
	struct task task;
	tpar_future *f;

	init_task(&task);
	promised_many(made, task.racing.f, 2, NULL);
	task.racing.n = 2;
	f = unit_submit(NULL, race_in_task, &task, 0);
	unit_gate_open(&task.known);
	unit_gate_await(&task.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(task.racing.err, TPAR_ESTOPPED);
	ck_assert_uint_eq(task.racing.why.index, SIZE_MAX);
	ck_assert_int_eq(tpar_future_state(made[0].f), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(made[1].f), TPAR_CANCELLED);
	tpar_future_unref(f);
	promised_free_many(made, 2);
}
END_TEST

START_TEST(one_that_is_done_wins_over_the_stop)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct promised made = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(2, 1);
	struct task task;
	tpar_future *f;

	init_task(&task);
	task.racing.n = 2;
	task.racing.f[0] = made.f;
	task.racing.f[1] = unit_submit(pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	f = unit_submit(pool, race_in_task, &task, 0);
	unit_gate_open(&task.known);
	unit_gate_await(&task.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	unit_gate_open(&hold.go); /* it does not give way */
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(task.racing.err, TPAR_OK);
	ck_assert_uint_eq(task.racing.index, 1);
	tpar_future_unref(f);
	tpar_future_unref(task.racing.f[1]);
	promised_free(made);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(task_that_races_itself_is_told)
{
	struct promised made = promised_make(0, NULL);
	struct task task;
	tpar_future *f;

	init_task(&task);
	task.racing.n = 2;
	task.racing.f[0] = made.f;
	f = unit_submit(NULL, race_in_task, &task, 0);
	task.racing.f[1] = f;
	unit_gate_open(&task.known);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(task.racing.err, TPAR_EDEADLK);
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_PENDING);
	tpar_future_unref(f);
	promised_free(made);
}
END_TEST

/* ---- Threads are used up ------------------------------------------------- */

static int
wait_for_it(void *arg, void *value)
{
	(void)value;
	UNIT_MUST(tpar_future_wait(arg, TPAR_FOREVER) == TPAR_OK);
	return 0;
}

static int
return_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

struct starved {
	tpar_future *other; /* a promise */
	unsigned flags;
	bool gathers;
	enum tpar_err err;
	enum tpar_state state; /* of the task */
	size_t index;
	struct unit_gate cancelled; /* the task was */
};

static void
tell_cancelled(tpar_future *f, void *arg)
{
	struct starved *starved = arg;

	starved->state = tpar_future_state(f);
	unit_gate_open(&starved->cancelled);
}

/* The pool's only other thread waits for what ends later. */
static int
race_when_starved(void *arg, void *value)
{
	struct starved *starved = arg;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[2];

	(void)value;
	task.fn = return_nothing;
	task.flags = starved->flags;
	f[0] = starved->other;
	f[1] = unit_submit_task(NULL, &task);
	UNIT_MUST(tpar_future_on_done(f[1], tell_cancelled, starved) ==
		  TPAR_OK);
	starved->index = SIZE_MAX;
	starved->err = starved->gathers
			       ? tpar_gather(f, 2, NULL, NULL)
			       : tpar_race(f, 2, NULL, &starved->index, NULL);
	tpar_future_unref(f[1]);
	return 0;
}

static void
starve(struct starved *starved, bool set_other)
{
	struct promised other = promised_make(0, NULL);
	struct promised outer = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *blocked = unit_submit(pool, wait_for_it, outer.f, 0);
	tpar_future *f;

	starved->cancelled = (struct unit_gate)UNIT_GATE_INIT;
	starved->other = other.f;
	UNIT_AWAIT(tpar_future_state(blocked) == TPAR_RUNNING);
	f = unit_submit(pool, race_when_starved, starved, 0);
	unit_gate_await(&starved->cancelled, 1);
	if (set_other) {
		UNIT_MUST(tpar_promise_set(other.p, NULL) == TPAR_OK);
	}
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	UNIT_MUST(tpar_promise_set(outer.p, NULL) == TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(blocked, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(blocked);
	promised_free(outer);
	promised_free(other);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(member_is_run_in_place_when_threads_are_used_up)
{
	struct starved starved = { .flags = 0 };

	starve(&starved, false);
	ck_assert_int_eq(starved.state, TPAR_DONE);
	ck_assert_int_eq(starved.err, TPAR_OK);
	ck_assert_uint_eq(starved.index, 1);
}
END_TEST

START_TEST(race_goes_on_without_one_that_no_thread_may_begin)
{
	struct starved starved = { .flags = TPAR_NO_INLINE };

	starve(&starved, true);
	ck_assert_int_eq(starved.state, TPAR_CANCELLED);
	ck_assert_int_eq(starved.err, TPAR_OK);
	ck_assert_uint_eq(starved.index, 0);
}
END_TEST

START_TEST(gather_is_stopped_by_one_that_no_thread_may_begin)
{
	struct starved starved = { .flags = TPAR_NO_INLINE, .gathers = true };

	starve(&starved, false);
	ck_assert_int_eq(starved.state, TPAR_CANCELLED);
	ck_assert_int_eq(starved.err, TPAR_EAGAIN);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		stopped_task_stops_its_race_and_waits_for_it,
		one_that_is_done_wins_over_the_stop,
		task_that_races_itself_is_told,
		member_is_run_in_place_when_threads_are_used_up,
		race_goes_on_without_one_that_no_thread_may_begin,
		gather_is_stopped_by_one_that_no_thread_may_begin,
	};

	return unit_main("race_task", tests, sizeof tests / sizeof tests[0]);
}
