/* SPDX-License-Identifier: MIT */
/*
 * test_state.c - each transition of the state word from each phase, and with
 * another one in between.
 */
#include "config.h"

#include "steps.h"

#include "src/state.h"

#include "unit.h"

/* As in frame.h, as far as the state word goes. */
struct tpi_waiter {
	_Alignas(TPI_WAITER_ALIGN) struct tpi_waiter *next;
};

static struct tpi_state state;
static struct tpi_waiter waiter[4];

static uintptr_t
word(void)
{
	return atomic_load(&state.word);
}

static void
start(void)
{
	tpi_state_init(&state, true);
}

static void
start_running(void)
{
	start();
	ck_assert(tpi_state_claim(&state));
}

static void
start_ended(unsigned outcome)
{
	start_running();
	(void)tpi_state_finish(&state, outcome);
}

static uintptr_t
push(int i)
{
	return tpi_state_push_waiter(&state, &waiter[i], &waiter[i].next);
}

START_TEST(begins_pending)
{
	start();
	ck_assert_uint_eq(word(), TPI_PENDING);
	ck_assert_uint_eq(tpi_state_get(&state), TPI_PENDING);
	ck_assert_uint_eq(tpi_state_peek(&state), TPI_PENDING);
}
END_TEST

START_TEST(claim_is_won_once)
{
	start();
	ck_assert(tpi_state_claim(&state));
	ck_assert_uint_eq(tpi_state_peek(&state), TPI_RUNNING);
	ck_assert(!tpi_state_claim(&state));
	(void)tpi_state_finish(&state, TPI_DONE);
	ck_assert(!tpi_state_claim(&state));
	ck_assert_uint_eq(tpi_state_peek(&state), TPI_ENDED);
}
END_TEST

START_TEST(claim_keeps_the_waiters)
{
	start();
	(void)push(0);
	ck_assert(tpi_state_claim(&state));
	ck_assert_ptr_eq(tpi_state_waiters(word()), &waiter[0]);
}
END_TEST

START_TEST(outcome_is_kept)
{
	start_ended(TPI_DONE);
	ck_assert(!tpi_state_is_bad(word()));
	start_ended(TPI_FAILED);
	ck_assert(tpi_state_is_bad(word()));
	ck_assert_uint_eq(word() & TPI_OUTCOME, TPI_FAILED);
	start_ended(TPI_CANCELLED);
	ck_assert(tpi_state_is_bad(word()));
	ck_assert_uint_eq(word() & TPI_OUTCOME, TPI_CANCELLED);
	ck_assert_uint_eq(word() & TPI_TAKEN, 0);
}
END_TEST

START_TEST(finish_takes_the_list_and_the_requests)
{
	uintptr_t before;

	start_running();
	(void)push(0);
	(void)push(1);
	(void)tpi_state_request_stop(&state);
	(void)tpi_state_mark_removal(&state);
	before = tpi_state_finish(&state, TPI_FAILED);
	ck_assert_ptr_eq(tpi_state_waiters(before), &waiter[1]);
	ck_assert_ptr_eq(waiter[1].next, &waiter[0]);
	ck_assert_ptr_null(waiter[0].next);
	ck_assert_uint_ne(before & TPI_REMOVAL, 0);
	ck_assert_uint_ne(before & TPI_CANCEL_REQ, 0);
	ck_assert_uint_eq(word(), TPI_ENDED | TPI_FAILED);
}
END_TEST

START_TEST(stop_is_asked_of_the_running_only)
{
	start();
	ck_assert_uint_eq(tpi_state_request_stop(&state), TPI_PENDING);
	ck_assert(!tpi_state_stop_requested(&state));
	ck_assert(tpi_state_claim(&state));
	ck_assert_uint_eq(tpi_state_request_stop(&state), TPI_RUNNING);
	ck_assert(tpi_state_stop_requested(&state));
	/* A second request finds the first. */
	ck_assert_uint_eq(tpi_state_request_stop(&state),
			  TPI_RUNNING | TPI_CANCEL_REQ);
	(void)tpi_state_finish(&state, TPI_DONE);
	ck_assert_uint_eq(tpi_state_request_stop(&state), TPI_ENDED);
	ck_assert_uint_eq(word(), TPI_ENDED);
}
END_TEST

