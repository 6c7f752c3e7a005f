/* SPDX-License-Identifier: MIT */
/*
 * test_reason.c - why a task has been asked to stop, in words: as the task sees
 * it, and as those who wait for it are told.
 */
#include "promised.h"

#include <taskpar/cancel.h>
#include <taskpar/group.h>

/* Notes its reason when it has been asked to stop, and gives way. */
struct asked {
	struct unit_gate begun;
	struct unit_gate go; /* what it waits for then, if `holds` */
	bool holds;
	char reason[TPAR_MESSAGE_MAX];
};

#define ASKED_INIT                                                             \
	{                                                                      \
		UNIT_GATE_INIT, UNIT_GATE_INIT, false, ""                      \
	}

static int
note_reason(void *arg, void *value)
{
	struct asked *asked = arg;
	const char *reason;

	(void)value;
	UNIT_MUST(tpar_cancel_reason() == NULL);
	unit_gate_open(&asked->begun);
	UNIT_AWAIT(tpar_cancelled());
	reason = tpar_cancel_reason();
	UNIT_MUST(reason != NULL && reason[0] != '\0');
	if (asked->holds) {
		unit_gate_await(&asked->go, 1);
	}
	/* The same until the task ends. */
	UNIT_MUST(strcmp(tpar_cancel_reason(), reason) == 0);
	snprintf(asked->reason, sizeof asked->reason, "%s", reason);
	return TPAR_ESTOPPED;
}

static tpar_future *
begin_asked(tpar_pool *pool, struct asked *asked)
{
	tpar_future *f = unit_submit(pool, note_reason, asked, 0);

	unit_gate_await(&asked->begun, 1);
	return f;
}

START_TEST(nobody_has_a_reason_who_was_not_asked)
{
	ck_assert_ptr_null(tpar_cancel_reason());
}
END_TEST

START_TEST(task_was_asked_to_stop)
{
	struct asked asked = ASKED_INIT;
	tpar_future *f = begin_asked(NULL, &asked);
	struct tpar_failure why;

	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_ECANCELED);
	ck_assert_str_eq(asked.reason, "it was asked to stop");
	ck_assert_str_eq(why.message,
			 "task 0 was cancelled: it was asked to stop");
	tpar_future_unref(f);
}
END_TEST

START_TEST(first_reason_stays)
{
	struct asked asked = ASKED_INIT;
	struct promised made = promised_make(0, NULL);
	tpar_future *f[2];

	asked.holds = true;
	f[1] = begin_asked(NULL, &asked);
	f[0] = made.f; /* of those that have ended, the lowest is told */
	ck_assert_int_eq(tpar_future_cancel_at(f[1], TPAR_NOW), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(f[1]), TPAR_OK);
	ck_assert_int_eq(tpar_promise_fail(made.p, 1, NULL), TPAR_OK);
	unit_gate_open(&asked.go);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, NULL), TPAR_EFAILED);
	ck_assert_str_eq(asked.reason, "the deadline has passed");
	tpar_future_unref(f[1]);
	promised_free(made);
}
END_TEST

START_TEST(another_member_has_failed)
{
	struct asked asked = ASKED_INIT;
	struct promised made[2] = { promised_make(0, NULL),
				    promised_make(0, NULL) };
	tpar_future *f[3];
	struct tpar_failure why;

	f[0] = begin_asked(NULL, &asked);
	f[1] = made[0].f;
	f[2] = made[1].f;
	ck_assert_int_eq(tpar_promise_fail(made[0].p, 5, "five"), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, 3, NULL, NULL), TPAR_EFAILED);
	ck_assert_str_eq(asked.reason, "another one has failed");
	ck_assert_int_eq(tpar_gather(&f[2], 1, NULL, &why), TPAR_ECANCELED);
	ck_assert_str_eq(why.message,
			 "task 0 was cancelled: another one has failed");
	tpar_future_unref(f[0]);
	promised_free_many(made, 2);
}
END_TEST

START_TEST(another_one_has_won_the_race)
{
	struct asked asked = ASKED_INIT;
	struct promised made = promised_make(0, NULL);
	tpar_future *f[2];

	f[0] = begin_asked(NULL, &asked);
	f[1] = made.f;
	UNIT_MUST(tpar_promise_set(made.p, NULL) == TPAR_OK);
	ck_assert_int_eq(tpar_race(f, 2, NULL, NULL, NULL), TPAR_OK);
	ck_assert_str_eq(asked.reason, "another one has won the race");
	tpar_future_unref(f[0]);
	promised_free(made);
}
END_TEST

