/* SPDX-License-Identifier: MIT */
/*
 * test_sort_bad.c - what tpar_sort() does with functions that are no order, with
 * arguments that are wrong, and when it is to stop: the array keeps its
 * elements.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

enum { MOST = 30000 };

static const unsigned widths[] = { 1, 2, 4 };
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Each number below n once, in the first four bytes of an element. */
static unsigned char array[MOST * 40];

static void
fill(size_t n, size_t size)
{
	size_t i;

	for (i = 0; i < n; i++) {
		uint32_t number = (uint32_t)((i * 7919 + 13) % n);

		memset(array + i * size, (int)number, size);
		memcpy(array + i * size, &number, sizeof number);
	}
}

static bool
is_complete(size_t n, size_t size)
{
	static bool seen[MOST];
	uint32_t number;
	size_t i;
	size_t k;

	memset(seen, 0, sizeof seen);
	for (i = 0; i < n; i++) {
		memcpy(&number, array + i * size, sizeof number);
		if (number >= n || seen[number]) {
			return false;
		}
		seen[number] = true;
		for (k = sizeof number; k < size; k++) {
			if (array[i * size + k] != (unsigned char)number) {
				return false;
			}
		}
	}
	return true;
}

static bool
is_sorted(size_t n)
{
	uint32_t number;
	size_t i;

	for (i = 0; i < n; i++) {
		memcpy(&number, array + i * sizeof number, sizeof number);
		if (number != i) {
			return false;
		}
	}
	return true;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x;
	uint32_t y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

static _Atomic long compared;

/* ---- No orders ------------------------------------------------------------- */

static int
by_dice(const void *a, const void *b, void *arg)
{
	static _Thread_local uint32_t state = 1;

	(void)a;
	(void)b;
	(void)arg;
	atomic_fetch_add(&compared, 1);
	state = state * 1103515245u + 12345u;
	return (int)(state >> 16) % 3 - 1;
}

static int
always(const void *a, const void *b, void *arg)
{
	(void)a;
	(void)b;
	atomic_fetch_add(&compared, 1);
	return *(int *)arg;
}

/* Stone, scissors, paper. */
static int
in_a_circle(const void *a, const void *b, void *arg)
{
	uint32_t x;
	uint32_t y;

	(void)arg;
	atomic_fetch_add(&compared, 1);
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (int)((x % 3 + 3 - y % 3 + 1) % 3) - 1;
}

/* An order until a moment, then the opposite one. */
static int
that_turns(const void *a, const void *b, void *arg)
{
	long n = atomic_fetch_add(&compared, 1);

	return n < *(int *)arg ? by_number(a, b) : by_number(b, a);
}

static int
by_bits(const void *a, const void *b, void *arg)
{
	uint32_t x;
	uint32_t y;

	(void)arg;
	atomic_fetch_add(&compared, 1);
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (int)(((x ^ (y * 3)) >> 3) & 3) - 2;
}

static int minus = -1;
static int plus = INT32_MAX;
static int zero;
static int later = 20000;

static const struct {
	int (*compare)(const void *a, const void *b, void *arg);
	void *arg;
} no_orders[] = {
	{ by_dice, NULL }, { always, &minus },	  { always, &plus },
	{ always, &zero }, { in_a_circle, NULL }, { that_turns, &later },
	{ by_bits, NULL },
};

/* Comparisons that n elements take, at most. */
static long
bound(size_t n)
{
	long bits = 1;

	while (n >> bits > 0) {
		bits++;
	}
	return (long)n * (bits + 2);
}

static void
sort_in_no_order(tpar_pool *pool, size_t o, size_t n, size_t size)
{
	fill(n, size);
	atomic_store(&compared, 0);
	ck_assert_int_eq(tpar_sort(pool, array, n, size, no_orders[o].compare,
				   no_orders[o].arg, NULL),
			 TPAR_OK);
	ck_assert(is_complete(n, size));
	ck_assert_int_le(atomic_load(&compared), bound(n));
}

START_TEST(what_is_no_order_loses_nothing_and_ends)
{
	static const size_t sizes[] = { 4, 5, 8, 16, 24, 32, 40 };
	static const size_t lengths[] = { 2, 3, 30, 511, 1024, 2000 };
	size_t w;
	size_t s;

	for (w = 0; w < COUNT(widths) * COUNT(no_orders); w++) {
		tpar_pool *pool = unit_pool(widths[w / COUNT(no_orders)], 0);
		size_t o = w % COUNT(no_orders);

		for (s = 0; s < COUNT(sizes) * COUNT(lengths); s++) {
			size_t size = sizes[s / COUNT(lengths)];
			size_t n = lengths[s % COUNT(lengths)];

			sort_in_no_order(pool, o, n, size);
		}
		sort_in_no_order(pool, o, (size_t)unit_scaled(MOST), 8);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

START_TEST(all_equal_is_left_as_it_is)
{
	uint32_t number;
	size_t i;

	fill(MOST, 4);
	ck_assert_int_eq(tpar_sort(NULL, array, MOST, 4, always, &zero, NULL),
			 TPAR_OK);
	for (i = 0; i < MOST; i++) {
		memcpy(&number, array + 4 * i, 4);
		ck_assert_uint_eq(number, (i * 7919 + 13) % MOST);
	}
}
END_TEST

/* ---- Wrong arguments -------------------------------------------------------- */

static int
that_is_not_called(const void *a, const void *b, void *arg)
{
	(void)a;
	(void)b;
	(void)arg;
	UNIT_MUST(false);
	return 0;
}

/* Refused, with words for it. */
static bool
is_refused(void *base, size_t n, size_t size,
	   int (*compare)(const void *a, const void *b, void *arg),
	   const char *word)
{
	struct tpar_failure why;

	memset(&why, 0, sizeof why);
	return tpar_sort(NULL, base, n, size, compare, NULL, NULL) ==
		       TPAR_EINVAL &&
	       tpar_sort(NULL, base, n, size, compare, NULL, &why) ==
		       TPAR_EINVAL &&
	       why.code == TPAR_EINVAL && why.index == SIZE_MAX &&
	       why.state == TPAR_PENDING && strstr(why.message, word) != NULL;
}

START_TEST(wrong_arguments_are_refused_in_words)
{
	size_t half = SIZE_MAX / 2;

	ck_assert(is_refused(array, 10, 0, that_is_not_called, "size 0"));
	ck_assert(is_refused(array, 0, 0, that_is_not_called, "size 0"));
	ck_assert(is_refused(array, 10, 4, NULL, "function"));
	ck_assert(is_refused(NULL, 1, 4, that_is_not_called, "base"));
	ck_assert(is_refused(array, half, 4, that_is_not_called, "4 bytes"));
	ck_assert(is_refused(array, 4, half, that_is_not_called, "4 elements"));
	ck_assert(is_refused(array, SIZE_MAX, SIZE_MAX, that_is_not_called,
			     "elements"));
	ck_assert(
		is_refused(array, 1, SIZE_MAX, that_is_not_called, "elements"));
}
END_TEST

START_TEST(none_and_one_are_sorted)
{
	fill(1, 4);
	ck_assert_int_eq(tpar_sort(NULL, NULL, 0, 4, that_is_not_called, NULL,
				   NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_sort(NULL, array, 1, 4, that_is_not_called, NULL,
				   NULL),
			 TPAR_OK);
	ck_assert(is_complete(1, 4));
}
END_TEST

START_TEST(pool_that_was_shut_down_refuses)
{
	tpar_pool *pool = unit_pool(2, 0);
	struct tpar_failure why;

	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_sort(pool, array, 10, 4, that_is_not_called, NULL,
				   &why),
			 TPAR_ECLOSED);
	ck_assert_int_eq(why.code, TPAR_ECLOSED);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Stopping --------------------------------------------------------------- */

static long stop_at; /* the comparison that something happens in */
static _Atomic(tpar_future *) running; /* the task that sorts */

static int
that_cancels(const void *a, const void *b, void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&compared, 1) == stop_at) {
		(void)tpar_future_cancel(atomic_load(&running));
	}
	return by_number(a, b);
}

static int
that_fails(const void *a, const void *b, void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&compared, 1) == stop_at) {
		tpar_run_fail(7, "at %ld", stop_at);
	}
	return by_number(a, b);
}

