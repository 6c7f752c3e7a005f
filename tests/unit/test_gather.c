/* SPDX-License-Identifier: MIT */
/*
 * test_gather.c - waiting for a set: values by position, the first failure
 * stops the rest, and what is wrong with the arguments.
 */
#include "config.h"

#include "handmade.h"

enum { N = 20 };

static _Atomic int dropped;
static _Atomic int runs;

static int
return_code(void *arg, void *value)
{
	atomic_fetch_add(&runs, 1);
	*(intptr_t *)value = (intptr_t)arg;
	return (int)(intptr_t)arg;
}

static void
drop_value(void *value)
{
	(void)value;
	atomic_fetch_add(&dropped, 1);
}

static tpar_future *
submit_droppable(tpar_pool *pool, intptr_t number)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = unit_number_task;
	task.arg = (void *)number;
	task.value_size = sizeof number;
	task.drop_value = drop_value;
	return unit_submit_task(pool, &task);
}

START_TEST(values_stand_by_position)
{
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f[N];
	intptr_t values[N];
	struct tpar_failure why;
	intptr_t i;

	for (i = 0; i < N; i++) {
		f[(7 * i) % N] = unit_submit(pool, unit_number_task,
					     (void *)((7 * i) % N), sizeof i);
	}
	ck_assert_int_eq(tpar_gather(f, N, values, &why), TPAR_OK);
	for (i = 0; i < N; i++) {
		ck_assert_int_eq(values[i], i);
	}
	/* Plain values can be read again, and only waited for. */
	ck_assert_int_eq(tpar_gather(f, N, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, N, values, NULL), TPAR_OK);
	tpar_future_unref_all(f, N);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(values_of_odd_sizes_are_copied)
{
	static const size_t sizes[] = { 1, 3, 8, 16, 17, 500 };
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_task task = TPAR_TASK_INIT;
	unsigned char values[3 * 500];
	tpar_future *f[3];
	size_t s;
	size_t i;

	task.fn = hand_nothing;
	for (s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		task.value_size = sizes[s];
		for (i = 0; i < 3; i++) {
			f[i] = hand_future_of(pool, &task);
			ck_assert(tpi_future_claim(f[i]));
			memset(tpi_future_payload(f[i]), 'a' + (int)i,
			       sizes[s]);
			tpi_future_end(f[i], 0, NULL);
		}
		ck_assert_int_eq(tpar_gather(f, 3, values, NULL), TPAR_OK);
		for (i = 0; i < 3 * sizes[s]; i++) {
			ck_assert_uint_eq(values[i], 'a' + i / sizes[s]);
		}
		for (i = 0; i < 3; i++) {
			hand_drop(f[i]);
		}
	}
	hand_free(pool);
}
END_TEST

START_TEST(empty_set_is_complete)
{
	ck_assert_int_eq(tpar_gather(NULL, 0, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_gather_until(NULL, 0, NULL, TPAR_NOW, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_gather_settled(NULL, 0, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_wait_all(NULL, 0, TPAR_NOW), TPAR_OK);
}
END_TEST

START_TEST(bad_sets_are_refused_untouched)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why;
	intptr_t values[2] = { 8, 9 };
	tpar_future *f[2];

	f[0] = hand_future(pool);
	f[1] = NULL;
	ck_assert_int_eq(tpar_gather(NULL, 1, NULL, &why), TPAR_EINVAL);
	ck_assert_str_eq(why.message, "f is NULL");
	ck_assert_int_eq(tpar_gather(f, 2, values, &why), TPAR_EINVAL);
	ck_assert_str_eq(why.message, "f[1] is NULL");
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.code, TPAR_EINVAL);
	ck_assert_int_eq(tpar_gather_settled(f, 2, NULL, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_NOW), TPAR_EINVAL);
	task.fn = hand_nothing;
	task.value_size = 8;
	f[1] = hand_future_of(pool, &task);
	ck_assert_int_eq(tpar_gather(f, 2, values, &why), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.message, "f[1]"));
	ck_assert_int_eq(tpar_gather_settled(f, 2, NULL, NULL), TPAR_EINVAL);
	/* Only to wait for them is allowed. */
	ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_NOW), TPAR_ETIMEDOUT);
	ck_assert_int_eq(values[0] + values[1], 17);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_PENDING);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_PENDING);
	tpi_future_end_cancelled(f[0]);
	tpi_future_end_cancelled(f[1]);
	hand_drop(f[0]);
	hand_drop(f[1]);
	hand_free(pool);
}
END_TEST

