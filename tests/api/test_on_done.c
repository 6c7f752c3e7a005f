/* SPDX-License-Identifier: MIT */
/*
 * test_on_done.c - functions that are called when a future has ended: once on
 * every path, in order, by whom, and as part of nothing.
 */
#include "promised.h"

#include <taskpar/cancel.h>

static void
count(tpar_future *f, void *arg)
{
	UNIT_MUST(tpar_future_state(f) >= TPAR_DONE);
	atomic_fetch_add((_Atomic int *)arg, 1);
}

static void
count_of(tpar_future *f, _Atomic int *calls)
{
	ck_assert_int_eq(tpar_future_on_done(f, count, calls), TPAR_OK);
}

static _Atomic int calls[16];

static int
return_code(void *arg, void *value)
{
	(void)value;
	return (int)(intptr_t)arg;
}

/* Pending tasks of a pool whose worker is held end in the ways they can. */
static void
end_tasks(struct scene *scene, tpar_future **f)
{
	int i;

	f[0] = unit_submit(scene->pool, return_code, NULL, 0);
	f[1] = unit_submit(scene->pool, return_code, (void *)5, 0);
	f[2] = unit_submit(scene->pool, return_code,
			   (void *)(intptr_t)TPAR_ESTOPPED, 0);
	f[3] = unit_submit(scene->pool, return_code, NULL, 0);
	for (i = 0; i < 4; i++) {
		count_of(f[i], &calls[i]);
		count_of(f[i], &calls[i]);
		ck_assert_int_eq(atomic_load(&calls[i]), 0);
	}
	ck_assert_int_eq(tpar_future_cancel(f[3]), TPAR_OK);
	ck_assert_int_eq(atomic_load(&calls[3]), 2);
	scene_let_go(scene);
	ck_assert_int_eq(tpar_wait_all(f, 4, TPAR_FOREVER), TPAR_OK);
}

START_TEST(callback_comes_once_however_a_task_ends)
{
	struct scene scene;
	tpar_future *f[4];
	int i;

	scene_stall(&scene);
	end_tasks(&scene, f);
	scene_end(&scene); /* whoever ended them is through with it */
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(atomic_load(&calls[i]), 2);
		/* And at once, if it has ended. */
		count_of(f[i], &calls[i]);
		ck_assert_int_eq(atomic_load(&calls[i]), 3);
	}
	tpar_future_unref_all(f, 4);
}
END_TEST

START_TEST(callback_comes_once_however_a_promise_is_completed)
{
	struct promised made[5];
	tpar_future *f[5];
	int i;

	promised_many(made, f, 5, NULL);
	for (i = 0; i < 5; i++) {
		count_of(f[i], &calls[i]);
	}
	/* On the calling thread, before it returns. */
	promised_set(made[0], 1);
	ck_assert_int_eq(atomic_load(&calls[0]), 1);
	ck_assert_int_eq(tpar_promise_fail(made[1].p, 2, NULL), TPAR_OK);
	ck_assert_int_eq(atomic_load(&calls[1]), 1);
	ck_assert_int_eq(tpar_promise_set_cancelled(made[2].p), TPAR_OK);
	ck_assert_int_eq(atomic_load(&calls[2]), 1);
	ck_assert_int_eq(tpar_future_cancel(f[3]), TPAR_OK);
	ck_assert_int_eq(atomic_load(&calls[3]), 1);
	tpar_promise_destroy(made[4].p);
	ck_assert_int_eq(atomic_load(&calls[4]), 1);
	tpar_future_unref(f[4]);
	promised_free_many(made, 4);
	for (i = 0; i < 5; i++) {
		ck_assert_int_eq(atomic_load(&calls[i]), 1);
	}
}
END_TEST

