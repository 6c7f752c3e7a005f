/* SPDX-License-Identifier: MIT */
/*
 * test_future_drops.c - drop_arg and drop_value run exactly once, or never, on
 * every path that a task can take.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

/* What became of one task; its address is its argument and its value. */
struct item {
	_Atomic int runs;
	_Atomic int arg_drops;
	_Atomic int value_drops;
	tpar_future *f; /* looked at when the argument is dropped */
	int code;
	struct unit_hold *hold; /* or NULL: runs through */
};

static int
run_item(void *arg, void *value)
{
	struct item *item = arg;

	atomic_fetch_add(&item->runs, 1);
	*(struct item **)value = item;
	if (item->hold != NULL) {
		(void)unit_hold_task(item->hold, value);
	}
	return item->code;
}

static void
drop_arg(void *arg)
{
	struct item *item = arg;

	/* Nobody can see that it has ended. */
	UNIT_MUST(item->f == NULL ||
		  tpar_future_state(item->f) == TPAR_RUNNING);
	atomic_fetch_add(&item->arg_drops, 1);
}

static void
drop_value(void *value)
{
	struct item *item = *(struct item **)value;

	atomic_fetch_add(&item->value_drops, 1);
}

static struct tpar_task
task_of(struct item *item)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = run_item;
	task.arg = item;
	task.value_size = sizeof item;
	task.drop_arg = drop_arg;
	task.drop_value = drop_value;
	return task;
}

static tpar_future *
submit_item(tpar_pool *pool, struct item *item)
{
	struct tpar_task task = task_of(item);

	return unit_submit_task(pool, &task);
}

static void
expect(struct item *item, int runs, int arg_drops, int value_drops)
{
	ck_assert_int_eq(atomic_load(&item->runs), runs);
	ck_assert_int_eq(atomic_load(&item->arg_drops), arg_drops);
	ck_assert_int_eq(atomic_load(&item->value_drops), value_drops);
}

/* A pool whose only worker is held until it is freed. */
struct busy {
	struct unit_hold hold;
	tpar_pool *pool;
};

static void
keep_busy(struct busy *busy)
{
	struct unit_hold hold = UNIT_HOLD_INIT;

	busy->hold = hold;
	busy->pool = unit_pool(1, 1);
	ck_assert_int_eq(tpar_submit(busy->pool, unit_hold_task, &busy->hold, 0,
				     NULL),
			 TPAR_OK);
	unit_gate_await(&busy->hold.begun, 1);
}

static void
finish(struct busy *busy)
{
	unit_gate_open(&busy->hold.go);
	ck_assert_int_eq(tpar_pool_destroy(busy->pool), TPAR_OK);
}

static void
run_to_end(int code, int value_drops)
{
	struct item item = { .code = code };
	tpar_future *f = submit_item(NULL, &item);

	(void)tpar_future_wait(f, TPAR_FOREVER);
	expect(&item, 1, 1, 0);
	tpar_future_unref(f);
	expect(&item, 1, 1, value_drops);
}

START_TEST(done)
{
	run_to_end(0, 1);
}
END_TEST

START_TEST(failed)
{
	run_to_end(9, 0);
}
END_TEST

START_TEST(ended_as_stopped)
{
	run_to_end(TPAR_ESTOPPED, 0);
}
END_TEST

START_TEST(cancelled_before_it_began)
{
	struct item item = { .code = 0 };
	tpar_future *f;
	struct busy busy;

	keep_busy(&busy);
	f = submit_item(busy.pool, &item);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	expect(&item, 0, 1, 0);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_EALREADY);
	tpar_future_unref(f);
	finish(&busy);
	expect(&item, 0, 1, 0);
}
END_TEST

static void
cancel_running(int code, int value_drops)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct item item = { .code = code, .hold = &hold };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = submit_item(pool, &item);

	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	expect(&item, 1, 0, 0);
	unit_gate_open(&hold.go);
	(void)tpar_future_wait(f, TPAR_FOREVER);
	expect(&item, 1, 1, 0);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	expect(&item, 1, 1, value_drops);
}

START_TEST(cancelled_while_it_ran)
{
	cancel_running(TPAR_ESTOPPED, 0);
	cancel_running(0, 1);
	cancel_running(3, 0);
}
END_TEST

