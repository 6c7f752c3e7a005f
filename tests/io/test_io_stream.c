/* SPDX-License-Identifier: MIT */
/*
 * test_io_stream.c - reading from and writing to descriptors that do not block.
 */
#include "io.h"

#include <signal.h>

static tpar_future *
reading(int fd, void *buffer, size_t size)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_read(fd, buffer, size, &f) == TPAR_OK);
	return f;
}

static tpar_future *
writing(int fd, const void *data, size_t size)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_write(fd, data, size, &f) == TPAR_OK);
	return f;
}

START_TEST(read_gives_what_is_there)
{
	char text[16] = "";
	int ends[2];
	tpar_future *f;

	io_pipe(ends);
	f = reading(ends[0], text, 15);
	ck_assert_int_eq(tpar_future_state(f), TPAR_RUNNING);
	io_expect_count(writing(ends[1], "hello", 5), 5);
	io_expect_count(f, 5);
	ck_assert_str_eq(text, "hello");
	io_expect_count(writing(ends[1], "abcdef", 6), 6);
	io_expect_count(reading(ends[0], text, 4), 4);
	io_expect_count(reading(ends[0], text + 4, 4), 2);
	ck_assert_str_eq(text, "abcdef");
	UNIT_MUST(close(ends[1]) == 0);
	io_expect_count(reading(ends[0], text, 4), 0);
	UNIT_MUST(close(ends[0]) == 0);
}
END_TEST

START_TEST(requests_for_one_descriptor_are_served_in_order)
{
	enum { N = 20, SIZE = 50000 };
	static char data[N][SIZE];
	static char text[N * SIZE];
	int ends[2];
	tpar_future *w[N];
	size_t got = 0;
	int i;

	io_pair(ends);
	for (i = 0; i < N; i++) {
		memset(data[i], 'a' + i, SIZE);
		w[i] = writing(ends[0], data[i], SIZE);
	}
	while (got < sizeof text) {
		tpar_future *f =
			reading(ends[1], text + got, sizeof text - got);

		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		got += *(const size_t *)tpar_future_value(f);
		tpar_future_unref(f);
	}
	for (i = 0; i < N; i++) {
		io_expect_count(w[i], SIZE);
		ck_assert_int_eq(text[(size_t)i * SIZE], 'a' + i);
		ck_assert_int_eq(text[(size_t)(i + 1) * SIZE - 1], 'a' + i);
	}
	io_close_both(ends);
}
END_TEST

struct drain {
	int fd;
	size_t size;
	char *text;
};

/* Blocks, and so reads whenever there is room to be made. */
static void *
drain_all(void *arg)
{
	struct drain *drain = arg;
	size_t got = 0;

	while (got < drain->size) {
		ssize_t n =
			read(drain->fd, drain->text + got, drain->size - got);

		UNIT_MUST(n > 0);
		got += (size_t)n;
	}
	return NULL;
}

START_TEST(writes_that_do_not_fit_are_not_mixed_up)
{
	enum { N = 10, SIZE = 700000 };
	static char data[N][SIZE];
	static char text[N * SIZE];
	struct drain drain = { -1, sizeof text, text };
	tpar_future *f[N];
	pthread_t thread;
	int ends[2];
	int i;

	io_pair(ends);
	UNIT_MUST(fcntl(ends[1], F_SETFL, 0) == 0);
	drain.fd = ends[1];
	thread = unit_start(drain_all, &drain);
	for (i = 0; i < N; i++) {
		memset(data[i], 'a' + i, SIZE);
		f[i] = writing(ends[0], data[i], SIZE);
	}
	for (i = 0; i < N; i++) {
		io_expect_count(f[i], SIZE);
	}
	unit_join(thread);
	ck_assert_int_eq(memcmp(text, data, sizeof text), 0);
	io_close_both(ends);
}
END_TEST

