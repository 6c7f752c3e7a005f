/* SPDX-License-Identifier: MIT */
/*
 * test_future_value.c - values of any size at any alignment: where they lie,
 * what is in them before the task runs, and moving them out.
 */
#include "unit.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

static const size_t sizes[] = { 0,     1,     2,     3,	   7,	 8,    15,
				16,    17,    31,    32,   63,	 64,   65,
				100,   127,   128,   129,  255,	 256,  512,
				1000,  1024,  2000,  4095, 4096, 4097, 5000,
				16384, 65536, 102400 };

enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* What one task is told about its value. */
struct shape {
	size_t size;
	size_t align; /* asked for; 0: that of any type */
	size_t round;
	void *seen; /* where it was inside of the task */
};

static bool
is_aligned(const void *value, size_t align)
{
	return (uintptr_t)value % (align != 0 ? align : alignof(max_align_t)) ==
	       0;
}

static unsigned char
byte_of(const struct shape *shape, size_t i)
{
	return (unsigned char)(shape->round * 31 + i * 7 + 1);
}

static bool
is_filled(const struct shape *shape, const unsigned char *value)
{
	size_t i;

	for (i = 0; i < shape->size; i++) {
		if (value[i] != byte_of(shape, i)) {
			return false;
		}
	}
	return true;
}

/* Finds zeroes at the alignment, leaves something else. */
static int
fill(void *arg, void *value)
{
	struct shape *shape = arg;
	unsigned char *bytes = value;
	size_t i;

	UNIT_MUST(value != NULL);
	UNIT_MUST(is_aligned(value, shape->align));
	shape->seen = value;
	for (i = 0; i < shape->size; i++) {
		UNIT_MUST(bytes[i] == 0);
		bytes[i] = byte_of(shape, i);
	}
	return 0;
}

static tpar_future *
submit_shape(tpar_pool *pool, struct shape *shape)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fill;
	task.arg = shape;
	task.value_size = shape->size;
	task.value_align = shape->align;
	return unit_submit_task(pool, &task);
}

/* From inside and outside of tasks, so often that memory is used again. */
static void
try_shape(tpar_pool *pool, size_t size, size_t align)
{
	struct shape shape = { size, align, 0, NULL };
	unsigned char *copy = malloc(size + 1);

	UNIT_MUST(copy != NULL);
	for (; shape.round < 3; shape.round++) {
		tpar_future *f = submit_shape(pool, &shape);
		const void *value;

		UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
		value = tpar_future_value(f);
		UNIT_MUST(value == shape.seen);
		UNIT_MUST(is_aligned(value, align));
		UNIT_MUST(is_filled(&shape, value));
		copy[size] = 0x5a;
		if (shape.round == 1) {
			UNIT_MUST(tpar_gather(&f, 1, copy, NULL) == TPAR_OK);
			UNIT_MUST(tpar_future_value(f) == value);
		} else {
			UNIT_MUST(tpar_future_take(f, copy) == TPAR_OK);
			UNIT_MUST(tpar_future_value(f) == NULL);
		}
		UNIT_MUST(is_filled(&shape, copy));
		UNIT_MUST(copy[size] == 0x5a);
		tpar_future_unref(f);
	}
	free(copy);
}

static void
try_all_shapes(tpar_pool *pool)
{
	size_t align;
	size_t i;

	for (i = 0; i < SIZES; i++) {
		try_shape(pool, sizes[i], 0);
		for (align = 1; align <= TPAR_ALIGN_MAX; align *= 2) {
			try_shape(pool, sizes[i], align);
		}
	}
}

static int
try_all_shapes_inside(void *arg, void *value)
{
	(void)arg;
	(void)value;
	try_all_shapes(NULL);
	return 0;
}

