/* SPDX-License-Identifier: MIT */
/*
 * test_lock.c - mutual exclusion, waiting with and without a deadline, and the
 * lock order that debug builds check.
 */
#include "config.h"

#include "src/clock.h"
#include "src/lock.h"

#include <taskpar/base.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 20000 };

/* What the threads of a test share. */
struct shared {
	struct tpi_lock lock;
	struct tpi_cond cond;
	int64_t deadline;
	unsigned count; /* [m:lock] */
	bool go;	/* [m:lock] */
};

static void
shared_init(struct shared *shared)
{
	ck_assert_int_eq(tpi_lock_init(&shared->lock, TPI_RANK_POOL), 0);
	ck_assert_int_eq(tpi_cond_init(&shared->cond), 0);
	shared->deadline = TPAR_FOREVER;
	shared->count = 0;
	shared->go = false;
}

static void
shared_fini(struct shared *shared)
{
	tpi_cond_fini(&shared->cond);
	tpi_lock_fini(&shared->lock);
}

static bool
is_held(struct tpi_lock *lock)
{
	int rc = pthread_mutex_trylock(&lock->mutex);

	if (rc == 0) {
		ck_assert_int_eq(pthread_mutex_unlock(&lock->mutex), 0);
	}
	return rc == EBUSY;
}

static void *
count_up(void *arg)
{
	struct shared *shared = arg;
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		tpi_lock_enter(&shared->lock);
		shared->count++;
		tpi_lock_leave(&shared->lock);
	}
	return NULL;
}

START_TEST(one_thread_at_a_time)
{
	struct shared shared;
	pthread_t thread[THREADS];
	int i;

	shared_init(&shared);
	for (i = 0; i < THREADS; i++) {
		ck_assert_int_eq(
			pthread_create(&thread[i], NULL, count_up, &shared), 0);
	}
	for (i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	}
	ck_assert_uint_eq(shared.count, THREADS * ROUNDS);
	shared_fini(&shared);
}
END_TEST

START_TEST(static_lock)
{
	static struct tpi_lock lock = TPI_LOCK_INIT(TPI_RANK_DEFAULT_POOL);

	ck_assert(!is_held(&lock));
	tpi_lock_enter(&lock);
	ck_assert(is_held(&lock));
	tpi_lock_leave(&lock);
	ck_assert(!is_held(&lock));
}
END_TEST

START_TEST(locks_of_one_rank_are_taken_together)
{
	static struct tpi_lock locks[3] = { TPI_LOCK_INIT(TPI_RANK_REMOVAL),
					    TPI_LOCK_INIT(TPI_RANK_REMOVAL),
					    TPI_LOCK_INIT(TPI_RANK_REMOVAL) };
	int i;

	tpi_lock_enter_all(locks, 3);
	for (i = 0; i < 3; i++) {
		ck_assert(is_held(&locks[i]));
	}
	tpi_lock_leave_all(locks, 3);
	for (i = 0; i < 3; i++) {
		tpi_lock_enter(&locks[i]);
		tpi_lock_leave(&locks[i]);
	}
}
END_TEST

START_TEST(wait_with_past_deadline_returns_false)
{
	int64_t deadlines[4];
	struct shared shared;
	size_t i;

	deadlines[0] = 1;
	deadlines[1] = tpi_clock_now();
	deadlines[2] = tpar_in(0);
	deadlines[3] = tpar_in(-TPAR_SECOND);
	shared_init(&shared);
	tpi_lock_enter(&shared.lock);
	for (i = 0; i < 4; i++) {
		ck_assert(!tpi_cond_wait(&shared.cond, &shared.lock,
					 deadlines[i]));
		ck_assert(is_held(&shared.lock));
	}
	tpi_lock_leave(&shared.lock);
	shared_fini(&shared);
}
END_TEST

START_TEST(wait_does_not_end_before_its_deadline)
{
	struct shared shared;
	int64_t deadline;

	shared_init(&shared);
	tpi_lock_enter(&shared.lock);
	deadline = tpar_in(2 * TPAR_MILLISECOND);
	/* ENDS: the deadline comes. */
	while (tpi_cond_wait(&shared.cond, &shared.lock, deadline)) {
	}
	ck_assert_int_ge(tpi_clock_now(), deadline);
	tpi_lock_leave(&shared.lock);
	shared_fini(&shared);
}
END_TEST

/* Waits to be let go; tells that it waits, and whether that was in time. */
static void *
wait_for_go(void *arg)
{
	struct shared *shared = arg;
	bool in_time = true;

	tpi_lock_enter(&shared->lock);
	shared->count++;
	tpi_cond_broadcast(&shared->cond);
	/* ENDS: let_go() */
	while (!shared->go && in_time) {
		in_time = tpi_cond_wait(&shared->cond, &shared->lock,
					shared->deadline);
	}
	tpi_lock_leave(&shared->lock);
	return in_time ? arg : NULL;
}