struct job {
	tpar_pool *pool;
	int (*compare)(const void *a, const void *b, void *arg);
	struct unit_gate go;
	bool shielded;
	enum tpar_err err;
	struct tpar_failure why;
};

static int
sort_task(void *arg, void *value)
{
	struct job *job = arg;

	(void)value;
	unit_gate_await(&job->go, 1);
	if (job->shielded) {
		tpar_shield_enter();
	}
	job->err =
		tpar_sort(NULL, array, MOST, 4, job->compare, NULL, &job->why);
	if (job->shielded) {
		tpar_shield_leave();
	}
	return tpar_checkpoint();
}

/* Sorts in a task that `running` refers to. */
static enum tpar_err
sort_in_task(struct job *job)
{
	struct unit_gate go = UNIT_GATE_INIT;
	enum tpar_err err;
	tpar_future *f;

	fill(MOST, 4);
	atomic_store(&compared, 0);
	job->go = go;
	f = unit_submit(job->pool, sort_task, job, 0);
	atomic_store(&running, f);
	unit_gate_open(&job->go);
	err = tpar_future_wait(f, TPAR_FOREVER);
	tpar_future_unref(f);
	return err;
}

START_TEST(task_that_is_cancelled_stops_sorting)
{
	size_t w;
	long stopped = 0;

	for (w = 0; w < COUNT(widths); w++) {
		struct job job = { .compare = that_cancels };

		job.pool = unit_pool(widths[w], 0);
		for (stop_at = 0; stop_at < 200000; stop_at += stop_at + 1) {
			ck_assert_int_eq(sort_in_task(&job), TPAR_ECANCELED);
			ck_assert(is_complete(MOST, 4));
			if (job.err == TPAR_OK) {
				ck_assert(is_sorted(MOST));
				continue;
			}
			ck_assert_int_eq(job.err, TPAR_ESTOPPED);
			ck_assert_int_eq(job.why.code, TPAR_ESTOPPED);
			ck_assert(atomic_load(&compared) < 400000);
			stopped++;
		}
		ck_assert_int_eq(tpar_pool_destroy(job.pool), TPAR_OK);
	}
	ck_assert_int_ge(stopped, 3 * 17);
}
END_TEST

