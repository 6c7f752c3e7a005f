/* SPDX-License-Identifier: MIT */
/*
 * unit.h - what the tests share: the main function, scaling, waiting for
 * other threads, starting threads and pools.
 */
#ifndef UNIT_H
#define UNIT_H

#include <taskpar.h>

#include <check.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __has_feature
#define UNIT_HAS_FEATURE(x) __has_feature(x)
#else
#define UNIT_HAS_FEATURE(x) 0
#endif

/* Is this a build under ThreadSanitizer, under AddressSanitizer? */
#if defined(__SANITIZE_THREAD__) || UNIT_HAS_FEATURE(thread_sanitizer)
#define UNIT_TSAN 1
#else
#define UNIT_TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || UNIT_HAS_FEATURE(address_sanitizer)
#define UNIT_ASAN 1
#else
#define UNIT_ASAN 0
#endif

/*
 * Does it run under qemu-user?  tests/cross/run.sh says so.  There the child of a
 * process with several threads cannot start some, and posix_spawn() does not learn
 * that a program is not there.
 */
#ifndef UNIT_QEMU
#define UNIT_QEMU 0
#endif

/* Seconds for one test, also under a sanitizer on a busy machine. */
#define UNIT_TIMEOUT 120

/* For threads other than the test's own, where ck_assert() must not be used. */
#define UNIT_MUST(cond)                                                        \
	((cond) ? (void)0 : unit_broken(__FILE__, __LINE__, #cond))

static inline _Noreturn void
unit_broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
	abort();
}

/* ENDS: another thread makes it true, or the test's timeout comes. */
#define UNIT_AWAIT(cond)                                                       \
	do {                                                                   \
		while (!(cond)) {                                              \
			sched_yield();                                         \
		}                                                              \
	} while (0)

/* n, scaled by TPAR_TEST_SCALE (percent, 100 if it is not set); at least 1. */
static inline long
unit_scaled(long n)
{
	const char *text = getenv("TPAR_TEST_SCALE");
	long percent = text != NULL ? strtol(text, NULL, 10) : 100;
	long scaled = n * percent / 100;

	return scaled > 0 ? scaled : 1;
}

/* Does the test run in valgrind?  It is told by what that preloads. */
static inline bool
unit_is_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

/* Counts how often it was opened; others wait for a count. */
struct unit_gate {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned opened;
};

#define UNIT_GATE_INIT                                                         \
	{                                                                      \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0         \
	}

static inline void
unit_gate_open(struct unit_gate *gate)
{
	UNIT_MUST(pthread_mutex_lock(&gate->mutex) == 0);
	gate->opened++;
	UNIT_MUST(pthread_cond_broadcast(&gate->cond) == 0);
	UNIT_MUST(pthread_mutex_unlock(&gate->mutex) == 0);
}

static inline void
unit_gate_await(struct unit_gate *gate, unsigned times)
{
	UNIT_MUST(pthread_mutex_lock(&gate->mutex) == 0);
	while (gate->opened < times) {
		UNIT_MUST(pthread_cond_wait(&gate->cond, &gate->mutex) == 0);
	}
	UNIT_MUST(pthread_mutex_unlock(&gate->mutex) == 0);
}

/* A task that says it has begun, then waits to be let go. */
struct unit_hold {
	struct unit_gate begun;
	struct unit_gate go;
	int code; /* what the task returns */
};

#define UNIT_HOLD_INIT                                                         \
	{                                                                      \
		UNIT_GATE_INIT, UNIT_GATE_INIT, 0                              \
	}

static inline int
unit_hold_task(void *arg, void *value)
{
	struct unit_hold *hold = arg;

	(void)value;
	unit_gate_open(&hold->begun);
	unit_gate_await(&hold->go, 1);
	return hold->code;
}

/* Writes its argument, a number, as its value of the same size. */
static inline int
unit_number_task(void *arg, void *value)
{
	*(intptr_t *)value = (intptr_t)arg;
	return 0;
}

static inline pthread_t
unit_start(void *(*main)(void *arg), void *arg)
{
	pthread_t thread;

	UNIT_MUST(pthread_create(&thread, NULL, main, arg) == 0);
	return thread;
}

static inline void
unit_join(pthread_t thread)
{
	UNIT_MUST(pthread_join(thread, NULL) == 0);
}

/* On a stack of 64 KiB, or of the least that there are: Arm has 128. */
static inline void
unit_run_on_a_small_stack(void *(*fn)(void *arg), void *arg)
{
	long least = sysconf(_SC_THREAD_STACK_MIN);
	size_t size = least > 64 * 1024L ? (size_t)least : (size_t)64 * 1024;
	pthread_attr_t attr;
	pthread_t thread;

	UNIT_MUST(pthread_attr_init(&attr) == 0);
	UNIT_MUST(pthread_attr_setstacksize(&attr, size) == 0);
	UNIT_MUST(pthread_create(&thread, &attr, fn, arg) == 0);
	unit_join(thread);
	UNIT_MUST(pthread_attr_destroy(&attr) == 0);
}

static inline tpar_pool *
unit_pool(unsigned workers, unsigned blocking_limit)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = workers;
	config.blocking_limit = blocking_limit;
	config.stack_size = (size_t)256 * 1024;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	return pool;
}

static inline tpar_future *
unit_submit(tpar_pool *pool, tpar_task_fn fn, void *arg, size_t value_size)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_submit(pool, fn, arg, value_size, &f) == TPAR_OK);
	return f;
}

static inline tpar_future *
unit_submit_task(tpar_pool *pool, const struct tpar_task *task)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_submit_task(pool, task, &f) == TPAR_OK);
	return f;
}

/* Runs fn(arg) as a task of the pool to its end; it must succeed. */
static inline void
unit_run_in(tpar_pool *pool, tpar_task_fn fn, void *arg)
{
	tpar_future *f = unit_submit(pool, fn, arg, 0);

	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
}

/* Has the process one thread?  Where the system does not tell: yes. */
static inline bool
unit_is_alone(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int n = 0;

	if (tasks == NULL) {
		return true;
	}
	while (readdir(tasks) != NULL) {
		n++;
	}
	(void)closedir(tasks);
	return n <= 3; /* itself, . and .. */
}

/*
 * So that no thread is left when the process ends: valgrind counts them.  One
 * that serves deadlines without any pool ends by itself, soon.
 */
static inline void
unit_end_default_pool(void)
{
	int64_t until = tpar_in(20 * TPAR_SECOND);
	int i;

	UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
	for (i = 0; i < 1000 || (unit_is_valgrind() && tpar_in(0) < until);
	     i++) {
		if (unit_is_alone()) {
			break;
		}
		sched_yield();
	}
}

/* What was counted for `make check-cov` is written at exit(), no other end. */
#ifdef UNIT_COVERAGE
void __gcov_dump(void);

static inline void
unit_keep_counts(void)
{
	__gcov_dump();
}

static inline void
unit_on_abort(int signal)
{
	(void)signal;
	unit_keep_counts();
}
#else
static inline void
unit_keep_counts(void)
{
}
#endif

/* Each test in a process of its own, with so many seconds. */
static inline int
unit_main_within(const char *name, const TTest *const *tests, size_t n,
		 double seconds)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	size_t i;
	int failed;

#ifdef UNIT_COVERAGE
	UNIT_MUST(signal(SIGABRT, unit_on_abort) != SIG_ERR);
#endif
	tcase_set_timeout(tcase, seconds);
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

static inline int
unit_main(const char *name, const TTest *const *tests, size_t n)
{
	return unit_main_within(name, tests, n, UNIT_TIMEOUT);
}

#endif
