/* SPDX-License-Identifier: MIT */
/*
 * test_algorithms.c - reductions and prefix sums without memory for their values,
 * loops without threads: all is done, or an error says that it is not.
 */
#include "config.h"

#include "fault.h"

enum { WORKERS = 2, ITEMS = 200 };

static tpar_pool *pool;

/* Too large to lie on the stack. */
struct wide {
	long sum;
	char rest[400];
};

static int
fold_wide(size_t begin, size_t end, void *value, void *arg)
{
	struct wide *wide = value;

	(void)arg;
	for (; begin < end; begin++) {
		wide->sum += (long)begin;
	}
	return 0;
}

static int
add_wide(void *left, const void *right, void *arg)
{
	(void)arg;
	((struct wide *)left)->sum += ((const struct wide *)right)->sum;
	return 0;
}

/* true: all was done. */
static bool
check_outcome(enum tpar_err err, const struct tpar_failure *why)
{
	if (err == TPAR_OK) {
		return true;
	}
	EXPECT(err == TPAR_ENOMEM || err == TPAR_EAGAIN);
	EXPECT(fault_any());
	EXPECT(why->index == SIZE_MAX);
	EXPECT(why->state == TPAR_PENDING);
	EXPECT(why->code == (int)err);
	EXPECT(why->message[0] != '\0');
	return false;
}

static void
reduce(tpar_pool *where)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;
	struct wide wide = { .sum = -1 };
	struct tpar_failure why;
	bool done;

	how.value_size = sizeof wide;
	how.fold = fold_wide;
	how.combine = add_wide;
	done = check_outcome(tpar_reduce(where, 0, ITEMS, 3, &how, &wide, &why),
			     &why);
	EXPECT(wide.sum == (done ? ITEMS * (ITEMS - 1) / 2 : -1));
}

static int
add_longs(void *left, const void *right, void *arg)
{
	(void)arg;
	*(long *)left += *(const long *)right;
	return 0;
}

static void
scan(tpar_pool *where)
{
	struct tpar_prefix how = TPAR_PREFIX_INIT;
	long values[ITEMS];
	struct tpar_failure why;
	long i;

	for (i = 0; i < ITEMS; i++) {
		values[i] = 2 * i + 1;
	}
	how.value_size = sizeof values[0];
	how.combine = add_longs;
	if (check_outcome(tpar_scan(where, values, values, ITEMS, 0, &how,
				    &why),
			  &why)) {
		for (i = 0; i < ITEMS; i++) {
			EXPECT(values[i] == (i + 1) * (i + 1));
		}
	}
}

static int
count(size_t begin, size_t end, void *arg)
{
	atomic_fetch_add((_Atomic size_t *)arg, end - begin);
	return 0;
}

static void
loop(tpar_pool *where)
{
	_Atomic size_t items = 0;
	struct tpar_failure why;
	bool done = check_outcome(
		tpar_for(where, 0, ITEMS, 1, count, &items, &why), &why);

	EXPECT(atomic_load(&items) == (done ? ITEMS : 0));
}

static void (*run)(tpar_pool *where);

static void
run_outside(void)
{
	fault_begin();
	run(pool);
	fault_end();
	run(pool);
}

static int
run_task(void *arg, void *value)
{
	(void)arg;
	(void)value;
	fault_begin();
	run(NULL);
	fault_end();
	run(NULL);
	return 0;
}

static void
run_inside(void)
{
	unit_run_in(pool, run_task, NULL);
}

static void
outside_in_new_pool(void)
{
	pool = unit_pool(WORKERS, 1);
	run_outside();
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

static void
inside_in_new_pool(void)
{
	pool = unit_pool(WORKERS, 1);
	run_inside();
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

static long
sweep(void (*what)(tpar_pool *where))
{
	long outside;

	run = what;
	outside = fault_sweep(outside_in_new_pool);
	return outside + fault_sweep(inside_in_new_pool);
}

START_TEST(reduction_gives_its_value_or_an_error)
{
	ck_assert_int_ge(sweep(reduce), 5);
}
END_TEST

START_TEST(scan_gives_all_sums_or_an_error)
{
	ck_assert_int_ge(sweep(scan), 3);
}
END_TEST

START_TEST(loop_does_all_items_or_none)
{
	ck_assert_int_ge(sweep(loop), 2);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		reduction_gives_its_value_or_an_error,
		scan_gives_all_sums_or_an_error,
		loop_does_all_items_or_none,
	};

	return fault_main("fault_algorithms", tests,
			  sizeof tests / sizeof tests[0], 10);
}
