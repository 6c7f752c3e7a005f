/* SPDX-License-Identifier: MIT */
/*
 * test_gather_async_deep.c - gathers in the background that nest, in depth and
 * width; and tasks that wait for them: somebody runs the members, and a way
 * back to the waiting task is told.
 */
#include "promised.h"

#include <taskpar/cancel.h>

enum { DEEP = 1000, WIDE = 100000 };

static tpar_future *
gather_all(tpar_future *const *f, size_t n)
{
	tpar_future *all = NULL;

	UNIT_MUST(tpar_gather_async(f, n, &all) == TPAR_OK);
	return all;
}

/* ---- Depth and width ----------------------------------------------------- */

struct tower {
	struct promised made;
	tpar_future *level[DEEP]; /* [0]: nearest to the promise */
};

static void
build(struct tower *tower, bool owns)
{
	tpar_future *below;
	int i;

	tower->made = owns ? promised_owner() : promised_number();
	below = tower->made.f;
	for (i = 0; i < DEEP; i++) {
		tower->level[i] = gather_all(&below, 1);
		below = tower->level[i];
	}
}

static void
pull_down(struct tower *tower)
{
	tpar_future_unref_all(tower->level, DEEP);
	promised_free(tower->made);
}

static void *
set_bottom(void *arg)
{
	struct tower *tower = arg;

	promised_set(tower->made, 7);
	return NULL;
}

static void *
fail_bottom(void *arg)
{
	struct tower *tower = arg;

	UNIT_MUST(tpar_promise_fail(tower->made.p, 3, "deep down") == TPAR_OK);
	return NULL;
}

static void *
cancel_top(void *arg)
{
	struct tower *tower = arg;

	UNIT_MUST(tpar_future_cancel(tower->level[DEEP - 1]) == TPAR_OK);
	return NULL;
}

