/* SPDX-License-Identifier: MIT */
/*
 * test_map.c - maps without memory for their drivers, threads to run them or
 * words for what failed.
 */
#include "config.h"

#include "fault.h"

#include <taskpar/cancel.h>

/* So many workers that the drivers do not fit on the stack. */
enum { WORKERS = 9, ITEMS = 100, CODE = 7 };

static _Atomic int begun;
static intptr_t fails; /* the item that does, or none */
static tpar_pool *pool;
static bool with_options;
static _Atomic int dropped;

static void
drop_value(void *value)
{
	EXPECT(*(intptr_t *)value <= 0);
	atomic_fetch_add(&dropped, 1);
}

static int
run_item(void *arg, void *value)
{
	intptr_t i = *(intptr_t *)arg;

	atomic_fetch_add(&begun, 1);
	*(intptr_t *)value = -i;
	if (i == fails) {
		return tpar_fail(CODE, "this one");
	}
	return 0;
}

/* true: the map was refused. */
static bool
check_refused(enum tpar_err err, const struct tpar_failure *why)
{
	if (err != TPAR_ENOMEM && err != TPAR_EAGAIN) {
		return false;
	}
	EXPECT(fault_any());
	EXPECT(why->index == SIZE_MAX);
	EXPECT(why->state == TPAR_PENDING);
	EXPECT(why->code == (int)err);
	EXPECT(why->message[0] != '\0');
	EXPECT(atomic_load(&begun) == 0);
	return true;
}

static void
map_items(tpar_pool *where)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	intptr_t values[ITEMS];
	intptr_t args[ITEMS];
	struct tpar_failure why;
	enum tpar_err err;
	intptr_t i;

	if (with_options) {
		options.window = WORKERS;
		options.drop_value = drop_value;
		options.deadline_ns = tpar_in(3600 * TPAR_SECOND);
	}
	for (i = 0; i < ITEMS; i++) {
		args[i] = i;
	}
	atomic_store(&begun, 0);
	atomic_store(&dropped, 0);
	err = tpar_map_with(where, &options, run_item, args, sizeof args[0],
			    values, sizeof values[0], ITEMS, &why);
	if (check_refused(err, &why)) {
		return;
	}
	if (fails == ITEMS) {
		EXPECT(err == TPAR_OK);
		EXPECT(atomic_load(&begun) == ITEMS);
		for (i = 0; i < ITEMS; i++) {
			EXPECT(values[i] == -i);
		}
		return;
	}
	EXPECT(err == TPAR_EFAILED);
	EXPECT(atomic_load(&dropped) ==
	       (with_options ? atomic_load(&begun) - 1 : 0));
	EXPECT(why.index == (size_t)fails);
	EXPECT(why.code == CODE);
	EXPECT(strcmp(why.message, "item 40: this one") == 0 ||
	       (strcmp(why.message, "item 40: failed with code 7") == 0 &&
		fault_any()));
}

static void
map_outside(void)
{
	fault_begin();
	map_items(pool);
	fault_end();
	map_items(pool);
}

static int
map_task(void *arg, void *value)
{
	(void)arg;
	(void)value;
	fault_begin();
	map_items(NULL);
	fault_end();
	map_items(NULL);
	return 0;
}

static void
map_inside(void)
{
	unit_run_in(pool, map_task, NULL);
}

/* The pool is made and destroyed by each map. */
static void
map_by_default(void)
{
	fault_begin();
	map_items(NULL);
	EXPECT(tpar_pool_destroy(NULL) == TPAR_OK);
	fault_end();
	map_items(NULL);
	EXPECT(tpar_pool_destroy(NULL) == TPAR_OK);
}

static void
with_pool(fault_scenario scenario)
{
	pool = unit_pool(WORKERS, 1);
	scenario();
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

static void
map_outside_in_new_pool(void)
{
	with_pool(map_outside);
}

static void
map_inside_in_new_pool(void)
{
	with_pool(map_inside);
}

static long
sweep(fault_scenario scenario)
{
	long injections;

	fails = ITEMS;
	injections = fault_sweep(scenario);
	fails = 40;
	return injections + fault_sweep(scenario);
}

START_TEST(thread_maps_all_items_or_none)
{
	ck_assert_int_ge(sweep(map_outside_in_new_pool), 10);
}
END_TEST

START_TEST(task_maps_all_items_or_none)
{
	ck_assert_int_ge(sweep(map_inside_in_new_pool), 5);
}
END_TEST

START_TEST(map_with_options_maps_all_items_or_none)
{
	with_options = true;
	ck_assert_int_ge(sweep(map_outside_in_new_pool), 10);
	ck_assert_int_ge(sweep(map_inside_in_new_pool), 5);
}
END_TEST

START_TEST(default_pool_is_made_by_a_map_or_is_not)
{
	setenv("TASKPAR_WORKERS", "2", 1);
	ck_assert_int_ge(sweep(map_by_default), 25);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { thread_maps_all_items_or_none,
				 task_maps_all_items_or_none,
				 map_with_options_maps_all_items_or_none,
				 default_pool_is_made_by_a_map_or_is_not };

	return fault_main("fault_map", tests, sizeof tests / sizeof tests[0],
			  150);
}
