/* SPDX-License-Identifier: MIT */
/*
 * test_deque.c - the owner's end and the thieves' end, the edges of the ring,
 * spilling and trimming; by one thread, then by several at once.
 */
#include "config.h"

#include "src/deque.h"

#include "unit.h"

#include <stdatomic.h>
#include <string.h>

enum { SIZE = TPI_DEQUE_SIZE, HALF = SIZE / 2 };

static struct tpi_deque deque;
static char tag[4 * SIZE];

/* The i-th entry of a test: an address that is never looked into. */
static struct tpar_future *
entry(int64_t i)
{
	return (struct tpar_future *)(void *)&tag[i];
}

static void
push_range(int64_t from, int64_t to)
{
	int64_t i;

	for (i = from; i < to; i++) {
		ck_assert(tpi_deque_push_owner(&deque, entry(i), i % 2 == 0));
	}
}

static void
steal_range(int64_t from, int64_t to)
{
	struct tpar_future *f = NULL;
	int64_t i;

	for (i = from; i < to; i++) {
		ck_assert_int_eq(tpi_deque_steal(&deque, &f), TPI_STEAL_GOT);
		ck_assert_ptr_eq(f, entry(i));
	}
}

/* Downwards from `from` - 1. */
static void
pop_range(int64_t from, int64_t to)
{
	int64_t i;

	for (i = from - 1; i >= to; i--) {
		ck_assert_ptr_eq(tpi_deque_pop_owner(&deque), entry(i));
	}
}

static void
expect_empty(void)
{
	struct tpar_future *f;

	ck_assert_ptr_null(tpi_deque_pop_owner(&deque));
	ck_assert_int_eq(tpi_deque_steal(&deque, &f), TPI_STEAL_EMPTY);
	ck_assert(!tpi_deque_nonempty(&deque));
}

START_TEST(new_deque_is_empty)
{
	tpi_deque_init(&deque);
	expect_empty();
}
END_TEST

START_TEST(owner_takes_the_youngest)
{
	tpi_deque_init(&deque);
	push_range(0, SIZE);
	ck_assert(tpi_deque_nonempty(&deque));
	pop_range(SIZE, 0);
	expect_empty();
}
END_TEST

START_TEST(thief_takes_the_oldest)
{
	tpi_deque_init(&deque);
	push_range(0, SIZE);
	steal_range(0, SIZE);
	expect_empty();
}
END_TEST

START_TEST(both_ends_meet)
{
	tpi_deque_init(&deque);
	push_range(0, 4);
	steal_range(0, 2);
	pop_range(4, 2);
	expect_empty();
}
END_TEST

START_TEST(full_deque_refuses)
{
	tpi_deque_init(&deque);
	push_range(0, SIZE);
	ck_assert(!tpi_deque_push_owner(&deque, entry(SIZE), true));
	ck_assert(!tpi_deque_push_owner(&deque, entry(SIZE), false));
	pop_range(SIZE, 0);
	expect_empty();
}
END_TEST

START_TEST(one_stolen_makes_room_for_one)
{
	tpi_deque_init(&deque);
	push_range(0, SIZE);
	steal_range(0, 1);
	push_range(SIZE, SIZE + 1);
	ck_assert(!tpi_deque_push_owner(&deque, entry(0), false));
	steal_range(1, SIZE + 1);
	expect_empty();
}
END_TEST

START_TEST(one_popped_makes_room_for_one)
{
	tpi_deque_init(&deque);
	push_range(0, SIZE);
	pop_range(SIZE, SIZE - 1);
	push_range(SIZE - 1, SIZE);
	ck_assert(!tpi_deque_push_owner(&deque, entry(0), false));
	pop_range(SIZE, 0);
	expect_empty();
}
END_TEST

START_TEST(ring_goes_round_many_times)
{
	int64_t round;

	tpi_deque_init(&deque);
	for (round = 0; round < 10; round++) {
		push_range(0, SIZE);
		steal_range(0, HALF);
		push_range(SIZE, SIZE + HALF);
		pop_range(SIZE + HALF, HALF + 1);
		steal_range(HALF, HALF + 1);
		expect_empty();
	}
}
END_TEST

