/* SPDX-License-Identifier: MIT */
/*
 * test_interruptible_signal.c - which signal it is: nobody's but the library's, set
 * up when it is needed, by the program's choice if it has one.
 */
#include "sleepers.h"

#include <taskpar/syscalls.h>

static void
handler(int signal)
{
	(void)signal;
}

static void
set_handler(int number, void (*fn)(int signal))
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = fn;
	UNIT_MUST(sigaction(number, &action, NULL) == 0);
}

static bool
has(int number, void (*fn)(int signal))
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == fn;
}

/* How many real-time signals have the program's handler, or the default. */
static int
count(void (*fn)(int signal))
{
	int n = 0;
	int i;

	for (i = SIGRTMIN; i <= SIGRTMAX; i++) {
		n += has(i, fn);
	}
	return n;
}

struct entering {
	enum tpar_err err;
	char detail[200];
};

static int
enter_and_leave(void *arg, void *value)
{
	struct entering *entering = arg;

	(void)value;
	entering->err = tpar_interruptible_enter();
	snprintf(entering->detail, sizeof entering->detail, "%s",
		 tpar_error_detail());
	if (entering->err == TPAR_OK) {
		UNIT_MUST(sleeper_gets(tpar_interruptible_signal()));
		tpar_interruptible_leave();
	}
	sleeper_must_be_clean();
	return 0;
}

static struct entering
enter(void)
{
	struct entering entering;
	tpar_pool *pool = unit_pool(1, 1);

	unit_run_in(pool, enter_and_leave, &entering);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	return entering;
}

START_TEST(nothing_is_set_up_before_the_first_region)
{
	struct sleeper sleeper = sleeper_of(NULL);
	int before = count(SIG_DFL);
	int number;

	/* Neither by what does not block. */
	sleeper_silent(&sleeper);
	ck_assert_int_eq(tpar_write(sleeper.fd[1], "x", 1), 1);
	ck_assert_int_eq(tpar_interruptible_signal(), 0);
	ck_assert_int_eq(count(SIG_DFL), before);
	ck_assert_int_eq(enter().err, TPAR_OK);
	number = tpar_interruptible_signal();
	ck_assert_int_eq(number, SIGRTMIN + 8);
	ck_assert_int_eq(count(SIG_DFL), before - 1);
	ck_assert(!has(number, SIG_DFL));
	ck_assert_int_eq(enter().err, TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_signal(), number);
	ck_assert_int_eq(count(SIG_DFL), before - 1);
	sleeper_close(&sleeper);
}
END_TEST

START_TEST(signals_of_the_program_are_left_alone)
{
	set_handler(SIGRTMIN + 8, handler);
	set_handler(SIGRTMIN + 9, SIG_IGN);
	ck_assert_int_eq(enter().err, TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_signal(), SIGRTMIN + 10);
	ck_assert(has(SIGRTMIN + 8, handler));
	ck_assert(has(SIGRTMIN + 9, SIG_IGN));
}
END_TEST

START_TEST(first_ones_are_taken_last)
{
	int i;

	for (i = SIGRTMIN + 8; i < SIGRTMAX; i++) {
		set_handler(i, handler);
	}
	/* The last one may be a debugger's. */
	if (has(SIGRTMAX, SIG_DFL)) {
		(void)signal(SIGRTMAX, handler);
	}
	ck_assert_int_eq(enter().err, TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_signal(), SIGRTMIN);
}
END_TEST

START_TEST(no_free_signal_is_an_error)
{
	struct entering entering;
	int i;

	for (i = SIGRTMIN; i <= SIGRTMAX; i++) {
		(void)signal(i, handler);
	}
	i = count(handler);
	entering = enter();
	ck_assert_int_eq(entering.err, TPAR_EBUSY);
	ck_assert_ptr_nonnull(strstr(entering.detail, "signals"));
	ck_assert_int_eq(count(handler), i);
	ck_assert_int_eq(tpar_interruptible_signal(), 0);
	/* Once there is one it goes. */
	set_handler(SIGRTMIN + 3, SIG_DFL);
	ck_assert_int_eq(enter().err, TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_signal(), SIGRTMIN + 3);
}
END_TEST

START_TEST(signal_that_the_program_takes_later_is_its_own)
{
	struct entering entering = enter();
	int number = tpar_interruptible_signal();

	ck_assert_int_eq(entering.err, TPAR_OK);
	set_handler(number, handler);
	entering = enter();
	ck_assert_int_eq(entering.err, TPAR_EBUSY);
	ck_assert_ptr_nonnull(strstr(entering.detail, "another handler"));
	ck_assert(has(number, handler));
}
END_TEST

START_TEST(environment_says_which)
{
	static const struct {
		const char *text;
		int offset; /* from SIGRTMIN; less than 0: from SIGRTMAX + 1 */
	} good[] = { { "SIGRTMIN+3", 3 },
		     { "rtmin", 0 },
		     { "RTMAX-1", -2 },
		     { "sigrtmin+12", 12 } };
	size_t i = (size_t)_i;
	int number = good[i].offset +
		     (good[i].offset >= 0 ? SIGRTMIN : SIGRTMAX + 1);

	ck_assert_int_eq(setenv("TASKPAR_SIGNAL", good[i].text, 1), 0);
	ck_assert_int_eq(enter().err, TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_signal(), number);
}
END_TEST

