/* SPDX-License-Identifier: MIT */
/*
 * test_shield.c - a section of a task that a stop does not reach.
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
	};

	return unit_main("shield", tests, sizeof tests / sizeof tests[0]);
}
