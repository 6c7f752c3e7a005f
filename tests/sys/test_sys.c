/* SPDX-License-Identifier: MIT */
/*
 * test_sys.c - the replayable scheduler itself: what it finds, that it finds it
 * again, that runs know nothing of each other, that time is virtual.
 */
#include "sys.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct tpar_sys_report report;

static enum tpar_err
run_with(struct tpar_sys_config *config, void (*test)(void *arg), void *arg)
{
	config->flags |= TPAR_SYS_SILENT;
	if (config->seeds == 0) {
		config->seeds = 300;
	}
	return tpar_sys_run(config, test, arg, &report);
}

static enum tpar_err
run(void (*test)(void *arg), void *arg)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;

	return run_with(&config, test, arg);
}

/* It fails in that way, and twice again. */
static void
must_find(enum tpar_err err, enum tpar_sys_verdict verdict)
{
	ck_assert_int_eq(err, TPAR_EFAILED);
	ck_assert_int_eq(report.verdict, verdict);
	ck_assert_uint_eq(report.failed, 1);
	ck_assert_uint_eq(report.replays, 2);
	ck_assert(report.what[0] != '\0');
}

/* ---- Replays ----------------------------------------------------------------- */

static int
square(void *arg, void *value)
{
	*(intptr_t *)value = (intptr_t)arg * (intptr_t)arg;
	return 0;
}

static void
squares(void *arg)
{
	tpar_pool *pool = sys_pool(2, 2);
	intptr_t out[3];
	tpar_future *f[3];
	int i;

	(void)arg;
	for (i = 0; i < 3; i++) {
		MUST(tpar_submit(pool, square, (void *)(intptr_t)i,
				 sizeof out[0], &f[i]) == TPAR_OK);
	}
	MUST(tpar_gather(f, 3, out, NULL) == TPAR_OK);
	MUST(out[0] == 0 && out[1] == 1 && out[2] == 4);
	tpar_future_unref_all(f, 3);
	sys_destroy(pool);
}

START_TEST(test_a_seed_is_the_same_schedule_each_time)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;
	uint64_t trace[8];
	uint64_t steps[8];
	unsigned different = 0;
	unsigned again;
	unsigned i;

	config.seeds = 1;
	for (again = 0; again < 3; again++) {
		for (i = 0; i < 8; i++) {
			config.first = i + 1;
			ck_assert_int_eq(run_with(&config, squares, NULL),
					 TPAR_OK);
			if (again == 0) {
				trace[i] = report.trace;
				steps[i] = report.steps;
			}
			ck_assert_uint_eq(report.trace, trace[i]);
			ck_assert_uint_eq(report.steps, steps[i]);
		}
	}
	for (i = 1; i < 8; i++) {
		different += trace[i] != trace[0];
	}
	ck_assert_uint_eq(different, 7);
}
END_TEST

/* What was before is not there: not even the memory's addresses count. */
static int left_behind;

static void
leave_behind(void *arg)
{
	void **before = arg;

	MUST(left_behind++ == 0);
	squares(NULL);
	*before = malloc(1000);
}

START_TEST(test_runs_know_nothing_of_each_other)
{
	void *before = NULL;

	ck_assert_int_eq(run(leave_behind, &before), TPAR_OK);
	ck_assert_uint_eq(report.runs, 300);
	ck_assert_ptr_null(before);
	ck_assert_int_eq(left_behind, 0);
}
END_TEST

/* ---- What it finds ------------------------------------------------------------- */

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;

static void *
lock_both(void *arg)
{
	bool turned = arg != NULL;

	MUST(pthread_mutex_lock(turned ? &second : &first) == 0);
	MUST(pthread_mutex_lock(turned ? &first : &second) == 0);
	MUST(pthread_mutex_unlock(turned ? &first : &second) == 0);
	MUST(pthread_mutex_unlock(turned ? &second : &first) == 0);
	return NULL;
}

static void
lock_crosswise(void *arg)
{
	pthread_t thread = sys_start(lock_both, arg);

	(void)lock_both(NULL);
	sys_join(thread);
}

