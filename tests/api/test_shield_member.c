/* SPDX-License-Identifier: MIT */
/*
 * test_shield_member.c - futures that sets and groups leave alone, but wait for;
 * and what does reach them.
 */
#include "promised.h"

#include <taskpar/cancel.h>
#include <taskpar/group.h>

/* A task that says so when it runs, and notes whether it was asked to stop. */
struct member {
	struct unit_gate begun;
	struct unit_gate go;
	bool stopped;
	int runs;
};

static void
init_member(struct member *member)
{
	memset(member, 0, sizeof *member);
	member->begun = (struct unit_gate)UNIT_GATE_INIT;
	member->go = (struct unit_gate)UNIT_GATE_INIT;
}

static int
run_member(void *arg, void *value)
{
	struct member *member = arg;

	(void)value;
	member->runs++;
	unit_gate_open(&member->begun);
	unit_gate_await(&member->go, 1);
	member->stopped = tpar_cancelled();
	return 0;
}

static tpar_future *
submit_shielded(tpar_pool *pool, tpar_task_fn fn, void *arg)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fn;
	task.arg = arg;
	task.flags = TPAR_SHIELDED;
	return unit_submit_task(pool, &task);
}

static void
let_go(tpar_future *f, void *arg)
{
	struct member *member = arg;

	(void)f;
	unit_gate_open(&member->go);
}

START_TEST(failure_leaves_a_shielded_member_alone_and_waits_for_it)
{
	struct promised made[2] = { promised_make(0, NULL),
				    promised_make(0, NULL) };
	struct member member;
	struct tpar_failure why;
	tpar_future *f[3];

	init_member(&member);
	f[0] = submit_shielded(NULL, run_member, &member);
	f[1] = made[0].f;
	f[2] = made[1].f;
	unit_gate_await(&member.begun, 1);
	/* It goes on when the other one has been stopped. */
	ck_assert_int_eq(tpar_future_on_done(f[1], let_go, &member), TPAR_OK);
	ck_assert_int_eq(tpar_promise_fail(made[1].p, 3, "three"), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, 3, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 2);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_DONE);
	ck_assert(!member.stopped);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	tpar_future_unref(f[0]);
	promised_free_many(made, 2);
}
END_TEST

static _Atomic int runs;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

static int
fail_four(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 4;
}

/* In a task that may run them itself: of a pool of one. */
static int
gather_after_failure(void *arg, void *value)
{
	bool first = *(bool *)arg;
	tpar_future *bad = unit_submit(NULL, fail_four, NULL, 0);
	tpar_future *f[3];
	struct tpar_failure why;

	(void)value;
	UNIT_MUST(tpar_future_wait(bad, TPAR_FOREVER) == TPAR_EFAILED);
	f[0] = first ? bad : submit_shielded(NULL, count_run, NULL);
	f[1] = unit_submit(NULL, count_run, NULL, 0);
	f[2] = first ? submit_shielded(NULL, count_run, NULL) : bad;
	UNIT_MUST(tpar_gather(f, 3, NULL, &why) == TPAR_EFAILED);
	UNIT_MUST(why.code == 4);
	UNIT_MUST(tpar_future_state(f[1]) == TPAR_CANCELLED);
	UNIT_MUST(tpar_future_state(first ? f[2] : f[0]) == TPAR_DONE);
	tpar_future_unref_all(f, 3);
	return 0;
}

