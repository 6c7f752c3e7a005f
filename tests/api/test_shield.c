/* SPDX-License-Identifier: MIT */
/*
 * test_shield.c - what a stop does not reach: a section of a task, and futures
 * that sets and groups leave alone, but wait for.
 */
#include "promised.h"

#include <taskpar/cancel.h>
#include <taskpar/group.h>

/* ---- Sections ------------------------------------------------------------ */

/* A task that is asked to stop while it is in the section. */
struct section {
	struct unit_gate begun;
	struct promised made; /* what it waits for in there */
	tpar_future *f[2];
	_Atomic int handled;
};

static void
init_section(struct section *section)
{
	memset(section, 0, sizeof *section);
	section->begun = (struct unit_gate)UNIT_GATE_INIT;
	section->made = promised_make(0, NULL);
}

/* Asked to stop while it is in there; returns how the task ended. */
static enum tpar_err
stop_in_section(tpar_task_fn fn, struct section *section)
{
	tpar_future *f = unit_submit(NULL, fn, section, 0);
	enum tpar_err err;

	unit_gate_await(&section->begun, 1);
	UNIT_MUST(tpar_future_cancel(f) == TPAR_OK);
	UNIT_MUST(tpar_promise_set(section->made.p, NULL) == TPAR_OK);
	err = tpar_future_wait(f, TPAR_FOREVER);
	tpar_future_unref(f);
	promised_free(section->made);
	return err;
}

static bool
is_asked(struct section *section)
{
	/* The test completes it after it has asked. */
	return tpar_future_state(section->made.f) == TPAR_DONE;
}

static int
nest_shields(void *arg, void *value)
{
	struct section *section = arg;

	(void)value;
	tpar_shield_leave(); /* nothing to leave */
	tpar_shield_enter();
	tpar_shield_enter();
	unit_gate_open(&section->begun);
	UNIT_AWAIT(is_asked(section));
	UNIT_MUST(!tpar_cancelled() && tpar_checkpoint() == 0);
	tpar_shield_leave();
	UNIT_MUST(!tpar_cancelled() && tpar_checkpoint() == 0);
	tpar_shield_leave();
	UNIT_MUST(tpar_cancelled() && tpar_checkpoint() == TPAR_ESTOPPED);
	tpar_shield_leave();
	/* Once more, although it was seen. */
	tpar_shield_enter();
	UNIT_MUST(!tpar_cancelled() && tpar_checkpoint() == 0);
	tpar_shield_leave();
	return tpar_checkpoint();
}

START_TEST(stop_is_seen_after_the_outermost_shield)
{
	struct section section;

	init_section(&section);
	ck_assert_int_eq(stop_in_section(nest_shields, &section),
			 TPAR_ECANCELED);
}
END_TEST

static int
wait_in_shield(void *arg, void *value)
{
	struct section *section = arg;
	tpar_stream *s;
	size_t index;

	(void)value;
	tpar_shield_enter();
	unit_gate_open(&section->begun);
	UNIT_MUST(tpar_future_wait(section->made.f, TPAR_FOREVER) == TPAR_OK);
	/* New waits begin, too, although it has been asked by now. */
	UNIT_MUST(tpar_future_wait(section->f[0], tpar_in(TPAR_MILLISECOND)) ==
		  TPAR_ETIMEDOUT);
	UNIT_MUST(tpar_wait_all(section->f, 1, tpar_in(TPAR_MILLISECOND)) ==
		  TPAR_ETIMEDOUT);
	UNIT_MUST(tpar_wait_any(section->f, 1, tpar_in(TPAR_MILLISECOND),
				NULL) == TPAR_ETIMEDOUT);
	UNIT_MUST(tpar_as_completed(section->f, 1, &s) == TPAR_OK);
	UNIT_MUST(tpar_stream_next(s, tpar_in(TPAR_MILLISECOND), &index) ==
		  TPAR_ETIMEDOUT);
	UNIT_MUST(tpar_sleep(tpar_in(TPAR_MILLISECOND)) == TPAR_OK);
	UNIT_MUST(tpar_sleep(TPAR_FOREVER) == TPAR_EDEADLK);
	tpar_shield_leave();
	UNIT_MUST(tpar_future_wait(section->f[0], TPAR_FOREVER) ==
		  TPAR_ESTOPPED);
	UNIT_MUST(tpar_stream_next(s, TPAR_FOREVER, &index) == TPAR_ESTOPPED);
	tpar_stream_close(s);
	return 0;
}