START_TEST(droppable_values_are_moved_once)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[3];
	intptr_t values[3] = { -1, -1, -1 };
	struct tpar_failure why;
	intptr_t i;

	for (i = 0; i < 3; i++) {
		f[i] = submit_droppable(pool, i);
	}
	ck_assert_int_eq(tpar_gather(f, 3, NULL, NULL), TPAR_OK);
	ck_assert_ptr_nonnull(tpar_future_value(f[2]));
	ck_assert_int_eq(tpar_gather(f, 3, values, NULL), TPAR_OK);
	ck_assert_int_eq(values[0] + 10 * values[1] + 100 * values[2], 210);
	ck_assert_ptr_null(tpar_future_value(f[2]));
	values[0] = 99;
	ck_assert_int_eq(tpar_gather(f, 3, values, &why), TPAR_EALREADY);
	ck_assert_str_eq(why.message, "a value was taken before");
	ck_assert_int_eq(values[0], 99);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&dropped), 0);
}
END_TEST

START_TEST(all_values_are_moved_or_none)
{
	tpar_pool *pool = unit_pool(1, 1);
	intptr_t values[3] = { -1, -1, -1 };
	tpar_future *f[3];
	intptr_t taken;
	intptr_t i;

	for (i = 0; i < 3; i++) {
		f[i] = submit_droppable(pool, i);
	}
	ck_assert_int_eq(tpar_wait_all(f, 3, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f[1], &taken), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, 3, values, NULL), TPAR_EALREADY);
	ck_assert_int_eq(values[0], -1);
	ck_assert_ptr_nonnull(tpar_future_value(f[0]));
	ck_assert_ptr_nonnull(tpar_future_value(f[2]));
	/* The same one twice can only be moved once. */
	f[1] = (tpar_future_unref(f[1]), tpar_future_ref(f[0]));
	ck_assert_int_eq(tpar_gather(f, 3, values, NULL), TPAR_EALREADY);
	ck_assert_ptr_nonnull(tpar_future_value(f[0]));
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&dropped), 2);
}
END_TEST

