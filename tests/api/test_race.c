/* SPDX-License-Identifier: MIT */
/*
 * test_race.c - the first that is done wins, the others are stopped and waited
 * for; and what is told when nobody wins.
 */
#include "promised.h"

#include <taskpar/cancel.h>

/* Nobody has won: value and index are untouched, and `why` says why. */
static void
expect_lost(tpar_future *const *f, size_t n, enum tpar_err err, size_t index,
	    int code, const char *message)
{
	struct tpar_failure why;
	intptr_t value = -1;
	size_t winner = 77;

	memset(&why, 0x5a, sizeof why);
	ck_assert_int_eq(tpar_race(f, n, &value, &winner, &why), err);
	ck_assert_int_eq(value, -1);
	ck_assert_uint_eq(winner, 77);
	ck_assert_uint_eq(why.index, index);
	ck_assert_int_eq(why.code, code);
	ck_assert_str_eq(why.message, message);
	ck_assert_str_eq(tpar_error_detail(), message);
	ck_assert_int_eq(why.state, err == TPAR_EFAILED	    ? TPAR_FAILED
				    : err == TPAR_ECANCELED ? TPAR_CANCELLED
							    : TPAR_PENDING);
}

static void
expect_won(tpar_future *const *f, size_t n, size_t index, intptr_t number)
{
	struct tpar_failure why;
	struct tpar_failure untouched;
	intptr_t value = -1;
	size_t winner = SIZE_MAX;

	memset(&why, 0x5a, sizeof why);
	memcpy(&untouched, &why, sizeof why);
	ck_assert_int_eq(tpar_race(f, n, &value, &winner, &why), TPAR_OK);
	ck_assert_int_eq(value, number);
	ck_assert_uint_eq(winner, index);
	ck_assert_mem_eq(&why, &untouched, sizeof why);
}

START_TEST(race_of_nobody_is_an_error)
{
	expect_lost(NULL, 0, TPAR_EINVAL, SIZE_MAX, TPAR_EINVAL,
		    "n is 0: none can win");
	ck_assert_int_eq(tpar_race(NULL, 0, NULL, NULL, NULL), TPAR_EINVAL);
}
END_TEST

START_TEST(bad_set_is_refused_untouched)
{
	struct promised small = promised_number();
	struct promised large = promised_make(24, NULL);
	tpar_future *f[3] = { small.f, NULL, large.f };

	expect_lost(f, 3, TPAR_EINVAL, SIZE_MAX, TPAR_EINVAL, "f[1] is NULL");
	expect_lost(NULL, 3, TPAR_EINVAL, SIZE_MAX, TPAR_EINVAL, "f is NULL");
	f[1] = f[0];
	expect_lost(f, 3, TPAR_EINVAL, SIZE_MAX, TPAR_EINVAL,
		    sizeof(intptr_t) == 8
			    ? "f[2] has a value of 24 bytes, f[0] one of 8"
			    : "f[2] has a value of 24 bytes, f[0] one of 4");
	ck_assert_int_eq(tpar_future_state(small.f), TPAR_PENDING);
	promised_free(small);
	promised_free(large);
}
END_TEST

START_TEST(winner_that_had_ended_is_the_lowest_and_stops_the_rest)
{
	struct promised made = promised_number();
	tpar_future *f[5] = { made.f, promised_failed(1, "x"),
			      promised_ended(2), promised_ended(3), NULL };

	f[4] = f[2];
	expect_won(f, 5, 2, 2);
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_CANCELLED);
	/* Once more, of those that have all ended. */
	expect_won(f, 5, 2, 2);
	expect_won(f + 3, 2, 0, 3);
	ck_assert_int_eq(tpar_race(f, 5, NULL, NULL, NULL), TPAR_OK);
	tpar_future_unref_all(&f[1], 3);
	promised_free(made);
}
END_TEST

START_TEST(without_a_winner_the_first_failure_in_time_is_the_cause)
{
	tpar_future *f[3] = { promised_failed(4, "four"),
			      promised_failed(5, "five"), NULL };

	/* Of those that had failed before, the lowest. */
	f[2] = f[0];
	expect_lost(f, 3, TPAR_EFAILED, 0, 4, "four");
	expect_lost(f + 1, 2, TPAR_EFAILED, 0, 5, "five");
	tpar_future_unref_all(f, 2);
}
END_TEST