START_TEST(waits_go_on_in_a_shield)
{
	struct promised never = promised_make(0, NULL);
	struct section section;

	init_section(&section);
	section.f[0] = never.f;
	ck_assert_int_eq(stop_in_section(wait_in_shield, &section), TPAR_OK);
	promised_free(never);
}
END_TEST

enum wait { FUTURE, ALL, ANY, STREAM, GATHER, SETTLED, RACE, GROUP, WAITS };

static enum wait which;

static int
wait_for_arg(void *arg, void *value)
{
	(void)value;
	return (int)tpar_future_wait(arg, TPAR_FOREVER);
}

static enum tpar_err
wait_in_group(tpar_future *f)
{
	tpar_group *g = NULL;
	enum tpar_err err;

	UNIT_MUST(tpar_group_open(&g, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_run(g, wait_for_arg, f) == TPAR_OK);
	err = tpar_group_close(g, NULL, 0, NULL);
	tpar_group_destroy(g);
	return err;
}

static enum tpar_err
wait_somehow(tpar_future *const *f)
{
	tpar_stream *s;
	enum tpar_err err;
	size_t index;

	switch (which) {
	case FUTURE:
		return tpar_future_wait(f[0], TPAR_FOREVER);
	case ALL:
		return tpar_wait_all(f, 1, TPAR_FOREVER);
	case ANY:
		return tpar_wait_any(f, 1, TPAR_FOREVER, NULL);
	case STREAM:
		UNIT_MUST(tpar_as_completed(f, 1, &s) == TPAR_OK);
		err = tpar_stream_next(s, TPAR_FOREVER, &index);
		tpar_stream_close(s);
		return err;
	case GATHER:
		return tpar_gather(f, 1, NULL, NULL);
	case SETTLED:
		return tpar_gather_settled(f, 1, NULL, NULL);
	case RACE:
		return tpar_race(f, 1, NULL, NULL, NULL);
	default:
		return wait_in_group(f[0]);
	}
}

static int
wait_on_in_shield(void *arg, void *value)
{
	struct section *section = arg;

	(void)value;
	tpar_shield_enter();
	unit_gate_open(&section->begun);
	UNIT_MUST(wait_somehow(&section->made.f) == TPAR_OK);
	UNIT_MUST(!tpar_cancelled());
	tpar_shield_leave();
	return tpar_checkpoint();
}

/* The stop comes in the middle of it, or before it, in any order. */
START_TEST(what_is_begun_in_a_shield_is_not_stopped)
{
	long round;
	int i;

	for (round = 0; round < unit_scaled(50); round++) {
		for (i = 0; i < WAITS; i++) {
			struct section section;

			which = (enum wait)i;
			init_section(&section);
			ck_assert_int_eq(stop_in_section(wait_on_in_shield,
							 &section),
					 TPAR_ECANCELED);
		}
	}
}
END_TEST

static int
fail_in_shield(void *arg, void *value)
{
	struct section *section = arg;
	tpar_future *f[2] = { section->f[0], NULL };
	struct tpar_failure why;

	(void)value;
	tpar_shield_enter();
	unit_gate_open(&section->begun);
	UNIT_AWAIT(is_asked(section));
	f[1] = promised_failed(7, "seven");
	UNIT_MUST(tpar_gather(f, 2, NULL, &why) == TPAR_EFAILED);
	UNIT_MUST(why.index == 1 && why.code == 7);
	UNIT_MUST(tpar_future_state(f[0]) == TPAR_CANCELLED);
	tpar_future_unref(f[1]);
	/* A member that somebody else cancels is no stop of this task. */
	UNIT_MUST(tpar_gather(f, 1, NULL, &why) == TPAR_ECANCELED);
	UNIT_MUST(tpar_future_cancel(section->f[1]) == TPAR_OK);
	UNIT_MUST(tpar_gather(&section->f[1], 1, NULL, &why) == TPAR_ECANCELED);
	UNIT_MUST(tpar_gather_until(&section->made.f, 1, NULL, TPAR_NOW,
				    &why) == TPAR_OK);
	return 0; /* left open: it ends with the task */
}

START_TEST(sets_in_a_shield_fail_as_anywhere)
{
	struct promised made[2] = { promised_number(), promised_number() };
	struct section section;

	init_section(&section);
	section.f[0] = made[0].f;
	section.f[1] = made[1].f;
	ck_assert_int_eq(stop_in_section(fail_in_shield, &section), TPAR_OK);
	promised_free_many(made, 2);
}
END_TEST

/* A child that a task in a shield runs in place is its own. */
static int
see_own_stop(void *arg, void *value)
{
	(void)value;
	UNIT_MUST(!tpar_cancelled());
	UNIT_MUST(tpar_future_cancel(*(tpar_future **)arg) == TPAR_OK);
	UNIT_MUST(tpar_cancelled());
	return tpar_checkpoint();
}

static int
gather_child_in_shield(void *arg, void *value)
{
	tpar_future *f = NULL;

	(void)arg;
	(void)value;
	tpar_shield_enter();
	f = unit_submit(NULL, see_own_stop, &f, 0);
	UNIT_MUST(tpar_gather(&f, 1, NULL, NULL) == TPAR_ECANCELED);
	tpar_future_unref(f);
	UNIT_MUST(!tpar_cancelled());
	return 0; /* left open */
}

static int
await_stop(void *arg, void *value)
{
	(void)value;
	unit_gate_open(arg);
	UNIT_AWAIT(tpar_cancelled());
	return TPAR_ESTOPPED;
}

START_TEST(shield_is_the_tasks_alone_and_ends_with_it)
{
	struct unit_gate begun = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	unit_run_in(pool, gather_child_in_shield, NULL);
	/* The next one on the same thread is not shielded. */
	f = unit_submit(pool, await_stop, &begun, 0);
	unit_gate_await(&begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	/* Outside of a task both do nothing. */
	tpar_shield_leave();
	tpar_shield_enter();
	tpar_shield_leave();
}
END_TEST

static void
note_stop(void *arg)
{
	struct section *section = arg;

	atomic_store(&section->handled, 1);
}

static int
be_handled_in_shield(void *arg, void *value)
{
	struct section *section = arg;
	tpar_handler handler;

	(void)value;
	UNIT_MUST(tpar_on_cancel(note_stop, section, &handler) == 0);
	tpar_shield_enter();
	unit_gate_open(&section->begun);
	UNIT_AWAIT(atomic_load(&section->handled) == 1);
	UNIT_MUST(!tpar_cancelled());
	UNIT_MUST(tpar_on_cancel(note_stop, section, &handler) ==
		  TPAR_ESTOPPED);
	tpar_shield_leave();
	return tpar_checkpoint();
}

START_TEST(handlers_run_in_a_shield_all_the_same)
{
	struct section section;

	init_section(&section);
	ck_assert_int_eq(stop_in_section(be_handled_in_shield, &section),
			 TPAR_ECANCELED);
}
END_TEST

/* ---- Members ------------------------------------------------------------- */

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
	struct member member;
	tpar_future *f[2];
	tpar_future *gathers;

	init_member(&member);
	f[0] = submit_shielded(NULL, run_member, &member);
	f[1] = made.f;
	unit_gate_await(&member.begun, 1);
	ck_assert_int_eq(tpar_future_on_done(f[1], let_go, &member), TPAR_OK);
	gathers = unit_submit(NULL, gather_two, f, 0);
	UNIT_AWAIT(tpar_future_state(gathers) == TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_cancel(gathers), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(gathers, TPAR_FOREVER),
			 TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_DONE);
	ck_assert(!member.stopped);
	tpar_future_unref(gathers);
	tpar_future_unref(f[0]);
	promised_free(made);
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

int
main(void)
{
	const TTest *tests[] = {
		stop_is_seen_after_the_outermost_shield,
		waits_go_on_in_a_shield,
		what_is_begun_in_a_shield_is_not_stopped,
		sets_in_a_shield_fail_as_anywhere,
		shield_is_the_tasks_alone_and_ends_with_it,
		handlers_run_in_a_shield_all_the_same,
		failure_leaves_a_shielded_member_alone_and_waits_for_it,
		shielded_member_that_has_not_begun_still_runs_after_a_failure,
		deadline_of_a_set_leaves_a_shielded_member_alone,
		shielded_loser_of_a_race_is_waited_for,
		stop_of_what_gathers_leaves_a_shielded_member_alone,
		shielded_gather_in_the_background_keeps_its_members,
		shielded_child_of_a_group_is_not_cancelled_with_it,
		own_cancel_deadline_and_shutdown_reach_a_shielded_future,
	};

	return unit_main("shield", tests, sizeof tests / sizeof tests[0]);
}