START_TEST(cancelled_with_its_pool)
{
	struct item item[2] = { { .code = 0 }, { .code = 0 } };
	struct tpar_task task = task_of(&item[1]);
	struct busy busy;
	tpar_future *f;

	keep_busy(&busy);
	f = submit_item(busy.pool, &item[0]);
	ck_assert_int_eq(tpar_submit_task(busy.pool, &task, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_pool_shutdown(busy.pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	finish(&busy);
	expect(&item[0], 0, 1, 0);
	expect(&item[1], 0, 1, 0);
	tpar_future_unref(f);
	expect(&item[0], 0, 1, 0);
}
END_TEST

START_TEST(taken)
{
	struct item item = { .code = 0 };
	tpar_future *f = submit_item(NULL, &item);
	struct item *value = NULL;

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f, (void *)&value), TPAR_OK);
	ck_assert_ptr_eq(value, &item);
	ck_assert_int_eq(tpar_future_take(f, (void *)&value), TPAR_EALREADY);
	tpar_future_unref(f);
	expect(&item, 1, 1, 0);
}
END_TEST

START_TEST(gathered)
{
	struct item item[2] = { { .code = 0 }, { .code = 0 } };
	struct item *value[2] = { NULL, NULL };
	tpar_future *f[2];
	int i;

	for (i = 0; i < 2; i++) {
		f[i] = submit_item(NULL, &item[i]);
	}
	/* Not wanted: they stay where they are. */
	ck_assert_int_eq(tpar_gather(f, 2, NULL, NULL), TPAR_OK);
	ck_assert_ptr_nonnull(tpar_future_value(f[0]));
	ck_assert_int_eq(tpar_gather_settled(f, 1, (void *)value, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_gather(f + 1, 1, (void *)(value + 1), NULL),
			 TPAR_OK);
	for (i = 0; i < 2; i++) {
		ck_assert_ptr_eq(value[i], &item[i]);
		ck_assert_ptr_null(tpar_future_value(f[i]));
	}
	tpar_future_unref_all(f, 2);
	expect(&item[0], 1, 1, 0);
	expect(&item[1], 1, 1, 0);
}
END_TEST

START_TEST(gathered_but_not_moved)
{
	struct item item = { .code = 0 };
	tpar_future *f = submit_item(NULL, &item);
	tpar_future *twice[2] = { f, f };
	struct item *value[2] = { NULL, NULL };
	struct tpar_failure why;

	/* It can go to one place only. */
	ck_assert_int_eq(tpar_gather(twice, 2, (void *)value, &why),
			 TPAR_EALREADY);
	ck_assert_int_eq(why.code, TPAR_EALREADY);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_str_eq(why.message, "a value was taken before");
	ck_assert_ptr_null(value[0]);
	ck_assert_ptr_null(value[1]);
	ck_assert_ptr_nonnull(tpar_future_value(f));
	tpar_future_unref(f);
	expect(&item, 1, 1, 1);
}
END_TEST

START_TEST(member_of_a_set_that_failed)
{
	struct item item[2] = { { .code = 0 }, { .code = 6 } };
	struct item *value[2] = { NULL, NULL };
	tpar_future *f[2];

	f[0] = submit_item(NULL, &item[0]);
	ck_assert_int_eq(tpar_future_wait(f[0], TPAR_FOREVER), TPAR_OK);
	f[1] = submit_item(NULL, &item[1]);
	ck_assert_int_eq(tpar_gather(f, 2, (void *)value, NULL), TPAR_EFAILED);
	ck_assert_ptr_null(value[0]);
	expect(&item[0], 1, 1, 0);
	tpar_future_unref_all(f, 2);
	expect(&item[0], 1, 1, 1);
	expect(&item[1], 1, 1, 0);
}
END_TEST

START_TEST(refused)
{
	struct item item = { .code = 0 };
	struct tpar_task task = task_of(&item);
	tpar_future *f = NULL;
	tpar_pool *pool = unit_pool(1, 1);

	task.flags = ~0u;
	ck_assert_int_eq(tpar_submit_task(pool, &task, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 1, &f),
			 TPAR_EINVAL);
	task = task_of(&item);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_task(pool, &task, &f), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_submit_task(pool, &task, NULL), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 1, &f),
			 TPAR_ECLOSED);
	ck_assert_ptr_null(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	expect(&item, 0, 0, 0);
}
END_TEST

static int
fire_and_forget(void *arg, void *value)
{
	struct tpar_task task = task_of(arg);

	(void)value;
	return (int)tpar_submit_task(NULL, &task, NULL);
}

START_TEST(forgotten)
{
	struct item item[2] = { { .code = 0 }, { .code = 0 } };
	struct tpar_task task = task_of(&item[0]);
	tpar_pool *pool = unit_pool(2, 1);

	ck_assert_int_eq(tpar_submit_task(pool, &task, NULL), TPAR_OK);
	unit_run_in(pool, fire_and_forget, &item[1]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	expect(&item[0], 1, 1, 1);
	expect(&item[1], 1, 1, 1);
}
END_TEST

START_TEST(released_before_it_began)
{
	struct item item = { .code = 0 };
	struct busy busy;

	keep_busy(&busy);
	tpar_future_unref(submit_item(busy.pool, &item));
	expect(&item, 0, 0, 0);
	finish(&busy);
	expect(&item, 1, 1, 1);
}
END_TEST

START_TEST(released_while_it_ran)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct item item = { .hold = &hold };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = submit_item(pool, &item);

	unit_gate_await(&hold.begun, 1);
	tpar_future_unref(f);
	expect(&item, 1, 0, 0);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	expect(&item, 1, 1, 1);
}
END_TEST

START_TEST(argument_goes_before_anybody_sees_the_end)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct item item = { .hold = &hold };
	tpar_pool *pool = unit_pool(1, 1);

	item.f = submit_item(pool, &item);
	unit_gate_await(&hold.begun, 1);
	unit_gate_open(&hold.go);
	UNIT_AWAIT(tpar_future_state(item.f) != TPAR_RUNNING);
	expect(&item, 1, 1, 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	tpar_future_unref(item.f);
}
END_TEST

/* Without a value there is still something to be dropped. */
static _Atomic int no_value_drops;

static void
drop_no_value(void *value)
{
	UNIT_MUST(value != NULL);
	atomic_fetch_add(&no_value_drops, 1);
}

static int
do_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

START_TEST(value_of_no_size)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f;

	task.fn = do_nothing;
	task.drop_value = drop_no_value;
	f = unit_submit_task(NULL, &task);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(atomic_load(&no_value_drops), 1);
	f = unit_submit_task(NULL, &task);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f, NULL), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(atomic_load(&no_value_drops), 1);
}
END_TEST

