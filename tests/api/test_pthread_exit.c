/* SPDX-License-Identifier: MIT */
/*
 * test_pthread_exit.c - tasks that call pthread_exit(): they have failed, so has what
 * waits below them, and the pool keeps its width.
 */
#include "scene.h"
#include "threads.h"

#include <taskpar/cancel.h>
#include <taskpar/group.h>

#include <string.h>

#define EXITED "the task has called pthread_exit()"

static _Atomic int runs;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

static int
exit_thread(void *arg, void *value)
{
	(void)value;
	pthread_exit(arg);
	return 0;
}

static void
expect_exited(tpar_future *f)
{
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f), TPAR_EFAILED);
	ck_assert_str_eq(tpar_future_message(f), EXITED);
}

START_TEST(task_that_exits_has_failed_and_its_pool_goes_on)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;
	int i;

	for (i = 0; i < 3; i++) {
		f = scene_submit_droppable(pool, exit_thread, NULL, 8);
		expect_exited(f);
		tpar_future_unref(f);
		unit_run_in(pool, count_run, NULL);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 3);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	ck_assert_int_eq(atomic_load(&runs), 3);
}
END_TEST

static int
submit_some_and_exit(void *arg, void *value)
{
	int i;

	for (i = 0; i < 100; i++) {
		UNIT_MUST(tpar_submit(NULL, count_run, NULL, 0, NULL) ==
			  TPAR_OK);
	}
	return exit_thread(arg, value);
}

START_TEST(what_was_queued_on_the_thread_still_runs)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, submit_some_and_exit, NULL, 0);

	expect_exited(f);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 100);
}
END_TEST

static _Atomic int starts;
static _Atomic int stops;

static void
count_start(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	atomic_fetch_add(&starts, 1);
}

static void
count_stop(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	atomic_fetch_add(&stops, 1);
}

START_TEST(each_of_many_may_exit)
{
	int n = (int)unit_scaled(1000);
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool;
	int i;

	config.workers = 2;
	config.blocking_limit = 1;
	config.stack_size = (size_t)256 * 1024;
	config.name = "exiting";
	config.on_worker_start = count_start;
	config.on_worker_stop = count_stop;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(tpar_submit(pool, exit_thread, NULL, 0, NULL),
				 TPAR_OK);
		ck_assert_int_eq(tpar_submit(pool, count_run, NULL, 0, NULL),
				 TPAR_OK);
	}
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), n);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_ge(atomic_load(&stops), n + 2);
	ck_assert_int_eq(atomic_load(&starts), atomic_load(&stops));
	UNIT_AWAIT(unit_threads_called("exiting") == 0);
}
END_TEST

/* A member that runs until it is stopped, and takes its time then. */
struct slow {
	struct unit_hold hold;
	_Atomic bool ended;
};

static int
end_slowly(void *arg, void *value)
{
	struct slow *slow = arg;
	int i;

	(void)scene_until_stopped(&slow->hold, value);
	for (i = 0; i < 100; i++) {
		sched_yield();
	}
	atomic_store(&slow->ended, true);
	return TPAR_ESTOPPED;
}

/* Gathers a member that runs elsewhere, one that exits here, and others. */
struct outer {
	tpar_pool *other;
	struct slow slow;
	tpar_future *f[4];
	bool returned;
};

static int
gather_and_exit(void *arg, void *value)
{
	struct outer *outer = arg;

	(void)value;
	outer->f[0] = unit_submit(outer->other, end_slowly, &outer->slow, 0);
	unit_gate_await(&outer->slow.hold.begun, 1);
	outer->f[1] = unit_submit(NULL, exit_thread, NULL, 0);
	outer->f[2] = unit_submit(NULL, count_run, NULL, 0);
	outer->f[3] = unit_submit(NULL, count_run, NULL, 0);
	(void)tpar_gather(outer->f, 4, NULL, NULL);
	outer->returned = true;
	return 0;
}

