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

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

static _Atomic long storm_signals;

static void
count_signal(int number)
{
	(void)number;
	atomic_fetch_add(&storm_signals, 1);
}

/* Without SA_RESTART. */
static void
take_signal(int number)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = count_signal;
	ck_assert_int_eq(sigemptyset(&action.sa_mask), 0);
	ck_assert_int_eq(sigaction(number, &action, NULL), 0);
}

static int storm_number;
static _Thread_local timer_t storm_timer;

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* On the calling thread, from now on. */
static void
begin_storm(unsigned index, void *arg)
{
	struct itimerspec every = { { 0, 1000000 }, { 0, 1000000 } };
	struct sigevent event;
	sigset_t set;

	(void)index;
	(void)arg;
	UNIT_MUST(sigemptyset(&set) == 0);
	UNIT_MUST(sigaddset(&set, storm_number) == 0);
	UNIT_MUST(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_THREAD_ID;
	event.sigev_signo = storm_number;
	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	UNIT_MUST(timer_create(CLOCK_MONOTONIC, &event, &storm_timer) == 0);
	UNIT_MUST(timer_settime(storm_timer, 0, &every, NULL) == 0);
}

static void
end_storm(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	UNIT_MUST(timer_delete(storm_timer) == 0);
}

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

	begin_storm(0, NULL);
	for (round = 0; round < storm->rounds; round++) {
		for (i = 0; i < PROGRAMS; i++) {
			programs[i](storm->pool);
		}
	}
	end_storm(0, NULL);
	return NULL;
}

static void
weather(int number)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct storm storm = { NULL, unit_scaled(100) };
	pthread_t thread[2];
	int i;

	storm_number = number;
	take_signal(number);
	begin_storm(0, NULL);
	config.workers = 2;
	config.blocking_limit = 8;
	config.stack_size = (size_t)256 * 1024;
	config.on_worker_start = begin_storm;
	config.on_worker_stop = end_storm;
	ck_assert_int_eq(tpar_pool_create(&storm.pool, &config), TPAR_OK);
	for (i = 0; i < 2; i++) {
		thread[i] = unit_start(run_programs, &storm);
	}
	for (i = 0; i < 2; i++) {
		unit_join(thread[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(storm.pool), TPAR_OK);
	UNIT_AWAIT(storm_signals > 0);
	end_storm(0, NULL);
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