START_TEST(read_that_finds_nothing_left_goes_on_waiting)
{
	char byte[2] = { 0, 0 };
	int ends[2];
	tpar_future *f[2];

	io_pair(ends);
	f[0] = reading(ends[0], &byte[0], 1);
	f[1] = reading(ends[0], &byte[1], 1);
	UNIT_MUST(write(ends[1], "x", 1) == 1);
	io_expect_count(f[0], 1);
	ck_assert_int_eq(tpar_future_wait(f[1], tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	UNIT_MUST(write(ends[1], "y", 1) == 1);
	io_expect_count(f[1], 1);
	ck_assert(byte[0] == 'x' && byte[1] == 'y');
	io_close_both(ends);
}
END_TEST

START_TEST(both_directions_at_once)
{
	static const char ping[] = "ping";
	char text[2][8] = { "", "" };
	int ends[2];
	tpar_future *f[4];
	size_t counts[4];

	io_pair(ends);
	f[0] = reading(ends[0], text[0], 7);
	f[1] = reading(ends[1], text[1], 7);
	f[2] = writing(ends[0], ping, 4);
	f[3] = writing(ends[1], "pong", 4);
	ck_assert_int_eq(tpar_gather(f, 4, counts, NULL), TPAR_OK);
	ck_assert_str_eq(text[1], "ping");
	ck_assert_str_eq(text[0], "pong");
	ck_assert_uint_eq(counts[0], 4);
	tpar_future_unref_all(f, 4);
	io_close_both(ends);
}
END_TEST

/* ---- What is wrong ------------------------------------------------------- */

START_TEST(arguments_that_are_wrong_are_refused)
{
	char byte = 0;
	int ends[2];
	tpar_future *f = NULL;

	UNIT_MUST(pipe(ends) == 0);
	ck_assert_int_eq(tpar_io_read(ends[0], &byte, 1, &f), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "O_NONBLOCK"));
	ck_assert_int_eq(tpar_io_write(ends[1], &byte, 1, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_read(-1, &byte, 1, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_read(ends[0], NULL, 1, &f), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "buffer is NULL");
	io_nonblock(ends[0]);
	ck_assert_int_eq(tpar_io_read(ends[0], &byte, 0, &f), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "size is 0");
	ck_assert_int_eq(tpar_io_read(ends[0], &byte, 1, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_write(ends[0], NULL, 1, &f), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "data is NULL");
	ck_assert_ptr_null(f);
	io_close_both(ends);
}
END_TEST

START_TEST(nothing_is_written_when_the_descriptor_is_ready)
{
	int ends[2];

	io_pair(ends);
	io_expect_count(writing(ends[0], NULL, 0), 0);
	io_close_both(ends);
}
END_TEST

START_TEST(descriptor_that_is_not_open_fails)
{
	char byte = 0;

	io_expect_failure(reading(987, &byte, 1), EBADF,
			  "reading from descriptor 987: Bad file descriptor");
	io_expect_failure(writing(987, &byte, 1), EBADF,
			  "writing to descriptor 987: Bad file descriptor");
}
END_TEST

START_TEST(regular_file_is_refused)
{
	char byte = 0;
	char text[128];
	FILE *file = tmpfile();

	UNIT_MUST(file != NULL);
	io_nonblock(fileno(file));
	snprintf(text, sizeof text,
		 "reading from descriptor %d: Operation not permitted (a "
		 "regular file or a directory)",
		 fileno(file));
	io_expect_failure(reading(fileno(file), &byte, 1), EPERM, text);
	UNIT_MUST(fclose(file) == 0);
}
END_TEST

static void
expect_broken(tpar_future *f, int fd)
{
	char text[128];

	snprintf(text, sizeof text, "writing to descriptor %d: Broken pipe",
		 fd);
	io_expect_failure(f, EPIPE, text);
}

/* Its default action would end the process. */
START_TEST(nobody_reads_and_no_signal_comes)
{
	static char much[1 << 20];
	int ends[2];
	tpar_future *f;

	UNIT_MUST(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	io_pipe(ends);
	f = writing(ends[1], much, sizeof much);
	UNIT_MUST(close(ends[0]) == 0);
	expect_broken(f, ends[1]);
	expect_broken(writing(ends[1], much, 1), ends[1]);
	UNIT_MUST(close(ends[1]) == 0);
	io_pair(ends);
	f = writing(ends[1], much, sizeof much);
	ck_assert_int_eq(tpar_future_wait(f, tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	UNIT_MUST(close(ends[0]) == 0);
	expect_broken(f, ends[1]);
	UNIT_MUST(close(ends[1]) == 0);
}
END_TEST

START_TEST(close_ends_reads_and_writes)
{
	static char much[1 << 20];
	char byte;
	char text[128];
	int ends[2];
	tpar_future *f[2];

	io_pair(ends);
	f[0] = reading(ends[0], &byte, 1);
	f[1] = writing(ends[0], much, sizeof much);
	ck_assert_int_eq(tpar_io_close(ends[0]), TPAR_OK);
	snprintf(text, sizeof text,
		 "reading from descriptor %d: Bad file descriptor", ends[0]);
	io_expect_failure(f[0], EBADF, text);
	snprintf(text, sizeof text,
		 "writing to descriptor %d: Bad file descriptor", ends[0]);
	io_expect_failure(f[1], EBADF, text);
	UNIT_MUST(close(ends[1]) == 0);
}
END_TEST

/* ---- Cancelling ---------------------------------------------------------- */

START_TEST(buffer_is_the_callers_again_after_a_cancel)
{
	char *buffer = malloc(100);
	int ends[2];
	tpar_future *f;

	io_pair(ends);
	f = reading(ends[0], buffer, 100);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	free(buffer);
	tpar_future_unref(f);
	/* What comes now is still there. */
	buffer = malloc(100);
	io_expect_count(writing(ends[1], "late", 4), 4);
	io_expect_count(reading(ends[0], buffer, 100), 4);
	free(buffer);
	/* A write that does not fit. */
	buffer = calloc(1, 1 << 22);
	f = writing(ends[0], buffer, 1 << 22);
	ck_assert_int_eq(tpar_future_cancel_at(f, tpar_in(TPAR_MILLISECOND)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	free(buffer);
	tpar_future_unref(f);
	io_close_both(ends);
}
END_TEST

/* Bytes are counted on both sides: a cancel loses none. */
START_TEST(cancel_may_meet_the_bytes_and_none_is_lost)
{
	long rounds = unit_scaled(1000);
	long sent = 0;
	long got = 0;
	int ends[2];
	char *buffer;
	long i;

	io_pair(ends);
	for (i = 0; i < rounds; i++) {
		tpar_future *f;

		buffer = malloc(8);
		f = reading(ends[0], buffer, 8);
		UNIT_MUST(write(ends[1], "x", 1) == 1);
		sent++;
		(void)tpar_future_cancel(f);
		(void)tpar_future_wait(f, TPAR_FOREVER);
		if (tpar_future_state(f) == TPAR_DONE) {
			got += (long)*(const size_t *)tpar_future_value(f);
		} else {
			ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
		}
		free(buffer);
		tpar_future_unref(f);
		if (sent - got > 100) {
			char rest[128];

			got += read(ends[0], rest, sizeof rest);
		}
	}
	UNIT_MUST(shutdown(ends[1], SHUT_WR) == 0);
	buffer = malloc(256);
	ck_assert_int_le(got, sent);
	io_expect_count(reading(ends[0], buffer, 256), (size_t)(sent - got));
	free(buffer);
	io_close_both(ends);
}
END_TEST

static int
fail_soon(void *arg, void *value)
{
	(void)value;
	return tpar_fail(3, "%s", (const char *)arg);
}

START_TEST(failure_beside_five_hundred_silent_sockets)
{
	enum { N = 200 };
	static int ends[N][2];
	static char buffer[N][8];
	tpar_future *f[N + 1];
	struct tpar_failure why;
	int i;

	for (i = 0; i < N; i++) {
		io_pair(ends[i]);
		f[i] = reading(ends[i][0], buffer[i], 8);
	}
	f[N] = unit_submit(NULL, fail_soon, (char[]) { "no" }, sizeof(size_t));
	ck_assert_int_eq(tpar_gather(f, N + 1, NULL, &why), TPAR_EFAILED);
	ck_assert_str_eq(why.message, "no");
	for (i = 0; i < N; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_CANCELLED);
		io_close_both(ends[i]);
	}
	tpar_future_unref_all(f, N + 1);
}
END_TEST

START_TEST(shutdown_cancels_reads)
{
	char byte;
	int ends[2];
	tpar_future *f;

	io_pair(ends);
	f = reading(ends[0], &byte, 1);
	ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	tpar_future_unref(f);
	io_close_both(ends);
}
END_TEST

static void
cancel_in_child(void *arg)
{
	tpar_future *f = arg;

	UNIT_MUST(tpar_future_state(f) == TPAR_RUNNING);
	if (CHILD_STARTS_THREADS && CHILD_ALLOCATES) {
		UNIT_MUST(tpar_future_cancel(f) == TPAR_OK);
		UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_ECANCELED);
	}
}

START_TEST(read_of_before_a_fork_is_cancelled_in_the_child)
{
	char byte;
	int ends[2];
	tpar_future *f;

	io_pair(ends);
	f = reading(ends[0], &byte, 1);
	ck_assert(child_runs(cancel_in_child, f));
	io_expect_count(writing(ends[1], "x", 1), 1);
	io_expect_count(f, 1);
	io_close_both(ends);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		read_gives_what_is_there,
		requests_for_one_descriptor_are_served_in_order,
		writes_that_do_not_fit_are_not_mixed_up,
		read_that_finds_nothing_left_goes_on_waiting,
		both_directions_at_once,
		arguments_that_are_wrong_are_refused,
		nothing_is_written_when_the_descriptor_is_ready,
		descriptor_that_is_not_open_fails,
		regular_file_is_refused,
		nobody_reads_and_no_signal_comes,
		close_ends_reads_and_writes,
		buffer_is_the_callers_again_after_a_cancel,
		cancel_may_meet_the_bytes_and_none_is_lost,
		failure_beside_five_hundred_silent_sockets,
		shutdown_cancels_reads,
		read_of_before_a_fork_is_cancelled_in_the_child,
	};

	return io_main("io_stream", tests, sizeof tests / sizeof tests[0]);
}
