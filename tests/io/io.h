/* SPDX-License-Identifier: MIT */
/*
 * io.h - what the tests of libtaskpar-io share.
 */
#ifndef IO_H
#define IO_H

#include "child.h"
#include "scene.h"

#include <taskpar/io.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The future has failed with this errno value, and says `text`. */
static inline void
io_expect_failure(tpar_future *f, int code, const char *text)
{
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f), code);
	ck_assert_str_eq(tpar_future_message(f), text);
	tpar_future_unref(f);
}

static inline void
io_nonblock(int fd)
{
	UNIT_MUST(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
}

static inline void
io_pipe(int ends[2])
{
	UNIT_MUST(pipe(ends) == 0);
	io_nonblock(ends[0]);
	io_nonblock(ends[1]);
}

static inline void
io_pair(int ends[2])
{
	UNIT_MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	io_nonblock(ends[0]);
	io_nonblock(ends[1]);
}

static inline void
io_close_both(const int ends[2])
{
	UNIT_MUST(close(ends[0]) == 0 && close(ends[1]) == 0);
}

/* It is done; its value, a descriptor, is the caller's. */
static inline int
io_take_fd(tpar_future *f)
{
	int fd = -1;

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f, &fd), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Is done with this count. */
static inline void
io_expect_count(tpar_future *f, size_t count)
{
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_uint_eq(*(const size_t *)tpar_future_value(f), count);
	tpar_future_unref(f);
}

/* How many descriptors are open. */
static inline int
io_open_fds(void)
{
	DIR *fds = opendir("/proc/self/fd");
	int n = 0;

	UNIT_MUST(fds != NULL);
	while (readdir(fds) != NULL) {
		n++;
	}
	UNIT_MUST(closedir(fds) == 0);
	return n;
}

/* As shutdown and the end of the default pool: no thread is left. */
static inline void
io_end(void)
{
	UNIT_MUST(tpar_io_shutdown() == TPAR_OK);
}

static inline int
io_main(const char *name, const TTest *const *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	size_t i;
	int failed;

	tcase_set_timeout(tcase, UNIT_TIMEOUT);
	tcase_add_checked_fixture(tcase, NULL, io_end);
	tcase_add_checked_fixture(tcase, NULL, unit_end_default_pool);
	for (i = 0; i < n; i++) {
		tcase_add_test(tcase, tests[i]);
	}
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
