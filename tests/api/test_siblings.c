/* SPDX-License-Identifier: MIT */
/*
 * test_siblings.c - a failure reaches hundreds of siblings in their system calls at
 * once; and handlers that take their time keep nobody else's waiting.
 */
#include "sleepers.h"

#include <stdatomic.h>
#include <sys/resource.h>
#include <taskpar/syscalls.h>

enum { MANY = 500 };

/* Two descriptors each, and some. */
static int
affordable(void)
{
	struct rlimit limit;

	UNIT_MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	UNIT_MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	if (limit.rlim_cur < 2 * MANY + 50) {
		return (int)(limit.rlim_cur - 50) / 2;
	}
	return (int)unit_scaled(MANY);
}

static tpar_pool *
large_pool(void)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = 2;
	config.blocking_limit = 600;
	config.stack_size = (size_t)128 * 1024;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	return pool;
}

static struct unit_gate all_begun = UNIT_GATE_INIT;
static int siblings;

static int
fail_when_all_have_begun(void *arg, void *value)
{
	(void)arg;
	(void)value;
	unit_gate_await(&all_begun, (unsigned)siblings);
	return tpar_fail(3, "the first one");
}

static long
read_call(struct sleeper *self)
{
	char byte;

	unit_gate_open(&all_begun);
	return tpar_read(self->fd[0], &byte, 1);
}

static long
read_raw(struct sleeper *self)
{
	ssize_t n;
	char byte;

	if (tpar_interruptible_enter() != TPAR_OK) {
		errno = ECANCELED;
		return -1;
	}
	unit_gate_open(&all_begun);
	n = read(self->fd[0], &byte, 1);
	tpar_interruptible_leave();
	return n;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static long
wait_for_one(struct sleeper *self)
{
	enum tpar_err err = TPAR_OK;

	(void)self;
	unit_gate_open(&all_begun);
	UNIT_MUST(pthread_mutex_lock(&mutex) == 0);
	while (err == TPAR_OK) {
		err = tpar_cond_wait(&cond, &mutex, TPAR_FOREVER);
	}
	UNIT_MUST(pthread_mutex_unlock(&mutex) == 0);
	UNIT_MUST(err == TPAR_ESTOPPED);
	errno = ECANCELED;
	return -1;
}

static void
fail_among(long (*call)(struct sleeper *self))
{
	tpar_pool *pool = large_pool();
	struct sleeper *sleeper;
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why;
	tpar_future **f;
	int i;

	siblings = affordable();
	sleeper = calloc((size_t)siblings, sizeof *sleeper);
	f = calloc((size_t)siblings + 1, sizeof(tpar_future *));
	ck_assert(sleeper != NULL && f != NULL);
	f[0] = unit_submit(pool, fail_when_all_have_begun, NULL, 0);
	task.fn = sleeper_run;
	task.flags = TPAR_BLOCKING;
	for (i = 0; i < siblings; i++) {
		sleeper[i] = sleeper_of(call);
		sleeper_silent(&sleeper[i]);
		task.arg = &sleeper[i];
		f[i + 1] = unit_submit_task(pool, &task);
	}
	ck_assert_int_eq(tpar_gather(f, (size_t)siblings + 1, NULL, &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, 3);
	ck_assert_uint_eq(why.index, 0);
	for (i = 0; i < siblings; i++) {
		ck_assert_int_eq(tpar_future_state(f[i + 1]), TPAR_CANCELLED);
		ck_assert_int_eq(sleeper[i].returned, -1);
		sleeper_close(&sleeper[i]);
	}
	tpar_future_unref_all(f, (size_t)siblings + 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	free(f);
	free(sleeper);
}

START_TEST(failure_ends_all_siblings_in_their_reads)
{
	fail_among(read_call);
}
END_TEST

START_TEST(failure_ends_all_siblings_in_regions_of_their_own)
{
	fail_among(read_raw);
}
END_TEST

START_TEST(failure_ends_all_siblings_on_one_condition_variable)
{
	fail_among(wait_for_one);
}
END_TEST

/* ---- Handlers ------------------------------------------------------------ */

enum { SLOW = 8, QUICK = 100 };

struct handled {
	int fd[2];
	struct unit_gate begun;
	struct unit_gate over;
};

/* Blocking I/O: until somebody writes. */
static void
read_in_handler(void *arg)
{
	struct handled *handled = arg;
	char byte;

	UNIT_MUST(tpar_read(handled->fd[0], &byte, 1) == 1);
	unit_gate_open(&handled->over);
}

static void
open_over(void *arg)
{
	struct handled *handled = arg;

	unit_gate_open(&handled->over);
}

static int
await_handler(struct handled *handled, tpar_cancel_fn fn)
{
	tpar_handler h;

	UNIT_MUST(tpar_on_cancel(fn, handled, &h) == TPAR_OK);
	unit_gate_open(&handled->begun);
	unit_gate_await(&handled->over, 1);
	tpar_off_cancel(&h);
	return tpar_checkpoint();
}

static int
slow_task(void *arg, void *value)
{
	(void)value;
	return await_handler(arg, read_in_handler);
}

static int
quick_task(void *arg, void *value)
{
	(void)value;
	return await_handler(arg, open_over);
}

START_TEST(slow_handlers_do_not_keep_those_of_others_waiting)
{
	static struct handled slow[SLOW];
	static struct handled quick[QUICK];
	struct handled handled = { { -1, -1 }, UNIT_GATE_INIT, UNIT_GATE_INIT };
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = large_pool();
	tpar_future *f[SLOW + QUICK];
	int i;

	task.flags = TPAR_BLOCKING;
	for (i = 0; i < SLOW + QUICK; i++) {
		struct handled *one = i < SLOW ? &slow[i] : &quick[i - SLOW];

		*one = handled;
		ck_assert(i >= SLOW || pipe(one->fd) == 0);
		task.fn = i < SLOW ? slow_task : quick_task;
		task.arg = one;
		f[i] = unit_submit_task(pool, &task);
		unit_gate_await(&one->begun, 1);
	}
	for (i = 0; i < SLOW + QUICK; i++) {
		ck_assert_int_eq(tpar_future_cancel(f[i]), TPAR_OK);
	}
	for (i = SLOW; i < SLOW + QUICK; i++) {
		ck_assert_int_eq(tpar_future_wait(f[i], TPAR_FOREVER),
				 TPAR_ECANCELED);
	}
	for (i = 0; i < SLOW; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_RUNNING);
		ck_assert_int_eq(write(slow[i].fd[1], "x", 1), 1);
		ck_assert_int_eq(tpar_future_wait(f[i], TPAR_FOREVER),
				 TPAR_ECANCELED);
		ck_assert_int_eq(close(slow[i].fd[0]), 0);
		ck_assert_int_eq(close(slow[i].fd[1]), 0);
	}
	tpar_future_unref_all(f, SLOW + QUICK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		failure_ends_all_siblings_in_their_reads,
		failure_ends_all_siblings_in_regions_of_their_own,
		failure_ends_all_siblings_on_one_condition_variable,
		slow_handlers_do_not_keep_those_of_others_waiting,
	};

	return unit_main("siblings", tests, sizeof tests / sizeof tests[0]);
}
