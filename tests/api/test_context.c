/* SPDX-License-Identifier: MIT */
/*
 * test_context.c - a pointer that reaches all that is done for a request.
 */
#include "promised.h"

#include <taskpar/cancel.h>
#include <taskpar/group.h>

static int marks[4];

static int
note_context(void *arg, void *value)
{
	(void)arg;
	*(void **)value = tpar_context();
	return 0;
}

static void *
context_of(tpar_future *f)
{
	void *seen;

	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	memcpy(&seen, tpar_future_value(f), sizeof seen);
	tpar_future_unref(f);
	return seen;
}

static tpar_future *
submit_with(tpar_pool *pool, tpar_task_fn fn, void *arg, void *context)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fn;
	task.arg = arg;
	task.value_size = sizeof(void *);
	task.context = context;
	return unit_submit_task(pool, &task);
}

START_TEST(task_has_the_context_it_was_given)
{
	ck_assert_ptr_null(tpar_context());
	ck_assert_ptr_eq(
		context_of(submit_with(NULL, note_context, NULL, &marks[1])),
		&marks[1]);
	ck_assert_ptr_null(
		context_of(submit_with(NULL, note_context, NULL, NULL)));
	ck_assert_ptr_null(tpar_context());
}
END_TEST

/* ---- Inheriting ---------------------------------------------------------- */

static int
map_note(void *arg, void *value)
{
	(void)arg;
	*(void **)value = tpar_context();
	return 0;
}

static void
submit_in_all_ways(void *expected)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[3] = { NULL, NULL, NULL };
	tpar_group *group = NULL;
	void *seen[8];
	size_t i;

	UNIT_MUST(tpar_submit(NULL, note_context, NULL, sizeof(void *),
			      &f[0]) == TPAR_OK);
	UNIT_MUST(context_of(f[0]) == expected);
	task.fn = note_context;
	task.value_size = sizeof(void *);
	UNIT_MUST(tpar_submit_many(NULL, &task, NULL, 0, 3, f) == TPAR_OK);
	for (i = 0; i < 3; i++) {
		UNIT_MUST(context_of(f[i]) == expected);
	}
	UNIT_MUST(tpar_map(NULL, map_note, NULL, 0, seen, sizeof seen[0], 8,
			   NULL) == TPAR_OK);
	for (i = 0; i < 8; i++) {
		UNIT_MUST(seen[i] == expected);
	}
	UNIT_MUST(tpar_group_open(&group, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_submit(group, &task, &f[0]) == TPAR_OK);
	UNIT_MUST(tpar_group_close(group, NULL, 0, NULL) == TPAR_OK);
	UNIT_MUST(context_of(f[0]) == expected);
	tpar_group_destroy(group);
}

static int
be_a_request(void *arg, void *value)
{
	tpar_future *f;

	(void)value;
	UNIT_MUST(tpar_context() == arg);
	submit_in_all_ways(arg);
	UNIT_MUST(tpar_context() == arg);
	/* One that has its own, run on top of this one or elsewhere. */
	f = submit_with(NULL, note_context, NULL, &marks[3]);
	UNIT_MUST(context_of(f) == &marks[3]);
	UNIT_MUST(tpar_context() == arg);
	return 0;
}