START_TEST(test_a_deadlock_is_found)
{
	must_find(run(lock_crosswise, &first), TPAR_SYS_DEADLOCK);
	ck_assert_int_eq(run(lock_crosswise, NULL), TPAR_OK);
}
END_TEST

/* Sets without the mutex; who waits may just have looked. */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_set;

static void *
set_and_signal(void *arg)
{
	if (arg == NULL) {
		MUST(pthread_mutex_lock(&first) == 0);
	}
	is_set = true;
	MUST(pthread_cond_signal(&changed) == 0);
	if (arg == NULL) {
		MUST(pthread_mutex_unlock(&first) == 0);
	}
	return NULL;
}

static void
wait_until_set(void *arg)
{
	pthread_t thread = sys_start(set_and_signal, arg);

	MUST(pthread_mutex_lock(&first) == 0);
	while (!is_set) {
		MUST(pthread_cond_wait(&changed, &first) == 0);
	}
	MUST(pthread_mutex_unlock(&first) == 0);
	sys_join(thread);
}

START_TEST(test_a_lost_wake_up_is_found)
{
	must_find(run(wait_until_set, &first), TPAR_SYS_DEADLOCK);
	ck_assert_int_eq(run(wait_until_set, NULL), TPAR_OK);
}
END_TEST

/* Looks again each second: nothing hangs, but it takes a second. */
static void
wait_with_timeouts(void *arg)
{
	pthread_t thread = sys_start(set_and_signal, arg);
	struct timespec until;

	MUST(pthread_mutex_lock(&first) == 0);
	while (!is_set) {
		MUST(clock_gettime(CLOCK_REALTIME, &until) == 0);
		until.tv_sec++;
		(void)pthread_cond_timedwait(&changed, &first, &until);
	}
	MUST(pthread_mutex_unlock(&first) == 0);
	sys_join(thread);
}

START_TEST(test_a_timeout_does_not_hide_a_lost_wake_up)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;

	ck_assert_int_eq(run(wait_with_timeouts, &first), TPAR_OK);
	config.time_ns = TPAR_SECOND / 2;
	must_find(run_with(&config, wait_with_timeouts, &first), TPAR_SYS_LATE);
	ck_assert_int_eq(run_with(&config, wait_with_timeouts, NULL), TPAR_OK);
}
END_TEST

static int shared;

static void *
check_then_act(void *arg)
{
	int seen = shared;

	(void)arg;
	tpar_sys_point();
	shared = seen + 1;
	return NULL;
}

static void
add_twice(void *arg)
{
	pthread_t thread = sys_start(check_then_act, arg);

	(void)check_then_act(NULL);
	sys_join(thread);
	MUST(shared == 2);
}

START_TEST(test_a_race_is_found)
{
	must_find(run(add_twice, NULL), TPAR_SYS_FAILED);
	ck_assert_ptr_nonnull(strstr(report.what, "shared == 2"));
}
END_TEST

static void
loop_for_ever(void *arg)
{
	while (arg == NULL) {
		tpar_sys_yield();
	}
}

START_TEST(test_a_livelock_is_found)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;

	config.steps = 1000;
	must_find(run_with(&config, loop_for_ever, NULL), TPAR_SYS_LIVELOCK);
}
END_TEST

static void
end_badly(void *arg)
{
	if (arg == NULL) {
		abort();
	}
	exit(0);
}

START_TEST(test_a_crash_and_an_exit_are_failures)
{
	must_find(run(end_badly, NULL), TPAR_SYS_CRASHED);
	must_find(run(end_badly, &first), TPAR_SYS_FAILED);
}
END_TEST

static void
block_in_the_system(void *arg)
{
	int ends[2];
	char byte;

	(void)arg;
	MUST(pipe(ends) == 0);
	(void)!read(ends[0], &byte, 1);
}

START_TEST(test_who_blocks_in_the_system_hangs)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;

	config.hang_s = 1;
	must_find(run_with(&config, block_in_the_system, NULL), TPAR_SYS_HANGS);
}
END_TEST

/* ---- Time ---------------------------------------------------------------------- */

