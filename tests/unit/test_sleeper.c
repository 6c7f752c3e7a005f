/* SPDX-License-Identifier: MIT */
/*
 * test_sleeper.c - what a task that has slept in a system call has back: its place,
 * and no region; and what is no descriptor to sleep for.
 */
#include "config.h"

#include "sleepers.h"

#include "src/sleeper.h"
#include "src/worker.h"

#include <fcntl.h>
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
	ck_assert(!tpi_sleeper_declines(sleeper.fd[0]));
	ck_assert_int_eq(fcntl(sleeper.fd[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert(tpi_sleeper_declines(sleeper.fd[0]));
	ck_assert(tpi_sleeper_declines(-1));
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

int
main(void)
{
	const TTest *tests[] = {
		task_that_has_slept_has_its_place_back,
		nobody_waits_for_what_does_not_block,
		nobody_is_asked_outside_of_a_task,
	};

	return unit_main("sleeper", tests, sizeof tests / sizeof tests[0]);
}
