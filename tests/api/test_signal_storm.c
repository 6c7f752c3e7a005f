/* SPDX-License-Identifier: MIT */
/*
 * test_signal_storm.c - a signal that comes a thousand times a second, to each
 * thread that there is, and breaks what system calls it meets: no result differs,
 * and EINTR comes out of no call of the library.
 *
 * The threads of a pool have all signals blocked.  Here they unblock this one, so
 * that it breaks what tasks and the library itself call on them.
 */
#include "programs.h"
#include "storm.h"

/* Each program several times, on two threads. */
struct storm {
	tpar_pool *pool;
	long rounds;
};

static void *
run_programs(void *arg)
{
	struct storm *storm = arg;
	long round;
	int i;

	storm_begin(0, NULL);
	for (round = 0; round < storm->rounds; round++) {
		for (i = 0; i < PROGRAMS; i++) {
			programs[i](storm->pool);
		}
	}
	storm_end(0, NULL);
	return NULL;
}

static void
weather(int number)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct storm storm = { NULL, unit_scaled(100) };
	pthread_t thread[2];
	int i;

	if (unit_is_valgrind()) {
		printf("# valgrind loses the mask of a broken ppoll(): "
		       "not tried\n");
		return;
	}
	storm_take(number);
	storm_begin(0, NULL);
	config.workers = 2;
	config.blocking_limit = 8;
	config.stack_size = (size_t)256 * 1024;
	config.on_worker_start = storm_begin;
	config.on_worker_stop = storm_end;
	ck_assert_int_eq(tpar_pool_create(&storm.pool, &config), TPAR_OK);
	for (i = 0; i < 2; i++) {
		thread[i] = unit_start(run_programs, &storm);
	}
	for (i = 0; i < 2; i++) {
		unit_join(thread[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(storm.pool), TPAR_OK);
	UNIT_AWAIT(storm_signals > 0);
	storm_end(0, NULL);
	printf("# storm: %ld signals\n", storm_signals);
	(void)fflush(stdout);
}

START_TEST(plain_signal_breaks_nothing)
{
	weather(SIGUSR1);
}
END_TEST

START_TEST(real_time_signal_breaks_nothing)
{
	weather(SIGRTMIN + 3);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { plain_signal_breaks_nothing,
				 real_time_signal_breaks_nothing };

	return unit_main("signal_storm", tests, sizeof tests / sizeof tests[0]);
}