START_TEST(shield_keeps_it_from_stopping)
{
	struct job job = { .compare = that_cancels, .shielded = true };

	job.pool = unit_pool(2, 0);
	for (stop_at = 0; stop_at < 200000; stop_at += 2 * stop_at + 1) {
		ck_assert_int_eq(sort_in_task(&job), TPAR_ECANCELED);
		ck_assert_int_eq(job.err, TPAR_OK);
		ck_assert(is_sorted(MOST));
	}
	ck_assert_int_eq(tpar_pool_destroy(job.pool), TPAR_OK);
}
END_TEST

START_TEST(comparison_may_fail_the_sort)
{
	size_t w;

	for (w = 0; w < COUNT(widths); w++) {
		tpar_pool *pool = unit_pool(widths[w], 0);

		for (stop_at = 0; stop_at < 200000; stop_at += stop_at + 1) {
			struct tpar_failure why;
			char words[40];

			fill(MOST, 4);
			atomic_store(&compared, 0);
			ck_assert_int_eq(tpar_sort(pool, array, MOST, 4,
						   that_fails, NULL, &why),
					 TPAR_EFAILED);
			ck_assert(is_complete(MOST, 4));
			ck_assert_int_eq(why.code, 7);
			(void)snprintf(words, sizeof words, "at %ld", stop_at);
			ck_assert_ptr_nonnull(strstr(why.message, words));
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

/* What fails is the sort, not what it is called in. */
TPAR_TASK_1(int, sort_and_go_on, tpar_pool *, pool)
{
	struct tpar_failure why;

	(void)pool;
	fill(MOST, 4);
	atomic_store(&compared, 0);
	UNIT_MUST(tpar_sort(NULL, array, MOST, 4, that_fails, NULL, &why) ==
		  TPAR_EFAILED);
	UNIT_MUST(is_complete(MOST, 4));
	UNIT_MUST(!tpar_cancelled());
	return 5;
}

START_TEST(failed_sort_does_not_fail_its_caller)
{
	tpar_pool *pool = unit_pool(2, 0);
	int result = 0;

	stop_at = 1000;
	ck_assert_int_eq(TPAR_RUN(sort_and_go_on, pool, &result, NULL, pool),
			 TPAR_OK);
	ck_assert_int_eq(result, 5);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static struct unit_hold in_compare;

static int
that_waits_once(const void *a, const void *b, void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&compared, 1) == stop_at) {
		unit_gate_open(&in_compare.begun);
		unit_gate_await(&in_compare.go, 1);
	}
	return by_number(a, b);
}

static void *
sort_on_a_thread(void *arg)
{
	struct job *job = arg;

	job->err = tpar_sort(job->pool, array, MOST, 4, job->compare, NULL,
			     &job->why);
	return NULL;
}

START_TEST(pool_that_is_cancelled_stops_sorting)
{
	static const struct unit_hold fresh = UNIT_HOLD_INIT;
	pthread_t thread;

	for (stop_at = 10; stop_at < 200000; stop_at *= 7) {
		struct job job = { .compare = that_waits_once };

		job.pool = unit_pool(2, 0);
		fill(MOST, 4);
		atomic_store(&compared, 0);
		in_compare = fresh;
		thread = unit_start(sort_on_a_thread, &job);
		unit_gate_await(&in_compare.begun, 1);
		ck_assert_int_eq(tpar_pool_shutdown(job.pool, TPAR_CANCEL,
						    TPAR_NOW),
				 TPAR_ETIMEDOUT);
		unit_gate_open(&in_compare.go);
		unit_join(thread);
		ck_assert(is_complete(MOST, 4));
		if (job.err == TPAR_OK) {
			ck_assert(is_sorted(MOST));
		} else {
			ck_assert(job.err == TPAR_ESTOPPED ||
				  job.err == TPAR_ECANCELED);
		}
		ck_assert_int_eq(tpar_pool_destroy(job.pool), TPAR_OK);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		what_is_no_order_loses_nothing_and_ends,
		all_equal_is_left_as_it_is,
		wrong_arguments_are_refused_in_words,
		none_and_one_are_sorted,
		pool_that_was_shut_down_refuses,
		task_that_is_cancelled_stops_sorting,
		shield_keeps_it_from_stopping,
		comparison_may_fail_the_sort,
		failed_sort_does_not_fail_its_caller,
		pool_that_is_cancelled_stops_sorting,
	};

	return unit_main("sort_bad", tests, sizeof tests / sizeof tests[0]);
}