START_TEST(same_future_may_stand_twice)
{
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f[3];
	intptr_t values[3];

	f[0] = unit_submit(pool, unit_number_task, (void *)4, sizeof values[0]);
	f[1] = f[0];
	f[2] = f[0];
	ck_assert_int_eq(tpar_gather(f, 3, values, NULL), TPAR_OK);
	ck_assert_int_eq(values[0] + values[1] + values[2], 12);
	tpar_future_unref(f[0]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Lets the first task go when somebody waits for the last one. */
struct trigger {
	struct unit_hold hold;
	tpar_future *last;
};

static void *
pull(void *arg)
{
	struct trigger *trigger = arg;

	UNIT_AWAIT(tpi_state_waiters(tpi_state_get(&trigger->last->state)) !=
		   NULL);
	unit_gate_open(&trigger->hold.go);
	return NULL;
}

START_TEST(first_failure_stops_what_has_not_begun)
{
	struct trigger trigger = { .hold = UNIT_HOLD_INIT };
	tpar_pool *pool = unit_pool(1, 1);
	intptr_t values[N];
	struct tpar_failure why;
	tpar_future *held;
	tpar_future *f[N];
	pthread_t thread;
	intptr_t i;

	held = unit_submit(pool, unit_hold_task, &trigger.hold, 0);
	unit_gate_await(&trigger.hold.begun, 1);
	memset(values, 0xff, sizeof values);
	for (i = 0; i < N; i++) {
		f[i] = unit_submit(pool, return_code,
				   (void *)(intptr_t)(i == 3), sizeof i);
	}
	trigger.last = f[N - 1];
	thread = unit_start(pull, &trigger);
	ck_assert_int_eq(tpar_gather(f, N, values, &why), TPAR_EFAILED);
	unit_join(thread);
	ck_assert_uint_eq(why.index, 3);
	ck_assert_int_eq(why.code, 1);
	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_str_eq(why.message, "task 3 failed with code 1");
	/* Values stay where they are. */
	ck_assert_int_eq(values[0], -1);
	ck_assert_ptr_nonnull(tpar_future_value(f[0]));
	for (i = 4; i < N; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_CANCELLED);
	}
	ck_assert_int_eq(atomic_load(&runs), 4);
	tpar_future_unref_all(f, N);
	tpar_future_unref(held);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(lowest_of_those_that_had_failed_is_blamed)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_failure why;
	tpar_future *f[4];
	int i;

	for (i = 0; i < 4; i++) {
		f[i] = hand_future(pool);
	}
	ck_assert(tpi_future_claim(f[3]));
	tpi_future_end(f[3], 33, NULL);
	ck_assert(tpi_future_claim(f[1]));
	tpi_future_end(f[1], 11, NULL);
	ck_assert_int_eq(tpar_gather(f, 4, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(why.code, 11);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_CANCELLED);
	for (i = 0; i < 4; i++) {
		hand_drop(f[i]);
	}
	hand_free(pool);
}
END_TEST

START_TEST(member_cancelled_by_somebody_is_a_failure)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_failure why;
	tpar_future *f[2];

	f[0] = hand_future(pool);
	f[1] = hand_future(pool);
	f[1]->name = "gone";
	ck_assert_int_eq(tpar_future_cancel(f[1]), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, &why), TPAR_ECANCELED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	ck_assert_int_eq(why.code, TPAR_ESTOPPED);
	ck_assert_str_eq(why.task, "gone");
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	hand_drop(f[0]);
	hand_drop(f[1]);
	hand_free(pool);
}
END_TEST

static int
gather_myself(void *arg, void *value)
{
	tpar_future *f[2] = { arg, tpi_thread_self.run->task };
	struct tpar_failure why;

	(void)value;
	if (tpar_gather(f, 2, NULL, &why) != TPAR_EDEADLK ||
	    why.index != SIZE_MAX || strstr(why.message, "itself") == NULL) {
		return 1;
	}
	if (tpar_gather_settled(f, 2, NULL, NULL) != TPAR_EDEADLK ||
	    tpar_wait_all(f, 2, TPAR_FOREVER) != TPAR_EDEADLK) {
		return 2;
	}
	return tpar_future_state(f[0]) == TPAR_PENDING ? 0 : 3;
}

START_TEST(set_with_the_calling_task_is_refused_untouched)
{
	struct tpar_pool *hand = hand_pool(1);
	struct tpar_future *pending = hand_future(hand);
	tpar_pool *pool = unit_pool(1, 1);

	unit_run_in(pool, gather_myself, pending);
	ck_assert_int_eq(tpar_future_state(pending), TPAR_PENDING);
	tpi_future_end_cancelled(pending);
	hand_drop(pending);
	hand_free(hand);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(settled_reports_every_one)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_outcome outcomes[3];
	intptr_t values[3] = { -1, -2, -3 };
	tpar_future *f[3];
	int i;

	task.fn = hand_nothing;
	task.value_size = sizeof values[0];
	for (i = 0; i < 3; i++) {
		f[i] = hand_future_of(pool, &task);
		*(intptr_t *)tpi_future_payload(f[i]) = 100 + i;
		ck_assert(tpi_future_claim(f[i]));
	}
	tpi_future_end(f[0], 0, NULL);
	tpi_future_end(f[1], 7, NULL);
	tpi_future_end(f[2], TPAR_ESTOPPED, NULL);
	memset(outcomes, 0xff, sizeof outcomes);
	ck_assert_int_eq(tpar_gather_settled(f, 3, values, outcomes), TPAR_OK);
	ck_assert_int_eq(values[0], 100);
	ck_assert_int_eq(values[1], -2);
	ck_assert_int_eq(values[2], -3);
	ck_assert_int_eq(outcomes[0].state, TPAR_DONE);
	ck_assert_int_eq(outcomes[1].state, TPAR_FAILED);
	ck_assert_int_eq(outcomes[1].code, 7);
	ck_assert_str_eq(outcomes[1].message, "");
	ck_assert_int_eq(outcomes[2].state, TPAR_CANCELLED);
	ck_assert_uint_eq(outcomes[2].reserved[1], 0);
	ck_assert_int_eq(tpar_gather_settled(f, 3, NULL, NULL), TPAR_OK);
	for (i = 0; i < 3; i++) {
		hand_drop(f[i]);
	}
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		values_stand_by_position,
		values_of_odd_sizes_are_copied,
		empty_set_is_complete,
		bad_sets_are_refused_untouched,
		droppable_values_are_moved_once,
		all_values_are_moved_or_none,
		same_future_may_stand_twice,
		first_failure_stops_what_has_not_begun,
		lowest_of_those_that_had_failed_is_blamed,
		member_cancelled_by_somebody_is_a_failure,
		set_with_the_calling_task_is_refused_untouched,
		settled_reports_every_one,
	};

	return unit_main("gather", tests, sizeof tests / sizeof tests[0]);
}
