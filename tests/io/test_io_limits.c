/* SPDX-License-Identifier: MIT */
/*
 * test_io_limits.c - no descriptor is left: calls are refused, or their futures
 * fail and say so; what is under way goes on; and afterwards all works.
 */
#include "io.h"

#include <sys/resource.h>

static rlim_t
limit_descriptors(rlim_t to)
{
	struct rlimit now;
	rlim_t before;

	UNIT_MUST(getrlimit(RLIMIT_NOFILE, &now) == 0);
	before = now.rlim_cur;
	now.rlim_cur = to;
	UNIT_MUST(setrlimit(RLIMIT_NOFILE, &now) == 0);
	return before;
}

/* The number that the next descriptor has. */
static rlim_t
next_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	UNIT_MUST(fd >= 0 && close(fd) == 0);
	return (rlim_t)fd;
}

static void
run_to_its_end(tpar_future *f)
{
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
}

static void
expect_code(tpar_future *f, int code)
{
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_EFAILED);
	UNIT_MUST(tpar_future_code(f) == code);
	UNIT_MUST(tpar_future_message(f)[0] != '\0');
	tpar_future_unref(f);
}

static void
all_works(void)
{
	const char *argv[] = { "/bin/true", NULL };
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	tpar_future *f;

	spawn.argv = argv;
	/* Taken: what a future still has is closed by whoever releases it last. */
	UNIT_MUST(tpar_io_listen("127.0.0.1:0", 1, &f) == TPAR_OK);
	UNIT_MUST(close(io_take_fd(f)) == 0);
	UNIT_MUST(tpar_io_read_file(NULL, "/proc/self/stat", &f) == TPAR_OK);
	run_to_its_end(f);
	UNIT_MUST(tpar_io_spawn(&spawn, &f) == TPAR_OK);
	run_to_its_end(f);
	/* Last: its thread has closed by then what it had open for the process. */
	UNIT_MUST(tpar_io_timer(tpar_in(1000), &f) == TPAR_OK);
	run_to_its_end(f);
}

/* Its thread needs some. */
START_TEST(thread_cannot_be_started_without_descriptors)
{
	tpar_future *f = NULL;
	rlim_t before = limit_descriptors(next_descriptor());
	enum tpar_err err = tpar_io_timer(tpar_in(1000), &f);
	enum tpar_err other = tpar_io_ready(0, TPAR_IO_READABLE, &f);

	(void)limit_descriptors(before);
	ck_assert_int_eq(err, TPAR_EAGAIN);
	ck_assert_int_eq(other, TPAR_EAGAIN);
	ck_assert_ptr_null(f);
	all_works();
	ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
}
END_TEST

/* A read waits meanwhile, and has what comes. */
START_TEST(futures_fail_when_no_descriptor_is_left)
{
	const char *argv[] = { "/bin/true", NULL };
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	tpar_future *read;
	tpar_future *f[5];
	char byte = 0;
	rlim_t before;
	int ends[2];

	io_pair(ends);
	spawn.argv = argv;
	ck_assert_int_eq(tpar_io_read(ends[0], &byte, 1, &read), TPAR_OK);
	/* What starts on first use is there. */
	all_works();
	before = limit_descriptors(next_descriptor());
	UNIT_MUST(tpar_io_listen("127.0.0.1:0", 1, &f[0]) == TPAR_OK);
	UNIT_MUST(tpar_io_connect("unix:@nobody is there", &f[1]) == TPAR_OK);
	UNIT_MUST(tpar_io_spawn(&spawn, &f[2]) == TPAR_OK);
	UNIT_MUST(tpar_io_read_file(NULL, "/proc/self/stat", &f[3]) == TPAR_OK);
	UNIT_MUST(tpar_io_timer(tpar_in(1000), &f[4]) == TPAR_OK);
	expect_code(f[0], EMFILE);
	expect_code(f[1], EMFILE);
	expect_code(f[2], EMFILE);
	expect_code(f[3], EMFILE);
	run_to_its_end(f[4]);
	UNIT_MUST(write(ends[1], "x", 1) == 1);
	run_to_its_end(read);
	(void)limit_descriptors(before);
	ck_assert_int_eq(byte, 'x');
	all_works();
	io_close_both(ends);
	ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
}
END_TEST

/* One that cannot be accepted waits in the queue of the socket. */
START_TEST(connection_is_accepted_when_there_is_room_again)
{
	tpar_future *f;
	int listens;
	int connected;
	int accepted;
	rlim_t before;
	char address[80];

	if (unit_is_valgrind()) {
		printf("# valgrind closes what is beyond a limit: not tried\n");
		return;
	}
	(void)snprintf(address, sizeof address, "unix:@limits of %ld",
		       (long)getpid());
	UNIT_MUST(tpar_io_listen(address, 1, &f) == TPAR_OK);
	listens = io_take_fd(f);
	UNIT_MUST(tpar_io_connect(address, &f) == TPAR_OK);
	connected = io_take_fd(f);
	before = limit_descriptors(next_descriptor());
	UNIT_MUST(tpar_io_accept(listens, &f) == TPAR_OK);
	expect_code(f, EMFILE);
	(void)limit_descriptors(before);
	UNIT_MUST(tpar_io_accept(listens, &f) == TPAR_OK);
	accepted = io_take_fd(f);
	ck_assert_int_eq(write(accepted, "x", 1), 1);
	UNIT_MUST(close(accepted) == 0 && close(connected) == 0);
	UNIT_MUST(close(listens) == 0);
	ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		thread_cannot_be_started_without_descriptors,
		futures_fail_when_no_descriptor_is_left,
		connection_is_accepted_when_there_is_room_again,
	};

	return unit_main("io_limits", tests, sizeof tests / sizeof tests[0]);
}
