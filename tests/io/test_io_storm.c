/* SPDX-License-Identifier: MIT */
/*
 * test_io_storm.c - a signal a thousand times a second to each thread, also to that
 * of libtaskpar-io: no request fails for it, no byte is lost, no time is short.
 */
#include "io.h"
#include "storm.h"

enum { BYTES = 300000 };

static pthread_t self;
static _Atomic int begun; /* maybe only after the wait has returned */

/* On the library's thread, if it is the one that completes it. */
static void
begin_there(tpar_future *f, void *arg)
{
	(void)f;
	(void)arg;
	if (!pthread_equal(pthread_self(), self)) {
		storm_begin(0, NULL);
	}
	atomic_store(&begun, 1);
}

static void
begin_on_loop_thread(void)
{
	tpar_future *f;

	self = pthread_self();

	ck_assert_int_eq(tpar_io_timer(tpar_in(20 * TPAR_MILLISECOND), &f),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_on_done(f, begin_there, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	UNIT_AWAIT(atomic_load(&begun));
	tpar_future_unref(f);
}

static void
run_to_its_end(tpar_future *f)
{
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
}

static void
pass_bytes(void)
{
	static char from[BYTES];
	static char to[BYTES];
	tpar_future *writes;
	tpar_future *reads;
	size_t have = 0;
	size_t i;
	int ends[2];

	for (i = 0; i < BYTES; i++) {
		from[i] = (char)(i * 31);
	}
	io_pair(ends);
	ck_assert_int_eq(tpar_io_write(ends[0], from, BYTES, &writes), TPAR_OK);
	while (have < BYTES) {
		ck_assert_int_eq(tpar_io_read(ends[1], to + have, BYTES - have,
					      &reads),
				 TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(reads, TPAR_FOREVER),
				 TPAR_OK);
		have += *(const size_t *)tpar_future_value(reads);
		tpar_future_unref(reads);
	}
	run_to_its_end(writes);
	ck_assert_int_eq(memcmp(from, to, BYTES), 0);
	io_close_both(ends);
}

static void
meet(void)
{
	tpar_future *accepts;
	tpar_future *f;
	char address[80];
	int listens;
	int connected;

	(void)snprintf(address, sizeof address, "unix:@storm of %ld",
		       (long)getpid());
	ck_assert_int_eq(tpar_io_listen(address, 1, &f), TPAR_OK);
	listens = io_take_fd(f);
	ck_assert_int_eq(tpar_io_accept(listens, &accepts), TPAR_OK);
	ck_assert_int_eq(tpar_io_connect(address, &f), TPAR_OK);
	connected = io_take_fd(f);
	run_to_its_end(accepts);
	ck_assert(close(connected) == 0 && close(listens) == 0);
}

static void
spawn(void)
{
	static char input[BYTES];
	const char *argv[] = { "/bin/cat", NULL };
	struct tpar_io_spawn how = TPAR_IO_SPAWN_INIT;
	const struct tpar_io_exit *exit;
	tpar_future *f;

	how.argv = argv;
	how.input = input;
	how.input_size = sizeof input;
	ck_assert_int_eq(tpar_io_spawn(&how, &f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	exit = tpar_future_value(f);
	ck_assert_int_eq(exit->code, 0);
	ck_assert_uint_eq(exit->output_size, BYTES);
	tpar_future_unref(f);
}

static void
use_times_and_files(void)
{
	int64_t deadline = tpar_in(TPAR_MILLISECOND);
	tpar_future *f;

	ck_assert_int_eq(tpar_io_timer(deadline, &f), TPAR_OK);
	run_to_its_end(f);
	ck_assert_int_ge(tpar_in(0), deadline);
	ck_assert_int_eq(tpar_io_resolve("127.0.0.1", "80", &f), TPAR_OK);
	run_to_its_end(f);
	ck_assert_int_eq(tpar_io_read_file(NULL, "/proc/self/status", &f),
			 TPAR_OK);
	run_to_its_end(f);
}

START_TEST(signals_break_no_request)
{
	long rounds = unit_scaled(60);
	long i;

	storm_take(SIGRTMIN + 3);
	storm_begin(0, NULL);
	begin_on_loop_thread();
	for (i = 0; i < rounds; i++) {
		pass_bytes();
		meet();
		spawn();
		use_times_and_files();
	}
	ck_assert_int_gt(storm_signals, 0);
	storm_end(0, NULL);
	ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
	printf("# storm: %ld signals\n", storm_signals);
	(void)fflush(stdout);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { signals_break_no_request };

	return unit_main("io_storm", tests, sizeof tests / sizeof tests[0]);
}
