/* SPDX-License-Identifier: MIT */
/*
 * test_spawn_tls.c - a program with large thread-local variables, which the C
 * library puts on each thread's stack, still gets the stack it asked for.
 */
#include "config.h"

#include "src/spawn.h"

#include "unit.h"

#define STACK ((size_t)256 * 1024)

/* volatile: a compiler may leave out what is written and never read. */
static _Thread_local volatile char large[1 << 20];

/* Uses up `left` bytes in pieces. */
static size_t
use_stack(size_t left)
{
	volatile char piece[1024];
	size_t i;

	for (i = 0; i < sizeof piece; i += 64) {
		piece[i] = (char)left;
	}
	if (left <= 2 * sizeof piece) {
		return (size_t)piece[0];
	}
	return use_stack(left - sizeof piece - 128) + (size_t)piece[64];
}

static void *
use_both(void *arg)
{
	size_t *used = arg;

	large[sizeof large / 2] = 1;
	(void)use_stack(*used);
	*used = (size_t)large[sizeof large / 2] - 1;
	return NULL;
}

START_TEST(large_thread_locals_leave_the_stack_free)
{
	size_t used = STACK / 4;
	pthread_t thread;

	ck_assert_int_eq(tpi_spawn(&thread, STACK, use_both, &used), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(used, 0);
}
END_TEST

static int
go_deeper(void *arg, void *value)
{
	intptr_t left = (intptr_t)arg;
	tpar_future *f;
	int rc;

	(void)value;
	if (left == 0) {
		return 0;
	}
	f = unit_submit(NULL, go_deeper, (void *)(left - 1), 0);
	rc = tpar_future_wait(f, TPAR_FOREVER);
	tpar_future_unref(f);
	return rc;
}

START_TEST(deep_waits_know_where_the_stack_ends)
{
	tpar_pool *pool = unit_pool(1, 256);

	unit_run_in(pool, go_deeper, (void *)(intptr_t)1000);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { large_thread_locals_leave_the_stack_free,
				 deep_waits_know_where_the_stack_ends };

	return unit_main("spawn_tls", tests, sizeof tests / sizeof tests[0]);
}
