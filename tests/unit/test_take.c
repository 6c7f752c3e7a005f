/* SPDX-License-Identifier: MIT */
/*
 * test_take.c - in which order a worker takes what is queued: priorities, and
 * that nothing starves for them.  The test is the worker.
 */
#include "config.h"

#include "handmade.h"

#include "src/take.h"
#include "src/trim.h"

enum { FEW = 20, PATIENCE = 1000 };

static struct tpar_pool *pool;
static struct tpi_worker *w;
static struct tpi_worker *other;

static void
start(void)
{
	pool = hand_pool(2);
	w = hand_worker(pool);
	other = hand_worker(pool);
	hand_become(w);
}

static struct tpi_inject *
high(void)
{
	return &pool->aside[TPI_ASIDE_HIGH];
}

static struct tpi_inject *
low(void)
{
	return &pool->aside[TPI_ASIDE_LOW];
}

static struct tpar_future *
inject(struct tpi_inject *q)
{
	struct tpar_future *f = hand_future(pool);

	tpi_inject_push(q, &f->link, &f->link);
	return f;
}

static struct tpar_future *
push(struct tpi_worker *to)
{
	struct tpar_future *f = hand_future(pool);

	tpi_worker_push(to, f);
	return f;
}

/* It was taken from its queue. */
static void
finish(struct tpar_future *f)
{
	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, 0, NULL);
	hand_drop(f);
}

static void
expect(struct tpar_future *taken, struct tpar_future *f)
{
	ck_assert_ptr_eq(taken, f);
	finish(f);
}

/* What the worker would take next, or NULL. */
static struct tpar_future *
take(void)
{
	struct tpar_future *f = tpi_take_own(w);

	return f != NULL ? f : tpi_take_scan(w);
}

START_TEST(search_goes_from_high_to_low)
{
	struct tpar_future *f[5];

	start();
	f[4] = inject(low());
	f[3] = inject(&pool->shard[0]);
	f[2] = push(other);
	f[0] = inject(high());
	f[1] = inject(high());
	expect(tpi_take_scan(w), f[0]);
	expect(tpi_take_scan(w), f[1]);
	expect(tpi_take_scan(w), f[2]);
	expect(tpi_take_scan(w), f[3]);
	expect(tpi_take_scan(w), f[4]);
	ck_assert_ptr_null(tpi_take_scan(w));
	hand_free(pool);
}
END_TEST

START_TEST(tasks_of_a_priority_are_seen_as_work)
{
	struct tpar_future *f[2];

	start();
	ck_assert(!tpi_pool_any_work(pool));
	f[0] = inject(high());
	ck_assert(tpi_pool_any_work(pool));
	ck_assert(!tpi_take_busy(pool));
	ck_assert(tpi_inject_enter(high()));
	ck_assert(tpi_take_busy(pool));
	ck_assert_ptr_null(tpi_take_scan(w));
	tpi_inject_leave(high());
	expect(tpi_take_scan(w), f[0]);
	ck_assert(!tpi_pool_any_work(pool));
	f[1] = inject(low());
	ck_assert(tpi_pool_any_work(pool));
	expect(tpi_take_scan(w), f[1]);
	ck_assert(!tpi_pool_any_work(pool));
	hand_free(pool);
}
END_TEST

START_TEST(high_goes_before_a_full_deque)
{
	struct tpar_future *f[FEW];
	int taken = 0;
	int got = 0;
	int left = 0;
	int i;

	start();
	for (i = 0; i < 2 * FEW; i++) {
		(void)push(w);
	}
	for (i = 0; i < FEW; i++) {
		f[i] = inject(high());
	}
	/* All of them, in order, before the own ones are through. */
	while (got < FEW) {
		struct tpar_future *next = take();

		taken++;
		ck_assert_ptr_nonnull(next);
		got += next == f[got];
		finish(next);
	}
	ck_assert_int_le(taken, 2 * FEW);
	while ((f[0] = take()) != NULL) {
		finish(f[0]);
		left++;
	}
	ck_assert_int_eq(left, 3 * FEW - taken);
	hand_free(pool);
}
END_TEST

