/* SPDX-License-Identifier: MIT */
/*
 * test_each_worker_start.c - a thread that just starts: what each thread is to
 * call reaches it, or was there before it began.
 */
#include "unit.h"

#include <stdatomic.h>

static struct unit_hold hook = UNIT_HOLD_INIT;
static _Atomic int called;

static void
hold_start(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	unit_gate_open(&hook.begun);
	unit_gate_await(&hook.go, 1);
}

static void
count_call(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	atomic_fetch_add(&called, 1);
}

START_TEST(thread_that_starts_comes_to_it_after_its_hook)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool;

	config.workers = 1;
	config.blocking_limit = 1;
	config.on_worker_start = hold_start;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	unit_gate_await(&hook.begun, 1);
	/* The hook has seen what there was before this call. */
	ck_assert_int_eq(tpar_pool_each_worker(pool, count_call, NULL,
					       tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(called, 0);
	unit_gate_open(&hook.go);
	ck_assert_int_eq(tpar_pool_each_worker(pool, count_call, NULL,
					       TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(called, 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		thread_that_starts_comes_to_it_after_its_hook
	};

	return unit_main("each_worker_start", tests,
			 sizeof tests / sizeof tests[0]);
}
