/* SPDX-License-Identifier: MIT */
/*
 * test_sort_keys_bad.c - what tpar_sort_by_key() does with keys that are none,
 * with arguments that are wrong, and when it is to stop: nothing is lost.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

/* So many are split, in chunks. */
enum { LONG = 70000 };

static const unsigned widths[] = { 1, 2, 4 };
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static uint64_t numbers[LONG];
static _Thread_local uint64_t seed = 1;

static uint64_t
dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static _Atomic long asked;
static long stop_at;
static _Atomic(tpar_future *) running;

/* Each number below n once, as the whole of it. */
static void
fill_numbers(void)
{
	size_t i;

	for (i = 0; i < LONG; i++) {
		numbers[i] = (i * 7919 + 5) % LONG;
	}
}

static bool
is_complete(void)
{
	static bool seen[LONG];
	size_t i;

	memset(seen, 0, sizeof seen);
	for (i = 0; i < LONG; i++) {
		if (numbers[i] >= LONG || seen[numbers[i]]) {
			return false;
		}
		seen[numbers[i]] = true;
	}
	return true;
}

static bool
are_sorted(void)
{
	size_t i;

	for (i = 0; i < LONG && numbers[i] == i; i++) {
	}
	return i == LONG;
}

static uint64_t
by_dice(const void *element, void *arg)
{
	(void)element;
	(void)arg;
	return dice();
}

static uint64_t
by_small_dice(const void *element, void *arg)
{
	(void)element;
	(void)arg;
	return dice() % 3;
}

static uint64_t
by_turns(const void *element, void *arg)
{
	long n = atomic_fetch_add(&asked, 1);
	uint64_t x = *(const uint64_t *)element;

	(void)arg;
	return n / 50000 % 2 > 0 ? x : ~x;
}

static uint64_t
by_now_and_then(const void *element, void *arg)
{
	(void)arg;
	return atomic_fetch_add(&asked, 1) % 9973 == 0
		       ? UINT64_MAX
		       : *(const uint64_t *)element;
}

static uint64_t
by_call(const void *element, void *arg)
{
	(void)element;
	(void)arg;
	return (uint64_t)atomic_fetch_add(&asked, 1);
}

START_TEST(keys_that_change_their_mind_lose_nothing)
{
	static uint64_t (*const keys[])(const void *element, void *arg) = {
		by_dice, by_small_dice, by_turns, by_now_and_then, by_call
	};
	size_t w;
	size_t k;

	for (w = 0; w < COUNT(widths); w++) {
		tpar_pool *pool = unit_pool(widths[w], 0);

		for (k = 0; k < COUNT(keys) * 2; k++) {
			size_t n = k % 2 > 0 ? LONG : 3000;

			fill_numbers();
			ck_assert_int_eq(tpar_sort_by_key(pool, numbers, n, 8,
							  keys[k / 2], NULL,
							  NULL),
					 TPAR_OK);
			ck_assert(is_complete());
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
	struct tpar_failure why;

	ck_assert_int_eq(tpar_sort_u64(NULL, NULL, 1, &why), TPAR_EINVAL);
	ck_assert_int_eq(why.code, TPAR_EINVAL);
	ck_assert_str_ne(why.message, "");
	ck_assert_int_eq(tpar_sort_u32(NULL, NULL, 5, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_sort_u64(NULL, numbers, SIZE_MAX / 8, NULL),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_sort_by_key(NULL, numbers, 5, 0, by_dice, NULL,
					  NULL),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_sort_by_key(NULL, numbers, 5, 8, NULL, NULL,
					  NULL),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_sort_i64(NULL, NULL, 0, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_sort_i32(NULL, NULL, 0, NULL), TPAR_OK);
}
END_TEST

static uint64_t
that_cancels(const void *element, void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&asked, 1) == stop_at) {
		(void)tpar_future_cancel(atomic_load(&running));
	}
	return *(const uint64_t *)element;
}

static uint64_t
that_fails(const void *element, void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&asked, 1) == stop_at) {
		tpar_run_fail(7, NULL);
	}
	return *(const uint64_t *)element;
}

static struct unit_gate go;
static enum tpar_err outcome;

static int
sort_numbers(void *arg, void *value)
{
	(void)arg;
	(void)value;
	unit_gate_await(&go, 1);
	outcome = tpar_sort_by_key(NULL, numbers, LONG, 8, that_cancels, NULL,
				   NULL);
	return tpar_checkpoint();
}

START_TEST(task_that_is_cancelled_stops_sorting)
{
	static const struct unit_gate fresh = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(2, 0);
	tpar_future *f;
	int stopped = 0;

	for (stop_at = 0; stop_at < 5 * LONG; stop_at += stop_at / 4 + 1) {
		fill_numbers();
		atomic_store(&asked, 0);
		go = fresh;
		f = unit_submit(pool, sort_numbers, NULL, 0);
		atomic_store(&running, f);
		unit_gate_open(&go);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 TPAR_ECANCELED);
		tpar_future_unref(f);
		ck_assert(is_complete());
		ck_assert(outcome == TPAR_OK ? are_sorted()
					     : outcome == TPAR_ESTOPPED);
		stopped += outcome == TPAR_ESTOPPED;
	}
	ck_assert_int_ge(stopped, 30);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(key_may_fail_the_sort)
{
	tpar_pool *pool = unit_pool(4, 0);
	struct tpar_failure why;

	for (stop_at = 0; stop_at < 5 * LONG; stop_at += stop_at / 4 + 1) {
		fill_numbers();
		atomic_store(&asked, 0);
		ck_assert_int_eq(tpar_sort_by_key(pool, numbers, LONG, 8,
						  that_fails, NULL, &why),
				 TPAR_EFAILED);
		ck_assert_int_eq(why.code, 7);
		ck_assert(is_complete());
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		keys_that_change_their_mind_lose_nothing,
		wrong_arguments_are_refused,
		task_that_is_cancelled_stops_sorting,
		key_may_fail_the_sort,
	};

	return unit_main("sort_keys_bad", tests,
			 sizeof tests / sizeof tests[0]);
}