/* A thread races; the test ends the members. */
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

START_TEST(failures_do_not_decide_while_another_may_win)
{
	struct promised made[3];
	struct racing racing = { .n = 4 };
	pthread_t thread;

	promised_many(made, racing.f, 3, NULL);
	racing.f[3] = racing.f[1];
	thread = unit_start(race, &racing);
	ck_assert_int_eq(tpar_promise_fail(made[0].p, 1, "one"), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(made[2].f), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(made[1].f), TPAR_PENDING);
	promised_set(made[1], 21);
	unit_join(thread);
	ck_assert_int_eq(racing.err, TPAR_OK);
	ck_assert_uint_eq(racing.index, 1);
	ck_assert_int_eq(racing.value, 21);
	promised_free_many(made, 3);
}
END_TEST

START_TEST(all_cancelled_is_told_as_that)
{
	struct promised made[2];
	struct racing racing = { .n = 2 };
	pthread_t thread;

	promised_many(made, racing.f, 2, NULL);
	thread = unit_start(race, &racing);
	ck_assert_int_eq(tpar_future_cancel(made[1].f), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(made[0].f), TPAR_OK);
	unit_join(thread);
	ck_assert_int_eq(racing.err, TPAR_ECANCELED);
	ck_assert_int_eq(racing.why.state, TPAR_CANCELLED);
	ck_assert_int_eq(racing.why.code, TPAR_ESTOPPED);
	ck_assert_int_eq(racing.value, -1);
	ck_assert_uint_eq(racing.index, SIZE_MAX);
	promised_free_many(made, 2);
}
END_TEST