START_TEST(deadline_has_passed_of_the_task_or_its_set)
{
	struct asked own = ASKED_INIT;
	struct asked sets = ASKED_INIT;
	struct asked groups = ASKED_INIT;
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	tpar_group *group = NULL;
	tpar_future *f = begin_asked(NULL, &own);

	ck_assert_int_eq(tpar_future_cancel_at(f, tpar_in(TPAR_MILLISECOND)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_str_eq(own.reason, "the deadline has passed");
	tpar_future_unref(f);

	f = begin_asked(NULL, &sets);
	ck_assert_int_eq(tpar_gather_until(&f, 1, NULL,
					   tpar_in(TPAR_MILLISECOND), NULL),
			 TPAR_ETIMEDOUT);
	ck_assert_str_eq(sets.reason, "the deadline has passed");
	tpar_future_unref(f);

	/* Late enough for it to begin. */
	config.deadline_ns = tpar_in(100 * TPAR_MILLISECOND);
	ck_assert_int_eq(tpar_group_open(&group, &config), TPAR_OK);
	if (tpar_group_run(group, note_reason, &groups) == TPAR_OK) {
		ck_assert_int_eq(tpar_group_close(group, NULL, 0, NULL),
				 TPAR_ETIMEDOUT);
		ck_assert(groups.begun.opened == 0 ||
			  strcmp(groups.reason, "the deadline has passed") ==
				  0);
	}
	tpar_group_destroy(group);
}
END_TEST

static int
gather_one(void *arg, void *value)
{
	tpar_future *f = arg;

	(void)value;
	return (int)tpar_gather(&f, 1, NULL, NULL);
}

START_TEST(what_waits_for_it_was_asked_to_stop)
{
	struct asked asked = ASKED_INIT;
	tpar_pool *pool = unit_pool(2, 2);
	tpar_future *f = begin_asked(pool, &asked);
	tpar_future *gathers = unit_submit(pool, gather_one, f, 0);

	UNIT_AWAIT(tpar_future_state(gathers) == TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_cancel(gathers), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(gathers, TPAR_FOREVER),
			 TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_str_eq(asked.reason, "what waits for it was asked to stop");
	tpar_future_unref(f);
	tpar_future_unref(gathers);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(gather_in_the_background_passes_its_stop_on)
{
	struct asked asked = ASKED_INIT;
	tpar_future *f = begin_asked(NULL, &asked);
	tpar_future *all = NULL;

	ck_assert_int_eq(tpar_gather_async(&f, 1, &all), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(all), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_str_eq(asked.reason, "what waits for it was asked to stop");
	tpar_future_unref(all);
	tpar_future_unref(f);
}
END_TEST

static void
cancel_group(const char *reason, const char *expected)
{
	struct asked asked = ASKED_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_group *group = NULL;
	tpar_future *f;

	ck_assert_int_eq(tpar_group_open(&group, NULL), TPAR_OK);
	task.fn = note_reason;
	task.arg = &asked;
	ck_assert_int_eq(tpar_group_submit(group, &task, &f), TPAR_OK);
	unit_gate_await(&asked.begun, 1);
	ck_assert_int_eq(tpar_group_cancel(group, reason), TPAR_OK);
	ck_assert_int_eq(tpar_group_cancel(group, "later"), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(group, NULL, 0, NULL),
			 TPAR_ECANCELED);
	tpar_group_destroy(group);
	ck_assert_str_eq(asked.reason, expected);
	tpar_future_unref(f);
}

START_TEST(group_says_why)
{
	char reason[] = "the user has gone home";

	cancel_group(reason, "the user has gone home");
	cancel_group(NULL, "its group was cancelled");
}
END_TEST

START_TEST(pool_was_cancelled)
{
	struct asked asked = ASKED_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = begin_asked(pool, &asked);

	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_str_eq(asked.reason, "its pool was cancelled");
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Those that never began ---------------------------------------------- */

static void
expect_told(tpar_future *f, const char *words)
{
	struct tpar_failure why;

	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_ECANCELED);
	ck_assert_str_eq(why.message, words);
}

START_TEST(who_waits_is_told_why_a_task_never_began)
{
	struct promised made[3];
	tpar_future *f[3];
	tpar_future *all = NULL;

	promised_many(made, f, 3, NULL);
	ck_assert_int_eq(tpar_future_cancel_at(f[0], TPAR_NOW), TPAR_OK);
	expect_told(f[0], "task 0 was cancelled: the deadline has passed");
	ck_assert_int_eq(tpar_gather_async(&f[1], 1, &all), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(all), TPAR_OK);
	tpar_future_unref(all);
	expect_told(f[1], "task 0 was cancelled: what waits for it was asked "
			  "to stop");
	/* Nobody but itself: there is nothing to say. */
	ck_assert_int_eq(tpar_promise_set_cancelled(made[2].p), TPAR_OK);
	expect_told(f[2], "task 0 was cancelled");
	promised_free_many(made, 3);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		nobody_has_a_reason_who_was_not_asked,
		task_was_asked_to_stop,
		first_reason_stays,
		another_member_has_failed,
		another_one_has_won_the_race,
		deadline_has_passed_of_the_task_or_its_set,
		what_waits_for_it_was_asked_to_stop,
		gather_in_the_background_passes_its_stop_on,
		group_says_why,
		pool_was_cancelled,
		who_waits_is_told_why_a_task_never_began,
	};

	return unit_main("reason", tests, sizeof tests / sizeof tests[0]);
}
