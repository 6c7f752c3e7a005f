/* SPDX-License-Identifier: MIT */
/*
 * test_thread.c - what a thread knows about itself, and its parker, which goes
 * back to the list when the thread ends.
 */
#include "config.h"

#include "handmade.h"
#include "unit.h"

#include "src/parker.h"
#include "src/thread.h"

START_TEST(outside_thread_knows_nothing)
{
	ck_assert_ptr_null(tpi_thread_self.run);
	ck_assert_ptr_null(tpi_thread_self.worker);
	ck_assert_ptr_null(tpi_thread_self.heap);
	ck_assert_ptr_null(tpi_thread_self.parker);
}
END_TEST

START_TEST(parker_stays_the_same)
{
	struct tpi_parker *parker = tpi_thread_parker();

	ck_assert_ptr_nonnull(parker);
	ck_assert_ptr_eq(tpi_thread_parker(), parker);
	ck_assert_ptr_eq(tpi_thread_self.parker, parker);
}
END_TEST

static void *
get_parker(void *arg)
{
	struct tpi_parker **parker = arg;

	*parker = tpi_thread_parker();
	return NULL;
}

START_TEST(each_thread_has_its_own_parker)
{
	struct tpi_parker *mine = tpi_thread_parker();
	struct tpi_parker *other = NULL;

	unit_join(unit_start(get_parker, &other));
	ck_assert_ptr_nonnull(other);
	ck_assert_ptr_ne(other, mine);
}
END_TEST

START_TEST(parker_of_an_ended_thread_is_used_again)
{
	struct tpi_parker *first = NULL;
	struct tpi_parker *second = NULL;

	unit_join(unit_start(get_parker, &first));
	unit_join(unit_start(get_parker, &second));
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_eq(first, second);
}
END_TEST

struct seen {
	struct tpi_thread self;
	struct tpi_parker *parker;
	tpar_future *inner;
	struct tpi_thread inside;
};

static int
look_inside(void *arg, void *value)
{
	struct seen *seen = arg;

	(void)value;
	seen->inside = tpi_thread_self;
	return 0;
}

static int
look(void *arg, void *value)
{
	struct seen *seen = arg;

	(void)value;
	seen->self = tpi_thread_self;
	seen->parker = tpi_thread_parker();
	seen->inner = unit_submit(NULL, look_inside, arg, 0);
	return tpar_future_wait(seen->inner, TPAR_FOREVER);
}

START_TEST(task_finds_its_worker_heap_and_run)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct seen seen;
	tpar_future *f;

	memset(&seen, 0, sizeof seen);
	f = unit_submit(pool, look, &seen, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_ptr_nonnull(seen.self.worker);
	ck_assert_ptr_eq(seen.self.worker->pool, pool);
	ck_assert_ptr_eq(seen.self.heap, seen.self.worker->heap);
	ck_assert_ptr_eq(seen.self.parker, seen.self.worker->parker);
	ck_assert_ptr_eq(seen.parker, seen.self.worker->parker);
	ck_assert_ptr_nonnull(seen.self.run);
	tpar_future_unref(seen.inner);
	tpar_future_unref(f);
	tpar_pool_destroy(pool);
}
END_TEST

START_TEST(inner_run_lies_on_the_outer_one)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct seen seen;

	memset(&seen, 0, sizeof seen);
	unit_run_in(pool, look, &seen);
	/* The one worker ran both: the wait ran what it waited for. */
	ck_assert_ptr_eq(seen.inside.worker, seen.self.worker);
	ck_assert_ptr_nonnull(seen.inside.run);
	ck_assert_ptr_ne(seen.inside.run, seen.self.run);
	tpar_future_unref(seen.inner);
	tpar_pool_destroy(pool);
}
END_TEST

static int
outer_run_is(void *arg, void *value)
{
	struct tpi_run *outer = tpi_thread_self.run->outer;

	(void)value;
	return outer != NULL && outer == arg ? 0 : 1;
}

static int
compare_outer(void *arg, void *value)
{
	tpar_future *f =
		unit_submit(NULL, outer_run_is, tpi_thread_self.run, 0);
	int rc = tpar_future_wait(f, TPAR_FOREVER);

	(void)arg;
	(void)value;
	tpar_future_unref(f);
	return rc;
}

START_TEST(run_knows_the_one_below)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, compare_outer, NULL, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	tpar_pool_destroy(pool);
}
END_TEST

/* Several times, so that a parker given back twice would be found. */
START_TEST(parkers_of_ended_pools_come_back_once)
{
	struct tpi_parker *got[8];
	int i;
	int j;

	for (i = 0; i < 3; i++) {
		tpar_pool_destroy(unit_pool(4, 1));
	}
	for (i = 0; i < 8; i++) {
		got[i] = tpi_parker_get();
		ck_assert_ptr_nonnull(got[i]);
		for (j = 0; j < i; j++) {
			ck_assert_ptr_ne(got[i], got[j]);
		}
	}
	for (i = 0; i < 8; i++) {
		tpi_parker_put(got[i]);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { outside_thread_knows_nothing,
				 parker_stays_the_same,
				 each_thread_has_its_own_parker,
				 parker_of_an_ended_thread_is_used_again,
				 task_finds_its_worker_heap_and_run,
				 inner_run_lies_on_the_outer_one,
				 run_knows_the_one_below,
				 parkers_of_ended_pools_come_back_once };

	return unit_main("thread", tests, sizeof tests / sizeof tests[0]);
}