START_TEST(value_comes_up_through_a_thousand_gathers)
{
	static struct tower tower;

	build(&tower, false);
	unit_run_on_a_small_stack(set_bottom, &tower);
	ck_assert_int_eq(promised_value(tower.level[DEEP - 1]), 7);
	pull_down(&tower);

	/* One that is owned has moved all the way. */
	build(&tower, true);
	unit_run_on_a_small_stack(set_bottom, &tower);
	ck_assert_ptr_null(tpar_future_value(tower.level[DEEP - 2]));
	ck_assert_int_eq(promised_value(tower.level[DEEP - 1]), 7);
	tpar_future_unref_all(tower.level, DEEP - 1);
	promised_free(tower.made);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	tpar_future_unref(tower.level[DEEP - 1]);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

/* So deep that nothing may be done level by level on a stack. */
enum { VERY_DEEP = 100000 };

static void *
build_and_drop(void *arg)
{
	long depth = unit_scaled(VERY_DEEP);
	struct promised made = promised_owner();
	tpar_future *all = tpar_future_ref(made.f);
	tpar_future *below;
	intptr_t taken;
	long i;

	for (i = 0; i < depth; i++) {
		below = all;
		all = gather_all(&below, 1);
		tpar_future_unref(below);
	}
	promised_set(made, 7);
	UNIT_MUST(promised_value(all) == 7);
	if (arg != NULL) {
		UNIT_MUST(tpar_future_take(all, &taken) == TPAR_OK);
	}
	tpar_future_unref(all);
	promised_free(made);
	return NULL;
}

START_TEST(value_of_many_thousand_gathers_is_dropped_on_a_small_stack)
{
	int taken;

	unit_run_on_a_small_stack(build_and_drop, NULL);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
	unit_run_on_a_small_stack(build_and_drop, &taken);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

/* Gathers of different widths in each other, each value with its own drop. */
static intptr_t dropped[6];
static _Atomic int drops;

static void
note_drop(void *value)
{
	memcpy(&dropped[atomic_fetch_add(&drops, 1)], value, sizeof(intptr_t));
}

START_TEST(values_of_nested_gathers_are_dropped_in_order)
{
	struct promised made[6];
	tpar_future *f[6];
	tpar_future *two[3];
	tpar_future *all;
	int i;

	promised_many(made, f, 6, note_drop);
	for (i = 0; i < 3; i++) {
		two[i] = gather_all(&f[2 * i], 2);
	}
	all = gather_all(two, 3);
	tpar_future_unref_all(two, 3);
	for (i = 5; i >= 0; i--) {
		promised_set(made[i], i);
	}
	ck_assert_int_eq(tpar_future_state(all), TPAR_DONE);
	promised_free_many(made, 6);
	ck_assert_int_eq(atomic_load(&drops), 0);
	tpar_future_unref(all);
	ck_assert_int_eq(atomic_load(&drops), 6);
	for (i = 0; i < 6; i++) {
		ck_assert_int_eq(dropped[i], i);
	}
}
END_TEST

START_TEST(failure_comes_up_through_a_thousand_gathers)
{
	static struct tower tower;
	int i;

	build(&tower, true);
	unit_run_on_a_small_stack(fail_bottom, &tower);
	for (i = 0; i < DEEP; i++) {
		ck_assert_int_eq(tpar_future_code(tower.level[i]), 3);
		ck_assert_str_eq(tpar_future_message(tower.level[i]),
				 "deep down");
	}
	pull_down(&tower);
}
END_TEST

START_TEST(cancel_goes_down_through_a_thousand_gathers)
{
	static struct tower tower;
	int i;

	build(&tower, true);
	unit_run_on_a_small_stack(cancel_top, &tower);
	ck_assert_int_eq(tpar_future_state(tower.made.f), TPAR_CANCELLED);
	for (i = 0; i < DEEP; i++) {
		ck_assert_int_eq(tpar_future_state(tower.level[i]),
				 TPAR_CANCELLED);
	}
	pull_down(&tower);
}
END_TEST

START_TEST(gather_may_be_wide)
{
	size_t n = (size_t)unit_scaled(WIDE);
	tpar_future **f = calloc(n, sizeof(tpar_future *));
	tpar_future *all;
	size_t i;

	UNIT_MUST(f != NULL);
	for (i = 0; i < n; i++) {
		f[i] = unit_submit(NULL, unit_number_task, (void *)i,
				   sizeof(intptr_t));
	}
	all = gather_all(f, n);
	tpar_future_unref_all(f, n);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_OK);
	for (i = 0; i < n; i++) {
		const intptr_t *values = tpar_future_value(all);

		ck_assert_int_eq(values[i], (intptr_t)i);
	}
	tpar_future_unref(all);
	free(f);
}
END_TEST

START_TEST(one_cancel_reaches_a_wide_gather)
{
	size_t n = (size_t)unit_scaled(WIDE);
	tpar_future **f = calloc(n, sizeof(tpar_future *));
	struct promised *made = calloc(n, sizeof *made);
	tpar_future *all;
	size_t i;

	UNIT_MUST(f != NULL && made != NULL);
	promised_many(made, f, n, NULL);
	all = gather_all(f, n);
	ck_assert_int_eq(tpar_future_cancel(f[n / 2]), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(all), TPAR_FAILED);
	ck_assert_int_eq(tpar_future_code(all), TPAR_ECANCELED);
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_CANCELLED);
	}
	tpar_future_unref(all);
	promised_free_many(made, n);
	free(made);
	free(f);
}
END_TEST

/* ---- Tasks that wait for one --------------------------------------------- */

enum how { PLAINLY, GATHERING, ANY, STREAM, HOWS };

struct waiter {
	enum how how;
	unsigned flags; /* of the members */
	int depth;
	tpar_future *outer;
};

enum { MEMBERS = 5 };

/* Members in the same pool, whose only worker runs this. */
static tpar_future *
submit_members(struct waiter *waiter)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[MEMBERS];
	tpar_future *all;
	int i;

	task.fn = unit_number_task;
	task.value_size = sizeof(intptr_t);
	task.flags = waiter->flags;
	for (i = 0; i < MEMBERS; i++) {
		task.arg = (void *)(intptr_t)i;
		f[i] = unit_submit_task(NULL, &task);
	}
	all = gather_all(f, MEMBERS);
	tpar_future_unref_all(f, MEMBERS);
	for (i = 0; i < waiter->depth; i++) {
		tpar_future *inner = all;

		all = gather_all(&inner, 1);
		tpar_future_unref(inner);
	}
	return all;
}

