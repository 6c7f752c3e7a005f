/* SPDX-License-Identifier: MIT */
/*
 * test_kick.c - the signal itself: sent, held back, let through, taken away.
 */
#include "config.h"

#include "src/kick.h"

#include "unit.h"

#include <errno.h>
#include <poll.h>

static bool
is_pending(void)
{
	sigset_t set;

	ck_assert_int_eq(sigpending(&set), 0);
	return sigismember(&set, tpi_kick_number()) == 1;
}

START_TEST(what_was_sent_while_it_is_blocked_is_taken_away)
{
	int i;

	ck_assert_int_eq(tpi_kick_ready(), TPAR_OK);
	ck_assert(tpi_kick_block(NULL));
	ck_assert(!tpi_kick_block(NULL));
	ck_assert(!is_pending());
	tpi_kick_drain();
	for (i = 0; i < 3; i++) {
		ck_assert(tpi_kick_send(pthread_self()));
	}
	ck_assert(is_pending());
	/* All of them. */
	tpi_kick_drain();
	ck_assert(!is_pending());
	tpi_kick_unblock();
	ck_assert(tpi_kick_block(NULL));
}
END_TEST

START_TEST(one_that_came_before_breaks_a_sleep_that_lets_it_through)
{
	sigset_t mask;

	ck_assert_int_eq(tpi_kick_ready(), TPAR_OK);
	ck_assert(tpi_kick_block(&mask));
	ck_assert_int_eq(sigismember(&mask, tpi_kick_number()), 0);
	ck_assert(tpi_kick_send(pthread_self()));
	ck_assert_int_eq(ppoll(NULL, 0, NULL, &mask), -1);
	ck_assert_int_eq(errno, EINTR);
	ck_assert(!is_pending());
	/* Whatever was blocked otherwise, and the signal itself or not. */
	ck_assert(!tpi_kick_block(&mask));
	ck_assert_int_eq(sigismember(&mask, tpi_kick_number()), 0);
}
END_TEST

START_TEST(one_that_is_let_through_does_nothing)
{
	ck_assert_int_eq(tpi_kick_ready(), TPAR_OK);
	ck_assert(tpi_kick_send(pthread_self()));
	ck_assert(!is_pending());
	ck_assert_int_eq(tpi_kick_ready(), TPAR_OK);
}
END_TEST

START_TEST(handler_runs_on_another_stack_if_there_is_one)
{
	struct sigaction action;

	ck_assert_int_eq(tpi_kick_ready(), TPAR_OK);
	ck_assert_int_eq(sigaction(tpi_kick_number(), NULL, &action), 0);
	ck_assert_int_ne(action.sa_flags & SA_ONSTACK, 0);
	ck_assert_int_eq(action.sa_flags & SA_RESTART, 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		what_was_sent_while_it_is_blocked_is_taken_away,
		one_that_came_before_breaks_a_sleep_that_lets_it_through,
		one_that_is_let_through_does_nothing,
		handler_runs_on_another_stack_if_there_is_one,
	};

	return unit_main("kick", tests, sizeof tests / sizeof tests[0]);
}
