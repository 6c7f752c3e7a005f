/* SPDX-License-Identifier: MIT */
/*
 * test_syscalls_write.c - tpar_write(): as much as goes in, what a cancel leaves
 * of it, and never a SIGPIPE; and what all of these calls do that does not block.
 */
#include "sleepers.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/time.h>
#include <taskpar/syscalls.h>

enum { MUCH = 1 << 20 };

static char much[MUCH];

static long
write_much(struct sleeper *self)
{
	return tpar_write(self->fd[1], much, sizeof much);
}

typedef void (*opens)(struct sleeper *sleeper);

static const opens kinds[] = { sleeper_silent, sleeper_pipe };

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct sleeper
make(long (*call)(struct sleeper *self), int kind)
{
	struct sleeper sleeper = sleeper_of(call);

	kinds[kind](&sleeper);
	return sleeper;
}

/* As a task. */
static int
read_all(void *arg, void *value)
{
	struct sleeper *sleeper = arg;
	static char some[1000];
	long left = MUCH;
	ssize_t n;

	(void)value;
	while (left > 0) {
		n = tpar_read(sleeper->fd[0], some, sizeof some);
		UNIT_MUST(n > 0);
		left -= n;
	}
	return 0;
}

START_TEST(all_is_written_however_small_the_buffer)
{
	tpar_pool *pool = unit_pool(1, 1);
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		struct sleeper sleeper = make(write_much, kind);
		tpar_future *f = unit_submit(pool, sleeper_run, &sleeper, 0);

		unit_gate_await(&sleeper.begun, 1);
		unit_run_in(pool, read_all, &sleeper);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		ck_assert_int_eq(sleeper.returned, MUCH);
		tpar_future_unref(f);
		sleeper_close(&sleeper);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* How much lies there. */
static long
drain(int fd)
{
	char some[4096];
	long all = 0;
	ssize_t n;

	UNIT_MUST(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	while ((n = read(fd, some, sizeof some)) > 0) {
		all += n;
	}
	return all;
}

START_TEST(what_was_written_by_the_cancel_is_returned)
{
	tpar_pool *pool = unit_pool(1, 1);
	int kind;
	int i;

	for (kind = 0; kind < KINDS; kind++) {
		for (i = 0; i < 10; i++) {
			struct sleeper sleeper = make(write_much, kind);
			tpar_future *f =
				unit_submit(pool, sleeper_run, &sleeper, 0);
			long written;

			unit_gate_await(&sleeper.begun, 1);
			unit_run_in(pool, sleeper_look, NULL);
			ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
			(void)tpar_future_wait(f, TPAR_FOREVER);
			written = drain(sleeper.fd[0]);
			ck_assert_int_lt(written, MUCH);
			if (written == 0) {
				ck_assert_int_eq(sleeper.returned, -1);
				ck_assert_int_eq(sleeper.error, ECANCELED);
			} else {
				ck_assert_int_eq(sleeper.returned, written);
			}
			tpar_future_unref(f);
			sleeper_close(&sleeper);
		}
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- SIGPIPE ------------------------------------------------------------- */

static long
write_to_nobody(struct sleeper *self)
{
	bool before = sleeper_gets(SIGPIPE);
	long n = tpar_write(self->fd[1], "x", 1);
	int error = errno;

	UNIT_MUST(sleeper_gets(SIGPIPE) == before);
	UNIT_MUST(!sleeper_is_pending(SIGPIPE));
	errno = error;
	return n;
}

static void
get_sigpipe(int how)
{
	sigset_t set;

	UNIT_MUST(sigemptyset(&set) == 0 && sigaddset(&set, SIGPIPE) == 0);
	UNIT_MUST(pthread_sigmask(how, &set, NULL) == 0);
}

/* A task that lets it through: the default would end the process. */
static long
write_to_nobody_unblocked(struct sleeper *self)
{
	long n;
	int error;

	get_sigpipe(SIG_UNBLOCK);
	n = write_to_nobody(self);
	error = errno;
	get_sigpipe(SIG_BLOCK);
	errno = error;
	return n;
}

START_TEST(pipe_that_nobody_reads_gives_an_error_and_no_signal)
{
	tpar_pool *pool = unit_pool(1, 1);
	int kind;
	int i;

	ck_assert(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	for (kind = 0; kind < KINDS; kind++) {
		for (i = 0; i < 3; i++) {
			struct sleeper sleeper =
				make(i == 0 ? write_to_nobody
					    : write_to_nobody_unblocked,
				     kind);

			ck_assert_int_eq(close(sleeper.fd[0]), 0);
			sleeper.fd[0] = -1;
			if (i < 2) {
				tpar_future *f = unit_submit(pool, sleeper_run,
							     &sleeper, 0);

				ck_assert_int_eq(tpar_future_wait(f,
								  TPAR_FOREVER),
						 TPAR_EFAILED);
				tpar_future_unref(f);
			} else {
				/* Here it is not blocked. */
				get_sigpipe(SIG_UNBLOCK);
				(void)sleeper_run(&sleeper, NULL);
			}
			ck_assert_int_eq(sleeper.returned, -1);
			ck_assert_int_eq(sleeper.error, EPIPE);
			sleeper_close(&sleeper);
		}
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(reader_that_goes_ends_the_write)
{
	tpar_pool *pool = unit_pool(1, 1);
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		struct sleeper sleeper = make(write_much, kind);
		tpar_future *f = unit_submit(pool, sleeper_run, &sleeper, 0);

		unit_gate_await(&sleeper.begun, 1);
		unit_run_in(pool, sleeper_look, NULL);
		ck_assert_int_eq(close(sleeper.fd[0]), 0);
		sleeper.fd[0] = -1;
		(void)tpar_future_wait(f, TPAR_FOREVER);
		ck_assert(sleeper.returned > 0 || sleeper.error == EPIPE);
		tpar_future_unref(f);
		sleeper_close(&sleeper);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static long
write_much_and_look(struct sleeper *self)
{
	long n = write_much(self);

	UNIT_MUST(!sleeper_is_pending(SIGPIPE));
	return n;
}

static long
write_much_unblocked(struct sleeper *self)
{
	long n;

	get_sigpipe(SIG_UNBLOCK);
	n = write_much(self);
	get_sigpipe(SIG_BLOCK);
	return n;
}

START_TEST(reader_that_goes_after_a_part_raises_no_signal)
{
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	ck_assert(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	for (i = 0; i < 2; i++) {
		struct sleeper sleeper = make(
			i == 0 ? write_much_and_look : write_much_unblocked, 1);
		struct pollfd one = { sleeper.fd[0], POLLIN, 0 };
		tpar_future *f = unit_submit(pool, sleeper_run, &sleeper, 0);

		ck_assert_int_eq(poll(&one, 1, -1), 1);
		ck_assert_int_eq(close(sleeper.fd[0]), 0);
		sleeper.fd[0] = -1;
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		ck_assert_int_gt(sleeper.returned, 0);
		ck_assert_int_lt(sleeper.returned, MUCH);
		tpar_future_unref(f);
		sleeper_close(&sleeper);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* One that was pending before stays. */
static long
write_with_one_pending(struct sleeper *self)
{
	long n;
	int error;

	UNIT_MUST(write(self->fd[1], "x", 1) < 0 && errno == EPIPE);
	UNIT_MUST(sleeper_is_pending(SIGPIPE));
	n = tpar_write(self->fd[1], "x", 1);
	error = errno;
	UNIT_MUST(sleeper_is_pending(SIGPIPE));
	errno = error;
	return n;
}

START_TEST(signal_that_was_pending_before_is_left_pending)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct sleeper sleeper = make(write_with_one_pending, 1);
	tpar_future *f;

	ck_assert_int_eq(close(sleeper.fd[0]), 0);
	sleeper.fd[0] = -1;
	f = unit_submit(pool, sleeper_run, &sleeper, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(sleeper.error, EPIPE);
	tpar_future_unref(f);
	sleeper_close(&sleeper);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- What does not block ------------------------------------------------- */

static void
must_fail(long returned, int error)
{
	UNIT_MUST(returned == -1);
	UNIT_MUST(errno == error);
}

/* Never ready, says poll(). */
static void
call_with_wrong_ones(void)
{
	struct sleeper one = make(NULL, 1);
	struct sleeper two = make(NULL, 0);
	char byte;

	must_fail(tpar_read(one.fd[1], &byte, 1), EBADF);
	must_fail(tpar_write(one.fd[0], "x", 1), EBADF);
	must_fail(tpar_accept(one.fd[0], NULL, NULL), ENOTSOCK);
	must_fail(tpar_accept(two.fd[0], NULL, NULL), EINVAL);
	sleeper_close(&one);
	sleeper_close(&two);
}

/* In a task and outside. */
static int
call_with_bad_ones(void *arg, void *value)
{
	struct pollfd one = { -1, POLLIN, 0 };
	struct sockaddr_in address;
	char byte;
	int dir = open("/", O_RDONLY);

	(void)arg;
	(void)value;
	memset(&address, 0, sizeof address);
	UNIT_MUST(dir >= 0);
	must_fail(tpar_read(-1, &byte, 1), EBADF);
	must_fail(tpar_read(-1, &byte, 0), EBADF);
	must_fail(tpar_write(-1, "x", 1), EBADF);
	must_fail(tpar_accept(-1, NULL, NULL), EBADF);
	must_fail(tpar_accept(dir, NULL, NULL), ENOTSOCK);
	must_fail(tpar_connect(-1, (struct sockaddr *)&address, sizeof address),
		  EBADF);
	must_fail(tpar_flock(-1, LOCK_EX), EBADF);
	must_fail(tpar_flock(-1, LOCK_UN), EBADF);
	must_fail(tpar_read(dir, &byte, 1), EISDIR);
	call_with_wrong_ones();
	UNIT_MUST(tpar_poll(&one, 1, 0) == 0);
	one.fd = 1000;
	UNIT_MUST(tpar_poll(&one, 1, -1) == 1 && one.revents == POLLNVAL);
	UNIT_MUST(close(dir) == 0);
	return 0;
}

START_TEST(what_the_system_refuses_is_told_as_it_does)
{
	tpar_pool *pool = unit_pool(1, 1);

	(void)call_with_bad_ones(NULL, NULL);
	unit_run_in(pool, call_with_bad_ones, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
use_a_file(void *arg, void *value)
{
	char text[8];
	FILE *file = tmpfile();
	int fd;

	(void)arg;
	(void)value;
	UNIT_MUST(file != NULL);
	fd = fileno(file);
	errno = EXDEV;
	UNIT_MUST(tpar_flock(fd, LOCK_EX) == 0);
	UNIT_MUST(tpar_write(fd, "regular", 8) == 8);
	UNIT_MUST(lseek(fd, 0, SEEK_SET) == 0);
	UNIT_MUST(tpar_read(fd, text, sizeof text) == 8);
	UNIT_MUST(strcmp(text, "regular") == 0);
	UNIT_MUST(tpar_read(fd, text, sizeof text) == 0);
	UNIT_MUST(tpar_write(fd, text, 0) == 0);
	UNIT_MUST(tpar_read(fd, text, 0) == 0);
	UNIT_MUST(tpar_flock(fd, LOCK_UN) == 0);
	UNIT_MUST(errno == EXDEV);
	UNIT_MUST(fclose(file) == 0);
	return 0;
}

START_TEST(regular_file_is_read_and_written_at_once)
{
	tpar_pool *pool = unit_pool(1, 1);

	(void)use_a_file(NULL, NULL);
	unit_run_in(pool, use_a_file, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
use_nonblocking(void *arg, void *value)
{
	struct sleeper *sleeper = arg;
	char byte;
	long n;

	(void)value;
	must_fail(tpar_read(sleeper->fd[0], &byte, 1), EAGAIN);
	must_fail(tpar_accept(sleeper->fd[0], NULL, NULL),
		  sleeper->call == NULL ? EINVAL : ENOTSOCK);
	n = tpar_write(sleeper->fd[1], much, sizeof much);
	UNIT_MUST(n > 0 && n < MUCH);
	while (tpar_write(sleeper->fd[1], much, sizeof much) > 0) {
	}
	UNIT_MUST(errno == EAGAIN);
	return 0;
}

START_TEST(nonblocking_descriptor_does_not_block_here_either)
{
	tpar_pool *pool = unit_pool(1, 1);
	int kind;
	int i;

	for (kind = 0; kind < KINDS; kind++) {
		struct sleeper sleeper =
			make(kind == 0 ? NULL : write_much, kind);

		for (i = 0; i < 2; i++) {
			ck_assert_int_eq(
				fcntl(sleeper.fd[i], F_SETFL, O_NONBLOCK), 0);
		}
		unit_run_in(pool, use_nonblocking, &sleeper);
		sleeper_close(&sleeper);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
use_timeouts(void *arg, void *value)
{
	struct sleeper *sleeper = arg;
	struct pollfd one = { sleeper->fd[0], POLLIN, 0 };
	struct timeval soon = { 0, 1000 };
	int64_t until = tpar_in(TPAR_MILLISECOND);
	char byte;
	int fd = sleeper->fd[0];

	(void)value;
	UNIT_MUST(tpar_poll(&one, 1, 1) == 0);
	UNIT_MUST(tpar_in(0) >= until);
	until = tpar_in(TPAR_MILLISECOND);
	UNIT_MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) ==
		  0);
	must_fail(tpar_read(fd, &byte, 1), EAGAIN);
	UNIT_MUST(tpar_in(0) >= until);
	fd = sleeper->fd[1];
	UNIT_MUST(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon) ==
		  0);
	UNIT_MUST(tpar_write(fd, much, sizeof much) > 0);
	must_fail(tpar_write(fd, much, sizeof much), EAGAIN);
	sleeper_must_be_clean();
	return 0;
}

START_TEST(timeouts_of_sockets_and_polls_hold)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct sleeper sleeper = make(NULL, 0);

	unit_run_in(pool, use_timeouts, &sleeper);
	sleeper_close(&sleeper);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		all_is_written_however_small_the_buffer,
		what_was_written_by_the_cancel_is_returned,
		pipe_that_nobody_reads_gives_an_error_and_no_signal,
		reader_that_goes_ends_the_write,
		reader_that_goes_after_a_part_raises_no_signal,
		signal_that_was_pending_before_is_left_pending,
		what_the_system_refuses_is_told_as_it_does,
		regular_file_is_read_and_written_at_once,
		nonblocking_descriptor_does_not_block_here_either,
		timeouts_of_sockets_and_polls_hold,
	};

	return unit_main("syscalls_write", tests,
			 sizeof tests / sizeof tests[0]);
}