START_TEST(what_a_task_submits_inherits_its_context)
{
	tpar_pool *pool = unit_pool(2, 4);
	tpar_future *f[2];
	int i;

	for (i = 0; i < 2; i++) {
		f[i] = submit_with(pool, be_a_request, &marks[i], &marks[i]);
	}
	ck_assert_int_eq(tpar_gather(f, 2, NULL, NULL), TPAR_OK);
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
have_none(void *arg, void *value)
{
	(void)arg;
	(void)value;
	submit_in_all_ways(NULL);
	return 0;
}

START_TEST(what_has_none_hands_none_on)
{
	submit_in_all_ways(NULL);
	unit_run_in(NULL, have_none, NULL);
}
END_TEST

/* Each level submits the next one. */
struct level {
	int depth;
	void *expected;
};

static int
go_deeper(void *arg, void *value)
{
	struct level *level = arg;
	struct level next = { level->depth - 1, level->expected };
	tpar_future *f;

	(void)value;
	UNIT_MUST(tpar_context() == level->expected);
	if (level->depth == 0) {
		return 0;
	}
	f = unit_submit(NULL, go_deeper, &next, 0);
	UNIT_MUST(tpar_gather(&f, 1, NULL, NULL) == TPAR_OK);
	tpar_future_unref(f);
	UNIT_MUST(tpar_context() == level->expected);
	return 0;
}

START_TEST(context_reaches_any_depth)
{
	struct level level = { 100, &marks[2] };
	tpar_future *f = submit_with(NULL, go_deeper, &level, &marks[2]);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
}
END_TEST

/* Tasks of a pool of one, on top of each other, with others' contexts. */
static int
gather_others(void *arg, void *value)
{
	tpar_future *f[4];
	int i;

	(void)value;
	for (i = 0; i < 4; i++) {
		f[i] = submit_with(NULL, note_context, NULL,
				   i % 2 ? &marks[i] : NULL);
	}
	UNIT_MUST(tpar_wait_all(f, 4, TPAR_FOREVER) == TPAR_OK);
	for (i = 0; i < 4; i++) {
		UNIT_MUST(context_of(f[i]) == (i % 2 ? &marks[i] : arg));
	}
	UNIT_MUST(tpar_context() == arg);
	return 0;
}

START_TEST(tasks_on_top_of_each_other_have_their_own)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = submit_with(pool, gather_others, &marks[0], &marks[0]);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Values beside it ---------------------------------------------------- */

static int
fill_value(void *arg, void *value)
{
	size_t size = *(size_t *)arg;
	const char *bytes = value;
	size_t i;

	for (i = 0; i < size; i++) {
		UNIT_MUST(bytes[i] == 0);
	}
	memset(value, 0x5a, size);
	UNIT_MUST(tpar_context() == &marks[1]);
	return 0;
}

START_TEST(values_of_all_sizes_stand_beside_it)
{
	static const size_t sizes[] = { 0, 1, 16, 17, 100, 5000 };
	static const size_t aligns[] = { 0, 1, 16, 32, 64, 4096 };
	size_t i;
	size_t k;
	size_t n;

	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (k = 0; k < sizeof aligns / sizeof aligns[0]; k++) {
			struct tpar_task task = TPAR_TASK_INIT;
			size_t size = sizes[i];
			tpar_future *f;
			const char *bytes;

			task.fn = fill_value;
			task.arg = &size;
			task.value_size = size;
			task.value_align = aligns[k];
			task.context = &marks[1];
			f = unit_submit_task(NULL, &task);
			ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
					 TPAR_OK);
			bytes = tpar_future_value(f);
			ck_assert_uint_eq((uintptr_t)bytes %
						  (aligns[k] ? aligns[k] : 16),
					  0);
			for (n = 0; n < size; n++) {
				ck_assert_int_eq(bytes[n], 0x5a);
			}
			tpar_future_unref(f);
		}
	}
}
END_TEST

/* ---- What else there is in a request ------------------------------------- */

static void
drop_noting(void *arg)
{
	*(void **)arg = tpar_context();
}

START_TEST(dropping_the_argument_is_part_of_the_task)
{
	struct tpar_task task = TPAR_TASK_INIT;
	void *seen = NULL;
	tpar_future *f;

	task.fn = note_context;
	task.arg = &seen;
	task.drop_arg = drop_noting;
	task.value_size = sizeof(void *);
	task.context = &marks[2];
	f = unit_submit_task(NULL, &task);
	ck_assert_ptr_eq(context_of(f), &marks[2]);
	ck_assert_ptr_eq(seen, &marks[2]);
	/* Also if it never runs. */
	seen = NULL;
	task.deadline_ns = TPAR_NOW;
	f = unit_submit_task(NULL, &task);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_ptr_eq(seen, &marks[2]);
	tpar_future_unref(f);
}
END_TEST

static int
make_loose_ones(void *arg, void *value)
{
	struct promised made = promised_owner();
	tpar_future *all = NULL;

	(void)arg;
	(void)value;
	UNIT_MUST(tpar_gather_async(&made.f, 1, &all) == TPAR_OK);
	promised_set(made, 6);
	UNIT_MUST(promised_value(all) == 6);
	tpar_future_unref(all);
	promised_free(made);
	return 0;
}

START_TEST(futures_without_a_task_may_be_made_in_a_request)
{
	tpar_future *f = submit_with(NULL, make_loose_ones, NULL, &marks[1]);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_has_the_context_it_was_given,
		what_a_task_submits_inherits_its_context,
		what_has_none_hands_none_on,
		context_reaches_any_depth,
		tasks_on_top_of_each_other_have_their_own,
		values_of_all_sizes_stand_beside_it,
		dropping_the_argument_is_part_of_the_task,
		futures_without_a_task_may_be_made_in_a_request,
	};

	return unit_main("context", tests, sizeof tests / sizeof tests[0]);
}
