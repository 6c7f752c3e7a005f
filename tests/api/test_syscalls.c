/* SPDX-License-Identifier: MIT */
/*
 * test_syscalls.c - each call that blocks is ended by whatever stops its task,
 * and is otherwise what the system call is.
 */
#define _GNU_SOURCE

#include "calls.h"

#include <netinet/in.h>
#include <sys/time.h>
#include <termios.h>

static void
must_be_stopped(struct sleeper *sleeper, tpar_future *f)
{
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_lt(sleeper->returned, 0);
	ck_assert_int_eq(sleeper->error, ECANCELED);
	tpar_future_unref(f);
	sleeper_close(sleeper);
	(void)unlink(path);
}

START_TEST(cancel_ends_each_call)
{
	tpar_pool *pool = unit_pool(1, 1);
	int round;
	int i;

	for (i = 0; i < CALLS; i++) {
		for (round = 0; round < 5; round++) {
			struct sleeper sleeper = make(i);
			tpar_future *f =
				unit_submit(pool, sleeper_run, &sleeper, 0);

			unit_gate_await(&sleeper.begun, 1);
			/* By then it is likely to sleep. */
			unit_run_in(pool, sleeper_look, NULL);
			ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
			must_be_stopped(&sleeper, f);
		}
	}
	unit_run_in(pool, sleeper_look, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(deadline_ends_each_call)
{
	tpar_pool *pool = unit_pool(2, 1);
	int i;

	for (i = 0; i < CALLS; i++) {
		struct sleeper sleeper = make(i);
		tpar_future *f = unit_submit(pool, sleeper_run, &sleeper, 0);

		ck_assert_int_eq(
			tpar_future_cancel_at(f, tpar_in(TPAR_MILLISECOND)),
			TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 TPAR_ECANCELED);
		/* It may not have begun. */
		ck_assert(sleeper.returned == 0 || sleeper.error == ECANCELED);
		tpar_future_unref(f);
		sleeper_close(&sleeper);
		(void)unlink(path);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
fail_after(void *arg, void *value)
{
	(void)value;
	unit_gate_await(arg, 1);
	return tpar_fail(7, "no more");
}

START_TEST(failure_of_a_sibling_ends_each_call)
{
	tpar_pool *pool = unit_pool(1, 4);
	struct tpar_failure why;
	int i;

	for (i = 0; i < CALLS; i++) {
		struct sleeper sleeper = make(i);
		tpar_future *f[2];

		f[0] = unit_submit(pool, sleeper_run, &sleeper, 0);
		f[1] = unit_submit(pool, fail_after, &sleeper.begun, 0);
		ck_assert_int_eq(tpar_gather(f, 2, NULL, &why), TPAR_EFAILED);
		ck_assert_uint_eq(why.index, 1);
		ck_assert_int_eq(why.code, 7);
		tpar_future_unref(f[1]);
		must_be_stopped(&sleeper, f[0]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(pool_that_is_cancelled_ends_each_call)
{
	int i;

	for (i = 0; i < CALLS; i++) {
		tpar_pool *pool = unit_pool(1, 4);
		struct sleeper sleeper = make(i);
		tpar_future *f = unit_submit(pool, sleeper_run, &sleeper, 0);

		unit_gate_await(&sleeper.begun, 1);
		ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL,
						    TPAR_FOREVER),
				 TPAR_OK);
		must_be_stopped(&sleeper, f);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

START_TEST(task_that_was_asked_before_begins_no_call)
{
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	for (i = 0; i < CALLS; i++) {
		struct unit_gate asked = UNIT_GATE_INIT;
		struct sleeper sleeper = make(i);
		tpar_future *f;

		sleeper.first = &asked;
		f = unit_submit(pool, sleeper_run, &sleeper, 0);
		unit_gate_await(&sleeper.begun, 1);
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		/* It could have gone through. */
		if (calls[i].call == call_read || calls[i].call == call_poll) {
			ck_assert_int_eq(write(sleeper.fd[1], "x", 1), 1);
		}
		unit_gate_open(&asked);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 TPAR_ECANCELED);
		ck_assert_int_eq(sleeper.error, ECANCELED);
		if (calls[i].call == call_write) {
			struct pollfd one = { sleeper.fd[0], POLLIN, 0 };

			ck_assert_int_eq(poll(&one, 1, 0), 0);
		}
		if (calls[i].call == call_read) {
			char byte = 0;

			ck_assert_int_eq(read(sleeper.fd[0], &byte, 1), 1);
			ck_assert_int_eq(byte, 'x');
		}
		tpar_future_unref(f);
		sleeper_close(&sleeper);
		(void)unlink(path);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* What has to be given back. */
static long
unlock_when_asked(struct sleeper *self)
{
	UNIT_MUST(tpar_flock(self->fd[1], LOCK_UN) == 0);
	UNIT_MUST(tpar_flock(self->fd[0], LOCK_EX | LOCK_NB) == -1);
	UNIT_MUST(errno == ECANCELED);
	UNIT_MUST(flock(self->fd[0], LOCK_EX | LOCK_NB) == 0);
	return 0;
}

START_TEST(lock_is_given_back_all_the_same)
{
	struct sleeper sleeper = sleeper_of(unlock_when_asked);
	struct unit_gate asked = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	open_locked(&sleeper);
	ck_assert_int_eq(flock(sleeper.fd[0], LOCK_UN), 0);
	ck_assert_int_eq(flock(sleeper.fd[1], LOCK_EX), 0);
	sleeper.first = &asked;
	f = unit_submit(pool, sleeper_run, &sleeper, 0);
	unit_gate_await(&sleeper.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	unit_gate_open(&asked);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	sleeper_close(&sleeper);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* The task that makes it possible needs the place of the one that sleeps. */
static int
let_it_go_on(void *arg, void *value)
{
	struct sleeper *sleeper = arg;
	int fd;

	(void)value;
	if (sleeper->call == call_read || sleeper->call == call_poll) {
		UNIT_MUST(tpar_write(sleeper->fd[1], "x", 1) == 1);
	} else if (sleeper->call == call_accept) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		UNIT_MUST(connect_again(fd) == 0);
		UNIT_MUST(close(fd) == 0);
	} else {
		UNIT_MUST(sleeper->call == call_flock);
		UNIT_MUST(tpar_flock(sleeper->fd[0], LOCK_UN) == 0);
	}
	return 0;
}

START_TEST(others_run_while_it_sleeps_and_what_comes_is_returned)
{
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	for (i = 0; i < CALLS; i++) {
		struct sleeper sleeper;
		tpar_future *f;

		if (calls[i].call == call_write ||
		    calls[i].call == call_connect) {
			continue;
		}
		sleeper = make(i);
		f = unit_submit(pool, sleeper_run, &sleeper, 0);
		unit_gate_await(&sleeper.begun, 1);
		unit_run_in(pool, let_it_go_on, &sleeper);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		ck_assert_int_ge(sleeper.returned, 0);
		if (calls[i].call == call_accept) {
			ck_assert_int_eq(close((int)sleeper.returned), 0);
		}
		tpar_future_unref(f);
		sleeper_close(&sleeper);
		(void)unlink(path);
	}
	unit_run_in(pool, sleeper_look, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

static long
enter_only(struct sleeper *self)
{
	(void)self;
	UNIT_MUST(tpar_interruptible_enter() == TPAR_OK);
	tpar_interruptible_leave();
	return 0;
}

/* Somebody sends it, whatever for. */
START_TEST(signal_that_is_no_cancel_changes_nothing)
{
	struct sleeper sleeper = sleeper_of(enter_only);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;
	int i;
	int k;

	/* Then there is one. */
	unit_run_in(pool, sleeper_run, &sleeper);
	for (i = 0; i < CALLS; i++) {
		if (calls[i].call == call_write ||
		    calls[i].call == call_connect) {
			continue;
		}
		sleeper = make(i);
		f = unit_submit(pool, sleeper_run, &sleeper, 0);
		unit_gate_await(&sleeper.begun, 1);
		for (k = 0; k < 10; k++) {
			ck_assert_int_eq(
				pthread_kill(sleeper.thread,
					     tpar_interruptible_signal()),
				0);
			/* Its place is free: it sleeps, or is about to. */
			unit_run_in(pool, nothing, NULL);
		}
		unit_run_in(pool, let_it_go_on, &sleeper);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		ck_assert_int_ge(sleeper.returned, 0);
		if (calls[i].call == call_accept) {
			ck_assert_int_eq(close((int)sleeper.returned), 0);
		}
		tpar_future_unref(f);
		sleeper_close(&sleeper);
		(void)unlink(path);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(same_calls_with_a_place_of_their_own)
{
	tpar_pool *pool = unit_pool(1, 2);
	int i;

	for (i = 0; i < CALLS; i++) {
		struct tpar_task task = TPAR_TASK_INIT;
		struct sleeper sleeper = make(i);
		tpar_future *f;

		task.fn = sleeper_run;
		task.arg = &sleeper;
		task.flags = TPAR_BLOCKING;
		f = unit_submit_task(pool, &task);
		unit_gate_await(&sleeper.begun, 1);
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		must_be_stopped(&sleeper, f);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- A connect that is broken by something else -------------------------- */

static pthread_t connects;

static void
do_nothing(int number)
{
	(void)number;
}

static void
get_usr1(int how)
{
	sigset_t set;

	UNIT_MUST(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR1) == 0);
	UNIT_MUST(pthread_sigmask(how, &set, NULL) == 0);
}

/* To where nobody accepts, of which fd[0] is one that waits already. */
static long
connect_in_time(struct sleeper *self)
{
	struct timeval soon = { 0, 20000 };
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int error;

	UNIT_MUST(getpeername(self->fd[0], (struct sockaddr *)&address,
			      &length) == 0);
	UNIT_MUST(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon) ==
		  0);
	connects = pthread_self();
	get_usr1(SIG_UNBLOCK);
	unit_gate_open(&self->inside);
	UNIT_MUST(tpar_connect(fd, (struct sockaddr *)&address, length) == -1);
	error = errno;
	get_usr1(SIG_BLOCK);
	UNIT_MUST(close(fd) == 0);
	errno = error;
	return -1;
}

START_TEST(connect_that_is_broken_says_that_its_time_is_over)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	struct sleeper sleeper;
	tpar_future *f;
	int i;

	memset(&address, 0, sizeof address);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert(signal(SIGUSR1, do_nothing) != SIG_ERR);
	for (i = 0; i < 10; i++) {
		sleeper = sleeper_of(connect_in_time);
		sleeper.fd[1] = socket(AF_INET, SOCK_STREAM, 0);
		address.sin_port = 0;
		ck_assert_int_eq(bind(sleeper.fd[1],
				      (struct sockaddr *)&address, length),
				 0);
		ck_assert_int_eq(listen(sleeper.fd[1], 0), 0);
		ck_assert_int_eq(getsockname(sleeper.fd[1],
					     (struct sockaddr *)&address,
					     &length),
				 0);
		sleeper.fd[0] = socket(AF_INET, SOCK_STREAM, 0);
		ck_assert_int_eq(connect(sleeper.fd[0],
					 (struct sockaddr *)&address, length),
				 0);
		f = unit_submit(pool, sleeper_run, &sleeper, 0);
		unit_gate_await(&sleeper.inside, 1);
		ck_assert_int_eq(pthread_kill(connects, SIGUSR1), 0);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 TPAR_EFAILED);
		ck_assert_int_eq(sleeper.error, EINPROGRESS);
		tpar_future_unref(f);
		sleeper_close(&sleeper);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Terminals ----------------------------------------------------------- */

/* A terminal, of which fd[0] is the other side. */
static struct sleeper
make_terminal(unsigned char enough)
{
	struct sleeper sleeper = sleeper_of(call_read);
	struct termios mode;
	int other = posix_openpt(O_RDWR | O_NOCTTY);
	const char *name;

	UNIT_MUST(other >= 0 && grantpt(other) == 0 && unlockpt(other) == 0);
	name = ptsname(other);
	UNIT_MUST(name != NULL);
	sleeper.fd[0] = open(name, O_RDWR | O_NOCTTY);
	sleeper.fd[1] = other;
	UNIT_MUST(tcgetattr(sleeper.fd[0], &mode) == 0);
	mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	mode.c_cc[VMIN] = enough;
	mode.c_cc[VTIME] = 0;
	UNIT_MUST(tcsetattr(sleeper.fd[0], TCSANOW, &mode) == 0);
	return sleeper;
}

START_TEST(terminal_is_read_as_it_is_set)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct sleeper sleeper = make_terminal(0);
	tpar_future *f = unit_submit(pool, sleeper_run, &sleeper, 0);

	/* It may have nothing. */
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(sleeper.returned, 0);
	tpar_future_unref(f);
	sleeper_close(&sleeper);
	sleeper = make_terminal(1);
	f = unit_submit(pool, sleeper_run, &sleeper, 0);
	unit_gate_await(&sleeper.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	must_be_stopped(&sleeper, f);
	unit_run_in(pool, sleeper_look, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		cancel_ends_each_call,
		deadline_ends_each_call,
		failure_of_a_sibling_ends_each_call,
		pool_that_is_cancelled_ends_each_call,
		task_that_was_asked_before_begins_no_call,
		lock_is_given_back_all_the_same,
		others_run_while_it_sleeps_and_what_comes_is_returned,
		signal_that_is_no_cancel_changes_nothing,
		same_calls_with_a_place_of_their_own,
		connect_that_is_broken_says_that_its_time_is_over,
		terminal_is_read_as_it_is_set,
	};

	return unit_main("syscalls", tests, sizeof tests / sizeof tests[0]);
}
