/* SPDX-License-Identifier: MIT */
/*
 * test_io_signal.c - futures that are done when a signal is delivered.
 */
#include "io.h"

#include <signal.h>

static tpar_future *
awaiting(int signo)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_signal(signo, &f) == TPAR_OK);
	return f;
}

static void
expect_signal(tpar_future *f, int signo)
{
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(*(const int *)tpar_future_value(f), signo);
	tpar_future_unref(f);
}

static volatile sig_atomic_t seen;

static void
see(int signo)
{
	(void)signo;
	seen++;
}

START_TEST(signal_ends_all_that_wait_for_it)
{
	tpar_future *f[3] = { awaiting(SIGUSR1), awaiting(SIGUSR1),
			      awaiting(SIGUSR2) };

	UNIT_MUST(raise(SIGUSR1) == 0);
	expect_signal(f[0], SIGUSR1);
	expect_signal(f[1], SIGUSR1);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_PENDING);
	UNIT_MUST(raise(SIGUSR2) == 0);
	expect_signal(f[2], SIGUSR2);
}
END_TEST

START_TEST(signal_between_two_calls_is_kept)
{
	tpar_future *f = awaiting(SIGWINCH);
	long i;

	UNIT_MUST(raise(SIGWINCH) == 0);
	expect_signal(f, SIGWINCH);
	for (i = 0; i < unit_scaled(100); i++) {
		UNIT_MUST(raise(SIGWINCH) == 0);
		expect_signal(awaiting(SIGWINCH), SIGWINCH);
	}
}
END_TEST

START_TEST(what_was_there_is_put_back)
{
	tpar_future *f[2];

	UNIT_MUST(signal(SIGUSR1, see) != SIG_ERR);
	f[0] = awaiting(SIGUSR1);
	f[1] = awaiting(SIGUSR1);
	ck_assert_int_eq(tpar_future_cancel(f[0]), TPAR_OK);
	UNIT_MUST(raise(SIGUSR1) == 0);
	expect_signal(f[1], SIGUSR1);
	ck_assert_int_eq(seen, 0);
	tpar_future_unref(f[0]);
	f[0] = awaiting(SIGUSR1);
	ck_assert_int_eq(tpar_future_cancel(f[0]), TPAR_OK);
	tpar_future_unref(f[0]);
	UNIT_MUST(raise(SIGUSR1) == 0);
	ck_assert_int_eq(seen, 1);
	/* And by a shutdown. */
	f[0] = awaiting(SIGUSR1);
	UNIT_MUST(raise(SIGUSR1) == 0);
	expect_signal(f[0], SIGUSR1);
	ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
	UNIT_MUST(raise(SIGUSR1) == 0);
	ck_assert_int_eq(seen, 2);
	f[0] = awaiting(SIGUSR1);
	UNIT_MUST(raise(SIGUSR1) == 0);
	expect_signal(f[0], SIGUSR1);
}
END_TEST

START_TEST(signals_that_cannot_be_waited_for_are_refused)
{
	static const int never[] = { -1,      0,       SIGKILL, SIGSTOP,
				     SIGSEGV, SIGTRAP, 1000 };
	tpar_future *f = NULL;
	size_t i;

	for (i = 0; i < sizeof never / sizeof never[0]; i++) {
		ck_assert_int_eq(tpar_io_signal(never[i], &f), TPAR_EINVAL);
		ck_assert_ptr_nonnull(
			strstr(tpar_error_detail(), "cannot be waited for"));
	}
	ck_assert_int_eq(tpar_io_signal(SIGUSR1, NULL), TPAR_EINVAL);
	ck_assert_ptr_null(f);
	/* One that the C library keeps for itself. */
	io_expect_failure(awaiting(32), EINVAL,
			  "awaiting signal 32: Invalid argument");
}
END_TEST

START_TEST(signal_stops_work_in_a_race)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f[2];
	size_t index = 9;

	hold.code = TPAR_ESTOPPED;
	f[0] = unit_submit(NULL, scene_until_stopped, &hold, sizeof(int));
	f[1] = awaiting(SIGINT);
	unit_gate_await(&hold.begun, 1);
	UNIT_MUST(raise(SIGINT) == 0);
	ck_assert_int_eq(tpar_race(f, 2, NULL, &index, NULL), TPAR_OK);
	ck_assert_int_eq(index, 1);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	tpar_future_unref_all(f, 2);
}
END_TEST

static void
raise_in_child(void *arg)
{
	(void)arg;
	UNIT_MUST(raise(SIGUSR1) == 0);
	/* ThreadSanitizer calls handlers when it likes. */
	UNIT_MUST(seen == 1 || !CHILD_STARTS_THREADS);
}

START_TEST(child_of_a_fork_has_the_handlers_of_before)
{
	tpar_future *f;

	UNIT_MUST(signal(SIGUSR1, see) != SIG_ERR);
	f = awaiting(SIGUSR1);
	ck_assert(child_runs(raise_in_child, NULL));
	ck_assert_int_eq(tpar_future_state(f), TPAR_PENDING);
	UNIT_MUST(raise(SIGUSR1) == 0);
	expect_signal(f, SIGUSR1);
	ck_assert_int_eq(seen, 0);
}
END_TEST

static void *
raise_stormily(void *arg)
{
	long rounds = unit_scaled(2000);
	long i;

	(void)arg;
	for (i = 0; i < rounds; i++) {
		UNIT_MUST(raise(SIGUSR1) == 0);
	}
	return NULL;
}

START_TEST(signals_may_come_while_others_are_waited_for)
{
	tpar_future *keep = awaiting(SIGUSR2);
	tpar_future *f = awaiting(SIGUSR1);
	pthread_t thread = unit_start(raise_stormily, NULL);
	long i;

	for (i = 0; i < unit_scaled(200); i++) {
		UNIT_MUST(raise(SIGUSR1) == 0);
		expect_signal(f, SIGUSR1);
		f = awaiting(SIGUSR1);
	}
	unit_join(thread);
	UNIT_MUST(raise(SIGUSR1) == 0);
	expect_signal(f, SIGUSR1);
	ck_assert_int_eq(tpar_future_cancel(keep), TPAR_OK);
	tpar_future_unref(keep);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		signal_ends_all_that_wait_for_it,
		signal_between_two_calls_is_kept,
		what_was_there_is_put_back,
		signals_that_cannot_be_waited_for_are_refused,
		signal_stops_work_in_a_race,
		child_of_a_fork_has_the_handlers_of_before,
		signals_may_come_while_others_are_waited_for,
	};

	return io_main("io_signal", tests, sizeof tests / sizeof tests[0]);
}
