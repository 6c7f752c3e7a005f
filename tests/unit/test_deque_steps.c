/* SPDX-License-Identifier: MIT */
/*
 * test_deque_steps.c - a thief at work between any two steps of the owner, and
 * the owner between any two steps of a thief.
 */
#include "config.h"

#include "steps.h"

#include "src/deque.h"

#include "unit.h"

#include <string.h>

enum { SIZE = TPI_DEQUE_SIZE, HALF = SIZE / 2, STEPS_MAX = 12 };

static struct tpi_deque deque;
static char tag[2 * SIZE];
static int taken[2 * SIZE];

static struct tpar_future *
entry(int64_t i)
{
	return (struct tpar_future *)(void *)&tag[i];
}

static void
take(struct tpar_future *f)
{
	taken[(char *)(void *)f - tag]++;
}

static void
start(int64_t n)
{
	int64_t i;

	tpi_deque_init(&deque);
	memset(taken, 0, sizeof taken);
	for (i = 0; i < n; i++) {
		ck_assert(tpi_deque_push_owner(&deque, entry(i), false));
	}
}

/* Empties the deque; every one of n entries was taken once. */
static void
finish(int64_t n)
{
	struct tpar_future *f;
	int64_t i;

	while ((f = tpi_deque_pop_owner(&deque)) != NULL) {
		take(f);
	}
	ck_assert(!tpi_deque_nonempty(&deque));
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(taken[i], 1);
	}
}

/* Steals *arg entries. */
static void
steal_some(void *arg)
{
	const int64_t *n = arg;
	struct tpar_future *f;
	int64_t i;

	for (i = 0; i < *n; i++) {
		if (tpi_deque_steal(&deque, &f) == TPI_STEAL_GOT) {
			take(f);
		}
	}
}

static void
pop_one(void)
{
	struct tpar_future *f = tpi_deque_pop_owner(&deque);

	if (f != NULL) {
		take(f);
	}
}

START_TEST(pop_while_a_thief_is_at_work)
{
	int64_t stolen;
	int64_t n;
	unsigned at;

	for (n = 1; n <= 3; n++) {
		for (stolen = 1; stolen <= n; stolen++) {
			for (at = 0; at < STEPS_MAX; at++) {
				start(n);
				steps_at(at, steal_some, &stolen);
				pop_one();
				(void)steps_end();
				finish(n);
			}
		}
	}
}
END_TEST

START_TEST(pop_of_the_last_entry_is_lost_to_a_thief)
{
	int64_t one = 1;

	start(1);
	/* Bottom is lowered and top is read; the thief has not seen that. */
	steps_at(0, steal_some, &one);
	ck_assert_ptr_null(tpi_deque_pop_owner(&deque));
	ck_assert(steps_end());
	finish(1);
}
END_TEST

START_TEST(trim_while_a_thief_is_at_work)
{
	struct tpar_future *set[4];
	int64_t stolen;
	unsigned at;
	size_t got;
	size_t i;

	for (stolen = 1; stolen <= 4; stolen++) {
		for (at = 0; at < STEPS_MAX; at++) {
			start(4);
			for (i = 0; i < 4; i++) {
				set[i] = entry((int64_t)i);
			}
			steps_at(at, steal_some, &stolen);
			got = tpi_deque_trim_owner(&deque, set, 4);
			(void)steps_end();
			ck_assert_uint_le(got, 4);
			for (i = 0; i < got; i++) {
				take(set[3 - i]);
			}
			finish(4);
		}
	}
}
END_TEST

START_TEST(trim_spares_the_entries_below_the_set)
{
	struct tpar_future *set[2] = { entry(2), entry(3) };
	int64_t stolen;
	unsigned at;
	size_t got;

	for (stolen = 1; stolen <= 4; stolen++) {
		for (at = 0; at < STEPS_MAX; at++) {
			start(4);
			steps_at(at, steal_some, &stolen);
			got = tpi_deque_trim_owner(&deque, set, 2);
			(void)steps_end();
			ck_assert_uint_le(got, 2);
			if (got > 0) {
				take(set[1]);
			}
			if (got > 1) {
				take(set[0]);
			}
			finish(4);
		}
	}
}
END_TEST