START_TEST(waiters_are_pushed_in_front)
{
	start();
	ck_assert_uint_eq(push(0), TPI_PENDING);
	ck_assert(tpi_state_claim(&state));
	ck_assert_ptr_eq(tpi_state_waiters(push(1)), &waiter[0]);
	ck_assert_ptr_eq(tpi_state_waiters(word()), &waiter[1]);
	ck_assert_uint_eq(tpi_state_peek(&state), TPI_RUNNING);
}
END_TEST

START_TEST(last_waiter_needs_an_empty_list)
{
	start();
	ck_assert_uint_eq(tpi_state_push_waiter(&state, &waiter[0], NULL),
			  TPI_PENDING);
	ck_assert_ptr_eq(tpi_state_waiters(word()), &waiter[0]);
	ck_assert_ptr_eq(tpi_state_waiters(tpi_state_push_waiter(
				 &state, &waiter[1], NULL)),
			 &waiter[0]);
	ck_assert_ptr_eq(tpi_state_waiters(word()), &waiter[0]);
}
END_TEST

START_TEST(ended_future_takes_no_waiter)
{
	start_ended(TPI_FAILED);
	ck_assert_uint_eq(push(0), TPI_ENDED | TPI_FAILED);
	ck_assert_uint_eq(tpi_state_push_waiter(&state, &waiter[1], NULL),
			  TPI_ENDED | TPI_FAILED);
	ck_assert_uint_eq(word(), TPI_ENDED | TPI_FAILED);
}
END_TEST

START_TEST(removal_is_marked_until_the_end)
{
	start();
	(void)push(0);
	ck_assert_uint_ne(tpi_state_mark_removal(&state) & TPI_REMOVAL, 0);
	ck_assert_uint_ne(word() & TPI_REMOVAL, 0);
	ck_assert_ptr_eq(tpi_state_waiters(word()), &waiter[0]);
	ck_assert(tpi_state_claim(&state));
	ck_assert_uint_ne(word() & TPI_REMOVAL, 0);
	(void)tpi_state_finish(&state, TPI_DONE);
	ck_assert_uint_eq(tpi_state_phase(tpi_state_mark_removal(&state)),
			  TPI_ENDED);
	ck_assert_uint_eq(word(), TPI_ENDED);
}
END_TEST

START_TEST(newest_waiter_is_replaced)
{
	start_running();
	(void)push(0);
	(void)push(1);
	(void)tpi_state_mark_removal(&state);
	ck_assert(!tpi_state_replace_waiter(&state, &waiter[0], NULL));
	ck_assert(tpi_state_replace_waiter(&state, &waiter[1], &waiter[0]));
	ck_assert_ptr_eq(tpi_state_waiters(word()), &waiter[0]);
	ck_assert(tpi_state_replace_waiter(&state, &waiter[0], NULL));
	ck_assert_uint_eq(word(), TPI_RUNNING | TPI_REMOVAL);
	(void)tpi_state_finish(&state, TPI_DONE);
	ck_assert(!tpi_state_replace_waiter(&state, NULL, &waiter[0]));
}
END_TEST

START_TEST(value_has_one_taker)
{
	start_ended(TPI_DONE);
	ck_assert(tpi_state_take(&state));
	ck_assert(!tpi_state_take(&state));
	tpi_state_untake(&state);
	ck_assert_uint_eq(word(), TPI_ENDED);
	ck_assert(tpi_state_take(&state));
	ck_assert_uint_eq(word(), TPI_ENDED | TPI_TAKEN);
}
END_TEST

/* What another thread may do between the look and the change. */

static void
claim_meanwhile(void *arg)
{
	(void)arg;
	ck_assert(tpi_state_claim(&state));
}

static void
push_meanwhile(void *arg)
{
	(void)arg;
	(void)push(3);
}

static void
end_meanwhile(void *arg)
{
	(void)arg;
	(void)tpi_state_finish(&state, TPI_DONE);
}

START_TEST(claim_is_lost_to_a_faster_one)
{
	start();
	steps_at(0, claim_meanwhile, NULL);
	ck_assert(!tpi_state_claim(&state));
	ck_assert(steps_end());
}
END_TEST

START_TEST(claim_goes_on_over_a_new_waiter)
{
	start();
	steps_at(0, push_meanwhile, NULL);
	ck_assert(tpi_state_claim(&state));
	ck_assert(steps_end());
	ck_assert_ptr_eq(tpi_state_waiters(word()), &waiter[3]);
}
END_TEST

