/* SPDX-License-Identifier: MIT */
/*
 * test_gather_async_value.c - whose the values are that a gather in the
 * background has: those with a drop function move into its own, once.
 */
#include "promised.h"

static tpar_future *
gather_all(tpar_future *const *f, size_t n)
{
	tpar_future *all = NULL;

	UNIT_MUST(tpar_gather_async(f, n, &all) == TPAR_OK);
	UNIT_MUST(all != NULL);
	return all;
}

static intptr_t
element(tpar_future *all, size_t i)
{
	const intptr_t *values = tpar_future_value(all);

	UNIT_MUST(values != NULL);
	return values[i];
}

static void
expect_failed(tpar_future *all, int code, const char *message)
{
	ck_assert_int_eq(tpar_future_state(all), TPAR_FAILED);
	ck_assert_int_eq(tpar_future_code(all), code);
	ck_assert_str_eq(tpar_future_message(all), message);
	tpar_future_unref(all);
}

START_TEST(owned_values_move_and_are_dropped_once_with_it)
{
	struct promised made[3];
	tpar_future *f[3];
	tpar_future *all;
	intptr_t number;
	int i;

	promised_many(made, f, 3, scene_drop_value);
	all = gather_all(f, 3);
	for (i = 0; i < 3; i++) {
		promised_set(made[i], i);
	}
	ck_assert_int_eq(element(all, 2), 2);
	for (i = 0; i < 3; i++) {
		ck_assert_ptr_null(tpar_future_value(f[i]));
		ck_assert_int_eq(tpar_future_take(f[i], &number),
				 TPAR_EALREADY);
	}
	promised_free_many(made, 3);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	tpar_future_unref(all);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 3);
}
END_TEST

START_TEST(owned_values_that_are_taken_are_not_dropped)
{
	struct promised made[2];
	tpar_future *f[2];
	tpar_future *all;
	tpar_future *outer;
	intptr_t values[2];

	promised_many(made, f, 2, scene_drop_value);
	all = gather_all(f, 2);
	promised_set(made[0], 5);
	promised_set(made[1], 6);
	ck_assert_int_eq(tpar_future_take(all, values), TPAR_OK);
	ck_assert_int_eq(values[0] + 10 * values[1], 65);
	/* A set that it is in comes too late. */
	outer = gather_all(&all, 1);
	expect_failed(outer, TPAR_EALREADY, "a value was taken before");
	tpar_future_unref(all);
	promised_free_many(made, 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
}
END_TEST

/* Some members own their values, others do not. */
START_TEST(values_of_a_mixed_set_are_dropped_as_their_members_say)
{
	struct promised made[4];
	tpar_future *f[4];
	tpar_future *all;
	int i;

	for (i = 0; i < 4; i++) {
		made[i] = i % 2 ? promised_owner() : promised_number();
		f[i] = made[i].f;
	}
	all = gather_all(f, 4);
	for (i = 0; i < 4; i++) {
		promised_set(made[i], i);
	}
	ck_assert_int_eq(promised_value(f[2]), 2);
	ck_assert_ptr_null(tpar_future_value(f[3]));
	promised_free_many(made, 4);
	tpar_future_unref(all);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 2);
}
END_TEST

static void
nest_twice(struct promised *made, tpar_future **inner, tpar_future **outer)
{
	tpar_future *f[4];
	int i;

	promised_many(made, f, 4, scene_drop_value);
	inner[0] = gather_all(f, 2);
	inner[1] = gather_all(f + 2, 2);
	*outer = gather_all(inner, 2);
	for (i = 0; i < 4; i++) {
		promised_set(made[i], i);
	}
}

START_TEST(owned_values_of_nested_gathers_are_dropped_once)
{
	struct promised made[4];
	tpar_future *inner[2];
	tpar_future *outer;
	intptr_t values[4];
	int i;

	nest_twice(made, inner, &outer);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(element(outer, (size_t)i), i);
	}
	ck_assert_ptr_null(tpar_future_value(inner[0]));
	promised_free_many(made, 4);
	tpar_future_unref_all(inner, 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	tpar_future_unref(outer);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 4);

	/* Moved to the caller by a gather that waits. */
	nest_twice(made, inner, &outer);
	ck_assert_int_eq(tpar_gather(&outer, 1, values, NULL), TPAR_OK);
	ck_assert_int_eq(values[3], 3);
	tpar_future_unref(outer);
	tpar_future_unref_all(inner, 2);
	promised_free_many(made, 4);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 4);
}
END_TEST

START_TEST(inner_gather_that_ends_well_in_a_failed_one_keeps_its_values)
{
	struct promised made[3];
	tpar_future *f[3];
	tpar_future *inner;
	tpar_future *both[2];
	tpar_future *outer;
	tpar_future *pair;

	promised_many(made, f, 3, scene_drop_value);
	inner = gather_all(f, 2);
	pair = gather_all(f + 2, 1);
	both[0] = inner;
	both[1] = inner;
	/* Sizes that differ are refused; one that stands twice fails. */
	outer = gather_all(both, 2);
	promised_set(made[0], 1);
	promised_set(made[1], 2);
	expect_failed(outer, TPAR_EALREADY, "a value was taken before");
	ck_assert_int_eq(element(inner, 1), 2);
	tpar_future_unref(inner);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 2);
	ck_assert_int_eq(tpar_future_cancel(pair), TPAR_OK);
	tpar_future_unref(pair);
	promised_free_many(made, 3);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 2);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		owned_values_move_and_are_dropped_once_with_it,
		owned_values_that_are_taken_are_not_dropped,
		values_of_a_mixed_set_are_dropped_as_their_members_say,
		owned_values_of_nested_gathers_are_dropped_once,
		inner_gather_that_ends_well_in_a_failed_one_keeps_its_values,
	};

	return unit_main("gather_async_value", tests,
			 sizeof tests / sizeof tests[0]);
}