START_TEST(spill_gives_way_to_a_thief)
{
	struct tpar_future *out[HALF];
	int64_t one = 1;
	int64_t n;

	start(SIZE);
	/* Step 0 reads top, step 1 moves it. */
	steps_at(1, steal_some, &one);
	ck_assert_int_eq(tpi_deque_spill_owner(&deque, out), 0);
	ck_assert(steps_end());
	ck_assert_int_eq(taken[0], 1);
	ck_assert(tpi_deque_push_owner(&deque, entry(SIZE), false));
	n = tpi_deque_spill_owner(&deque, out);
	ck_assert_int_eq(n, HALF);
	while (n > 0) {
		take(out[--n]);
	}
	finish(SIZE + 1);
}
END_TEST

START_TEST(push_sees_the_room_that_a_thief_made)
{
	int64_t one = 1;

	start(SIZE);
	/* Step 0 reads top anew because the ring looks full. */
	steps_at(0, steal_some, &one);
	ck_assert(tpi_deque_push_owner(&deque, entry(SIZE), true));
	ck_assert(steps_end());
	finish(SIZE + 1);
}
END_TEST

static void
pop_some(void *arg)
{
	const int64_t *n = arg;
	int64_t i;

	for (i = 0; i < *n; i++) {
		pop_one();
	}
}

START_TEST(steal_while_the_owner_pops)
{
	struct tpar_future *f;
	int64_t popped;
	int64_t n;
	unsigned at;

	for (n = 1; n <= 3; n++) {
		for (popped = 1; popped <= n; popped++) {
			for (at = 0; at < 4; at++) {
				start(n);
				steps_at(at, pop_some, &popped);
				if (tpi_deque_steal(&deque, &f) ==
				    TPI_STEAL_GOT) {
					take(f);
				}
				(void)steps_end();
				finish(n);
			}
		}
	}
}
END_TEST

START_TEST(steal_of_the_last_entry_is_lost_to_the_owner)
{
	int64_t one = 1;
	struct tpar_future *f;

	start(1);
	/* Steps 0 and 1 read top and bottom, step 2 moves top. */
	steps_at(2, pop_some, &one);
	ck_assert_int_eq(tpi_deque_steal(&deque, &f), TPI_STEAL_LOST);
	ck_assert(steps_end());
	finish(1);
}
END_TEST

START_TEST(slow_thief_loses_to_a_fast_one)
{
	int64_t one = 1;
	struct tpar_future *f;

	start(2);
	steps_at(2, steal_some, &one);
	ck_assert_int_eq(tpi_deque_steal(&deque, &f), TPI_STEAL_LOST);
	ck_assert(steps_end());
	ck_assert_int_eq(tpi_deque_steal(&deque, &f), TPI_STEAL_GOT);
	ck_assert_ptr_eq(f, entry(1));
	take(f);
	finish(2);
}
END_TEST

/* The owner goes once round the ring while the thief sleeps. */
static void
go_round(void *arg)
{
	int64_t n = SIZE;
	int64_t i;

	(void)arg;
	steal_some(&n);
	for (i = SIZE; i < 2 * SIZE; i++) {
		ck_assert(tpi_deque_push_owner(&deque, entry(i), true));
	}
}

START_TEST(sleeping_thief_does_not_take_a_reused_slot)
{
	struct tpar_future *f;

	start(SIZE);
	steps_at(2, go_round, NULL);
	ck_assert_int_eq(tpi_deque_steal(&deque, &f), TPI_STEAL_LOST);
	ck_assert(steps_end());
	finish(2 * SIZE);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		pop_while_a_thief_is_at_work,
		pop_of_the_last_entry_is_lost_to_a_thief,
		trim_while_a_thief_is_at_work,
		trim_spares_the_entries_below_the_set,
		spill_gives_way_to_a_thief,
		push_sees_the_room_that_a_thief_made,
		steal_while_the_owner_pops,
		steal_of_the_last_entry_is_lost_to_the_owner,
		slow_thief_loses_to_a_fast_one,
		sleeping_thief_does_not_take_a_reused_slot,
	};

	return unit_main("deque_steps", tests, sizeof tests / sizeof tests[0]);
}