static enum tpar_err
wait_for(tpar_future *all, enum how how)
{
	tpar_stream *stream;
	enum tpar_err err;
	size_t index;

	switch (how) {
	case PLAINLY:
		return tpar_future_wait(all, TPAR_FOREVER);
	case GATHERING:
		return tpar_gather(&all, 1, NULL, NULL);
	case ANY:
		return tpar_wait_any(&all, 1, TPAR_FOREVER, NULL);
	default:
		UNIT_MUST(tpar_as_completed(&all, 1, &stream) == TPAR_OK);
		err = tpar_stream_next(stream, TPAR_FOREVER, &index);
		tpar_stream_close(stream);
		return err;
	}
}

static int
submit_and_wait(void *arg, void *value)
{
	struct waiter *waiter = arg;
	tpar_future *all = submit_members(waiter);
	enum tpar_err err = wait_for(all, waiter->how);

	(void)value;
	if (err == TPAR_OK && tpar_future_state(all) == TPAR_DONE) {
		const intptr_t *values = tpar_future_value(all);

		UNIT_MUST(values[MEMBERS - 1] == MEMBERS - 1);
	}
	tpar_future_unref(all);
	return (int)err;
}

/* All threads that there may be wait for somebody else already. */
static int
use_up_and_wait(void *arg, void *value)
{
	struct waiter *waiter = arg;

	(void)value;
	UNIT_MUST(tpar_future_wait(waiter->outer, TPAR_FOREVER) == TPAR_OK);
	return 0;
}

static enum tpar_err
wait_in_one_worker(struct waiter *waiter, bool used_up)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct promised outer = promised_make(0, NULL);
	tpar_future *blocked = NULL;
	tpar_future *f;
	enum tpar_err err;

	waiter->outer = outer.f;
	if (used_up) {
		blocked = unit_submit(pool, use_up_and_wait, waiter, 0);
		UNIT_AWAIT(tpar_future_state(blocked) == TPAR_RUNNING);
	}
	f = unit_submit(pool, submit_and_wait, waiter, 0);
	(void)tpar_future_wait(f, TPAR_FOREVER);
	err = (enum tpar_err)tpar_future_code(f);
	tpar_future_unref(f);
	UNIT_MUST(tpar_promise_set(outer.p, NULL) == TPAR_OK);
	if (blocked != NULL) {
		UNIT_MUST(tpar_future_wait(blocked, TPAR_FOREVER) == TPAR_OK);
		tpar_future_unref(blocked);
	}
	promised_free(outer);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	return err;
}

START_TEST(members_are_run_when_a_task_waits_for_their_gather)
{
	int depth;
	int how;
	int used_up;

	for (how = 0; how < HOWS; how++) {
		for (depth = 0; depth <= 3000; depth += 1500) {
			for (used_up = 0; used_up <= 1; used_up++) {
				struct waiter waiter = { .how = (enum how)how,
							 .depth = depth };

				ck_assert_int_eq(wait_in_one_worker(&waiter,
								    used_up),
						 TPAR_OK);
			}
		}
	}
}
END_TEST

START_TEST(members_that_no_thread_may_run_are_cancelled)
{
	int how;

	for (how = 0; how < HOWS; how++) {
		struct waiter waiter = { .how = (enum how)how,
					 .flags = TPAR_NO_INLINE };
		enum tpar_err err = wait_in_one_worker(&waiter, true);

		/* Nobody hangs; what has ended, has ended as cancelled. */
		ck_assert(err == TPAR_EAGAIN || err == TPAR_EFAILED ||
			  ((how == ANY || how == STREAM) && err == TPAR_OK));
	}
}
END_TEST

/* Each two of the one before: ways to the bottom are as many as 2^40. */
enum { SHARED = 40 };

static int
wait_for_a_moment(void *arg, void *value)
{
	(void)value;
	return (int)tpar_future_wait(arg, tpar_in(1000000));
}

START_TEST(gathers_that_share_members_are_looked_into_once)
{
	struct promised made = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *all[SHARED];
	tpar_future *below = made.f;
	tpar_future *f;
	int i;

	for (i = 0; i < SHARED; i++) {
		tpar_future *twice[2] = { below, below };

		all[i] = gather_all(twice, 2);
		below = all[i];
	}
	f = unit_submit(pool, wait_for_a_moment, below, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f), TPAR_ETIMEDOUT);
	tpar_future_unref(f);
	UNIT_MUST(tpar_promise_set(made.p, NULL) == TPAR_OK);
	ck_assert_int_eq(tpar_future_state(below), TPAR_DONE);
	tpar_future_unref_all(all, SHARED);
	promised_free(made);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Ways back ----------------------------------------------------------- */