static void *
sleep_two_hours(void *arg)
{
	MUST(sleep(7200) == 0);
	(*(int *)arg)++;
	return NULL;
}

static void
sleep_long(void *arg)
{
	struct timespec before;
	struct timespec after;
	int woken = 0;
	pthread_t thread;

	(void)arg;
	thread = sys_start(sleep_two_hours, &woken);
	MUST(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
	MUST(sleep(3600) == 0);
	MUST(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
	MUST(after.tv_sec - before.tv_sec >= 3599);
	MUST(after.tv_sec - before.tv_sec <= 3601);
	MUST(woken == 0);
	sys_join(thread);
	MUST(woken == 1);
}

START_TEST(test_sleeps_take_no_time)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;

	ck_assert_int_eq(run(sleep_long, NULL), TPAR_OK);
	config.time_ns = 3600 * TPAR_SECOND;
	must_find(run_with(&config, sleep_long, NULL), TPAR_SYS_LATE);
}
END_TEST

/* A timeout that comes although the signal is on its way. */
static void
wait_a_second(void *arg)
{
	pthread_t thread = sys_start(set_and_signal, arg);
	struct timespec until;
	int rc = 0;

	MUST(pthread_mutex_lock(&first) == 0);
	MUST(clock_gettime(CLOCK_REALTIME, &until) == 0);
	until.tv_sec++;
	while (!is_set && rc == 0) {
		rc = pthread_cond_timedwait(&changed, &first, &until);
	}
	MUST(pthread_mutex_unlock(&first) == 0);
	MUST(rc == 0);
	sys_join(thread);
}

START_TEST(test_timeouts_come_early_only_if_asked_for)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;

	config.seeds = 2000;
	ck_assert_int_eq(run_with(&config, wait_a_second, NULL), TPAR_OK);
	config.flags = TPAR_SYS_EARLY;
	must_find(run_with(&config, wait_a_second, NULL), TPAR_SYS_FAILED);
}
END_TEST

/* Does not look again. */
static void
wait_once(void *arg)
{
	pthread_t thread = sys_start(set_and_signal, arg);

	MUST(pthread_mutex_lock(&first) == 0);
	if (!is_set) {
		MUST(pthread_cond_wait(&changed, &first) == 0);
	}
	MUST(is_set);
	MUST(pthread_mutex_unlock(&first) == 0);
	sys_join(thread);
}

START_TEST(test_waits_end_for_nothing_only_if_asked_for)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;

	ck_assert_int_eq(run(wait_once, NULL), TPAR_OK);
	config.flags = TPAR_SYS_SPURIOUS;
	must_find(run_with(&config, wait_once, NULL), TPAR_SYS_FAILED);
}
END_TEST

/* ---- The program's own ------------------------------------------------------------ */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t done;
static int value;
static int made;
static int dropped;

static void
drop(void *arg)
{
	(void)arg;
	MUST(pthread_mutex_lock(&first) == 0);
	dropped++;
	tpar_sys_yield();
	MUST(pthread_mutex_unlock(&first) == 0);
}

static void
make(void)
{
	tpar_sys_yield();
	made++;
	MUST(pthread_key_create(&key, drop) == 0);
}

static void *
use_all(void *arg)
{
	int seen;
	int i;

	MUST(pthread_once(&once, make) == 0);
	MUST(made == 1);
	MUST(pthread_setspecific(key, &value) == 0);
	for (i = 0; i < 2; i++) {
		MUST(pthread_rwlock_rdlock(&rwlock) == 0);
		seen = value;
		tpar_sys_point();
		MUST(value == seen);
		MUST(pthread_rwlock_unlock(&rwlock) == 0);
		MUST(pthread_rwlock_wrlock(&rwlock) == 0);
		seen = value;
		tpar_sys_point();
		value = seen + 1;
		MUST(pthread_rwlock_unlock(&rwlock) == 0);
	}
	MUST(sem_post(&done) == 0);
	return arg;
}

static int
drops(void)
{
	int n;

	MUST(pthread_mutex_lock(&first) == 0);
	n = dropped;
	MUST(pthread_mutex_unlock(&first) == 0);
	return n;
}

