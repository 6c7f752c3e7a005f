/* SPDX-License-Identifier: MIT */
/*
 * test_on_cancel.c - handlers of a task that is asked to stop: each once, in
 * order, on a thread that may block; what they may do.  test_on_cancel_wait.c
 * has those that are waited for.
 */
#include "scene.h"
#include "threads.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A task that registers handlers, and waits for one of them to open a gate. */
struct probe {
	unsigned called;
	unsigned place;
	pthread_t thread;
	struct unit_gate *gate;
	unsigned *calls;
};

static void
count(void *arg)
{
	struct probe *probe = arg;

	UNIT_MUST(!tpar_cancelled());
	probe->called++;
	probe->place = (*probe->calls)++;
	probe->thread = pthread_self();
	if (probe->gate != NULL) {
		unit_gate_open(probe->gate);
	}
}

struct task {
	struct unit_gate begun;
	struct unit_gate told; /* by the last handler */
	struct probe probe[4];
	tpar_handler handler[4];
	pthread_t thread;
	unsigned calls;
};

static void
task_init(struct task *task)
{
	struct unit_gate gate = UNIT_GATE_INIT;
	int i;

	memset(task, 0, sizeof *task);
	task->begun = gate;
	task->told = gate;
	for (i = 0; i < 4; i++) {
		task->probe[i].calls = &task->calls;
	}
}

static void
register_all(struct task *task, int n)
{
	int i;

	task->thread = pthread_self();
	task->probe[n - 1].gate = &task->told;
	for (i = 0; i < n; i++) {
		UNIT_MUST(tpar_on_cancel(count, &task->probe[i],
					 &task->handler[i]) == TPAR_OK);
	}
	unit_gate_open(&task->begun);
}

static int
until_told(void *arg, void *value)
{
	struct task *task = arg;

	(void)value;
	register_all(task, 4);
	unit_gate_await(&task->told, 1);
	return tpar_checkpoint();
}

START_TEST(handlers_run_once_in_order_elsewhere)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct task task;
	tpar_future *f;
	unsigned i;

	task_init(&task);
	f = unit_submit(pool, until_told, &task, 0);
	unit_gate_await(&task.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	for (i = 0; i < 4; i++) {
		ck_assert_uint_eq(task.probe[i].called, 1);
		ck_assert_uint_eq(task.probe[i].place, i);
		ck_assert(!pthread_equal(task.probe[i].thread, task.thread));
		ck_assert(!pthread_equal(task.probe[i].thread, pthread_self()));
		tpar_off_cancel(&task.handler[i]);
	}
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	UNIT_AWAIT(unit_threads_called("taskpar-lane") == 0);
}
END_TEST

static int
remove_at_once(void *arg, void *value)
{
	struct task *task = arg;
	tpar_handler h;

	(void)value;
	UNIT_MUST(tpar_on_cancel(count, &task->probe[0], &h) == TPAR_OK);
	tpar_off_cancel(&h);
	unit_gate_open(&task->begun);
	UNIT_AWAIT(tpar_cancelled());
	return 0;
}

struct blocked {
	int end[2];
	struct unit_gate begun;
};

static void
close_writer(void *arg)
{
	struct blocked *blocked = arg;

	UNIT_MUST(close(blocked->end[1]) == 0);
}

static int
block_in_read(void *arg, void *value)
{
	struct blocked *blocked = arg;
	tpar_handler h;
	ssize_t n;
	char byte;

	(void)value;
	UNIT_MUST(tpar_on_cancel(close_writer, blocked, &h) == TPAR_OK);
	unit_gate_open(&blocked->begun);
	n = read(blocked->end[0], &byte, 1);
	errno = EXDEV;
	tpar_off_cancel(&h);
	UNIT_MUST(errno == EXDEV);
	UNIT_MUST(n == 0);
	return tpar_checkpoint();
}

