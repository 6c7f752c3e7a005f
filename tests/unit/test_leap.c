/* SPDX-License-Identifier: MIT */
/*
 * test_leap.c - a join that runs, meanwhile, what is waited for by the task
 * it waits for (tpi_leap()), and that calls pthread_exit() below it.
 */
#include "config.h"

#include "unit.h"

#include "src/deque.h"
#include "src/slots.h"
#include "src/worker.h"

#include <taskpar/cancel.h>
#include <taskpar/forkjoin.h>

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { BYTES = 4096, PATTERN = 0x5a };

/* The root joins `stolen`, which has forked `leapt`. */
struct leap {
	_Atomic(struct tpi_slots *) slots; /* of who runs `stolen` */
	pthread_t root;
	pthread_t exited;
	const unsigned char *bytes; /* on the root's stack */
	bool spoilt;
	_Atomic bool ended; /* `stolen` has used them */
};

typedef struct leap *leap_at;

static int
exit_thread(void *arg, void *value)
{
	struct leap *leap = arg;

	(void)value;
	leap->exited = pthread_self();
	pthread_exit(NULL);
	return 0;
}

static void
release(void *f)
{
	tpar_future_unref(f);
}

static void
gather_exit(struct leap *leap)
{
	tpar_future *f;

	if (tpar_submit(NULL, exit_thread, leap, 0, &f) != TPAR_OK) {
		return;
	}
	pthread_cleanup_push(release, f);
	(void)tpar_gather(&f, 1, NULL, NULL);
	pthread_cleanup_pop(1);
}

TPAR_VOID_TASK_1(leapt, leap_at, leap)
{
	gather_exit(leap);
}

TPAR_VOID_TASK_0(nothing)
{
}

/* Forks and joins now and then, so that who asks is heard. */
#define UNTIL(cond)                                                            \
	while (!(cond)) {                                                      \
		TPAR_FORK(nothing);                                            \
		TPAR_JOIN(nothing);                                            \
		sched_yield();                                                 \
	}

TPAR_VOID_TASK_1(stolen, leap_at, leap)
{
	int i;

	TPAR_FORK(leapt, leap);
	atomic_store(&leap->slots, tpi_slots_of(tpar_head));
	UNTIL(tpar_cancelled())
	/* Long enough for a thread to go that does not wait. */
	for (i = 0; i < 1000; i++) {
		sched_yield();
	}
	for (i = 0; i < BYTES; i++) {
		leap->spoilt |= leap->bytes[i] != PATTERN;
	}
	atomic_store(&leap->ended, true);
	TPAR_JOIN(leapt);
}

TPAR_VOID_TASK_1(root, leap_at, leap)
{
	unsigned char bytes[BYTES];
	struct tpi_slots *theirs;

	memset(bytes, PATTERN, sizeof bytes);
	leap->bytes = bytes;
	leap->root = pthread_self();
	TPAR_FORK(stolen, leap);
	UNTIL((theirs = atomic_load(&leap->slots)) != NULL)
	/* Nobody but this thread will take it. */
	while (!tpi_deque_nonempty(&theirs->worker->deque)) {
		tpi_slots_poke(theirs);
		sched_yield();
	}
	TPAR_JOIN(stolen);
}

static int
run_root(void *arg, void *value)
{
	struct leap *leap = arg;

	(void)value;
	return (int)TPAR_RUN(root, NULL, NULL, NULL, leap);
}

START_TEST(exit_below_a_leap_leaves_a_whole_computation_behind)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct leap leap = { .spoilt = false };
	tpar_future *f = unit_submit(pool, run_root, &leap, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_str_eq(tpar_future_message(f),
			 "the task has called pthread_exit()");
	ck_assert(pthread_equal(leap.exited, leap.root));
	ck_assert(atomic_load(&leap.ended));
	ck_assert(!leap.spoilt);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		exit_below_a_leap_leaves_a_whole_computation_behind,
	};

	return unit_main("leap", tests, sizeof tests / sizeof tests[0]);
}
