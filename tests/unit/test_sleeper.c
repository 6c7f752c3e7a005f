/* SPDX-License-Identifier: MIT */
/*
 * test_sleeper.c - what a task that has slept in a system call has back: its place,
 * and no region; and what is no descriptor to sleep for.
 */
#include "config.h"

#include "sleepers.h"

#include "src/lane.h"
#include "src/sleeper.h"
#include "src/worker.h"

#include <fcntl.h>
#include <sys/time.h>
#include <taskpar/syscalls.h>

static bool
is_as_before(void)
{
	return tpi_thread_self.run->blocking == 0 &&
	       tpi_thread_self.run->interrupt == NULL &&
	       tpi_thread_self.worker->blocked == 0;
}

/* The other one needs the place of the first. */
static int
read_there_and_back(void *arg, void *value)
{
	struct sleeper *sleeper = arg;
	char byte = 'x';
	int i;

	(void)value;
	for (i = 0; i < 10; i++) {
		UNIT_MUST(tpar_write(sleeper->fd[0], &byte, 1) == 1);
		UNIT_MUST(tpar_read(sleeper->fd[0], &byte, 1) == 1);
		UNIT_MUST(is_as_before());
	}
	return 0;
}

static int
echo(void *arg, void *value)
{
	struct sleeper *sleeper = arg;
	char byte;

	(void)value;
	while (tpar_read(sleeper->fd[1], &byte, 1) == 1) {
		UNIT_MUST(is_as_before());
		UNIT_MUST(tpar_write(sleeper->fd[1], &byte, 1) == 1);
		UNIT_MUST(is_as_before());
	}
	return 0;
}

START_TEST(task_that_has_slept_has_its_place_back)
{
	struct sleeper sleeper = sleeper_of(NULL);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	sleeper_silent(&sleeper);
	f = unit_submit(pool, echo, &sleeper, 0);
	unit_run_in(pool, read_there_and_back, &sleeper);
	ck_assert_int_eq(shutdown(sleeper.fd[0], SHUT_WR), 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	sleeper_close(&sleeper);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(nobody_waits_for_what_does_not_block)
{
	struct sleeper sleeper = sleeper_of(NULL);

	sleeper_pipe(&sleeper);
	errno = EXDEV;
	ck_assert(!tpi_sleeper_declines(sleeper.fd[0], O_WRONLY));
	/* It would be refused. */
	ck_assert(tpi_sleeper_declines(sleeper.fd[0], O_RDONLY));
	ck_assert_int_eq(fcntl(sleeper.fd[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert(tpi_sleeper_declines(sleeper.fd[0], O_WRONLY));
	ck_assert(tpi_sleeper_declines(-1, O_WRONLY));
	ck_assert_int_eq(errno, EXDEV);
	sleeper_close(&sleeper);
}
END_TEST

START_TEST(nobody_is_asked_outside_of_a_task)
{
	ck_assert(!tpi_sleeper_in_task());
	errno = EXDEV;
	ck_assert(!tpi_sleeper_asked());
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

/* ---- A handler that has no thread ----------------------------------------- */

static struct unit_gate handled = UNIT_GATE_INIT;

static void
look(void *arg)
{
	*(pthread_t *)arg = pthread_self();
	sleeper_must_be_clean();
	unit_gate_open(&handled);
}

static int
have_handler(void *arg, void *value)
{
	struct unit_gate *begun = arg;
	pthread_t handler;
	tpar_handler h;

	(void)value;
	UNIT_MUST(tpar_on_cancel(look, &handler, &h) == TPAR_OK);
	unit_gate_open(begun);
	unit_gate_await(&handled, 1);
	tpar_off_cancel(&h);
	UNIT_MUST(!pthread_equal(handler, pthread_self()));
	return tpar_checkpoint();
}

static int
cancel_in_region(void *arg, void *value)
{
	(void)value;
	UNIT_MUST(tpar_interruptible_enter() == TPAR_OK);
	UNIT_MUST(tpar_future_cancel(arg) == TPAR_OK);
	UNIT_MUST(sleeper_gets(tpar_interruptible_signal()));
	tpar_interruptible_leave();
	return 0;
}

START_TEST(handler_that_runs_on_the_thread_of_a_region_is_left_alone)
{
	struct unit_gate begun = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f;

	tpi_lane_limits.threads = 0;
	f = unit_submit(pool, have_handler, &begun, 0);
	unit_gate_await(&begun, 1);
	unit_run_in(pool, cancel_in_region, f);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(timeout_of_a_socket_may_be_longer_than_there_are_deadlines)
{
	struct sleeper sleeper = sleeper_of(NULL);
	struct timeval timeout = { 0, 0 };
	struct tpi_sleeper s = { .begun = false };

	sleeper_silent(&sleeper);
	if (sizeof timeout.tv_sec > 4) {
		timeout.tv_sec = (time_t)INT64_C(10000000000);
		ck_assert_int_eq(setsockopt(sleeper.fd[0], SOL_SOCKET,
					    SO_RCVTIMEO, &timeout,
					    sizeof timeout),
				 0);
		tpi_sleeper_time(&s, sleeper.fd[0], POLLIN);
		ck_assert_int_eq(s.deadline_ns, INT64_MAX);
	}
	sleeper_close(&sleeper);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_that_has_slept_has_its_place_back,
		nobody_waits_for_what_does_not_block,
		nobody_is_asked_outside_of_a_task,
		timeout_of_a_socket_may_be_longer_than_there_are_deadlines,
		handler_that_runs_on_the_thread_of_a_region_is_left_alone,
	};

	return unit_main("sleeper", tests, sizeof tests / sizeof tests[0]);
}