/* The last handle goes, a stop is asked for and the task ends, at once. */
static void *
ask_to_stop(void *f)
{
	(void)tpar_future_cancel(f);
	tpar_future_unref(f);
	return NULL;
}

START_TEST(whoever_comes_last)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct item item[50];
	pthread_t thread;
	long round;
	int i;

	memset(item, 0, sizeof item);
	for (round = 1; round <= unit_scaled(30); round++) {
		tpar_future *f[50];

		for (i = 0; i < 50; i++) {
			f[i] = submit_item(pool, &item[i]);
			if (i % 10 == 0) {
				thread = unit_start(ask_to_stop,
						    tpar_future_ref(f[i]));
				tpar_future_unref(f[i]);
				unit_join(thread);
				f[i] = NULL;
			}
		}
		tpar_future_unref_all(f, 50);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	for (i = 0; i < 50; i++) {
		int runs = atomic_load(&item[i].runs);

		expect(&item[i], runs, (int)round - 1, runs);
		ck_assert(runs == round - 1 || i % 10 == 0);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		done,
		failed,
		ended_as_stopped,
		cancelled_before_it_began,
		cancelled_while_it_ran,
		cancelled_with_its_pool,
		taken,
		gathered,
		gathered_but_not_moved,
		member_of_a_set_that_failed,
		refused,
		forgotten,
		released_before_it_began,
		released_while_it_ran,
		argument_goes_before_anybody_sees_the_end,
		value_of_no_size,
		whoever_comes_last,
	};

	return unit_main("future_drops", tests, sizeof tests / sizeof tests[0]);
}