/* There is always a HIGH one: is `f`, queued elsewhere, taken all the same? */
static void
expect_among_high(struct tpar_future *f)
{
	struct tpar_future *next;
	int i = 0;

	do {
		(void)inject(high());
		next = take();
		ck_assert_ptr_nonnull(next);
		finish(next);
		ck_assert_int_lt(++i, PATIENCE);
	} while (next != f);
	while ((next = tpi_take_scan(w)) != NULL) {
		finish(next);
	}
}

START_TEST(endless_high_ones_leave_room_for_the_rest)
{
	start();
	expect_among_high(push(w));
	expect_among_high(push(other));
	expect_among_high(inject(&pool->shard[0]));
	expect_among_high(inject(low()));
	hand_free(pool);
}
END_TEST

START_TEST(endless_own_ones_leave_room_for_the_rest)
{
	struct tpi_inject *q[3];
	int i;

	start();
	q[0] = high();
	q[1] = &pool->shard[0];
	q[2] = low();
	for (i = 0; i < 3; i++) {
		struct tpar_future *f = inject(q[i]);
		struct tpar_future *own;
		struct tpar_future *next;
		int n = 0;

		do {
			own = push(w);
			next = tpi_take_own(w);
			ck_assert(next == own || next == f);
			finish(next);
			ck_assert_int_lt(++n, PATIENCE);
		} while (next != f);
		/* It went before an own one. */
		expect(tpi_deque_pop_owner(&w->deque), own);
	}
	hand_free(pool);
}
END_TEST

START_TEST(what_was_claimed_is_dropped_on_the_way)
{
	struct tpar_future *f[FEW];
	int i;

	start();
	for (i = 0; i < FEW; i++) {
		f[i] = inject(high());
	}
	for (i = 0; i + 1 < FEW; i++) {
		ck_assert(tpi_future_claim(f[i]));
		tpi_future_end(f[i], 0, NULL);
	}
	expect(tpi_take_scan(w), f[FEW - 1]);
	for (i = 0; i + 1 < FEW; i++) {
		ck_assert_uint_eq(atomic_load(&f[i]->holds), TPI_HANDLE);
		tpar_future_unref(f[i]);
	}
	hand_free(pool);
}
END_TEST

/* As the submit of one by a task of the worker's. */
static struct tpar_future *
inject_mine(struct tpi_inject *q)
{
	w->has_aside = true;
	return inject(q);
}

START_TEST(set_that_is_through_leaves_no_entries_behind)
{
	struct tpar_future *stranger[2];
	struct tpar_future *f[2];
	int i;

	start();
	stranger[0] = inject(high());
	stranger[1] = inject(low());
	f[0] = inject_mine(high());
	f[1] = inject_mine(low());
	for (i = 0; i < 2; i++) {
		ck_assert(tpi_future_claim(f[i]));
		tpi_future_end(f[i], 0, NULL);
	}
	tpi_trim_set(w, f, 2);
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(atomic_load(&f[i]->holds), TPI_HANDLE);
		tpar_future_unref(f[i]);
		expect(tpi_take_scan(w), stranger[i]);
	}
	hand_free(pool);
}
END_TEST

START_TEST(trim_waits_for_nobody)
{
	struct tpar_future *f;

	start();
	f = inject_mine(high());
	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, 0, NULL);
	ck_assert(tpi_inject_enter(high()));
	tpi_trim_set(w, &f, 1);
	tpi_inject_leave(high());
	ck_assert(w->has_aside);
	tpi_trim_set(w, &f, 1);
	ck_assert(!w->has_aside);
	ck_assert_uint_eq(atomic_load(&f->holds), TPI_HANDLE);
	tpar_future_unref(f);
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		search_goes_from_high_to_low,
		tasks_of_a_priority_are_seen_as_work,
		high_goes_before_a_full_deque,
		endless_high_ones_leave_room_for_the_rest,
		endless_own_ones_leave_room_for_the_rest,
		what_was_claimed_is_dropped_on_the_way,
		set_that_is_through_leaves_no_entries_behind,
		trim_waits_for_nobody,
	};

	return unit_main("take", tests, sizeof tests / sizeof tests[0]);
}