START_TEST(spill_takes_the_older_half)
{
	struct tpar_future *out[HALF];
	int64_t i;

	tpi_deque_init(&deque);
	push_range(0, SIZE);
	ck_assert_int_eq(tpi_deque_spill_owner(&deque, out), HALF);
	for (i = 0; i < HALF; i++) {
		ck_assert_ptr_eq(out[i], entry(i));
	}
	push_range(SIZE, SIZE + HALF);
	ck_assert(!tpi_deque_push_owner(&deque, entry(0), false));
	steal_range(HALF, SIZE);
	pop_range(SIZE + HALF, SIZE);
	expect_empty();
}
END_TEST

START_TEST(spill_of_a_ring_that_is_not_full_does_nothing)
{
	struct tpar_future *out[HALF];

	tpi_deque_init(&deque);
	ck_assert_int_eq(tpi_deque_spill_owner(&deque, out), 0);
	push_range(0, SIZE);
	steal_range(0, 1);
	ck_assert_int_eq(tpi_deque_spill_owner(&deque, out), 0);
	pop_range(SIZE, 1);
	expect_empty();
}
END_TEST

/* f[0..n) as the set of entries from, from + 1, ... */
static void
fill_set(struct tpar_future **f, int64_t from, int64_t n)
{
	int64_t i;

	for (i = 0; i < n; i++) {
		f[i] = entry(from + i);
	}
}

START_TEST(trim_takes_a_whole_set)
{
	struct tpar_future *f[3];

	tpi_deque_init(&deque);
	push_range(0, 4);
	fill_set(f, 1, 3);
	ck_assert_uint_eq(tpi_deque_trim_owner(&deque, f, 3), 3);
	pop_range(1, 0);
	expect_empty();
}
END_TEST

START_TEST(trim_of_the_only_entries_leaves_it_empty)
{
	struct tpar_future *f[SIZE];

	tpi_deque_init(&deque);
	push_range(0, SIZE);
	fill_set(f, 0, SIZE);
	ck_assert_uint_eq(tpi_deque_trim_owner(&deque, f, SIZE), SIZE);
	expect_empty();
	push_range(0, SIZE);
	pop_range(SIZE, 0);
}
END_TEST

START_TEST(trim_leaves_what_was_stolen)
{
	struct tpar_future *f[4];

	tpi_deque_init(&deque);
	push_range(0, 4);
	steal_range(0, 2);
	fill_set(f, 0, 4);
	ck_assert_uint_eq(tpi_deque_trim_owner(&deque, f, 4), 2);
	expect_empty();
}
END_TEST

START_TEST(trim_stops_at_a_stranger)
{
	struct tpar_future *f[3];

	tpi_deque_init(&deque);
	push_range(0, 4);
	f[0] = entry(0);
	f[1] = entry(2);
	f[2] = entry(3);
	ck_assert_uint_eq(tpi_deque_trim_owner(&deque, f, 3), 2);
	pop_range(2, 0);
	expect_empty();
}
END_TEST

START_TEST(trim_below_a_stranger_takes_nothing)
{
	struct tpar_future *f[2];

	tpi_deque_init(&deque);
	push_range(0, 3);
	fill_set(f, 0, 2);
	ck_assert_uint_eq(tpi_deque_trim_owner(&deque, f, 2), 0);
	pop_range(3, 0);
	expect_empty();
}
END_TEST

START_TEST(trim_of_nothing_takes_nothing)
{
	struct tpar_future *f[1] = { entry(0) };

	tpi_deque_init(&deque);
	ck_assert_uint_eq(tpi_deque_trim_owner(&deque, f, 1), 0);
	push_range(0, 2);
	ck_assert_uint_eq(tpi_deque_trim_owner(&deque, f, 0), 0);
	pop_range(2, 0);
	expect_empty();
}
END_TEST