/* One is joined, one has detached itself, destructors are part of both. */
static void
use_them(void *arg)
{
	struct timespec now = { 0, 0 };
	pthread_t thread[2];
	int i;

	(void)arg;
	MUST(sem_init(&done, 0, 0) == 0);
	for (i = 0; i < 2; i++) {
		thread[i] = sys_start(use_all, &value);
	}
	for (i = 0; i < 2; i++) {
		MUST(sem_wait(&done) == 0);
	}
	MUST(value == 4);
	MUST(sem_trywait(&done) != 0 && errno == EAGAIN);
	MUST(sem_timedwait(&done, &now) != 0 && errno == ETIMEDOUT);
	MUST(pthread_detach(thread[1]) == 0);
	sys_join(thread[0]);
	MUST(drops() >= 1);
	while (drops() < 2) {
		tpar_sys_yield();
	}
	MUST(pthread_mutex_lock(&first) == 0);
	MUST(pthread_mutex_trylock(&first) == EBUSY);
	MUST(pthread_mutex_timedlock(&first, &now) == ETIMEDOUT);
	MUST(pthread_mutex_unlock(&first) == 0);
}

START_TEST(test_locks_and_threads_of_the_program_take_part)
{
	ck_assert_int_eq(run(use_them, NULL), TPAR_OK);
	/* And outside of a run they are what they were. */
	use_them(NULL);
	ck_assert_int_eq(value, 4);
}
END_TEST

/* Each access is atomic, two of them are not: that is found, and nothing else. */
static _Atomic int count;
static atomic_flag flag = ATOMIC_FLAG_INIT;

static void *
count_up(void *arg)
{
	int seen = atomic_load(&count);
	bool mine = false;

	if (arg != NULL) {
		atomic_store(&count, seen + 1);
	} else if (!atomic_compare_exchange_strong(&count, &seen, seen + 1)) {
		atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
	}
	while (!mine) {
		mine = !atomic_flag_test_and_set(&flag);
		if (!mine) {
			sched_yield();
		}
	}
	atomic_flag_clear(&flag);
	return NULL;
}

static void
count_twice(void *arg)
{
	pthread_t thread = sys_start(count_up, arg);
	int was;

	(void)count_up(arg);
	sys_join(thread);
	was = atomic_exchange_explicit(&count, 9, memory_order_acq_rel);
	MUST(was == 2 && atomic_fetch_sub(&count, 1) == 9);
	MUST(atomic_fetch_or(&count, 1) == 8 &&
	     atomic_fetch_and(&count, 1) == 9);
	MUST(atomic_fetch_xor(&count, 3) == 1 && atomic_load(&count) == 2);
}

START_TEST(test_atomic_accesses_of_the_program_have_points)
{
	ck_assert_int_eq(run(count_twice, NULL), TPAR_OK);
	must_find(run(count_twice, &value), TPAR_SYS_FAILED);
}
END_TEST

static void *
exit_early(void *arg)
{
	pthread_exit(arg);
}

static void
join_exited(void *arg)
{
	pthread_t thread = sys_start(exit_early, arg);
	void *got = NULL;

	MUST(pthread_join(thread, &got) == 0);
	MUST(got == arg);
}

START_TEST(test_a_thread_may_exit)
{
	ck_assert_int_eq(run(join_exited, &value), TPAR_OK);
}
END_TEST

/* ---- Seeds ------------------------------------------------------------------------ */

static void
fail_for_some(void *arg)
{
	(void)arg;
	MUST(tpar_sys_choose(20) != 7);
}

START_TEST(test_a_seed_that_fails_is_kept_and_run_first)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;
	char file[] = "/tmp/taskpar-seeds-XXXXXX";
	uint64_t seed;
	int fd = mkstemp(file);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	config.name = "some";
	config.seed_file = file;
	must_find(run_with(&config, fail_for_some, NULL), TPAR_SYS_FAILED);
	seed = report.seed;
	must_find(run_with(&config, fail_for_some, NULL), TPAR_SYS_FAILED);
	ck_assert_uint_eq(report.seed, seed);
	ck_assert_uint_eq(report.runs, 1);
	/* That of another name is not. */
	config.name = "other";
	config.first = seed + 1000;
	config.seeds = 1;
	(void)run_with(&config, squares, NULL);
	ck_assert_uint_eq(report.runs, 1);
	ck_assert_uint_eq(report.seed, seed + 1000);
	(void)unlink(file);
}
END_TEST

