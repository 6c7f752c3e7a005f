/* SPDX-License-Identifier: MIT */
/*
 * test_choice.c - what one member decides, step by step: who is the cause, who
 * is stopped for it, and what is left of the countdown.
 */
#include "config.h"

#include "handmade.h"

#include "src/cancel.h"
#include "src/frame.h"
#include "src/loose.h"
#include "src/parker.h"

enum { MEMBERS = 3 };

static struct tpar_future *f[MEMBERS];
static struct tpi_frame frame;

static void
start(enum tpi_wait_kind kind)
{
	struct tpar_task task = { .name = "member" };
	struct tpi_shape shape;
	int i;

	UNIT_MUST(tpi_future_shape(&task, &shape));
	for (i = 0; i < MEMBERS; i++) {
		f[i] = tpi_loose_create(&task, &shape, false);
		UNIT_MUST(f[i] != NULL);
	}
	tpi_frame_init(&frame, kind, f, MEMBERS);
	/* As if it were another thread's. */
	tpi_store_relaxed(&frame.owner, 0);
	for (i = 0; i < MEMBERS; i++) {
		ck_assert_int_eq(tpi_frame_register(&frame, f[i]),
				 TPI_REGISTERED);
	}
}

static void
end_as(int i, int rc)
{
	UNIT_MUST(tpi_future_claim(f[i]));
	tpi_future_end(f[i], rc, NULL);
}

static void
finish(void)
{
	int i;

	tpi_frame_fini(&frame);
	for (i = 0; i < MEMBERS; i++) {
		hand_drop(f[i]);
	}
}

static int64_t
left(void)
{
	return atomic_load(&frame.left);
}

static bool
has_ended(int i)
{
	return tpi_state_peek(&f[i]->state) == TPI_ENDED;
}

START_TEST(first_that_ends_is_the_cause_of_any_and_wakes_it)
{
	start(TPI_WAIT_ANY);
	ck_assert(tpi_frame_is_choice(&frame) && !tpi_frame_is_set(&frame));
	end_as(1, 5);
	ck_assert_uint_eq(tpi_frame_cause(&frame), (uintptr_t)f[1]);
	ck_assert_int_eq(left(), MEMBERS);
	/* A token is there: it does not sleep. */
	ck_assert(tpi_parker_park(frame.parker, 0));
	end_as(2, 0);
	ck_assert_uint_eq(tpi_frame_cause(&frame), (uintptr_t)f[1]);
	ck_assert(!has_ended(0));
	/* It gives up the one that is left. */
	ck_assert_uint_eq(tpi_frame_unregister(&frame, f[0]), 1);
	end_as(0, 0);
	ck_assert_int_eq(left(), 2);
	finish();
}
END_TEST

START_TEST(bad_ends_do_not_decide_a_race_and_the_first_is_remembered)
{
	start(TPI_WAIT_RACE);
	ck_assert(tpi_frame_is_choice(&frame) && tpi_frame_is_set(&frame));
	end_as(2, 5);
	end_as(0, TPAR_ESTOPPED);
	ck_assert_uint_eq(tpi_frame_cause(&frame), 0);
	ck_assert_ptr_eq(tpi_frame_first_bad(&frame), f[2]);
	ck_assert(!has_ended(1));
	ck_assert_int_eq(left(), 2);
	end_as(1, 7);
	ck_assert_uint_eq(tpi_frame_cause(&frame), 0);
	ck_assert_ptr_eq(tpi_frame_first_bad(&frame), f[2]);
	ck_assert_int_eq(left(), 1);
	finish();
}
END_TEST

START_TEST(first_that_is_done_wins_and_the_others_are_stopped)
{
	start(TPI_WAIT_RACE);
	end_as(1, 0);
	ck_assert_uint_eq(tpi_frame_cause(&frame), (uintptr_t)f[1]);
	ck_assert(has_ended(0) && has_ended(2));
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_DONE);
	ck_assert_str_eq(tpi_cancel_reason_of(f[2]),
			 "another one has won the race");
	ck_assert_int_eq(left(), 1);
	finish();
}
END_TEST

START_TEST(shielded_loser_goes_on)
{
	start(TPI_WAIT_RACE);
	ck_assert_int_eq(tpar_future_shield(f[2]), TPAR_OK);
	end_as(0, 0);
	ck_assert(has_ended(1) && !has_ended(2));
	ck_assert_int_eq(left(), 2);
	end_as(2, 0);
	ck_assert_uint_eq(tpi_frame_cause(&frame), (uintptr_t)f[0]);
	ck_assert_int_eq(left(), 1);
	finish();
}
END_TEST

START_TEST(stop_before_the_winner_is_the_cause)
{
	start(TPI_WAIT_RACE);
	ck_assert(tpi_frame_elect(&frame, TPI_STOPPED));
	end_as(0, 0);
	ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_STOPPED);
	/* Who elected it stops them: nobody has. */
	ck_assert(!has_ended(1));
	tpi_cancel_members(&frame);
	ck_assert(has_ended(1) && has_ended(2));
	ck_assert_str_eq(tpi_cancel_reason_of(f[1]),
			 "what waits for it was asked to stop");
	ck_assert_int_eq(left(), 1);
	finish();
}
END_TEST

START_TEST(member_that_stands_twice_is_taken_off_twice)
{
	start(TPI_WAIT_RACE);
	/* f[0] once more, in the place of another one. */
	ck_assert_uint_eq(tpi_frame_unregister(&frame, f[2]), 1);
	ck_assert_int_eq(tpi_frame_register(&frame, f[0]), TPI_REGISTERED);
	end_as(0, 0);
	ck_assert(has_ended(1));
	ck_assert_int_eq(left(), 1);
	if (!has_ended(2)) {
		end_as(2, 0);
	}
	finish();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		first_that_ends_is_the_cause_of_any_and_wakes_it,
		bad_ends_do_not_decide_a_race_and_the_first_is_remembered,
		first_that_is_done_wins_and_the_others_are_stopped,
		shielded_loser_goes_on,
		stop_before_the_winner_is_the_cause,
		member_that_stands_twice_is_taken_off_twice,
	};

	return unit_main("choice", tests, sizeof tests / sizeof tests[0]);
}
