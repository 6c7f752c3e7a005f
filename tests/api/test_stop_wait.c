/* SPDX-License-Identifier: MIT */
/*
 * test_stop_wait.c - waiting for a task that is stopped; and waiting as a task
 * that is stopped.
 */
#include "scene.h"

static _Atomic int runs;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

/*
 * Waits for one future in each of the ways there are.  In a set it stands next
 * to a member that is run in place, which tells that the set was entered.
 */
enum way { WAIT, WAIT_ALL, GATHER, SETTLED, WAYS };

struct waiting {
	enum way way;
	struct scene *scene;
	struct unit_gate *entered;
	tpar_future *f[2];
	int64_t deadline_ns;
	enum tpar_err err;
	struct tpar_failure why;
	struct tpar_outcome outcomes[2];
};

static void
wait_in_this_way(struct waiting *waiting, size_t n)
{
	switch (waiting->way) {
	case WAIT:
		waiting->err =
			tpar_future_wait(waiting->f[0], waiting->deadline_ns);
		break;
	case WAIT_ALL:
		waiting->err =
			tpar_wait_all(waiting->f, n, waiting->deadline_ns);
		break;
	case GATHER:
		waiting->err =
			tpar_gather_until(waiting->f, n, NULL,
					  waiting->deadline_ns, &waiting->why);
		break;
	default:
		waiting->err = tpar_gather_settled(waiting->f, n, NULL,
						   waiting->outcomes);
		break;
	}
}

static int
wait_in_some_way(void *arg, void *value)
{
	struct waiting *waiting = arg;

	(void)value;
	if (waiting->way == WAIT) {
		unit_gate_open(waiting->entered);
	} else {
		waiting->f[1] =
			unit_submit(waiting->scene->pool, scene_open_gate,
				    waiting->entered, 0);
	}
	wait_in_this_way(waiting, 2);
	if (waiting->way != WAIT) {
		tpar_future_unref(waiting->f[1]);
	}
	return 0;
}

static void *
wait_outside(void *arg)
{
	wait_in_this_way(arg, 1);
	return NULL;
}

static void
check_waiting(const struct waiting waiting[WAYS])
{
	ck_assert_int_eq(waiting[WAIT].err, TPAR_ECANCELED);
	ck_assert_int_eq(waiting[WAIT_ALL].err, TPAR_OK);
	ck_assert_int_eq(waiting[GATHER].err, TPAR_ECANCELED);
	ck_assert_uint_eq(waiting[GATHER].why.index, 0);
	ck_assert_int_eq(waiting[SETTLED].err, TPAR_OK);
	ck_assert_int_eq(waiting[SETTLED].outcomes[0].state, TPAR_CANCELLED);
}

START_TEST(all_who_wait_wake_when_a_pending_task_is_stopped)
{
	struct unit_gate entered = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(WAYS, 1);
	struct waiting waiting[WAYS];
	struct waiting outside[WAYS];
	tpar_future *waiter[WAYS];
	pthread_t thread[WAYS];
	struct scene scene;
	tpar_future *f;
	int i;

	scene_stall(&scene);
	f = scene_submit_elsewhere(scene.pool, count_run, NULL, 0);
	for (i = 0; i < WAYS; i++) {
		struct waiting one = { .way = (enum way)i,
				       .scene = &scene,
				       .entered = &entered,
				       .f = { f, NULL } };

		waiting[i] = outside[i] = one;
		thread[i] = unit_start(wait_outside, &outside[i]);
		waiter[i] = unit_submit(pool, wait_in_some_way, &waiting[i], 0);
	}
	unit_gate_await(&entered, WAYS);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	/* Although the worker it is queued for is not free. */
	ck_assert_int_eq(tpar_gather(waiter, WAYS, NULL, NULL), TPAR_OK);
	check_waiting(waiting);
	for (i = 0; i < WAYS; i++) {
		unit_join(thread[i]);
	}
	check_waiting(outside);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_NOW), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(scene.held), TPAR_RUNNING);
	scene_let_go(&scene);
	tpar_future_unref_all(waiter, WAYS);
	tpar_future_unref(f);
	scene_end(&scene);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 0);
}
END_TEST

/* Waits, having been asked to stop before. */
struct late {
	struct unit_gate begun;
	struct waiting waiting;
};

static int
wait_too_late(void *arg, void *value)
{
	struct late *late = arg;

	(void)value;
	unit_gate_open(&late->begun);
	UNIT_AWAIT(tpar_cancelled());
	wait_in_this_way(&late->waiting, 1);
	return 0;
}