START_TEST(test_the_environment_chooses_seeds)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;

	config.name = "env";
	ck_assert_int_eq(setenv("TASKPAR_SYS_SEEDS", "7", 1), 0);
	ck_assert_int_eq(run_with(&config, squares, NULL), TPAR_OK);
	ck_assert_uint_eq(report.runs, 7);
	ck_assert_int_eq(setenv("TASKPAR_SYS_SEED", "env:5", 1), 0);
	ck_assert_int_eq(run_with(&config, squares, NULL), TPAR_OK);
	ck_assert_uint_eq(report.runs, 1);
	ck_assert_uint_eq(report.seed, 5);
	ck_assert_int_eq(setenv("TASKPAR_SYS_SEED", "other:5", 1), 0);
	ck_assert_int_eq(run_with(&config, squares, NULL), TPAR_OK);
	ck_assert_uint_eq(report.runs, 0);
	ck_assert_int_eq(setenv("TASKPAR_SYS_SEED", "5x", 1), 0);
	ck_assert_int_eq(run_with(&config, squares, NULL), TPAR_EINVAL);
	ck_assert_int_eq(unsetenv("TASKPAR_SYS_SEED"), 0);
	ck_assert_int_eq(setenv("TASKPAR_SYS_SEEDS", "none", 1), 0);
	ck_assert_int_eq(run_with(&config, squares, NULL), TPAR_EINVAL);
}
END_TEST

static void
run_in_a_run(void *arg)
{
	MUST(tpar_sys_run(arg, squares, NULL, NULL) == TPAR_EBUSY);
}

START_TEST(test_bad_input_is_told)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;

	config.seeds = 1;
	ck_assert_int_eq(run_with(&config, run_in_a_run, &config), TPAR_OK);
	ck_assert_int_eq(run_with(&config, NULL, NULL), TPAR_EINVAL);
	config.name = "a b";
	ck_assert_int_eq(run_with(&config, squares, NULL), TPAR_EINVAL);
	config.name = NULL;
	config.size = 1;
	ck_assert_int_eq(run_with(&config, squares, NULL), TPAR_EINVAL);
}
END_TEST

START_TEST(test_it_can_keep_going)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;

	config.flags = TPAR_SYS_KEEP_GOING;
	ck_assert_int_eq(run_with(&config, fail_for_some, NULL), TPAR_EFAILED);
	ck_assert_uint_eq(report.runs, 300);
	ck_assert_uint_gt(report.failed, 3);
	ck_assert_uint_lt(report.failed, 60);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		test_a_seed_is_the_same_schedule_each_time,
		test_runs_know_nothing_of_each_other,
		test_a_deadlock_is_found,
		test_a_lost_wake_up_is_found,
		test_a_timeout_does_not_hide_a_lost_wake_up,
		test_a_race_is_found,
		test_a_livelock_is_found,
		test_a_crash_and_an_exit_are_failures,
		test_who_blocks_in_the_system_hangs,
		test_sleeps_take_no_time,
		test_timeouts_come_early_only_if_asked_for,
		test_waits_end_for_nothing_only_if_asked_for,
		test_locks_and_threads_of_the_program_take_part,
		test_atomic_accesses_of_the_program_have_points,
		test_a_thread_may_exit,
		test_a_seed_that_fails_is_kept_and_run_first,
		test_the_environment_chooses_seeds,
		test_bad_input_is_told,
		test_it_can_keep_going,
	};
	Suite *suite = suite_create("sys");
	TCase *tcase = tcase_create("sys");
	SRunner *runner;
	size_t i;
	int failed;

	tcase_set_timeout(tcase, 120);
	for (i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		tcase_add_test(tcase, tests[i]);
	}
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