/* Starts threads that wait, and wakes them all when each of them does. */
static void
let_go(int64_t deadline, int threads)
{
	pthread_t thread[THREADS];
	struct shared shared;
	void *result;
	int i;

	shared_init(&shared);
	shared.deadline = deadline;
	for (i = 0; i < threads; i++) {
		ck_assert_int_eq(pthread_create(&thread[i], NULL, wait_for_go,
						&shared),
				 0);
	}
	tpi_lock_enter(&shared.lock);
	/* ENDS: wait_for_go() counts itself. */
	while (shared.count < (unsigned)threads) {
		(void)tpi_cond_wait(&shared.cond, &shared.lock, TPAR_FOREVER);
	}
	shared.go = true;
	if (threads == 1) {
		tpi_cond_signal(&shared.cond);
	} else {
		tpi_cond_broadcast(&shared.cond);
	}
	tpi_lock_leave(&shared.lock);
	for (i = 0; i < threads; i++) {
		ck_assert_int_eq(pthread_join(thread[i], &result), 0);
		ck_assert_ptr_eq(result, &shared);
	}
	shared_fini(&shared);
}

START_TEST(signal_ends_a_wait)
{
	let_go(TPAR_FOREVER, 1);
	let_go(tpar_in(3600 * TPAR_SECOND), 1);
	let_go(INT64_MAX, 1);
}
END_TEST

START_TEST(broadcast_ends_all_waits)
{
	let_go(TPAR_FOREVER, THREADS);
	let_go(INT64_MAX, THREADS);
}
END_TEST

static struct tpi_lock lower = TPI_LOCK_INIT(TPI_RANK_POOL);
static struct tpi_lock same = TPI_LOCK_INIT(TPI_RANK_POOL);
static struct tpi_lock higher = TPI_LOCK_INIT(TPI_RANK_PARKER);

static void
climb(void)
{
	tpi_lock_enter(&lower);
	tpi_lock_enter(&higher);
	tpi_lock_leave(&higher);
	tpi_lock_enter(&higher);
	tpi_lock_leave(&lower);
	tpi_lock_leave(&higher);
	tpi_lock_enter(&lower);
	tpi_lock_leave(&lower);
}

START_TEST(locks_in_order)
{
	climb();
	climb();
	ck_assert_msg(true, "no lock of a higher rank was in the way");
}
END_TEST

static void *
climb_in_thread(void *arg)
{
	climb();
	return arg;
}

/* What a thread holds is nothing to another one. */
START_TEST(order_is_per_thread)
{
	static struct tpi_lock top = TPI_LOCK_INIT(TPI_RANK_PARKER);
	pthread_t thread;

	tpi_lock_enter(&top);
	ck_assert_int_eq(pthread_create(&thread, NULL, climb_in_thread, NULL),
			 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	tpi_lock_leave(&top);
}
END_TEST

#ifdef TPI_DEBUG

static void
descend(void)
{
	tpi_lock_enter(&higher);
	tpi_lock_enter(&lower);
}

static void
take_same_rank(void)
{
	tpi_lock_enter(&lower);
	tpi_lock_enter(&same);
}

static void
take_again(void)
{
	tpi_lock_enter(&lower);
	tpi_lock_enter(&lower);
}

/* A wait takes its lock again, below one that is still held. */
static void
wait_below(void)
{
	struct tpi_cond cond;

	(void)tpi_cond_init(&cond);
	tpi_lock_enter(&lower);
	tpi_lock_enter(&higher);
	(void)tpi_cond_wait(&cond, &lower, 1);
}

/* Runs it in a process of its own.  true: it was killed by abort(). */
static bool
dies(void (*wrong)(void))
{
	const struct rlimit no_core = { 0, 0 };
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)dup2(null, STDERR_FILENO);
		wrong();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

START_TEST(order_violation_dies)
{
	ck_assert(dies(descend));
	ck_assert(dies(take_same_rank));
	ck_assert(dies(take_again));
	ck_assert(dies(wait_below));
	ck_assert(!dies(climb));
}
END_TEST

static void
add_debug_tests(TCase *tests)
{
	tcase_add_test(tests, order_violation_dies);
}

#else

static void
add_debug_tests(TCase *tests)
{
	(void)tests;
	(void)same;
}

#endif

int
main(void)
{
	Suite *suite = suite_create("lock");
	TCase *tests = tcase_create("lock");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, one_thread_at_a_time);
	tcase_add_test(tests, static_lock);
	tcase_add_test(tests, locks_of_one_rank_are_taken_together);
	tcase_add_test(tests, wait_with_past_deadline_returns_false);
	tcase_add_test(tests, wait_does_not_end_before_its_deadline);
	tcase_add_test(tests, signal_ends_a_wait);
	tcase_add_test(tests, broadcast_ends_all_waits);
	tcase_add_test(tests, locks_in_order);
	tcase_add_test(tests, order_is_per_thread);
	add_debug_tests(tests);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