START_TEST(push_follows_a_faster_one)
{
	start();
	steps_at(0, push_meanwhile, NULL);
	ck_assert_ptr_eq(tpi_state_waiters(push(0)), &waiter[3]);
	ck_assert(steps_end());
	ck_assert_ptr_eq(waiter[0].next, &waiter[3]);
	ck_assert_ptr_eq(tpi_state_waiters(word()), &waiter[0]);
}
END_TEST

START_TEST(last_waiter_loses_to_a_faster_one)
{
	start();
	steps_at(0, push_meanwhile, NULL);
	ck_assert_ptr_eq(tpi_state_waiters(tpi_state_push_waiter(
				 &state, &waiter[0], NULL)),
			 &waiter[3]);
	ck_assert(steps_end());
	ck_assert_ptr_eq(tpi_state_waiters(word()), &waiter[3]);
}
END_TEST

START_TEST(push_loses_to_the_end)
{
	start_running();
	steps_at(0, end_meanwhile, NULL);
	ck_assert_uint_eq(push(0), TPI_ENDED);
	ck_assert(steps_end());
	ck_assert_uint_eq(word(), TPI_ENDED);
}
END_TEST

START_TEST(stop_request_loses_to_the_end)
{
	start_running();
	steps_at(0, end_meanwhile, NULL);
	ck_assert_uint_eq(tpi_state_request_stop(&state), TPI_ENDED);
	ck_assert(steps_end());
	ck_assert_uint_eq(word(), TPI_ENDED);
}
END_TEST

START_TEST(removal_loses_to_the_end)
{
	start_running();
	(void)push(0);
	steps_at(0, end_meanwhile, NULL);
	ck_assert_uint_eq(tpi_state_mark_removal(&state), TPI_ENDED);
	ck_assert(steps_end());
	ck_assert_uint_eq(word(), TPI_ENDED);
}
END_TEST

START_TEST(replacing_notices_a_newer_waiter)
{
	start_running();
	(void)push(0);
	steps_at(0, push_meanwhile, NULL);
	ck_assert(!tpi_state_replace_waiter(&state, &waiter[0], NULL));
	ck_assert(steps_end());
	ck_assert_ptr_eq(tpi_state_waiters(word()), &waiter[3]);
	start_running();
	(void)push(0);
	steps_at(0, end_meanwhile, NULL);
	ck_assert(!tpi_state_replace_waiter(&state, &waiter[0], NULL));
	ck_assert(steps_end());
	ck_assert_uint_eq(word(), TPI_ENDED);
}
END_TEST

START_TEST(abandoned_future_is_left_to_the_one_who_ends_it)
{
	struct tpi_waiter one = { NULL };
	struct tpi_state s;
	uintptr_t before;

	tpi_state_init(&s, true);
	ck_assert_uint_eq(tpi_state_phase(tpi_state_abandon(&s)), TPI_PENDING);
	ck_assert(tpi_state_claim(&s));
	(void)tpi_state_push_waiter(&s, &one, NULL);
	before = tpi_state_finish(&s, TPI_DONE);
	ck_assert_uint_ne(before & TPI_ABANDONED, 0);
	ck_assert_ptr_eq(tpi_state_waiters(before), &one);
	/* Once it has ended, that is the caller's own affair. */
	ck_assert_uint_eq(tpi_state_abandon(&s), TPI_ENDED | TPI_DONE);
	ck_assert_uint_eq(tpi_state_get(&s), TPI_ENDED | TPI_DONE);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		begins_pending,
		claim_is_won_once,
		claim_keeps_the_waiters,
		outcome_is_kept,
		finish_takes_the_list_and_the_requests,
		stop_is_asked_of_the_running_only,
		waiters_are_pushed_in_front,
		last_waiter_needs_an_empty_list,
		ended_future_takes_no_waiter,
		removal_is_marked_until_the_end,
		newest_waiter_is_replaced,
		value_has_one_taker,
		claim_is_lost_to_a_faster_one,
		claim_goes_on_over_a_new_waiter,
		push_follows_a_faster_one,
		last_waiter_loses_to_a_faster_one,
		push_loses_to_the_end,
		stop_request_loses_to_the_end,
		removal_loses_to_the_end,
		replacing_notices_a_newer_waiter,
		abandoned_future_is_left_to_the_one_who_ends_it,
	};

	return unit_main("state", tests, sizeof tests / sizeof tests[0]);
}