START_TEST(environment_may_say_another_one)
{
	char text[20];

	snprintf(text, sizeof text, "%d", _i == 0 ? SIGUSR2 : SIGRTMIN + 5);
	ck_assert_int_eq(setenv("TASKPAR_SIGNAL", _i == 2 ? "USR2" : text, 1),
			 0);
	ck_assert_int_eq(enter().err, TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_signal(),
			 _i == 1 ? SIGRTMIN + 5 : SIGUSR2);
}
END_TEST

START_TEST(what_is_no_signal_is_refused)
{
	static const char *const bad[] = {
		"0",	  "x",	     "-5",	 "9",
		"99",	  "10 ",     "RTMIN+99", "RTMIN-1",
		"RTMIN+", "RTMAX+1", "SIGPIPE",	 "99999999999999999999",
		"SIG",
	};
	struct entering entering;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ck_assert_int_eq(setenv("TASKPAR_SIGNAL", bad[i], 1), 0);
		entering = enter();
		ck_assert_int_eq(entering.err, TPAR_EINVAL);
		ck_assert_ptr_nonnull(strstr(entering.detail, bad[i]));
		ck_assert_int_eq(tpar_interruptible_signal(), 0);
	}
	ck_assert_int_eq(setenv("TASKPAR_SIGNAL", "", 1), 0);
	ck_assert_int_eq(enter().err, TPAR_OK);
}
END_TEST

START_TEST(chosen_signal_with_a_handler_is_refused)
{
	set_handler(SIGUSR1, handler);
	ck_assert_int_eq(setenv("TASKPAR_SIGNAL", "USR1", 1), 0);
	ck_assert_int_eq(enter().err, TPAR_EBUSY);
	ck_assert_int_eq(tpar_interruptible_use(SIGUSR1), TPAR_EBUSY);
	ck_assert(has(SIGUSR1, handler));
	ck_assert_int_eq(tpar_interruptible_signal(), 0);
}
END_TEST

START_TEST(call_counts_more_than_the_environment)
{
	ck_assert_int_eq(setenv("TASKPAR_SIGNAL", "RTMIN+2", 1), 0);
	ck_assert_int_eq(tpar_interruptible_use(0), TPAR_EINVAL);
	ck_assert_int_eq(tpar_interruptible_use(-1), TPAR_EINVAL);
	ck_assert_int_eq(tpar_interruptible_use(1000), TPAR_EINVAL);
	ck_assert_int_eq(tpar_interruptible_use(SIGKILL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_interruptible_use(SIGPIPE), TPAR_EINVAL);
	ck_assert_int_eq(tpar_interruptible_use(SIGINT), TPAR_EINVAL);
	ck_assert_int_eq(tpar_interruptible_use(SIGCHLD), TPAR_EINVAL);
	ck_assert_int_eq(tpar_interruptible_use(SIGRTMIN + 4), TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_use(SIGRTMIN + 6), TPAR_OK);
	ck_assert(has(SIGRTMIN + 6, SIG_DFL));
	ck_assert_int_eq(enter().err, TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_signal(), SIGRTMIN + 6);
	ck_assert_int_eq(tpar_interruptible_use(SIGRTMIN + 6), TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_use(SIGRTMIN + 4), TPAR_EBUSY);
	ck_assert(has(SIGRTMIN + 4, SIG_DFL));
}
END_TEST

/* With a standard signal, of which only one is ever pending. */
static long
read_raw(struct sleeper *self)
{
	ssize_t n;
	char byte;

	if (tpar_interruptible_enter() != TPAR_OK) {
		errno = ECANCELED;
		return -1;
	}
	n = read(self->fd[0], &byte, 1);
	tpar_interruptible_leave();
	return n;
}

START_TEST(any_of_them_breaks_a_read)
{
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	ck_assert_int_eq(tpar_interruptible_use(SIGUSR1), TPAR_OK);
	for (i = 0; i < 10; i++) {
		struct sleeper sleeper = sleeper_of(read_raw);
		tpar_future *f;

		sleeper_silent(&sleeper);
		f = unit_submit(pool, sleeper_run, &sleeper, 0);
		unit_gate_await(&sleeper.begun, 1);
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 TPAR_ECANCELED);
		tpar_future_unref(f);
		unit_run_in(pool, sleeper_look, NULL);
		sleeper_close(&sleeper);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("interruptible_signal");
	TCase *tcase = tcase_create("interruptible_signal");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, UNIT_TIMEOUT);
	tcase_add_checked_fixture(tcase, NULL, unit_end_default_pool);
	/* In a process that has had no region there are no more of these. */
	srunner_set_fork_status(runner, CK_FORK);
	tcase_add_test(tcase, nothing_is_set_up_before_the_first_region);
	tcase_add_test(tcase, signals_of_the_program_are_left_alone);
	tcase_add_test(tcase, first_ones_are_taken_last);
	tcase_add_test(tcase, no_free_signal_is_an_error);
	tcase_add_test(tcase, signal_that_the_program_takes_later_is_its_own);
	tcase_add_loop_test(tcase, environment_says_which, 0, 4);
	tcase_add_loop_test(tcase, environment_may_say_another_one, 0, 3);
	tcase_add_test(tcase, what_is_no_signal_is_refused);
	tcase_add_test(tcase, chosen_signal_with_a_handler_is_refused);
	tcase_add_test(tcase, call_counts_more_than_the_environment);
	tcase_add_test(tcase, any_of_them_breaks_a_read);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