struct back {
	struct unit_gate known;
	enum how how;
	tpar_future *all;
	enum tpar_err err;
	char detail[512];
};

static int
wait_for_what_waits_for_me(void *arg, void *value)
{
	struct back *back = arg;

	(void)value;
	unit_gate_await(&back->known, 1);
	back->err = wait_for(back->all, back->how);
	snprintf(back->detail, sizeof back->detail, "%s", tpar_error_detail());
	return 0;
}

static void
wait_in_a_cycle(struct back *back, int depth)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct promised made = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[2];
	int i;

	task.fn = wait_for_what_waits_for_me;
	task.arg = back;
	task.name = "ouroboros";
	task.site = "snake.c:1";
	f[0] = made.f;
	f[1] = unit_submit_task(pool, &task);
	back->all = gather_all(f, 2);
	for (i = 0; i < depth; i++) {
		tpar_future *inner = back->all;

		back->all = gather_all(&inner, 1);
		tpar_future_unref(inner);
	}
	unit_gate_open(&back->known);
	ck_assert_int_eq(tpar_future_wait(f[1], TPAR_FOREVER), TPAR_OK);
	(void)tpar_promise_set(made.p, NULL);
	(void)tpar_future_wait(back->all, TPAR_FOREVER);
	tpar_future_unref(back->all);
	tpar_future_unref(f[1]);
	promised_free(made);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(way_back_through_a_gather_is_told_with_names)
{
	struct back back = { .known = UNIT_GATE_INIT, .how = PLAINLY };

	wait_in_a_cycle(&back, 0);
	ck_assert_int_eq(back.err, TPAR_EDEADLK);
	ck_assert_str_eq(back.detail, "'ouroboros' (snake.c:1) waits for "
				      "'tpar_gather_async' waits for "
				      "'ouroboros' (snake.c:1)");
}
END_TEST

START_TEST(way_back_through_many_gathers_is_told)
{
	struct back back = { .known = UNIT_GATE_INIT, .how = PLAINLY };

	wait_in_a_cycle(&back, 100);
	ck_assert_int_eq(back.err, TPAR_EDEADLK);
	ck_assert_ptr_nonnull(strstr(back.detail, "waits for ... waits for "
						  "'ouroboros'"));
}
END_TEST

START_TEST(gather_that_leads_back_is_given_up)
{
	struct back back = { .known = UNIT_GATE_INIT, .how = GATHERING };

	/* The set was cancelled, and the caller with it, as it is a member. */
	wait_in_a_cycle(&back, 1);
	ck_assert_int_eq(back.err, TPAR_EDEADLK);
	ck_assert_ptr_nonnull(strstr(back.detail, "waits for "
						  "'tpar_gather_async'"));
}
END_TEST

static int
gather_myself(void *arg, void *value)
{
	struct back *back = arg;
	tpar_future *all = (tpar_future *)&all;

	(void)value;
	unit_gate_await(&back->known, 1);
	UNIT_MUST(tpar_gather_async(&back->all, 1, &all) == TPAR_EDEADLK);
	UNIT_MUST(all == (tpar_future *)&all);
	return 0;
}

START_TEST(task_gathers_no_set_that_it_is_in)
{
	struct back back = { .known = UNIT_GATE_INIT };

	back.all = unit_submit(NULL, gather_myself, &back, 0);
	unit_gate_open(&back.known);
	ck_assert_int_eq(tpar_future_wait(back.all, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(back.all);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		value_comes_up_through_a_thousand_gathers,
		value_of_many_thousand_gathers_is_dropped_on_a_small_stack,
		values_of_nested_gathers_are_dropped_in_order,
		failure_comes_up_through_a_thousand_gathers,
		cancel_goes_down_through_a_thousand_gathers,
		gather_may_be_wide,
		one_cancel_reaches_a_wide_gather,
		members_are_run_when_a_task_waits_for_their_gather,
		members_that_no_thread_may_run_are_cancelled,
		gathers_that_share_members_are_looked_into_once,
		way_back_through_a_gather_is_told_with_names,
		way_back_through_many_gathers_is_told,
		gather_that_leads_back_is_given_up,
		task_gathers_no_set_that_it_is_in,
	};

	return unit_main("gather_async_deep", tests,
			 sizeof tests / sizeof tests[0]);
}
