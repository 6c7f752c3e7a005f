/* SPDX-License-Identifier: MIT */
/*
 * test_io_ready.c - futures that are done when a descriptor is ready.
 */
#include "io.h"

#include <sys/eventfd.h>
#include <sys/resource.h>

static tpar_future *
ready(int fd, unsigned events)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_ready(fd, events, &f) == TPAR_OK);
	return f;
}

/* ENDS: somebody reads what was put before. */
static void
put(int fd)
{
	ssize_t n;

	while ((n = write(fd, "x", 1)) < 0 && errno == EAGAIN) {
		sched_yield();
	}
	UNIT_MUST(n == 1);
}

static void
get(int fd)
{
	char byte;

	UNIT_MUST(read(fd, &byte, 1) == 1);
}

static void
expect_ready(tpar_future *f, unsigned events)
{
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_uint_eq(*(const unsigned *)tpar_future_value(f), events);
	tpar_future_unref(f);
}

START_TEST(descriptor_is_ready_when_there_is_something)
{
	int ends[2];
	tpar_future *f;
	int i;

	io_pair(ends);
	for (i = 0; i < 3; i++) {
		f = ready(ends[0], TPAR_IO_READABLE);
		ck_assert_int_eq(tpar_future_wait(f, tpar_in(1000000)),
				 TPAR_ETIMEDOUT);
		put(ends[1]);
		expect_ready(f, TPAR_IO_READABLE);
		/* It was there before. */
		expect_ready(ready(ends[0], TPAR_IO_READABLE),
			     TPAR_IO_READABLE);
		expect_ready(ready(ends[0],
				   TPAR_IO_READABLE | TPAR_IO_WRITABLE),
			     TPAR_IO_READABLE | TPAR_IO_WRITABLE);
		get(ends[0]);
		expect_ready(ready(ends[0],
				   TPAR_IO_READABLE | TPAR_IO_WRITABLE),
			     TPAR_IO_WRITABLE);
	}
	io_close_both(ends);
}
END_TEST

START_TEST(several_wait_for_one_descriptor)
{
	int ends[2];
	tpar_future *f[5];
	int i;

	io_pair(ends);
	for (i = 0; i < 4; i++) {
		f[i] = ready(ends[0], TPAR_IO_READABLE);
	}
	f[4] = ready(ends[0], TPAR_IO_WRITABLE);
	expect_ready(f[4], TPAR_IO_WRITABLE);
	ck_assert_int_eq(tpar_future_cancel(f[1]), TPAR_OK);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]),
				 i == 1 ? TPAR_CANCELLED : TPAR_PENDING);
	}
	put(ends[1]);
	expect_ready(f[0], TPAR_IO_READABLE);
	expect_ready(f[2], TPAR_IO_READABLE);
	expect_ready(f[3], TPAR_IO_READABLE);
	tpar_future_unref(f[1]);
	io_close_both(ends);
}
END_TEST