START_TEST(shielded_member_that_has_not_begun_still_runs_after_a_failure)
{
	tpar_pool *pool = unit_pool(1, 1);
	bool first;
	int i;

	for (i = 0; i < 2; i++) {
		first = i == 0;
		unit_run_in(pool, gather_after_failure, &first);
	}
	ck_assert_int_eq(atomic_load(&runs), 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(deadline_of_a_set_leaves_a_shielded_member_alone)
{
	struct promised made = promised_make(0, NULL);
	struct member member;
	tpar_future *f[2];

	init_member(&member);
	f[0] = submit_shielded(NULL, run_member, &member);
	f[1] = made.f;
	ck_assert_int_eq(tpar_future_on_done(f[1], let_go, &member), TPAR_OK);
	ck_assert_int_eq(tpar_gather_until(f, 2, NULL,
					   tpar_in(TPAR_MILLISECOND), NULL),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_DONE);
	ck_assert(!member.stopped);
	tpar_future_unref(f[0]);
	promised_free(made);
}
END_TEST

START_TEST(shielded_loser_of_a_race_is_waited_for)
{
	struct promised made[2] = { promised_make(0, NULL),
				    promised_make(0, NULL) };
	struct member member;
	tpar_future *f[3];
	size_t index;

	init_member(&member);
	f[0] = submit_shielded(NULL, run_member, &member);
	f[1] = made[0].f;
	f[2] = made[1].f;
	unit_gate_await(&member.begun, 1);
	ck_assert_int_eq(tpar_future_on_done(f[1], let_go, &member), TPAR_OK);
	UNIT_MUST(tpar_promise_set(made[1].p, NULL) == TPAR_OK);
	ck_assert_int_eq(tpar_race(f, 3, NULL, &index, NULL), TPAR_OK);
	ck_assert_uint_eq(index, 2);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_DONE);
	ck_assert(!member.stopped);
	tpar_future_unref(f[0]);
	promised_free_many(made, 2);
}
END_TEST

/* A task gathers; it is asked to stop. */
static int
gather_two(void *arg, void *value)
{
	(void)value;
	return (int)tpar_gather(arg, 2, NULL, NULL);
}

START_TEST(stop_of_what_gathers_leaves_a_shielded_member_alone)
{
	struct promised made = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(2, 1);
	struct member member;
	tpar_future *f[2];
	tpar_future *gathers;

	init_member(&member);
	f[0] = submit_shielded(pool, run_member, &member);
	f[1] = made.f;
	unit_gate_await(&member.begun, 1);
	ck_assert_int_eq(tpar_future_on_done(f[1], let_go, &member), TPAR_OK);
	gathers = unit_submit(pool, gather_two, f, 0);
	UNIT_AWAIT(tpar_future_state(gathers) == TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_cancel(gathers), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(gathers, TPAR_FOREVER),
			 TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_DONE);
	ck_assert(!member.stopped);
	tpar_future_unref(gathers);
	tpar_future_unref(f[0]);
	promised_free(made);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(shielded_gather_in_the_background_keeps_its_members)
{
	struct promised made[3];
	tpar_future *f[3];
	tpar_future *set[2];
	tpar_future *inner = NULL;
	tpar_future *outer = NULL;
	size_t i;

	promised_many(made, f, 3, NULL);
	ck_assert_int_eq(tpar_gather_async(f, 1, &inner), TPAR_OK);
	ck_assert_int_eq(tpar_future_shield(inner), TPAR_OK);
	set[0] = inner;
	set[1] = f[1];
	ck_assert_int_eq(tpar_gather_async(set, 2, &outer), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(outer), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_PENDING);
	ck_assert_int_eq(tpar_future_state(outer), TPAR_RUNNING);
	promised_set(made[0], 1);
	ck_assert_int_eq(tpar_future_state(inner), TPAR_DONE);
	ck_assert_int_eq(tpar_future_state(outer), TPAR_CANCELLED);
	tpar_future_unref(inner);
	tpar_future_unref(outer);

	/* Of which all members that are left are shielded: it is complete. */
	ck_assert_int_eq(tpar_future_shield(f[2]), TPAR_OK);
	ck_assert_int_eq(tpar_gather_async(&f[2], 1, &outer), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(outer), TPAR_OK);
	promised_set(made[2], 1);
	ck_assert_int_eq(tpar_future_state(outer), TPAR_DONE);
	tpar_future_unref(outer);
	for (i = 0; i < 3; i++) {
		promised_free(made[i]);
	}
}
END_TEST

/* ---- Groups -------------------------------------------------------------- */

START_TEST(shielded_child_of_a_group_is_not_cancelled_with_it)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_group *group = NULL;
	struct scene scene;
	tpar_future *f[2];

	/* Neither has begun when the group is cancelled. */
	scene_stall(&scene);
	config.pool = scene.pool;
	ck_assert_int_eq(tpar_group_open(&group, &config), TPAR_OK);
	task.fn = count_run;
	ck_assert_int_eq(tpar_group_submit(group, &task, &f[0]), TPAR_OK);
	task.flags = TPAR_SHIELDED;
	ck_assert_int_eq(tpar_group_submit(group, &task, &f[1]), TPAR_OK);
	ck_assert_int_eq(tpar_group_cancel(group, "enough"), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_PENDING);
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_group_close(group, NULL, 0, NULL),
			 TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_DONE);
	ck_assert_int_eq(atomic_load(&runs), 1);
	tpar_group_destroy(group);
	tpar_future_unref_all(f, 2);
	scene_end(&scene);
}
END_TEST