START_TEST(callback_comes_when_a_pool_or_a_deadline_cancels)
{
	struct scene scene;
	struct promised made = promised_number();
	tpar_future *f;

	scene_stall(&scene);
	f = unit_submit(scene.pool, return_code, NULL, 0);
	count_of(f, &calls[0]);
	count_of(made.f, &calls[1]);
	ck_assert_int_eq(tpar_pool_shutdown(scene.pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_cancel_at(made.f,
					       tpar_in(TPAR_MILLISECOND)),
			 TPAR_OK);
	UNIT_AWAIT(atomic_load(&calls[1]) == 1);
	scene_let_go(&scene);
	scene_end(&scene);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	ck_assert_int_eq(atomic_load(&calls[0]), 1);
	tpar_future_unref(f);
	promised_free(made);
}
END_TEST

enum { MANY = 300 };

struct order {
	int place[MANY];
	int n;
};

struct place {
	struct order *order;
	int number;
};

static void
note_place(tpar_future *f, void *arg)
{
	struct place *self = arg;

	(void)f;
	self->order->place[self->order->n++] = self->number;
}

START_TEST(callbacks_are_called_in_the_order_they_were_registered)
{
	struct order order = { .n = 0 };
	struct place place[MANY];
	struct promised made = promised_number();
	int i;

	for (i = 0; i < MANY; i++) {
		place[i] = (struct place) { &order, i };
		ck_assert_int_eq(tpar_future_on_done(made.f, note_place,
						     &place[i]),
				 TPAR_OK);
	}
	promised_set(made, 1);
	ck_assert_int_eq(order.n, MANY);
	for (i = 0; i < MANY; i++) {
		ck_assert_int_eq(order.place[i], i);
	}
	promised_free(made);
}
END_TEST

/* What a callback finds of a future that nobody else holds. */
static void
read_value(tpar_future *f, void *arg)
{
	*(intptr_t *)arg = promised_value(f);
	UNIT_MUST(atomic_load(&scene_value_drops) == 0);
}

START_TEST(library_holds_a_handle_until_the_callback_has_returned)
{
	struct promised made = promised_owner();
	intptr_t seen[2] = { 0, 0 };

	ck_assert_int_eq(tpar_future_on_done(made.f, read_value, &seen[0]),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_on_done(made.f, read_value, &seen[1]),
			 TPAR_OK);
	tpar_future_unref(made.f);
	promised_set(made, 9);
	ck_assert_int_eq(seen[0], 9);
	ck_assert_int_eq(seen[1], 9);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
	tpar_promise_destroy(made.p);
}
END_TEST

static void
take_value(tpar_future *f, void *arg)
{
	UNIT_MUST(tpar_future_take(f, arg) == TPAR_OK);
	UNIT_MUST(tpar_future_value(f) == NULL);
}

static void
keep_handle(tpar_future *f, void *arg)
{
	*(tpar_future **)arg = tpar_future_ref(f);
}

START_TEST(callback_may_take_the_value_or_keep_the_future)
{
	struct promised made = promised_owner();
	tpar_future *kept = NULL;
	intptr_t taken = 0;

	ck_assert_int_eq(tpar_future_on_done(made.f, take_value, &taken),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_on_done(made.f, keep_handle, &kept),
			 TPAR_OK);
	tpar_future_unref(made.f);
	promised_set(made, 11);
	tpar_promise_destroy(made.p);
	ck_assert_int_eq(taken, 11);
	ck_assert_int_eq(tpar_future_take(kept, &taken), TPAR_EALREADY);
	tpar_future_unref(kept);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
}
END_TEST

/* ---- As part of no task -------------------------------------------------- */

struct inside {
	struct promised made;
	int calls;
};

static void
look_around(tpar_future *f, void *arg)
{
	struct inside *inside = arg;

	(void)f;
	UNIT_MUST(!tpar_cancelled());
	UNIT_MUST(tpar_checkpoint() == 0);
	UNIT_MUST(tpar_cancel_reason() == NULL);
	UNIT_MUST(tpar_context() == NULL);
	UNIT_MUST(tpar_fail(3, "not the task's") == 3);
	/* The default pool, not that of the task: which has three workers. */
	UNIT_MUST(tpar_pool_workers(NULL) != 3);
	tpar_shield_enter();
	inside->calls++;
}

static int
complete_and_fail(void *arg, void *value)
{
	struct inside *inside = arg;

	UNIT_AWAIT(tpar_cancelled());
	UNIT_MUST(tpar_context() == arg);
	UNIT_MUST(tpar_fail(4, "the task's") == 4);
	promised_set(inside->made, 1);
	UNIT_MUST(inside->calls == 1);
	/* It is a task again, and what was said there is nothing of its. */
	UNIT_MUST(tpar_cancelled() && tpar_context() == arg);
	UNIT_MUST(tpar_cancel_reason() != NULL);
	UNIT_MUST(tpar_pool_workers(NULL) == 3);
	(void)value;
	return 4;
}

START_TEST(callback_is_part_of_no_task)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct inside inside = { promised_number(), 0 };
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = NULL;
	tpar_future *f;

	/* Whatever the machine: the default pool has one, ours three. */
	UNIT_MUST(setenv("TASKPAR_WORKERS", "1", 1) == 0);
	config.workers = 3;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	ck_assert_int_eq(tpar_future_on_done(inside.made.f, look_around,
					     &inside),
			 TPAR_OK);
	task.fn = complete_and_fail;
	task.arg = &inside;
	task.context = &inside;
	f = unit_submit_task(pool, &task);
	UNIT_AWAIT(tpar_future_state(f) == TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_str_eq(tpar_future_message(f), "the task's");
	tpar_future_unref(f);
	promised_free(inside.made);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		callback_comes_once_however_a_task_ends,
		callback_comes_once_however_a_promise_is_completed,
		callback_comes_when_a_pool_or_a_deadline_cancels,
		callbacks_are_called_in_the_order_they_were_registered,
		library_holds_a_handle_until_the_callback_has_returned,
		callback_may_take_the_value_or_keep_the_future,
		callback_is_part_of_no_task,
	};

	return unit_main("on_done", tests, sizeof tests / sizeof tests[0]);
}
