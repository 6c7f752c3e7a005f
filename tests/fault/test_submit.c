/* SPDX-License-Identifier: MIT */
/*
 * test_submit.c - submits without memory: what is refused has taken nothing,
 * what is accepted runs once, and the pool goes on.
 */
#include "config.h"

#include "fault.h"

#include <taskpar/cancel.h>

/* More than a slab holds. */
enum { MANY = 600, CODE = 7 };

static _Atomic int runs;
static _Atomic int args_dropped;
static _Atomic int values_dropped;
static _Atomic int accepted;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

static void
drop_arg(void *arg)
{
	(void)arg;
	atomic_fetch_add(&args_dropped, 1);
}

static void
drop_value(void *value)
{
	(void)value;
	atomic_fetch_add(&values_dropped, 1);
}

static struct tpar_task
counted_task(size_t value_size)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = count_run;
	task.value_size = value_size;
	task.drop_arg = drop_arg;
	task.drop_value = drop_value;
	return task;
}

static tpar_pool *
begin(unsigned workers)
{
	atomic_store(&runs, 0);
	atomic_store(&args_dropped, 0);
	atomic_store(&values_dropped, 0);
	atomic_store(&accepted, 0);
	return unit_pool(workers, 1);
}

/* Accepted or refused as it should be; counts what was accepted. */
static bool
count(enum tpar_err err, int n)
{
	EXPECT(err == TPAR_OK || (err == TPAR_ENOMEM && fault_any()));
	atomic_fetch_add(&accepted, err == TPAR_OK ? n : 0);
	return err == TPAR_OK;
}

/* After the faults: everything accepted has run, and the pool takes more. */
static void
finish(tpar_pool *pool, tpar_future **f, size_t n)
{
	intptr_t value = 0;
	tpar_future *more;
	size_t i;

	fault_end();
	for (i = 0; i < n; i++) {
		EXPECT(f[i] == NULL ||
		       tpar_future_wait(f[i], TPAR_FOREVER) == TPAR_OK);
	}
	tpar_future_unref_all(f, n);
	more = unit_submit(pool, unit_number_task, (void *)9, sizeof value);
	EXPECT(tpar_gather(&more, 1, &value, NULL) == TPAR_OK);
	EXPECT(value == 9);
	tpar_future_unref(more);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
	EXPECT(atomic_load(&runs) == atomic_load(&accepted));
	EXPECT(atomic_load(&args_dropped) == atomic_load(&accepted));
	EXPECT(atomic_load(&values_dropped) == atomic_load(&accepted));
}

static void
submit_one_by_one(void)
{
	struct tpar_task task = counted_task(8);
	tpar_pool *pool = begin(2);
	tpar_future *f[MANY];
	size_t i;

	memset(f, 0, sizeof f);
	fault_begin();
	for (i = 0; i < MANY; i++) {
		bool handle = i % 3 != 0;
		enum tpar_err err =
			tpar_submit_task(pool, &task, handle ? &f[i] : NULL);

		EXPECT((count(err, 1) && handle) == (f[i] != NULL));
	}
	finish(pool, f, MANY);
}

START_TEST(submit_is_refused_without_memory)
{
	ck_assert_int_ge(fault_sweep(submit_one_by_one), 1);
}
END_TEST

/* All classes of blocks, and those that come from the allocator. */
static void
submit_sizes(tpar_pool *pool, tpar_future **f)
{
	static const size_t sizes[] = { 0, 100, 300, 600, 70000 };
	static const size_t aligns[] = { 0, 32, 256, TPAR_ALIGN_MAX };
	struct tpar_task task = counted_task(0);
	size_t i;

	for (i = 0; i < 20; i++) {
		task.value_size = sizes[i % 5];
		task.value_align = aligns[i / 5];
		EXPECT(count(tpar_submit_task(pool, &task, &f[i]), 1) ==
		       (f[i] != NULL));
	}
}

static void
submit_sizes_outside(void)
{
	tpar_future *f[20] = { NULL };
	tpar_pool *pool = begin(1);

	fault_begin();
	submit_sizes(pool, f);
	finish(pool, f, 20);
}

START_TEST(large_values_are_refused_without_memory)
{
	ck_assert_int_ge(fault_sweep(submit_sizes_outside), 1);
}
END_TEST

static int
submit_sizes_task(void *arg, void *value)
{
	(void)value;
	fault_begin();
	submit_sizes(NULL, arg);
	return 0;
}

static void
submit_sizes_inside(void)
{
	tpar_future *f[20] = { NULL };
	tpar_pool *pool = begin(1);

	unit_run_in(pool, submit_sizes_task, f);
	finish(pool, f, 20);
}

START_TEST(tasks_are_refused_large_values_without_memory)
{
	ck_assert_int_ge(fault_sweep(submit_sizes_inside), 1);
}
END_TEST

static void
submit_many(tpar_pool *pool, tpar_future **f)
{
	struct tpar_task task = counted_task(200);
	bool all;
	int i;

	memset(f, 0, MANY * sizeof *f);
	all = count(tpar_submit_many(pool, &task, NULL, 0, MANY, f), MANY);
	for (i = 0; i < MANY; i++) {
		EXPECT(all == (f[i] != NULL));
	}
	(void)count(tpar_submit_many(pool, &task, NULL, 0, MANY, NULL), MANY);
}