START_TEST(values_of_all_sizes_and_alignments_lie_right)
{
	tpar_pool *pool = unit_pool(2, 1);

	try_all_shapes(pool);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(values_of_tasks_of_tasks_lie_right_too)
{
	tpar_pool *pool = unit_pool(1, 1);

	unit_run_in(pool, try_all_shapes_inside, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(values_of_a_set_do_not_overlap)
{
	enum { N = 300 };
	tpar_pool *pool = unit_pool(2, 1);
	struct shape shape[N];
	tpar_future *f[N];
	size_t i;

	for (i = 0; i < N; i++) {
		shape[i] = (struct shape) { sizes[i % SIZES] % 5000,
					    (size_t)1 << i % 8, i, NULL };
		f[i] = submit_shape(pool, &shape[i]);
	}
	ck_assert_int_eq(tpar_wait_all(f, N, TPAR_FOREVER), TPAR_OK);
	for (i = 0; i < N; i++) {
		ck_assert(is_filled(&shape[i], tpar_future_value(f[i])));
	}
	tpar_future_unref_all(f, N);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void
drop_nothing(void *value)
{
	(void)value;
}

START_TEST(value_out_of_range_is_refused)
{
	static const size_t bad_aligns[] = {
		3, 24, 100, TPAR_ALIGN_MAX + 1, 2 * TPAR_ALIGN_MAX, SIZE_MAX
	};
	struct tpar_task task = TPAR_TASK_INIT;
	struct shape shape = { 0, 0, 0, NULL };
	tpar_future *f = NULL;
	size_t i;

	task.fn = fill;
	task.arg = &shape;
	task.drop_arg = drop_nothing;
	task.value_size = ((size_t)1 << 30) + 1;
	ck_assert_int_eq(tpar_submit_task(NULL, &task, &f), TPAR_EINVAL);
	ck_assert_ptr_nonnull(
		strstr(tpar_error_detail(), "value_size 1073741825"));
	ck_assert_int_eq(tpar_submit(NULL, fill, &shape, SIZE_MAX, &f),
			 TPAR_EINVAL);
	task.value_size = 8;
	for (i = 0; i < sizeof bad_aligns / sizeof bad_aligns[0]; i++) {
		task.value_align = bad_aligns[i];
		ck_assert_int_eq(tpar_submit_task(NULL, &task, &f),
				 TPAR_EINVAL);
		ck_assert_ptr_nonnull(
			strstr(tpar_error_detail(), "value_align"));
	}
	ck_assert_ptr_null(f);
	ck_assert_ptr_null(shape.seen);
}
END_TEST

START_TEST(value_of_no_size_can_be_asked_for_and_taken)
{
	struct shape shape = { 0, 0, 0, NULL };
	tpar_future *f = submit_shape(NULL, &shape);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_ptr_nonnull(tpar_future_value(f));
	ck_assert_int_eq(tpar_gather(&f, 1, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f, NULL), TPAR_OK);
	ck_assert_ptr_null(tpar_future_value(f));
	ck_assert_int_eq(tpar_future_take(f, NULL), TPAR_EALREADY);
	tpar_future_unref(f);
}
END_TEST

START_TEST(value_is_taken_once)
{
	tpar_future *f = unit_submit(NULL, unit_number_task, (void *)3,
				     sizeof(intptr_t));
	intptr_t value[2] = { -1, -2 };

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_future_take(f, &value[0]), TPAR_OK);
	ck_assert_int_eq(value[0], 3);
	ck_assert_int_eq(tpar_future_take(f, &value[1]), TPAR_EALREADY);
	ck_assert_int_eq(value[1], -2);
	/* How it ended does not depend on it. */
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
}
END_TEST

static int
fail_with_value(void *arg, void *value)
{
	*(intptr_t *)value = 5;
	return *(int *)arg;
}

START_TEST(value_of_a_task_that_was_not_done_is_not_given)
{
	int code = 1;
	tpar_future *f =
		unit_submit(NULL, fail_with_value, &code, sizeof(intptr_t));
	intptr_t value = -1;

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_ptr_null(tpar_future_value(f));
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_EFAILED);
	tpar_future_unref(f);
	code = TPAR_ESTOPPED;
	f = unit_submit(NULL, fail_with_value, &code, sizeof(intptr_t));
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_ptr_null(tpar_future_value(f));
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_ECANCELED);
	ck_assert_int_eq(value, -1);
	tpar_future_unref(f);
}
END_TEST

enum { TAKERS = 3 };

struct taker {
	tpar_future *f;
	struct unit_gate *go;
	_Atomic int *taken;
};

static void *
take_if_first(void *arg)
{
	const struct taker *taker = arg;
	intptr_t value = 0;
	enum tpar_err err;

	unit_gate_await(taker->go, 1);
	err = tpar_future_take(taker->f, &value);
	if (err == TPAR_OK) {
		UNIT_MUST(value == 8);
		atomic_fetch_add(taker->taken, 1);
	}
	UNIT_MUST(err == TPAR_OK || err == TPAR_EALREADY);
	return NULL;
}

START_TEST(one_of_several_takers_wins)
{
	long round;
	int i;

	for (round = 0; round < unit_scaled(200); round++) {
		struct unit_gate go = UNIT_GATE_INIT;
		_Atomic int taken = 0;
		pthread_t thread[TAKERS];
		struct taker taker = {
			.f = unit_submit(NULL, unit_number_task, (void *)8,
					 sizeof(intptr_t)),
			.go = &go,
			.taken = &taken,
		};

		ck_assert_int_eq(tpar_future_wait(taker.f, TPAR_FOREVER),
				 TPAR_OK);
		for (i = 0; i < TAKERS; i++) {
			thread[i] = unit_start(take_if_first, &taker);
		}
		unit_gate_open(&go);
		for (i = 0; i < TAKERS; i++) {
			unit_join(thread[i]);
		}
		ck_assert_int_eq(atomic_load(&taken), 1);
		tpar_future_unref(taker.f);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		values_of_all_sizes_and_alignments_lie_right,
		values_of_tasks_of_tasks_lie_right_too,
		values_of_a_set_do_not_overlap,
		value_out_of_range_is_refused,
		value_of_no_size_can_be_asked_for_and_taken,
		value_is_taken_once,
		value_of_a_task_that_was_not_done_is_not_given,
		one_of_several_takers_wins,
	};

	return unit_main("future_value", tests, sizeof tests / sizeof tests[0]);
}
