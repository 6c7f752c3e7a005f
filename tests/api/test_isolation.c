/* SPDX-License-Identifier: MIT */
/*
 * test_isolation.c - what a waiting task runs on top of itself: what it waits
 * for, and nothing else, so that it may hold a lock that others take.
 */
#include "promised.h"

#include <errno.h>

/* ---- Others -------------------------------------------------------------- */

enum wait { FUTURE, ALL, ANY, STREAM, GATHER, SETTLED, RACE, ASYNC, WAITS };

static enum wait which;

struct holder {
	pthread_mutex_t mutex;
	tpar_future *f[1];
	struct unit_gate holds;
	_Atomic int others; /* that have run */
};

static void
wait_somehow(tpar_future *const *f)
{
	tpar_future *all = NULL;
	tpar_stream *s = NULL;
	size_t index;

	switch (which) {
	case FUTURE:
		UNIT_MUST(tpar_future_wait(f[0], TPAR_FOREVER) == TPAR_OK);
		break;
	case ALL:
		UNIT_MUST(tpar_wait_all(f, 1, TPAR_FOREVER) == TPAR_OK);
		break;
	case ANY:
		UNIT_MUST(tpar_wait_any(f, 1, TPAR_FOREVER, NULL) == TPAR_OK);
		break;
	case STREAM:
		UNIT_MUST(tpar_as_completed(f, 1, &s) == TPAR_OK);
		UNIT_MUST(tpar_stream_next(s, TPAR_FOREVER, &index) == TPAR_OK);
		tpar_stream_close(s);
		break;
	case GATHER:
		UNIT_MUST(tpar_gather(f, 1, NULL, NULL) == TPAR_OK);
		break;
	case SETTLED:
		UNIT_MUST(tpar_gather_settled(f, 1, NULL, NULL) == TPAR_OK);
		break;
	case RACE:
		UNIT_MUST(tpar_race(f, 1, NULL, NULL, NULL) == TPAR_OK);
		break;
	default:
		UNIT_MUST(tpar_gather_async(f, 1, &all) == TPAR_OK);
		UNIT_MUST(tpar_future_wait(all, TPAR_FOREVER) == TPAR_OK);
		tpar_future_unref(all);
	}
}

/* Were one of the others run on top of it, it would lock the mutex again. */
static int
wait_holding_lock(void *arg, void *value)
{
	struct holder *holder = arg;

	(void)value;
	UNIT_MUST(pthread_mutex_lock(&holder->mutex) == 0);
	unit_gate_open(&holder->holds);
	wait_somehow(holder->f);
	UNIT_MUST(pthread_mutex_unlock(&holder->mutex) == 0);
	return 0;
}

static int
lock_too(void *arg, void *value)
{
	struct holder *holder = arg;

	(void)value;
	UNIT_MUST(pthread_mutex_lock(&holder->mutex) == 0);
	UNIT_MUST(pthread_mutex_unlock(&holder->mutex) == 0);
	atomic_fetch_add(&holder->others, 1);
	return 0;
}

enum { OTHERS = 20 };

static void
hold_and_wait(unsigned blocking_limit)
{
	pthread_mutexattr_t attr;
	struct holder holder = { .holds = UNIT_GATE_INIT };
	struct promised made = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(1, blocking_limit);
	tpar_future *f[OTHERS + 1];
	int i;

	/* Locking it again is an error, and not a deadlock. */
	UNIT_MUST(pthread_mutexattr_init(&attr) == 0);
	UNIT_MUST(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK) ==
		  0);
	UNIT_MUST(pthread_mutex_init(&holder.mutex, &attr) == 0);
	holder.f[0] = made.f;
	f[0] = unit_submit(pool, wait_holding_lock, &holder, 0);
	for (i = 1; i <= OTHERS; i++) {
		f[i] = unit_submit(pool, lock_too, &holder, 0);
	}
	unit_gate_await(&holder.holds, 1);
	ck_assert_int_eq(atomic_load(&holder.others), 0);
	UNIT_MUST(tpar_promise_set(made.p, NULL) == TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, OTHERS + 1, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(atomic_load(&holder.others), OTHERS);
	tpar_future_unref_all(f, OTHERS + 1);
	promised_free(made);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	UNIT_MUST(pthread_mutex_destroy(&holder.mutex) == 0);
	UNIT_MUST(pthread_mutexattr_destroy(&attr) == 0);
}

START_TEST(waiting_task_runs_nothing_that_it_does_not_wait_for)
{
	int i;

	for (i = 0; i < WAITS; i++) {
		which = (enum wait)i;
		hold_and_wait(1);
		hold_and_wait(4);
	}
}
END_TEST

/* ---- What stays as it was ------------------------------------------------ */

static int
change_errno(void *arg, void *value)
{
	(void)arg;
	(void)value;
	errno = ENOTDIR;
	return 0;
}

static int
wait_with_errno(void *arg, void *value)
{
	tpar_future *f[1];

	(void)arg;
	(void)value;
	f[0] = unit_submit(NULL, change_errno, NULL, 0);
	errno = EXDEV;
	wait_somehow(f);
	UNIT_MUST(errno == EXDEV);
	tpar_future_unref(f[0]);
	return 0;
}

static int
wait_for_it(void *arg, void *value)
{
	(void)value;
	UNIT_MUST(tpar_future_wait(arg, TPAR_FOREVER) == TPAR_OK);
	return 0;
}

START_TEST(errno_of_a_waiting_task_is_its_own)
{
	struct promised made = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *blocked = NULL;
	int i;

	for (i = 0; i < 2 * WAITS; i++) {
		which = (enum wait)(i % WAITS);
		if (i == WAITS) {
			/* From here on what it waits for is run in place. */
			blocked = unit_submit(pool, wait_for_it, made.f, 0);
			UNIT_AWAIT(tpar_future_state(blocked) == TPAR_RUNNING);
		}
		unit_run_in(pool, wait_with_errno, NULL);
	}
	UNIT_MUST(tpar_promise_set(made.p, NULL) == TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(blocked, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(blocked);
	promised_free(made);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		waiting_task_runs_nothing_that_it_does_not_wait_for,
		errno_of_a_waiting_task_is_its_own,
	};

	return unit_main("isolation", tests, sizeof tests / sizeof tests[0]);
}