START_TEST(what_gathers_below_has_failed_too_after_its_members_were_stopped)
{
	struct outer outer = { .slow = { UNIT_HOLD_INIT, false } };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	outer.other = unit_pool(1, 1);
	f = unit_submit(pool, gather_and_exit, &outer, 0);
	expect_exited(f);
	/* Its set had ended before it did. */
	ck_assert(atomic_load(&outer.slow.ended));
	ck_assert_int_eq(tpar_wait_all(outer.f, 4, TPAR_NOW), TPAR_OK);
	ck_assert(!outer.returned);
	expect_exited(outer.f[1]);
	ck_assert_int_eq(tpar_future_state(outer.f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(outer.f[2]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(outer.f[3]), TPAR_CANCELLED);
	ck_assert_int_eq(atomic_load(&runs), 0);
	tpar_future_unref_all(outer.f, 4);
	tpar_future_unref(f);
	unit_run_in(pool, count_run, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(outer.other), TPAR_OK);
}
END_TEST

START_TEST(outside_thread_that_gathers_it_only_sees_a_failure)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	tpar_future *f[3];

	f[0] = unit_submit(pool, count_run, NULL, 0);
	f[1] = unit_submit(pool, exit_thread, NULL, 0);
	f[2] = unit_submit(pool, scene_until_stopped,
			   &(struct unit_hold)UNIT_HOLD_INIT, 0);
	ck_assert_int_eq(tpar_gather(f, 3, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_str_eq(why.message, EXITED);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Waits for one that runs in place and exits. */
static int
wait_and_exit(void *arg, void *value)
{
	tpar_future **f = arg;

	(void)value;
	f[0] = unit_submit(NULL, exit_thread, NULL, 0);
	(void)tpar_future_wait(f[0], TPAR_FOREVER);
	return 0;
}

START_TEST(what_waits_below_has_failed_too)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *inner;
	tpar_future *f = unit_submit(pool, wait_and_exit, &inner, 0);

	expect_exited(f);
	expect_exited(inner);
	tpar_future_unref(f);
	tpar_future_unref(inner);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A plain wait leaves its members alone. */
static int
wait_all_and_exit(void *arg, void *value)
{
	struct outer *outer = arg;

	(void)value;
	outer->f[0] =
		unit_submit(outer->other, unit_hold_task, &outer->slow.hold, 0);
	unit_gate_await(&outer->slow.hold.begun, 1);
	outer->f[1] = unit_submit(NULL, exit_thread, NULL, 0);
	outer->f[2] = unit_submit(NULL, count_run, NULL, 0);
	(void)tpar_wait_all(outer->f, 3, TPAR_FOREVER);
	return 0;
}

START_TEST(plain_wait_below_leaves_its_members_alone)
{
	struct outer outer = { .slow = { UNIT_HOLD_INIT, false } };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	outer.other = unit_pool(1, 1);
	f = unit_submit(pool, wait_all_and_exit, &outer, 0);
	expect_exited(f);
	ck_assert_int_eq(tpar_future_state(outer.f[0]), TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_wait(outer.f[2], TPAR_FOREVER), TPAR_OK);
	unit_gate_open(&outer.slow.hold.go);
	ck_assert_int_eq(tpar_future_wait(outer.f[0], TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(outer.f, 3);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(outer.other), TPAR_OK);
}
END_TEST

enum { DEPTH = 30 };

static tpar_future *nested[DEPTH];
static tpar_future *beside[DEPTH];

static int
gather_deeper(void *arg, void *value)
{
	int level = (int)(intptr_t)arg;
	tpar_future *f[2];

	if (level == DEPTH) {
		return exit_thread(NULL, value);
	}
	nested[level] = unit_submit(NULL, gather_deeper,
				    (void *)(intptr_t)(level + 1), 0);
	f[0] = nested[level];
	beside[level] = unit_submit(NULL, count_run, NULL, 0);
	f[1] = beside[level];
	if (level % 2 == 0) {
		(void)tpar_gather(f, 2, NULL, NULL);
	} else {
		(void)tpar_gather_settled(f, 2, NULL, NULL);
	}
	return 0;
}

START_TEST(all_on_the_stack_have_failed)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool;
	tpar_future *f;
	int i;

	config.workers = 1;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	f = unit_submit(pool, gather_deeper, NULL, 0);
	expect_exited(f);
	for (i = 0; i < DEPTH; i++) {
		expect_exited(nested[i]);
	}
	tpar_future_unref(f);
	tpar_future_unref_all(nested, DEPTH);
	tpar_future_unref_all(beside, DEPTH);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Each waits until a time, so that others begin what it waits for. */
static int
wait_deeper(void *arg, void *value)
{
	int level = (int)(intptr_t)arg;

	if (level == DEPTH) {
		return exit_thread(NULL, value);
	}
	nested[level] = unit_submit(NULL, wait_deeper,
				    (void *)(intptr_t)(level + 1), 0);
	(void)tpar_future_wait(nested[level],
			       tpar_in(UNIT_TIMEOUT * TPAR_SECOND));
	return 0;
}

START_TEST(what_runs_on_top_as_no_thread_is_left_may_exit)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;
	int i;

	for (i = 0; i < 3; i++) {
		f = unit_submit(pool, wait_deeper, (void *)(DEPTH - 5), 0);
		(void)tpar_future_wait(f, TPAR_FOREVER);
		tpar_future_unref(f);
		unit_run_in(pool, count_run, NULL);
		tpar_future_unref_all(&nested[DEPTH - 5], 5);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
wait_for_it(void *arg, void *value)
{
	(void)value;
	return (int)tpar_future_wait(arg, TPAR_FOREVER);
}

START_TEST(task_of_another_pool_takes_the_thread_that_runs_it_with_it)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct scene scene;
	tpar_future *f[2];

	scene_stall(&scene);
	f[0] = unit_submit(scene.pool, exit_thread, NULL, 0);
	f[1] = unit_submit(pool, wait_for_it, f[0], 0);
	expect_exited(f[0]);
	expect_exited(f[1]);
	tpar_future_unref_all(f, 2);
	unit_run_in(pool, count_run, NULL);
	scene_let_go(&scene);
	scene_end(&scene);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Items of a map: one exits, the others count. */
static int
exit_at_three(void *arg, void *value)
{
	*(int *)value = *(int *)arg;
	return *(int *)arg == 3 ? exit_thread(NULL, value)
				: count_run(arg, value);
}

static int
map_here(void *arg, void *value)
{
	int in[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	struct tpar_failure *why = arg;
	int out[8];

	(void)value;
	return (int)tpar_map(NULL, exit_at_three, in, sizeof in[0], out,
			     sizeof out[0], 8, why);
}

START_TEST(item_of_a_map_that_exits_is_to_blame)
{
	struct tpar_failure why;

	ck_assert_int_eq(map_here(&why, NULL), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 3);
	ck_assert_str_eq(why.message, "item 3: " EXITED);
}
END_TEST

START_TEST(map_below_an_item_that_exits_is_given_up)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	tpar_future *f = unit_submit(pool, map_here, &why, 0);

	expect_exited(f);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_le(atomic_load(&runs), 3);
}
END_TEST

/* Closes a group one of whose children exits. */
static int
close_group(void *arg, void *value)
{
	tpar_group *g = *(tpar_group **)arg;

	(void)value;
	UNIT_MUST(tpar_group_run(g, count_run, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_run(g, exit_thread, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_run(g, count_run, NULL) == TPAR_OK);
	(void)tpar_group_close(g, NULL, 0, NULL);
	return 0;
}

START_TEST(group_below_a_child_that_exits_is_waited_for)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	tpar_group *g;
	tpar_future *f;

	config.pool = pool;
	ck_assert_int_eq(tpar_group_open(&g, &config), TPAR_OK);
	f = unit_submit(pool, close_group, &g, 0);
	expect_exited(f);
	tpar_future_unref(f);
	tpar_group_destroy(g);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static pthread_key_t key;
static struct unit_gate submitted = UNIT_GATE_INIT;
static _Atomic int destroyed;
static _Atomic int cleaned;

static void
destroy_value(void *arg)
{
	tpar_future *f = arg;

	/* The library can be used here, as in any other thread. */
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	atomic_fetch_add(&destroyed, 1);
}

static void
clean(void *arg)
{
	/* The task has not ended yet. */
	UNIT_MUST(tpar_future_state(*(tpar_future **)arg) == TPAR_RUNNING);
	UNIT_MUST(atomic_load(&destroyed) == 0);
	atomic_fetch_add(&cleaned, 1);
}

static int
exit_with_values(void *arg, void *value)
{
	tpar_future *f = unit_submit(NULL, count_run, NULL, 0);

	UNIT_MUST(pthread_setspecific(key, f) == 0);
	pthread_cleanup_push(clean, arg);
	unit_gate_await(&submitted, 1);
	(void)exit_thread(arg, value);
	pthread_cleanup_pop(0);
	return 0;
}

START_TEST(threads_own_handlers_and_values_are_seen_to)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	ck_assert_int_eq(pthread_key_create(&key, destroy_value), 0);
	f = unit_submit(pool, exit_with_values, &f, 0);
	unit_gate_open(&submitted);
	expect_exited(f);
	ck_assert_int_eq(atomic_load(&cleaned), 1);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&destroyed), 1);
}
END_TEST

/* Two tasks that one thread takes at once; the first waits for the second. */
struct pair {
	struct unit_gate begun;
	struct unit_gate second;
	_Atomic int place;
};

static int
be_first_or_second(void *arg, void *value)
{
	struct pair *pair = arg;

	(void)value;
	if (atomic_fetch_add(&pair->place, 1) == 0) {
		unit_gate_open(&pair->begun);
		unit_gate_await(&pair->second, 1);
	} else {
		unit_gate_open(&pair->second);
	}
	return 0;
}

START_TEST(what_the_next_thread_takes_can_be_stolen)
{
	struct pair pair = { UNIT_GATE_INIT, UNIT_GATE_INIT, 0 };
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *held = unit_submit(pool, unit_hold_task, &hold, 0);
	tpar_future *f;

	/* Of three threads one is busy and one is blocked. */
	unit_gate_await(&hold.begun, 1);
	f = unit_submit(pool, wait_for_it, held, 0);
	UNIT_AWAIT(tpar_future_state(f) == TPAR_RUNNING);
	tpar_future_unref(f);
	f = unit_submit(pool, exit_thread, NULL, 0);
	expect_exited(f);
	tpar_future_unref(f);
	task.fn = be_first_or_second;
	task.arg = &pair;
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 2, NULL),
			 TPAR_OK);
	unit_gate_await(&pair.begun, 1);
	unit_gate_open(&hold.go);
	unit_gate_await(&pair.second, 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	tpar_future_unref(held);
}
END_TEST

/* What is told of a stop of the task. */
struct told {
	_Atomic int handled;
	tpar_group *group;
};

static void
count_handled(void *arg)
{
	struct told *told = arg;

	atomic_fetch_add(&told->handled, 1);
}

static int
exit_with_handlers(void *arg, void *value)
{
	struct told *told = arg;
	tpar_handler h;

	UNIT_MUST(tpar_on_cancel(count_handled, told, &h) == TPAR_OK);
	UNIT_MUST(tpar_group_open(&told->group, NULL) == TPAR_OK);
	return exit_thread(arg, value);
}

START_TEST(handlers_go_with_the_task)
{
	struct told told = { 0, NULL };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, exit_with_handlers, &told, 0);

	expect_exited(f);
	tpar_future_unref(f);
	/* The pool goes on, and is cancelled later. */
	unit_run_in(pool, count_run, NULL);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(atomic_load(&told.handled), 0);
	ck_assert(!tpar_group_cancelled(told.group));
	tpar_group_destroy(told.group);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_that_exits_has_failed_and_its_pool_goes_on,
		what_was_queued_on_the_thread_still_runs,
		each_of_many_may_exit,
		what_gathers_below_has_failed_too_after_its_members_were_stopped,
		outside_thread_that_gathers_it_only_sees_a_failure,
		what_waits_below_has_failed_too,
		plain_wait_below_leaves_its_members_alone,
		what_runs_on_top_as_no_thread_is_left_may_exit,
		all_on_the_stack_have_failed,
		task_of_another_pool_takes_the_thread_that_runs_it_with_it,
		item_of_a_map_that_exits_is_to_blame,
		map_below_an_item_that_exits_is_given_up,
		group_below_a_child_that_exits_is_waited_for,
		threads_own_handlers_and_values_are_seen_to,
		what_the_next_thread_takes_can_be_stolen,
		handlers_go_with_the_task,
	};

	return unit_main("pthread_exit", tests, sizeof tests / sizeof tests[0]);
}
