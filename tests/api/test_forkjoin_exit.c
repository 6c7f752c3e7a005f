/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_exit.c - computations one of whose tasks waits, on its thread, for
 * a future that calls pthread_exit(): they have failed when their forks have ended.
 */
#include "forks.h"

#include <taskpar/cancel.h>
#include <taskpar/gather.h>

#include <string.h>

static tpar_pool *pool;
static _Atomic int begun;
static struct unit_gate submitted = UNIT_GATE_INIT;
static pthread_t exited;
static tpar_future *exits;
static pthread_t ran_on[2];

static int
exit_thread(void *arg, void *value)
{
	(void)value;
	exited = pthread_self();
	pthread_exit(arg);
	return 0;
}

static int
note_thread(void *arg, void *value)
{
	(void)value;
	*(pthread_t *)arg = pthread_self();
	return 0;
}

static void
wait_for_exit(void)
{
	exits = unit_submit(pool, exit_thread, NULL, 0);
	unit_gate_open(&submitted);
	(void)tpar_future_wait(exits, TPAR_FOREVER);
}

/* Until a thread exits that waits for this; so long that it could help. */
static int
outlast_exit(void *arg, void *value)
{
	int i;

	(void)arg;
	(void)value;
	forks_raise(&begun);
	unit_gate_await(&submitted, 1);
	UNIT_AWAIT(tpar_future_state(exits) == TPAR_FAILED);
	for (i = 0; i < 1000; i++) {
		sched_yield();
	}
	return 0;
}

static void
run_and_clean_up(tpar_task_fn fn)
{
	tpar_future *f;

	pool = unit_pool(2, 1);
	f = unit_submit(pool, fn, NULL, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_str_eq(tpar_future_message(f),
			 "the task has called pthread_exit()");
	tpar_future_unref(f);
	tpar_future_unref(exits);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

/* Gathers what begins only after the exit. */
TPAR_VOID_TASK_0(gather_late)
{
	tpar_future *f[3];

	f[0] = unit_submit(pool, outlast_exit, NULL, 0);
	f[1] = unit_submit(pool, note_thread, &ran_on[0], 0);
	f[2] = unit_submit(pool, note_thread, &ran_on[1], 0);
	tpar_shield_enter();
	UNIT_MUST(tpar_gather(f, 3, NULL, NULL) == TPAR_OK);
	tpar_shield_leave();
	tpar_future_unref_all(f, 3);
}

TPAR_VOID_TASK_0(exit_beside_a_gather)
{
	TPAR_FORK(gather_late);
	TPAR_CALL(forks_until, &begun);
	wait_for_exit();
	TPAR_JOIN(gather_late);
}

static int
run_beside_a_gather(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return (int)TPAR_RUN(exit_beside_a_gather, NULL, NULL, NULL);
}

START_TEST(thread_that_exits_does_not_help)
{
	run_and_clean_up(run_beside_a_gather);
	ck_assert(!pthread_equal(ran_on[0], exited));
	ck_assert(!pthread_equal(ran_on[1], exited));
}
END_TEST

/* ---- Forks that use what lies on the stack of their parent ------------------ */

typedef unsigned char *bytes;

enum { BYTES = 4096 };

static _Atomic int spoilt;

static void
expect_bytes(bytes at)
{
	int i;

	for (i = 0; i < BYTES; i++) {
		spoilt += at[i] != 0x5a;
	}
}

TPAR_VOID_TASK_1(use_stack, bytes, at)
{
	int i;

	memset(at, 0x5a, BYTES);
	forks_raise(&begun);
	unit_gate_await(&submitted, 1);
	UNIT_AWAIT(tpar_future_state(exits) == TPAR_FAILED);
	for (i = 0; i < 1000; i++) {
		expect_bytes(at);
		sched_yield();
	}
}

TPAR_VOID_TASK_0(exit_above_a_fork)
{
	unsigned char mine[BYTES];

	TPAR_FORK(use_stack, mine);
	TPAR_CALL(forks_until, &begun);
	wait_for_exit();
	TPAR_JOIN(use_stack);
}

static int
run_above_a_fork(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return (int)TPAR_RUN(exit_above_a_fork, NULL, NULL, NULL);
}

START_TEST(stack_that_forks_use_is_there_until_they_have_ended)
{
	run_and_clean_up(run_above_a_fork);
	ck_assert_int_eq(atomic_load(&spoilt), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		thread_that_exits_does_not_help,
		stack_that_forks_use_is_there_until_they_have_ended,
	};

	return unit_main("forkjoin_exit", tests,
			 sizeof tests / sizeof tests[0]);
}
