/* SPDX-License-Identifier: MIT */
/*
 * test_threads.c - tasks that wait for what another thread must run, when none
 * can be added: at the limit, or because none starts.  Each wait ends, as it
 * should or with TPAR_EAGAIN, and later the pool has its threads again.
 */
#include "config.h"

#include "fault.h"

#include <taskpar/cancel.h>

static int64_t deadline; /* of the waits in tasks */
static unsigned flags;	 /* of the tasks waited for */

static bool
is_shortage(int code)
{
	return code == TPAR_EAGAIN || code == TPAR_ENOMEM;
}

/* A tree of tasks in which each one waits for two others. */
static int
grow(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why = { .code = 0 };
	enum tpar_err err;
	tpar_future *f[2];

	(void)value;
	if (depth == 0) {
		return 0;
	}
	task.fn = grow;
	task.arg = (void *)(depth - 1);
	task.flags = flags;
	err = tpar_submit_many(NULL, &task, NULL, 0, 2, f);
	if (err != TPAR_OK) {
		return (int)err;
	}
	err = tpar_gather_until(f, 2, NULL, deadline, &why);
	tpar_future_unref_all(f, 2);
	EXPECT((err == TPAR_OK) == (why.code == 0));
	return why.code;
}

/* One task waits for the next, down to the end of the stack and further. */
static int
go_down(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	struct tpar_task task = TPAR_TASK_INIT;
	volatile char used[4096];
	enum tpar_err err;
	tpar_future *f;
	int code;

	(void)value;
	used[depth] = 1;
	if (depth == 0) {
		return 0;
	}
	task.fn = go_down;
	task.arg = (void *)(depth - 1);
	task.flags = flags;
	err = tpar_submit_task(NULL, &task, &f);
	if (err != TPAR_OK) {
		return (int)err;
	}
	err = tpar_future_wait(f, deadline);
	code = err == TPAR_EFAILED ? tpar_future_code(f) : (int)err;
	tpar_future_unref(f);
	return code - 1 + used[depth];
}

struct shape {
	tpar_task_fn fn;
	intptr_t depth;
	unsigned workers;
	unsigned blocking_limit;
};

static struct shape shape;

static enum tpar_err
run_once(tpar_pool *pool, int *code)
{
	enum tpar_err err;
	tpar_future *f;

	err = tpar_submit(pool, shape.fn, (void *)shape.depth, 0, &f);
	*code = (int)err;
	if (err == TPAR_OK) {
		err = tpar_future_wait(f, TPAR_FOREVER);
		*code = tpar_future_code(f);
		tpar_future_unref(f);
	}
	return err;
}

static void
run_short_of_threads(void)
{
	tpar_pool *pool = unit_pool(shape.workers, shape.blocking_limit);
	enum tpar_err err;
	int code;

	fault_begin();
	err = run_once(pool, &code);
	EXPECT(err == TPAR_OK || (fault_any() && is_shortage(code)));
	fault_end();
	EXPECT(run_once(pool, &code) == TPAR_OK);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

/*
 * How much of a stack a sanitizer takes for itself only the system can tell:
 * where a task goes down to its end, asking must not fail.
 */
static const int deep_kinds =
	TPI_SANITIZED ? FAULT_ALL & ~FAULT_SYSTEM : FAULT_ALL;

static long
sweep(struct shape of, unsigned task_flags, bool timed)
{
	shape = of;
	flags = task_flags;
	deadline = timed ? tpar_in(3600 * TPAR_SECOND) : TPAR_FOREVER;
	return fault_sweep_of(run_short_of_threads, deep_kinds);
}

START_TEST(trees_end_without_threads)
{
	struct shape tree = { grow, 3, 2, 16 };

	ck_assert_int_ge(sweep(tree, TPAR_NO_INLINE, false), 10);
	ck_assert_int_ge(sweep(tree, TPAR_NO_INLINE, true), 10);
	ck_assert_int_ge(sweep(tree, 0, true), 10);
	ck_assert_int_ge(sweep(tree, 0, false), 1);
}
END_TEST

START_TEST(chains_end_without_threads)
{
	struct shape chain = { go_down, 5, 1, 10 };

	ck_assert_int_ge(sweep(chain, TPAR_NO_INLINE, false), 10);
	ck_assert_int_ge(sweep(chain, TPAR_NO_INLINE, true), 10);
	ck_assert_int_ge(sweep(chain, 0, true), 10);
}
END_TEST

START_TEST(stack_ends_without_threads)
{
	struct shape deep = { go_down, 150, 1, 40 };

	ck_assert_int_ge(sweep(deep, 0, false), 5);
}
END_TEST

/* At the limit the same happens without any fault. */
static void
run_at_limit(void)
{
	tpar_pool *pool = unit_pool(1, 2);
	int code;

	fault_begin();
	EXPECT(run_once(pool, &code) != TPAR_OK);
	EXPECT(code == TPAR_EAGAIN || (code == TPAR_ENOMEM && fault_any()));
	fault_end();
	EXPECT(run_once(pool, &code) == TPAR_EFAILED);
	EXPECT(code == TPAR_EAGAIN);
	shape.depth = 1;
	EXPECT(run_once(pool, &code) == TPAR_OK);
	shape.depth = 6;
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(limit_of_threads_is_an_error_of_the_wait)
{
	flags = TPAR_NO_INLINE;
	deadline = TPAR_FOREVER;
	shape = (struct shape) { grow, 6, 1, 2 };
	ck_assert_int_ge(fault_sweep(run_at_limit), 10);
	shape.fn = go_down;
	ck_assert_int_ge(fault_sweep(run_at_limit), 10);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { trees_end_without_threads,
				 chains_end_without_threads,
				 stack_ends_without_threads,
				 limit_of_threads_is_an_error_of_the_wait };

	return fault_main("fault_threads", tests,
			  sizeof tests / sizeof tests[0], 100);
}