START_TEST(handler_ends_a_read)
{
	struct blocked blocked = { .begun = UNIT_GATE_INIT };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;
	int i;

	for (i = 1; i <= 10; i++) {
		ck_assert_int_eq(pipe(blocked.end), 0);
		f = unit_submit(pool, block_in_read, &blocked, 0);
		unit_gate_await(&blocked.begun, (unsigned)i);
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 TPAR_ECANCELED);
		ck_assert_int_eq(close(blocked.end[0]), 0);
		tpar_future_unref(f);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(removed_handler_does_not_run)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct task task;
	tpar_future *f;

	task_init(&task);
	f = unit_submit(pool, remove_at_once, &task, 0);
	unit_gate_await(&task.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_uint_eq(task.calls, 0);
	/* So no thread was ever needed. */
	ck_assert_int_eq(unit_threads_called("taskpar-lane"), 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
remove_some(void *arg, void *value)
{
	static const tpar_handler none = { { 0, 0 } };
	struct task *task = arg;

	(void)value;
	register_all(task, 4);
	tpar_off_cancel(NULL);
	tpar_off_cancel(&none);
	tpar_off_cancel(&task->handler[0]);
	tpar_off_cancel(&task->handler[2]);
	tpar_off_cancel(&task->handler[2]);
	unit_gate_open(&task->begun);
	unit_gate_await(&task->told, 1);
	return 0;
}

START_TEST(others_run_when_some_were_removed)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct task task;
	tpar_future *f;
	unsigned i;

	task_init(&task);
	f = unit_submit(pool, remove_some, &task, 0);
	unit_gate_await(&task.begun, 2);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	for (i = 0; i < 4; i++) {
		ck_assert_uint_eq(task.probe[i].called, i % 2);
	}
	ck_assert_uint_lt(task.probe[1].place, task.probe[3].place);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
register_too_late(void *arg, void *value)
{
	struct task *task = arg;
	tpar_handler h = { { 1, 2 } };
	int shielded;

	(void)value;
	unit_gate_open(&task->begun);
	UNIT_AWAIT(tpar_cancelled());
	UNIT_MUST(tpar_on_cancel(count, &task->probe[0], &h) == TPAR_ESTOPPED);
	UNIT_MUST(h.reserved[0] == 1 && h.reserved[1] == 2);
	tpar_shield_enter();
	shielded = tpar_on_cancel(count, &task->probe[0], &h);
	tpar_shield_leave();
	UNIT_MUST(shielded == TPAR_ESTOPPED);
	return 0;
}

START_TEST(handler_is_refused_once_asked)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct task task;
	tpar_future *f;

	task_init(&task);
	f = unit_submit(pool, register_too_late, &task, 0);
	unit_gate_await(&task.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_uint_eq(task.calls, 0);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static enum tpar_err drop_said;

static void
register_in_drop(void *arg)
{
	tpar_handler h;

	drop_said = tpar_on_cancel(count, arg, &h);
}

static int
register_nothing(void *arg, void *value)
{
	tpar_handler h;

	(void)arg;
	(void)value;
	UNIT_MUST(tpar_on_cancel(NULL, NULL, &h) == TPAR_EINVAL);
	UNIT_MUST(strstr(tpar_error_detail(), "fn") != NULL);
	UNIT_MUST(tpar_on_cancel(count, NULL, NULL) == TPAR_EINVAL);
	return 0;
}

START_TEST(wrong_arguments_and_places)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f;
	tpar_handler h;

	ck_assert_int_eq(tpar_on_cancel(count, NULL, &h), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "task"));
	task.fn = register_nothing;
	task.drop_arg = register_in_drop;
	task.arg = &h;
	f = unit_submit_task(pool, &task);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(drop_said, TPAR_EINVAL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
leave_registered(void *arg, void *value)
{
	struct task *task = arg;

	(void)value;
	register_all(task, 4);
	return 0;
}

START_TEST(handlers_left_are_removed_at_the_end)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct task task;
	tpar_future *f;
	int i;

	for (i = 0; i < 20; i++) {
		task_init(&task);
		f = unit_submit(pool, leave_registered, &task, 0);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_EALREADY);
		tpar_future_unref(f);
		ck_assert_uint_eq(task.calls, 0);
		/* Stale by now, perhaps with the same future used again. */
		tpar_off_cancel(&task.handler[i % 4]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(unit_threads_called("taskpar-lane"), 0);
}
END_TEST

START_TEST(pool_that_is_cancelled_tells_its_tasks)
{
	tpar_pool *pool = unit_pool(2, 1);
	tpar_pool *other = unit_pool(1, 1);
	struct task task[3];
	tpar_future *f[3];
	int i;

	for (i = 0; i < 3; i++) {
		task_init(&task[i]);
		f[i] = unit_submit(i < 2 ? pool : other, until_told, &task[i],
				   0);
		unit_gate_await(&task[i].begun, 1);
	}
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_RUNNING);
	ck_assert_uint_eq(task[0].calls + task[1].calls, 8);
	ck_assert_uint_eq(task[2].calls, 0);
	ck_assert_int_eq(tpar_future_cancel(f[2]), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f[2], TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f[0]);
	tpar_future_unref(f[1]);
	tpar_future_unref(f[2]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
}
END_TEST

/* Gathers a task of another pool, which is then run in place. */
struct nested {
	tpar_future *inner;
};

static int
gather_one(void *arg, void *value)
{
	struct nested *nested = arg;

	(void)value;
	return tpar_gather(&nested->inner, 1, NULL, NULL);
}

START_TEST(task_run_in_place_hears_of_the_pool_below)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct nested nested;
	struct scene scene;
	struct task task;
	tpar_future *f;

	scene_stall(&scene);
	task_init(&task);
	nested.inner = unit_submit(scene.pool, until_told, &task, 0);
	f = unit_submit(pool, gather_one, &nested, 0);
	unit_gate_await(&task.begun, 1);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_uint_eq(task.calls, 4);
	tpar_future_unref(f);
	tpar_future_unref(nested.inner);
	scene_let_go(&scene);
	scene_end(&scene);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Members of a set are told when a sibling fails. */
START_TEST(sibling_that_fails_has_them_run)
{
	tpar_pool *pool = unit_pool(3, 1);
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_failure why;
	struct task task[2];
	tpar_future *f[3];
	int i;

	for (i = 0; i < 2; i++) {
		task_init(&task[i]);
		f[i] = unit_submit(pool, until_told, &task[i], 0);
		unit_gate_await(&task[i].begun, 1);
	}
	hold.code = 7;
	f[2] = unit_submit(pool, unit_hold_task, &hold, 0);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_gather(f, 3, NULL, &why), TPAR_EFAILED);
	ck_assert_int_eq(why.code, 7);
	ck_assert_uint_eq(task[0].calls, 4);
	ck_assert_uint_eq(task[1].calls, 4);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		handlers_run_once_in_order_elsewhere,
		handler_ends_a_read,
		removed_handler_does_not_run,
		others_run_when_some_were_removed,
		handler_is_refused_once_asked,
		wrong_arguments_and_places,
		handlers_left_are_removed_at_the_end,
		pool_that_is_cancelled_tells_its_tasks,
		task_run_in_place_hears_of_the_pool_below,
		sibling_that_fails_has_them_run,
	};

	return unit_main("on_cancel", tests, sizeof tests / sizeof tests[0]);
}