START_TEST(end_of_the_other_side_is_told)
{
	int ends[2];
	tpar_future *f;

	io_pipe(ends);
	f = ready(ends[0], TPAR_IO_READABLE);
	UNIT_MUST(close(ends[1]) == 0);
	expect_ready(f, TPAR_IO_HANGUP);
	UNIT_MUST(close(ends[0]) == 0);
	/* A pipe that is full, whose reader goes. */
	io_pipe(ends);
	while (write(ends[1], "0123456789abcdef", 16) == 16) {
	}
	f = ready(ends[1], TPAR_IO_WRITABLE);
	ck_assert_int_eq(tpar_future_wait(f, tpar_in(1000000)), TPAR_ETIMEDOUT);
	UNIT_MUST(close(ends[0]) == 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_uint_ne(
		*(const unsigned *)tpar_future_value(f) & TPAR_IO_ERROR, 0);
	tpar_future_unref(f);
	UNIT_MUST(close(ends[1]) == 0);
}
END_TEST

START_TEST(thousand_descriptors_at_once)
{
	enum { N = 400 };
	static int fd[N];
	static tpar_future *f[N];
	unsigned values[N];
	uint64_t one = 1;
	int i;

	for (i = 0; i < N; i++) {
		fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		UNIT_MUST(fd[i] >= 0);
		f[i] = ready(fd[i], TPAR_IO_READABLE);
	}
	for (i = 0; i < N; i++) {
		UNIT_MUST(write(fd[i * 7 % N], &one, 8) == 8);
	}
	ck_assert_int_eq(tpar_gather(f, N, values, NULL), TPAR_OK);
	for (i = 0; i < N; i++) {
		ck_assert_uint_eq(values[i], TPAR_IO_READABLE);
		UNIT_MUST(close(fd[i]) == 0);
	}
	tpar_future_unref_all(f, N);
}
END_TEST

/* ---- What is wrong ------------------------------------------------------- */

START_TEST(arguments_that_are_wrong_are_refused)
{
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_io_ready(-1, TPAR_IO_READABLE, &f), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "fd is -1");
	ck_assert_int_eq(tpar_io_ready(0, 0, &f), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "events is 0,"));
	ck_assert_int_eq(tpar_io_ready(0, TPAR_IO_HANGUP, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_ready(0, TPAR_IO_READABLE | 64, &f),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_ready(0, TPAR_IO_READABLE, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
	ck_assert_int_eq(tpar_io_close(-1), TPAR_EINVAL);
	ck_assert_ptr_null(f);
}
END_TEST

START_TEST(descriptor_that_is_not_open_fails)
{
	io_expect_failure(ready(987, TPAR_IO_READABLE), EBADF,
			  "awaiting descriptor 987: Bad file descriptor");
	io_expect_failure(
		ready(INT_MAX, TPAR_IO_READABLE), EBADF,
		"awaiting descriptor 2147483647: Bad file descriptor");
	ck_assert_int_eq(tpar_io_close(987), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(),
			 "closing descriptor 987: Bad file descriptor");
}
END_TEST

START_TEST(regular_file_is_not_waited_for)
{
	char text[128];
	FILE *file = tmpfile();

	UNIT_MUST(file != NULL);
	snprintf(text, sizeof text,
		 "awaiting descriptor %d: Operation not permitted (a regular "
		 "file or a directory)",
		 fileno(file));
	io_expect_failure(ready(fileno(file), TPAR_IO_READABLE), EPERM, text);
	UNIT_MUST(fclose(file) == 0);
}
END_TEST

/* ---- Closing ------------------------------------------------------------- */

static void
expect_closed(tpar_future *f, int fd)
{
	char text[128];

	snprintf(text, sizeof text, "awaiting descriptor %d: %s", fd,
		 "Bad file descriptor");
	io_expect_failure(f, EBADF, text);
}

START_TEST(close_ends_all_that_wait)
{
	int ends[2];
	tpar_future *f[2];

	io_pair(ends);
	f[0] = ready(ends[0], TPAR_IO_READABLE);
	f[1] = ready(ends[0], TPAR_IO_READABLE);
	ck_assert_int_eq(tpar_io_close(ends[0]), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_FAILED);
	expect_closed(f[0], ends[0]);
	expect_closed(f[1], ends[0]);
	ck_assert_int_lt(fcntl(ends[0], F_GETFD), 0);
	UNIT_MUST(close(ends[1]) == 0);
}
END_TEST

START_TEST(plain_close_is_noticed)
{
	int ends[2];
	tpar_future *f;
	int copy;

	io_pair(ends);
	f = ready(ends[0], TPAR_IO_READABLE);
	UNIT_MUST(close(ends[0]) == 0);
	expect_closed(f, ends[0]);
	UNIT_MUST(close(ends[1]) == 0);
	/* Although the file is still open. */
	io_pair(ends);
	copy = dup(ends[0]);
	f = ready(ends[0], TPAR_IO_READABLE);
	UNIT_MUST(close(ends[0]) == 0);
	expect_closed(f, ends[0]);
	UNIT_MUST(close(copy) == 0 && close(ends[1]) == 0);
}
END_TEST

/* The file lives on, in the epoll set under its old number, and gets it again. */
START_TEST(number_that_the_same_file_gets_again_is_waited_for)
{
	tpar_future *f;
	int ends[2];
	int other;

	io_pipe(ends);
	other = dup(ends[0]);
	UNIT_MUST(other >= 0);
	f = ready(ends[0], TPAR_IO_READABLE);
	UNIT_MUST(close(ends[0]) == 0);
	expect_closed(f, ends[0]);
	UNIT_MUST(dup2(other, ends[0]) == ends[0]);
	UNIT_MUST(write(ends[1], "x", 1) == 1);
	f = ready(ends[0], TPAR_IO_READABLE);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	UNIT_MUST(close(other) == 0);
	io_close_both(ends);
}
END_TEST

START_TEST(number_that_is_used_again_is_another_descriptor)
{
	int old[2];
	int other[2];
	int copy;
	tpar_future *f[2];

	io_pair(old);
	io_pair(other);
	copy = dup(old[0]);
	f[0] = ready(old[0], TPAR_IO_READABLE);
	/* The number is of another file now; the old one lives on as copy. */
	UNIT_MUST(dup2(other[0], old[0]) == old[0]);
	f[1] = ready(old[0], TPAR_IO_READABLE);
	expect_closed(f[0], old[0]);
	/* What comes for the old one is not for who waits for the new one. */
	put(old[1]);
	ck_assert_int_eq(tpar_future_wait(f[1], tpar_in(5 * TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	put(other[1]);
	expect_ready(f[1], TPAR_IO_READABLE);
	UNIT_MUST(close(copy) == 0);
	io_close_both(old);
	io_close_both(other);
}
END_TEST

START_TEST(number_is_used_again_after_a_close)
{
	int i;

	for (i = 0; i < 20; i++) {
		int ends[2];
		tpar_future *f;

		io_pair(ends);
		f = ready(ends[0], TPAR_IO_READABLE);
		if (i % 2 == 0) {
			put(ends[1]);
			expect_ready(f, TPAR_IO_READABLE);
		} else {
			ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
			tpar_future_unref(f);
		}
		io_close_both(ends);
	}
}
END_TEST

/* ---- On the library's thread --------------------------------------------- */

/* Reads what comes, as a client of an event loop does. */
struct reader {
	int fd;
	long left;
	struct unit_gate over;
};

static void
read_on(tpar_future *f, void *arg)
{
	struct reader *reader = arg;
	tpar_future *next = NULL;

	UNIT_MUST(tpar_future_state(f) == TPAR_DONE);
	get(reader->fd);
	if (--reader->left == 0) {
		UNIT_MUST(tpar_io_close(reader->fd) == TPAR_OK);
		unit_gate_open(&reader->over);
		return;
	}
	next = ready(reader->fd, TPAR_IO_READABLE);
	UNIT_MUST(tpar_future_on_done(next, read_on, reader) == TPAR_OK);
	tpar_future_unref(next);
}

START_TEST(callback_waits_for_the_same_descriptor_again)
{
	int ends[2];
	struct reader reader = { .left = unit_scaled(500),
				 .over = UNIT_GATE_INIT };
	long n = reader.left;
	tpar_future *f;

	io_pair(ends);
	reader.fd = ends[0];
	f = ready(reader.fd, TPAR_IO_READABLE);
	ck_assert_int_eq(tpar_future_on_done(f, read_on, &reader), TPAR_OK);
	while (n-- > 0) {
		put(ends[1]);
	}
	unit_gate_await(&reader.over, 1);
	ck_assert_int_eq(reader.left, 0);
	tpar_future_unref(f);
	UNIT_MUST(close(ends[1]) == 0);
}
END_TEST

static void *
close_stormily(void *arg)
{
	long rounds = unit_scaled(500);
	long i;

	(void)arg;
	for (i = 0; i < rounds; i++) {
		int ends[2];
		tpar_future *f[2];

		io_pair(ends);
		f[0] = ready(ends[0], TPAR_IO_READABLE);
		f[1] = ready(ends[0], TPAR_IO_READABLE | TPAR_IO_WRITABLE);
		put(ends[1]);
		if (i % 3 == 0) {
			(void)tpar_future_cancel(f[0]);
		}
		/* ThreadSanitizer takes the other one for the error it is. */
		if (i % 2 == 0 || !CHILD_STARTS_THREADS) {
			UNIT_MUST(tpar_io_close(ends[0]) == TPAR_OK);
		} else {
			UNIT_MUST(close(ends[0]) == 0);
			(void)tpar_future_cancel(f[0]);
			(void)tpar_future_cancel(f[1]);
		}
		UNIT_MUST(close(ends[1]) == 0);
		UNIT_MUST(tpar_wait_all(f, 2, TPAR_FOREVER) == TPAR_OK);
		tpar_future_unref_all(f, 2);
	}
	return NULL;
}

START_TEST(close_may_meet_what_comes)
{
	pthread_t thread[3];
	int i;

	for (i = 0; i < 3; i++) {
		thread[i] = unit_start(close_stormily, NULL);
	}
	for (i = 0; i < 3; i++) {
		unit_join(thread[i]);
	}
	ck_assert(true);
}
END_TEST

START_TEST(silent_descriptors_are_cancelled_by_a_failure)
{
	enum { N = 100 };
	int ends[N][2];
	tpar_future *f[N + 1];
	int i;

	for (i = 0; i < N; i++) {
		io_pair(ends[i]);
		f[i] = ready(ends[i][0], TPAR_IO_READABLE);
	}
	f[N] = unit_submit(NULL, scene_fail_with, (void *)(intptr_t)7,
			   sizeof(unsigned));
	ck_assert_int_eq(tpar_gather(f, N + 1, NULL, NULL), TPAR_EFAILED);
	for (i = 0; i < N; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_CANCELLED);
		io_close_both(ends[i]);
	}
	tpar_future_unref_all(f, N + 1);
}
END_TEST

START_TEST(deadline_ends_a_wait)
{
	int ends[2];
	tpar_future *f;

	io_pair(ends);
	f = ready(ends[0], TPAR_IO_READABLE);
	ck_assert_int_eq(tpar_future_cancel_at(f, tpar_in(TPAR_MILLISECOND)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	io_close_both(ends);
}
END_TEST

START_TEST(thread_that_cannot_be_started_is_an_error)
{
	struct rlimit limit;
	struct rlimit none;
	tpar_future *f = NULL;
	int fd = open("/dev/null", O_RDONLY);

	UNIT_MUST(fd >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0);
	none = limit;
	none.rlim_cur = (rlim_t)fd + 1;
	UNIT_MUST(setrlimit(RLIMIT_NOFILE, &none) == 0);
	ck_assert_int_eq(tpar_io_timer(1, &f), TPAR_EAGAIN);
	ck_assert_str_eq(tpar_error_detail(), "the I/O thread cannot be "
					      "started: Too many open files");
	ck_assert_ptr_null(f);
	ck_assert_int_eq(tpar_io_ready(fd, TPAR_IO_READABLE, &f), TPAR_EAGAIN);
	UNIT_MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	ck_assert_int_eq(tpar_io_timer(1, &f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	UNIT_MUST(close(fd) == 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		number_that_the_same_file_gets_again_is_waited_for,
		descriptor_is_ready_when_there_is_something,
		several_wait_for_one_descriptor,
		end_of_the_other_side_is_told,
		thousand_descriptors_at_once,
		arguments_that_are_wrong_are_refused,
		descriptor_that_is_not_open_fails,
		regular_file_is_not_waited_for,
		close_ends_all_that_wait,
		plain_close_is_noticed,
		number_that_is_used_again_is_another_descriptor,
		number_is_used_again_after_a_close,
		callback_waits_for_the_same_descriptor_again,
		close_may_meet_what_comes,
		silent_descriptors_are_cancelled_by_a_failure,
		deadline_ends_a_wait,
		thread_that_cannot_be_started_is_an_error,
	};

	return io_main("io_ready", tests, sizeof tests / sizeof tests[0]);
}
