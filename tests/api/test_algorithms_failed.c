/* SPDX-License-Identifier: MIT */
/*
 * test_algorithms_failed.c - algorithms in a task whose own computation has failed,
 * or does so meanwhile: what is not done is not said to be.
 */
#include "forks.h"

#include <taskpar/algorithm.h>
#include <taskpar/cancel.h>

#include <stdint.h>

#define UNTOUCHED 77

/* What was called, and what is to happen there. */
struct plan {
	_Atomic int calls;
	_Atomic int failed; /* the computation around it */
	_Atomic int begun;
	bool waits; /* until it has failed */
	int code;   /* returned then */
	tpar_pool *pool;
};

typedef struct plan *plan_at;

static int
call(struct plan *plan)
{
	atomic_fetch_add(&plan->calls, 1);
	if (plan->waits) {
		forks_raise(&plan->begun);
		while (!tpar_cancelled()) {
			sched_yield();
		}
	}
	return plan->code;
}

static int
body(size_t begin, size_t end, void *arg)
{
	(void)begin;
	(void)end;
	return call(arg);
}

static int
tile_body(const struct tpar_tile *tile, void *arg)
{
	(void)tile;
	return call(arg);
}

static int
fold(size_t begin, size_t end, void *value, void *arg)
{
	*(long *)value += (long)(end - begin);
	return call(arg);
}

static int
add(void *left, const void *right, void *arg)
{
	*(long *)left += *(const long *)right;
	return call(arg);
}

static int
find(size_t begin, size_t end, size_t *hit, void *arg)
{
	(void)end;
	*hit = begin;
	return call(arg);
}

/* Each does one item, in one call; *out is 1 afterwards. */
static enum tpar_err
do_for(struct plan *plan, long *out, struct tpar_failure *why)
{
	enum tpar_err err = tpar_for(NULL, 0, 1, 0, body, plan, why);

	*out = err == TPAR_OK ? 1 : *out;
	return err;
}

static enum tpar_err
do_for_2d(struct plan *plan, long *out, struct tpar_failure *why)
{
	enum tpar_err err = tpar_for_2d(NULL, 1, 1, 0, 0, tile_body, plan, why);

	*out = err == TPAR_OK ? 1 : *out;
	return err;
}

static enum tpar_err
do_reduce(struct plan *plan, long *out, struct tpar_failure *why)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;

	how.value_size = sizeof *out;
	how.fold = fold;
	how.combine = add;
	how.arg = plan;
	return tpar_reduce(NULL, 0, 1, 0, &how, out, why);
}

static enum tpar_err
do_scan(struct plan *plan, long *out, struct tpar_failure *why)
{
	struct tpar_prefix how = TPAR_PREFIX_INIT;
	long one = 1;
	enum tpar_err err;

	how.value_size = sizeof *out;
	how.combine = add;
	how.arg = plan;
	err = tpar_scan(NULL, &one, &one, 1, 0, &how, why);
	*out = err == TPAR_OK ? one : *out;
	return err;
}

static enum tpar_err
do_find(struct plan *plan, long *out, struct tpar_failure *why)
{
	size_t index = UNTOUCHED;
	enum tpar_err err =
		tpar_find_first(NULL, 1, 2, 0, find, plan, &index, why);

	*out = (long)index;
	return err;
}

typedef enum tpar_err (*do_fn)(struct plan *plan, long *out,
			       struct tpar_failure *why);

static const do_fn all[] = { do_for, do_for_2d, do_reduce, do_scan, do_find };

#define ALL (sizeof all / sizeof all[0])

TPAR_VOID_TASK_1(fails_first, do_fn, fn)
{
	struct plan plan = { .code = 0 };
	struct tpar_failure why;
	long out = UNTOUCHED;

	tpar_run_fail(7, NULL);
	UNIT_MUST(fn(&plan, &out, &why) == TPAR_ESTOPPED);
	UNIT_MUST(atomic_load(&plan.calls) == 0);
	UNIT_MUST(out == UNTOUCHED);
	UNIT_MUST(why.code == TPAR_ESTOPPED && why.index == SIZE_MAX);
}

START_TEST(what_does_not_begin_is_not_done)
{
	struct tpar_failure why;
	size_t i;

	for (i = 0; i < ALL; i++) {
		ck_assert_int_eq(TPAR_RUN(fails_first, NULL, NULL, &why,
					  all[i]),
				 TPAR_EFAILED);
		ck_assert_int_eq(why.code, 7);
	}
}
END_TEST

/* ---- It fails while the only call runs -------------------------------------------- */

TPAR_VOID_TASK_1(fail_later, plan_at, plan)
{
	forks_raise(&plan->failed);
	while (!forks_raised(&plan->begun)) {
		sched_yield();
	}
	tpar_run_fail(7, NULL);
}

TPAR_VOID_TASK_2(fails_meanwhile, do_fn, fn, plan_at, plan)
{
	struct tpar_failure why;
	long out = UNTOUCHED;
	enum tpar_err err;

	TPAR_FORK(fail_later, plan);
	TPAR_CALL(forks_until, &plan->failed);
	err = fn(plan, &out, &why);
	TPAR_JOIN(fail_later);
	UNIT_MUST(atomic_load(&plan->calls) == 1);
	if (plan->code == 0) {
		UNIT_MUST(err == TPAR_OK && out == 1);
	} else {
		UNIT_MUST(err == TPAR_EFAILED && out == UNTOUCHED);
		UNIT_MUST(why.code == plan->code);
	}
}

static void
fail_meanwhile(int code)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;
	size_t i;

	for (i = 0; i < ALL; i++) {
		struct plan plan = { .waits = true, .code = code };

		ck_assert_int_eq(TPAR_RUN(fails_meanwhile, pool, NULL, &why,
					  all[i], &plan),
				 TPAR_EFAILED);
		ck_assert_int_eq(why.code, 7);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(what_is_done_all_the_same_is_a_success)
{
	fail_meanwhile(0);
}
END_TEST

START_TEST(what_fails_as_well_is_a_failure)
{
	fail_meanwhile(9);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		what_does_not_begin_is_not_done,
		what_is_done_all_the_same_is_a_success,
		what_fails_as_well_is_a_failure,
	};

	return unit_main("algorithms_failed", tests,
			 sizeof tests / sizeof tests[0]);
}