static void
submit_many_outside(void)
{
	tpar_pool *pool = begin(2);
	tpar_future *f[MANY];

	fault_begin();
	submit_many(pool, f);
	finish(pool, f, MANY);
}

START_TEST(many_are_accepted_or_none)
{
	ck_assert_int_ge(fault_sweep(submit_many_outside), 1);
}
END_TEST

/* To its own pool; a task of another pool is outside. */
static int
submit_as_task(void *arg, void *value)
{
	tpar_future *f[MANY];
	int i;

	(void)value;
	submit_many(arg, f);
	for (i = 0; i < MANY; i++) {
		EXPECT(f[i] == NULL ||
		       tpar_future_wait(f[i], TPAR_FOREVER) == TPAR_OK);
	}
	tpar_future_unref_all(f, MANY);
	return 0;
}

static void
submit_inside(void)
{
	tpar_pool *pool = begin(2);
	tpar_future *f;

	fault_begin();
	if (tpar_submit(pool, submit_as_task, NULL, 0, &f) == TPAR_OK) {
		EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
		tpar_future_unref(f);
	} else {
		EXPECT(fault_any());
	}
	finish(pool, NULL, 0);
}

START_TEST(tasks_are_refused_without_memory)
{
	ck_assert_int_ge(fault_sweep(submit_inside), 1);
}
END_TEST

static void
submit_across(void)
{
	tpar_pool *pool = begin(1);
	tpar_pool *other = unit_pool(1, 1);
	tpar_future *f = unit_submit(other, submit_as_task, pool, 0);

	fault_begin();
	EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	fault_end();
	tpar_future_unref(f);
	EXPECT(tpar_pool_destroy(other) == TPAR_OK);
	finish(pool, NULL, 0);
}

START_TEST(tasks_of_another_pool_are_refused_without_memory)
{
	ck_assert_int_ge(fault_sweep(submit_across), 1);
}
END_TEST

/* A pool with a queue limit has as much room afterwards as before. */
static void
submit_limited(void)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = counted_task(5000);
	tpar_future *f[10] = { NULL };
	enum tpar_err err;
	tpar_pool *pool;
	size_t i;

	EXPECT(tpar_pool_destroy(begin(1)) == TPAR_OK);
	config.workers = 1;
	config.queue_limit = 4;
	EXPECT(tpar_pool_create(&pool, &config) == TPAR_OK);
	EXPECT(tpar_submit(pool, unit_hold_task, &hold, 0, NULL) == TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	fault_begin();
	(void)count(tpar_submit_many(pool, &task, NULL, 0, 2, f), 2);
	for (i = 2; i < 10; i++) {
		err = tpar_submit_task(pool, &task, &f[i]);
		EXPECT(err != TPAR_EAGAIN || atomic_load(&accepted) == 4);
		if (err != TPAR_EAGAIN) {
			(void)count(err, 1);
		}
	}
	EXPECT(atomic_load(&accepted) == 4 || atomic_load(&fault_for_ever));
	EXPECT(atomic_load(&accepted) <= 4);
	fault_end();
	unit_gate_open(&hold.go);
	finish(pool, f, 10);
}

START_TEST(limit_is_not_used_up_by_what_was_refused)
{
	ck_assert_int_ge(fault_sweep(submit_limited), 1);
}
END_TEST

static int
complain(void *arg, void *value)
{
	int number = (int)(intptr_t)arg;
	struct tpar_failure why;
	tpar_future *f;
	enum tpar_err err;

	(void)value;
	if (number == 0) {
		EXPECT(tpar_fail(1, "first") == 1);
		return tpar_fail(CODE, "the last one counts");
	}
	err = tpar_submit(NULL, complain, NULL, 0, &f);
	if (err != TPAR_OK) {
		EXPECT(err == TPAR_ENOMEM && fault_any());
		return CODE;
	}
	EXPECT(tpar_gather(&f, 1, NULL, &why) == TPAR_EFAILED);
	tpar_future_unref(f);
	return tpar_fail_from(&why);
}

/* Without memory the failure has no words of its own, or none at all. */
static void
fail_with_words(void)
{
	tpar_pool *pool = begin(1);
	tpar_future *f = unit_submit(pool, complain, (void *)1, 0);
	struct tpar_failure why;
	const char *said;

	fault_begin();
	EXPECT(tpar_gather(&f, 1, NULL, &why) == TPAR_EFAILED);
	EXPECT(why.code == CODE);
	EXPECT(why.message[0] != '\0');
	said = tpar_future_message(f);
	EXPECT(strcmp(said, "the last one counts") == 0 || fault_any());
	EXPECT(said[0] == '\0' || strcmp(said, why.message) == 0);
	fault_end();
	tpar_future_unref(f);
	finish(pool, NULL, 0);
}

START_TEST(failure_stays_one_without_its_message)
{
	ck_assert_int_ge(fault_sweep(fail_with_words), 2);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		submit_is_refused_without_memory,
		large_values_are_refused_without_memory,
		tasks_are_refused_large_values_without_memory,
		many_are_accepted_or_none,
		tasks_are_refused_without_memory,
		tasks_of_another_pool_are_refused_without_memory,
		limit_is_not_used_up_by_what_was_refused,
		failure_stays_one_without_its_message,
	};

	return fault_main("fault_submit", tests, sizeof tests / sizeof tests[0],
			  100);
}