static void
run_late(struct waiting *waiting)
{
	struct late late = { UNIT_GATE_INIT, *waiting };
	tpar_future *f = unit_submit(NULL, wait_too_late, &late, 0);

	unit_gate_await(&late.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	*waiting = late.waiting;
}

START_TEST(stopped_task_begins_no_wait_and_leaves_its_children)
{
	static const int64_t deadlines[] = { TPAR_FOREVER, INT64_MAX };
	struct waiting waiting = { .way = WAIT };
	struct scene scene;
	tpar_future *f[3];
	int i;

	scene_stall(&scene);
	f[0] = unit_submit(scene.pool, count_run, NULL, 0);
	f[1] = scene_submit_elsewhere(scene.pool, count_run, NULL, 0);
	f[2] = scene.held;
	for (i = 0; i < 12; i++) {
		enum tpar_state before = tpar_future_state(f[i % 3]);

		waiting.way = i % 2 == 0 ? WAIT : WAIT_ALL;
		waiting.deadline_ns = deadlines[i / 6];
		waiting.f[0] = f[i % 3];
		run_late(&waiting);
		ck_assert_int_eq(waiting.err, TPAR_ESTOPPED);
		ck_assert_int_eq(tpar_future_state(f[i % 3]), before);
	}
	ck_assert_int_eq(atomic_load(&runs), 0);
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_wait_all(f, 3, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 2);
	/* What has ended is told all the same. */
	waiting.way = WAIT;
	waiting.f[0] = f[0];
	run_late(&waiting);
	ck_assert_int_eq(waiting.err, TPAR_OK);
	tpar_future_unref_all(f, 2);
	scene_end(&scene);
}
END_TEST

START_TEST(stopped_task_that_gathers_stops_its_children)
{
	static const enum way ways[] = { GATHER, SETTLED };
	struct waiting waiting;
	struct scene scene;
	int i;

	scene_stall(&scene);
	for (i = 0; i < 2; i++) {
		struct waiting one = { .way = ways[i] };

		waiting = one;
		waiting.f[0] = unit_submit(scene.pool, count_run, NULL, 0);
		run_late(&waiting);
		ck_assert_int_eq(waiting.err, TPAR_ESTOPPED);
		ck_assert_int_eq(tpar_future_state(waiting.f[0]),
				 TPAR_CANCELLED);
		tpar_future_unref(waiting.f[0]);
	}
	ck_assert_int_eq(waiting.outcomes[0].state, TPAR_CANCELLED);
	scene_let_go(&scene);
	scene_end(&scene);
	ck_assert_int_eq(atomic_load(&runs), 0);
}
END_TEST

START_TEST(stopped_task_leaves_its_wait_and_its_children)
{
	struct unit_gate entered = UNIT_GATE_INIT;
	struct waiting waiting[2];
	tpar_future *waiter[2];
	struct scene scene;
	tpar_future *f;
	int i;

	scene_stall(&scene);
	f = scene_submit_elsewhere(scene.pool, count_run, NULL, 0);
	for (i = 0; i < 2; i++) {
		struct waiting one = { .way = (enum way)i,
				       .scene = &scene,
				       .entered = &entered,
				       .f = { f, NULL } };

		waiting[i] = one;
		waiter[i] = unit_submit(NULL, wait_in_some_way, &waiting[i], 0);
		unit_gate_await(&entered, (unsigned)i + 1);
		ck_assert_int_eq(tpar_future_cancel(waiter[i]), TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(waiter[i], TPAR_FOREVER),
				 TPAR_OK);
		ck_assert_int_eq(waiting[i].err, TPAR_ESTOPPED);
		ck_assert_int_eq(tpar_future_state(f), TPAR_PENDING);
	}
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(waiter, 2);
	tpar_future_unref(f);
	scene_end(&scene);
	ck_assert_int_eq(atomic_load(&runs), 1);
}
END_TEST

START_TEST(member_stopped_before_fails_the_set_at_once)
{
	struct tpar_failure why;
	struct scene scene;
	tpar_future *f[3];
	int i;

	scene_stall(&scene);
	for (i = 0; i < 3; i++) {
		f[i] = unit_submit(scene.pool, unit_number_task, NULL,
				   sizeof(intptr_t));
	}
	ck_assert_int_eq(tpar_future_cancel(f[1]), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, 3, NULL, &why), TPAR_ECANCELED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_CANCELLED);
	scene_let_go(&scene);
	tpar_future_unref_all(f, 3);
	scene_end(&scene);
}
END_TEST

/* A set of its own that is stopped, by its deadline or a failure. */
static int
stop_a_set_and_go_on(void *arg, void *value)
{
	struct scene *scene = arg;
	intptr_t values[2] = { 0, 0 };
	tpar_future *f[2];

	(void)value;
	f[0] = scene_submit_elsewhere(scene->pool, unit_number_task, (void *)8,
				      sizeof(intptr_t));
	f[1] = scene_submit_elsewhere(scene->pool, unit_number_task, (void *)8,
				      sizeof(intptr_t));
	UNIT_MUST(tpar_gather_until(f, 2, values, TPAR_NOW, NULL) ==
		  TPAR_ETIMEDOUT);
	UNIT_MUST(!tpar_cancelled() && tpar_checkpoint() == 0);
	tpar_future_unref_all(f, 2);
	f[0] = unit_submit(NULL, scene_fail_with, (void *)3, sizeof(intptr_t));
	f[1] = scene_submit_elsewhere(scene->pool, unit_number_task, (void *)8,
				      sizeof(intptr_t));
	UNIT_MUST(tpar_gather(f, 2, values, NULL) == TPAR_EFAILED);
	UNIT_MUST(!tpar_cancelled() && tpar_checkpoint() == 0);
	tpar_future_unref_all(f, 2);
	f[0] = unit_submit(NULL, unit_number_task, (void *)8, sizeof(intptr_t));
	f[1] = unit_submit(NULL, unit_number_task, (void *)8, sizeof(intptr_t));
	UNIT_MUST(tpar_gather(f, 2, values, NULL) == TPAR_OK);
	UNIT_MUST(values[0] == 8 && values[1] == 8);
	tpar_future_unref_all(f, 2);
	return tpar_checkpoint();
}

START_TEST(stopped_set_does_not_stop_the_task_that_gathers)
{
	struct scene scene;
	tpar_future *f;

	scene_stall(&scene);
	f = unit_submit(NULL, stop_a_set_and_go_on, &scene, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		all_who_wait_wake_when_a_pending_task_is_stopped,
		stopped_task_begins_no_wait_and_leaves_its_children,
		stopped_task_that_gathers_stops_its_children,
		stopped_task_leaves_its_wait_and_its_children,
		member_stopped_before_fails_the_set_at_once,
		stopped_set_does_not_stop_the_task_that_gathers,
	};

	return unit_main("stop_wait", tests, sizeof tests / sizeof tests[0]);
}