/* ---- What does reach them ------------------------------------------------ */

START_TEST(own_cancel_deadline_and_shutdown_reach_a_shielded_future)
{
	struct promised made = promised_make(0, NULL);
	struct tpar_task task = TPAR_TASK_INIT;
	struct scene scene;
	tpar_future *f[3];

	ck_assert_int_eq(tpar_future_shield(made.f), TPAR_OK);
	ck_assert_int_eq(tpar_future_shield(made.f), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_shield(made.f), TPAR_OK);
	promised_free(made);

	scene_stall(&scene);
	task.fn = count_run;
	task.flags = TPAR_SHIELDED;
	f[0] = unit_submit_task(scene.pool, &task);
	task.deadline_ns = tpar_in(TPAR_MILLISECOND);
	f[1] = unit_submit_task(scene.pool, &task);
	task.deadline_ns = TPAR_NOW;
	f[2] = unit_submit_task(scene.pool, &task);
	ck_assert_int_eq(tpar_future_wait(f[1], TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_wait(f[2], TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_pool_shutdown(scene.pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	scene_let_go(&scene);
	scene_end(&scene);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(atomic_load(&runs), 0);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(tpar_future_shield(NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
}
END_TEST

/* ---- Run by who waits for it, of another pool ------------------------------- */

/* Two pools; the worker of the second one is held. */
struct pair {
	tpar_pool *pool;
	tpar_pool *other;
	struct unit_gate begun;
	bool deep;
	int runs;
	bool stopped;
};

static int
note_stop(void *arg, void *value)
{
	struct pair *pair = arg;

	(void)value;
	pair->runs++;
	pair->stopped = tpar_cancelled();
	return 0;
}

static int
gather_one(void *arg, void *value)
{
	struct pair *pair = arg;
	tpar_future *f = unit_submit(pair->other, note_stop, pair, 0);

	(void)value;
	UNIT_MUST(tpar_gather(&f, 1, NULL, NULL) == TPAR_OK);
	tpar_future_unref(f);
	return 0;
}

static int
gather_in_the_end(void *arg, void *value)
{
	struct pair *pair = arg;
	tpar_future *f;

	(void)value;
	unit_gate_open(&pair->begun);
	UNIT_AWAIT(tpar_cancelled());
	f = submit_shielded(pair->other, pair->deep ? gather_one : note_stop,
			    pair);
	UNIT_MUST(tpar_gather_settled(&f, 1, NULL, NULL) == TPAR_OK);
	UNIT_MUST(tpar_future_state(f) == TPAR_DONE);
	tpar_future_unref(f);
	return 0;
}

/* It is asked to stop by itself, or as its pool is cancelled. */
static void
stop_and_gather(bool deep, bool shuts_down)
{
	struct pair pair = { .begun = UNIT_GATE_INIT, .deep = deep };
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *held;
	tpar_future *f;

	pair.pool = unit_pool(1, 1);
	pair.other = unit_pool(1, 1);
	held = unit_submit(pair.other, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	f = unit_submit(pair.pool, gather_in_the_end, &pair, 0);
	unit_gate_await(&pair.begun, 1);
	if (shuts_down) {
		ck_assert_int_eq(tpar_pool_shutdown(pair.pool, TPAR_CANCEL,
						    TPAR_FOREVER),
				 TPAR_OK);
	} else {
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	}
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(pair.runs, 1);
	ck_assert(!pair.stopped);
	unit_gate_open(&hold.go);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pair.pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pair.other), TPAR_OK);
	tpar_future_unref(held);
}

START_TEST(shielded_member_that_runs_here_does_not_hear_of_the_stop)
{
	stop_and_gather(false, false);
	stop_and_gather(false, true);
	stop_and_gather(true, false);
	stop_and_gather(true, true);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		failure_leaves_a_shielded_member_alone_and_waits_for_it,
		shielded_member_that_has_not_begun_still_runs_after_a_failure,
		deadline_of_a_set_leaves_a_shielded_member_alone,
		shielded_loser_of_a_race_is_waited_for,
		stop_of_what_gathers_leaves_a_shielded_member_alone,
		shielded_gather_in_the_background_keeps_its_members,
		shielded_child_of_a_group_is_not_cancelled_with_it,
		own_cancel_deadline_and_shutdown_reach_a_shielded_future,
		shielded_member_that_runs_here_does_not_hear_of_the_stop,
	};

	return unit_main("shield_member", tests,
			 sizeof tests / sizeof tests[0]);
}