START_TEST(trim_across_the_end_of_the_ring)
{
	struct tpar_future *f[SIZE];

	tpi_deque_init(&deque);
	push_range(0, SIZE);
	steal_range(0, SIZE - 1);
	push_range(SIZE, SIZE + 3);
	fill_set(f, SIZE, 3);
	ck_assert_uint_eq(tpi_deque_trim_owner(&deque, f, 3), 3);
	pop_range(SIZE, SIZE - 1);
	expect_empty();
}
END_TEST

/* Several threads: each entry is taken exactly once. */

enum { THIEVES = 2 };

static _Atomic unsigned char *taken;
static _Atomic int stop;

static size_t
number_of(struct tpar_future *f)
{
	return (size_t)(uintptr_t)f - 1;
}

static void
take(struct tpar_future *f)
{
	atomic_fetch_add(&taken[number_of(f)], 1);
}

static void *
rob(void *arg)
{
	struct tpar_future *f;

	(void)arg;
	while (!atomic_load(&stop)) {
		if (tpi_deque_steal(&deque, &f) == TPI_STEAL_GOT) {
			take(f);
		}
	}
	return NULL;
}

/* None is NULL, which says that there is nothing. */
static struct tpar_future *
numbered(long i)
{
	return (struct tpar_future *)(uintptr_t)(i + 1);
}

static void
take_spilled(void)
{
	struct tpar_future *out[HALF];
	int64_t n = tpi_deque_spill_owner(&deque, out);

	while (n > 0) {
		take(out[--n]);
	}
}

/* Pushes k entries as a set, then trims it: what is trimmed was not stolen. */
static void
push_and_trim(long first, long k)
{
	struct tpar_future *set[8];
	size_t got;
	long i;

	for (i = 0; i < k; i++) {
		set[i] = numbered(first + i);
		while (!tpi_deque_push_owner(&deque, set[i], true)) {
			take_spilled();
		}
	}
	got = tpi_deque_trim_owner(&deque, set, (size_t)k);
	while (got > 0) {
		take(set[(size_t)k - got--]);
	}
}

static void
own(long n)
{
	struct tpar_future *f;
	long i = 0;

	while (i < n) {
		if (i % 5 == 0 && i + 8 <= n) {
			push_and_trim(i, 1 + i % 8);
			i += 1 + i % 8;
			continue;
		}
		if (tpi_deque_push_owner(&deque, numbered(i), i % 3 == 0)) {
			i++;
		} else {
			take_spilled();
		}
		if (i % 4 == 0 && (f = tpi_deque_pop_owner(&deque)) != NULL) {
			take(f);
		}
	}
	while ((f = tpi_deque_pop_owner(&deque)) != NULL) {
		take(f);
	}
}

START_TEST(every_entry_is_taken_once)
{
	long n = unit_scaled(400000);
	pthread_t thief[THIEVES];
	long wrong = 0;
	long i;

	taken = calloc((size_t)n, 1);
	ck_assert_ptr_nonnull(taken);
	tpi_deque_init(&deque);
	for (i = 0; i < THIEVES; i++) {
		thief[i] = unit_start(rob, NULL);
	}
	own(n);
	atomic_store(&stop, 1);
	for (i = 0; i < THIEVES; i++) {
		unit_join(thief[i]);
	}
	for (i = 0; i < n; i++) {
		wrong += atomic_load(&taken[i]) != 1;
	}
	ck_assert_int_eq(wrong, 0);
	expect_empty();
	free((void *)taken);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		new_deque_is_empty,
		owner_takes_the_youngest,
		thief_takes_the_oldest,
		both_ends_meet,
		full_deque_refuses,
		one_stolen_makes_room_for_one,
		one_popped_makes_room_for_one,
		ring_goes_round_many_times,
		spill_takes_the_older_half,
		spill_of_a_ring_that_is_not_full_does_nothing,
		trim_takes_a_whole_set,
		trim_of_the_only_entries_leaves_it_empty,
		trim_leaves_what_was_stolen,
		trim_stops_at_a_stranger,
		trim_below_a_stranger_takes_nothing,
		trim_of_nothing_takes_nothing,
		trim_across_the_end_of_the_ring,
		every_entry_is_taken_once,
	};

	return unit_main("deque", tests, sizeof tests / sizeof tests[0]);
}