START_TEST(losers_are_stopped_and_waited_for)
{
	struct unit_hold hold[2] = { UNIT_HOLD_INIT, UNIT_HOLD_INIT };
	struct promised made = promised_number();
	tpar_pool *pool = unit_pool(2, 1);
	struct racing racing = { .n = 3 };
	pthread_t thread;
	int i;

	for (i = 0; i < 2; i++) {
		hold[i].code = i == 0 ? TPAR_ESTOPPED : 9;
		racing.f[i] = unit_submit(pool, scene_until_stopped, &hold[i],
					  sizeof(intptr_t));
		unit_gate_await(&hold[i].begun, 1);
	}
	racing.f[2] = made.f;
	thread = unit_start(race, &racing);
	promised_set(made, 5);
	unit_join(thread);
	ck_assert_int_eq(racing.err, TPAR_OK);
	ck_assert_uint_eq(racing.index, 2);
	ck_assert_int_eq(tpar_future_state(racing.f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_code(racing.f[1]), 9);
	tpar_future_unref_all(racing.f, 2);
	promised_free(made);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A loser that is done all the same, as it does not look. */
/* Ignores the stop, but not before it has come. */
static int
succeeds_when_stopped(void *arg, void *value)
{
	(void)value;
	unit_gate_open(arg);
	UNIT_AWAIT(tpar_cancelled());
	return 0;
}

START_TEST(loser_that_succeeds_keeps_its_value)
{
	struct unit_gate begun = UNIT_GATE_INIT;
	struct promised made = promised_make(0, NULL);
	struct racing racing = { .n = 2 };
	pthread_t thread;

	racing.f[0] = unit_submit(NULL, succeeds_when_stopped, &begun, 0);
	racing.f[1] = made.f;
	unit_gate_await(&begun, 1);
	UNIT_MUST(tpar_promise_set(made.p, NULL) == TPAR_OK);
	thread = unit_start(race, &racing);
	unit_join(thread);
	ck_assert_int_eq(racing.err, TPAR_OK);
	ck_assert_uint_eq(racing.index, 1);
	ck_assert_int_eq(tpar_future_state(racing.f[0]), TPAR_DONE);
	tpar_future_unref(racing.f[0]);
	promised_free(made);
}
END_TEST

START_TEST(owned_value_of_the_winner_moves_once)
{
	struct promised made[2];
	tpar_future *f[2];

	promised_many(made, f, 2, scene_drop_value);
	promised_set(made[1], 8);
	/* Not wanted: it stays where it is. */
	ck_assert_int_eq(tpar_race(f, 2, NULL, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(promised_value(f[1]), 8);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	expect_won(f, 2, 1, 8);
	ck_assert_ptr_null(tpar_future_value(f[1]));
	expect_lost(f, 2, TPAR_EALREADY, SIZE_MAX, TPAR_EALREADY,
		    "its value was taken before");
	promised_free_many(made, 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
}
END_TEST

START_TEST(values_of_losers_stay_with_their_futures)
{
	struct promised made[2];
	tpar_future *f[2];

	promised_many(made, f, 2, scene_drop_value);
	promised_set(made[0], 1);
	promised_set(made[1], 2);
	expect_won(f, 2, 0, 1);
	ck_assert_int_eq(promised_value(f[1]), 2);
	promised_free_many(made, 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

START_TEST(plain_value_that_was_taken_is_told)
{
	tpar_future *f = promised_ended(1);
	intptr_t value;

	expect_won(&f, 1, 0, 1);
	expect_won(&f, 1, 0, 1); /* a copy, as often as wanted */
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_OK);
	expect_lost(&f, 1, TPAR_EALREADY, SIZE_MAX, TPAR_EALREADY,
		    "its value was taken before");
	tpar_future_unref(f);
}
END_TEST

/* ---- Many at once -------------------------------------------------------- */

enum { SET = 4 };

struct meeting {
	struct promised made[SET];
	struct racing racing[2];
	pthread_barrier_t start;
};

static void *
race_when_all_are_there(void *arg)
{
	struct meeting *meeting = arg;
	static _Atomic unsigned turn;
	unsigned me = atomic_fetch_add(&turn, 1) % 2;

	(void)pthread_barrier_wait(&meeting->start);
	return race(&meeting->racing[me]);
}

/* Whoever wins: nobody else has the value, and all have ended. */
static void
check_meeting(struct meeting *meeting)
{
	int i;
	int k;

	for (k = 0; k < 2; k++) {
		struct racing *racing = &meeting->racing[k];

		for (i = 0; i < SET; i++) {
			ck_assert_int_ge(tpar_future_state(racing->f[i]),
					 TPAR_DONE);
		}
		if (racing->err == TPAR_OK) {
			ck_assert_int_eq(racing->value,
					 (intptr_t)racing->index);
		} else {
			ck_assert(racing->err == TPAR_EALREADY ||
				  racing->err == TPAR_ECANCELED);
		}
	}
	ck_assert(meeting->racing[0].err == TPAR_OK ||
		  meeting->racing[1].err == TPAR_OK);
}

START_TEST(two_races_of_the_same_members_end)
{
	long round;

	for (round = 0; round < unit_scaled(300); round++) {
		struct meeting meeting;
		pthread_t thread[2];
		int i;

		memset(&meeting, 0, sizeof meeting);
		promised_many(meeting.made, meeting.racing[0].f, SET,
			      scene_drop_value);
		memcpy(meeting.racing[1].f, meeting.racing[0].f,
		       sizeof meeting.racing[0].f);
		meeting.racing[0].n = SET;
		meeting.racing[1].n = SET;
		UNIT_MUST(pthread_barrier_init(&meeting.start, NULL, 3) == 0);
		for (i = 0; i < 2; i++) {
			thread[i] =
				unit_start(race_when_all_are_there, &meeting);
		}
		(void)pthread_barrier_wait(&meeting.start);
		for (i = 0; i < SET; i++) {
			intptr_t number = i;

			(void)tpar_promise_set(meeting.made[i].p, &number);
		}
		for (i = 0; i < 2; i++) {
			unit_join(thread[i]);
		}
		check_meeting(&meeting);
		promised_free_many(meeting.made, SET);
		UNIT_MUST(pthread_barrier_destroy(&meeting.start) == 0);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		race_of_nobody_is_an_error,
		bad_set_is_refused_untouched,
		winner_that_had_ended_is_the_lowest_and_stops_the_rest,
		without_a_winner_the_first_failure_in_time_is_the_cause,
		failures_do_not_decide_while_another_may_win,
		all_cancelled_is_told_as_that,
		losers_are_stopped_and_waited_for,
		loser_that_succeeds_keeps_its_value,
		owned_value_of_the_winner_moves_once,
		values_of_losers_stay_with_their_futures,
		plain_value_that_was_taken_is_told,
		two_races_of_the_same_members_end,
	};

	return unit_main("race", tests, sizeof tests / sizeof tests[0]);
}
